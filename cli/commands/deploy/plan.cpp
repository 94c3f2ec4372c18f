#include "cli/commands/deploy/plan.h"

#include <algorithm>

#include "cli/render/view.h"

namespace mesh::cli::deploy {
namespace {

// Data sources are read, not made.
bool is_managed(const Json& resource) { return text_at(resource, "mode") == "managed"; }

using Fits = bool (*)(const Json& resource);

void add_fitting(const Json& module, Fits fits, std::vector<std::string>& addresses) {
  const Json& resources = at_path(module, "resources");
  for (const Json& resource : resources.is_array() ? resources : Json::array()) {
    if (fits(resource)) addresses.push_back(text_at(resource, "address"));
  }
  const Json& children = at_path(module, "child_modules");
  for (const Json& child : children.is_array() ? children : Json::array())
    add_fitting(child, fits, addresses);
}

std::vector<std::string> fitting(const Json& shown, Fits fits) {
  std::vector<std::string> addresses;
  add_fitting(at_path(shown, "values.root_module"), fits, addresses);
  return addresses;
}

}  // namespace

std::vector<std::string> begun_of(const Json& shown) {
  return fitting(shown,
                 [](const Json& resource) { return at_path(resource, "tainted") == Json(true); });
}

std::vector<std::string> managed_of(const Json& shown) { return fitting(shown, is_managed); }

std::vector<std::string> protected_of(const Json& shown) {
  return fitting(shown, [](const Json& resource) {
    return is_managed(resource) && text_at(resource, "type") == "aws_db_instance" &&
           at_path(resource, "values.deletion_protection") == Json(true);
  });
}

StackPlan plan_of(const Json& shown) {
  StackPlan plan;
  const Json& changes = at_path(shown, "resource_changes");
  for (const Json& change : changes.is_array() ? changes : Json::array()) {
    if (!is_managed(change)) continue;
    const Json& actions = at_path(change, "change.actions");
    for (const Json& action : actions.is_array() ? actions : Json::array()) {
      if (action == Json("create")) ++plan.create;
      if (action == Json("update")) ++plan.update;
      if (action == Json("delete")) ++plan.remove;
    }
    const Json& after = at_path(change, "change.after");
    if (after.is_object())
      plan.resources.push_back({text_at(change, "address"), text_at(change, "type"), after});
  }
  const Json& variables = at_path(shown, "variables");
  if (variables.is_object()) {
    for (const auto& [name, variable] : variables.items())
      plan.variables[name] = at_path(variable, "value");
  }
  return plan;
}

bool has_type(const StackPlan& plan, const std::string& type) {
  return std::ranges::any_of(plan.resources,
                             [&](const PlannedResource& one) { return one.type == type; });
}

}  // namespace mesh::cli::deploy
