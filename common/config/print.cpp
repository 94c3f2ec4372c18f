#include <algorithm>

#include "common/base/strings.h"
#include "common/config/config.h"
#include "common/config/keys.h"
#include "common/config/yaml.h"

namespace mesh::config {
namespace {

void comment(std::string& out, const std::string& indent, std::string_view doc) {
  for (const auto& line : split(doc, '\n')) out += indent + "# " + line + "\n";
}

std::string print(const Config& config, bool comments) {
  std::string out;
  std::vector<std::string> open;  // the groups around the last key
  for (const auto& key : keys()) {
    auto parts = split(key.path, '.');
    const std::string name = std::move(parts.back());
    parts.pop_back();
    // Keys of a group stand together in the table, so a group opens once: where the path leaves
    // that of the key before it.
    const auto [differs, ignored] = std::ranges::mismatch(parts, open);
    // An empty line where a group of the top begins or ends, none between groups within it.
    if (comments && open != parts && (parts.empty() || open.empty() || parts[0] != open[0])) {
      out += '\n';
    }
    std::string group, indent;
    for (auto part = parts.begin(); part != parts.end(); ++part) {
      group += (group.empty() ? "" : ".") + *part;
      if (part >= differs) {
        const auto known = std::ranges::find(groups(), group, &Group::path);
        if (comments && known != groups().end()) comment(out, indent, known->doc);
        out += indent + *part + ":\n";
      }
      indent += "  ";
    }
    if (comments) comment(out, indent, key.doc);
    out += indent + name + ": " + to_yaml(key.show(config)) + "\n";
    open = std::move(parts);
  }
  return out;
}

}  // namespace

std::string print(const Config& config) { return print(config, false); }

Json to_json(const Config& config) {
  Json all = Json::object();
  for (const auto& key : keys()) {
    Json* at = &all;
    for (const auto& part : split(key.path, '.')) at = &(*at)[part];
    *at = key.show(config);
  }
  return all;
}

std::vector<std::string> changed_keys(const Config& a, const Config& b) {
  std::vector<std::string> changed;
  for (const auto& key : keys()) {
    if (!key.same(a, b)) changed.push_back(key.path);
  }
  return changed;
}

std::string example() {
  return "# The configuration of meshd: every key with its default. A file needs only the keys\n"
         "# that differ. Durations are written 250ms, 75s, 1h30m, sizes 4096, 512KiB, 1MiB.\n"
         "# ${VAR} and ${VAR:-default} take values from the environment, for a list with commas; "
         "$$\n"
         "# is a dollar. Keys that end in _file name a file with a secret or a certificate.\n"
         "# `meshd --check-config` checks a file, `meshd --print-config-schema` prints its "
         "schema.\n"
         "\n" +
         print(Config{}, true);
}

}  // namespace mesh::config
