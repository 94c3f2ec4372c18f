#include "common/config/listeners.h"

namespace mesh::config {

std::vector<std::pair<std::string, std::string>> listeners(const Config& config) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const Role& role : kRoles) {
    if (role.address && config.has_role(role))
      all.emplace_back(role.name, config.listen.*role.address);
  }
  return all;
}

}  // namespace mesh::config
