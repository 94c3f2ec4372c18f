// Rules between the engines that a configuration names, their sections and the roles.
#pragma once

#include "common/config/keys.h"

namespace mesh::config {

// Sections that no engine reads, what an engine needs and does not have, and processes that would
// not see each other's data.
void check_engines(const Config& config, Problems& problems);

}  // namespace mesh::config
