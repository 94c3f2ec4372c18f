// From what the stack tells to what meshd is told: where the stores are, and who its pods are.
// Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::cli::deploy {

struct Wiring {
  std::map<std::string, std::string> environment;  // of meshd's configuration
  std::vector<std::string> components;             // of manifests: stores that AWS does not run
  std::map<std::string, std::string> roles;        // service account → ARN
  std::map<std::string, std::string> secrets;      // member of mesh-secrets → ARN of its secret
};
// `outputs`: {"name","value"} each. A store that is null runs in the cluster.
Wiring wiring_of(const Json& outputs);

}  // namespace mesh::cli::deploy
