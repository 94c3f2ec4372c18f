// Which roles listen, and where.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/config/config.h"

namespace mesh::config {

// {role, the address that listen.<role> names} of those that this process runs, in the order of the
// configuration.
std::vector<std::pair<std::string, std::string>> listeners(const Config& config);

}  // namespace mesh::config
