// Rules between the engines that a configuration names, their sections and the roles.
#pragma once

#include "common/config/keys.h"

namespace mesh::config {

// Whether processes can share what it names: log, store and index are all servers.
bool shares_everything(const Config& config);
// Whether any of them is a server.
bool shares_anything(const Config& config);

// Engines that this build lacks, sections that no engine reads, what an engine needs and does not
// have, and processes that would not see each other's data.
void check_engines(const Config& config, Problems& problems);

}  // namespace mesh::config
