#include <algorithm>

#include "common/base/strings.h"
#include "common/config/config.h"
#include "common/config/keys.h"

namespace mesh::config {
namespace {

// The schema of the group at `path`, made where it is missing.
Json& group_at(Json& root, std::string_view path) {
  Json* node = &root;
  std::string so_far;
  for (const auto& part : split(path, '.')) {
    so_far += (so_far.empty() ? "" : ".") + part;
    Json& next = (*node)["properties"][part];
    if (next.is_null()) {
      // A group whose keys are all commented out is a null.
      next["type"] = {"object", "null"};
      const auto group = std::ranges::find(groups(), so_far, &Group::path);
      if (group != groups().end()) next["description"] = one_line(group->doc);
      next["additionalProperties"] = false;
      next["properties"] = Json::object();
    }
    node = &next;
  }
  return *node;
}

}  // namespace

std::string one_line(std::string_view doc) {
  std::string out(doc);
  std::ranges::replace(out, '\n', ' ');
  return out;
}

std::string schema() {
  Json root = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
               {"title", "meshd configuration"},
               {"type", {"object", "null"}},
               {"additionalProperties", false},
               {"properties", Json::object()}};
  const Config defaults;
  for (const auto& key : keys()) {
    const auto dot = key.path.rfind('.');
    Json& group = dot == std::string::npos ? root : group_at(root, key.path.substr(0, dot));
    // Of a path without a dot, npos + 1 is 0: the whole of it.
    Json& slot = group["properties"][key.path.substr(dot + 1)];
    slot = key.schema;
    slot["description"] = one_line(key.doc);
    slot["default"] = key.show(defaults);
  }
  return root.dump(2) + "\n";
}

}  // namespace mesh::config
