#include <algorithm>

#include "common/config/config.h"
#include "common/config/keys.h"

namespace mesh::config {
namespace {

const char* kind_of(const Origin* origin) {
  if (origin == nullptr) return "default";
  if (!origin->flag.empty()) return "flag";
  return std::ranges::any_of(origin->variables, &Origin::Variable::taken) ? "environment" : "file";
}

Json place_of(const Origin* origin) {
  if (origin == nullptr) return nullptr;
  if (!origin->flag.empty()) return origin->flag;
  return (origin->file.empty() ? "line " : origin->file + ":") + std::to_string(origin->line);
}

Json variables_of(const Origin* origin) {
  Json all = Json::array();
  if (origin == nullptr) return all;
  for (const auto& [name, taken] : origin->variables) {
    all.push_back({{"name", name}, {"set", taken}});
  }
  return all;
}

}  // namespace

Json settings(const Config& config) {
  const Config without_file = defaults_in(config.auth.mode);
  Json all = Json::array();
  for (const auto& key : keys()) {
    const auto found = config.origins.find(key.path);
    const Origin* origin = found == config.origins.end() ? nullptr : &found->second;
    all.push_back({{"key", key.path},
                   {"value", key.show(config)},
                   {"default", key.show(without_file)},
                   {"origin", kind_of(origin)},
                   {"where", place_of(origin)},
                   {"variables", variables_of(origin)},
                   {"description", one_line(key.doc)}});
  }
  return all;
}

}  // namespace mesh::config
