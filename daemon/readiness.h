// What `mesh check` asks of what a process depends on.
#pragma once

#include <vector>

#include "common/auth/remote_keys.h"
#include "common/config/config.h"
#include "daemon/checkup.h"
#include "daemon/engines.h"
#include "daemon/pipelines.h"

namespace mesh {

// `remote_keys` is null where no keys are fetched. The parts ask stores, and live as long as all of
// these.
std::vector<Checkup::Part> readiness(const config::Config& config, const Engines& engines,
                                     Pipelines& pipelines, const auth::RemoteKeys* remote_keys);

}  // namespace mesh
