// What terraform would do, in short, and what it would cost. Pure, but for the reading of the
// table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::cli::deploy {

struct PlannedResource {
  std::string address, type;
  Json values;  // as they will be; what only AWS knows is missing
};

struct StackPlan {
  std::int64_t create = 0, update = 0,
               remove = 0;                 // a replacement is one of the first and the last
  std::vector<PlannedResource> resources;  // all that there will be afterwards
  Json variables = Json::object();         // name → value
};
// Of `terraform show -json PLAN`.
StackPlan plan_of(const Json& shown);
// Of `terraform show -json`: what a run that was cut off has left half made.
std::vector<std::string> begun_of(const Json& shown);
// Of the same: all that terraform has made.
std::vector<std::string> managed_of(const Json& shown);
// Of the same: the databases that AWS does not delete.
std::vector<std::string> protected_of(const Json& shown);
bool has_type(const StackPlan& plan, const std::string& type);

}  // namespace mesh::cli::deploy
