// The state of what a process depends on, as `mesh check` shows it.
#pragma once

#include <vector>

#include "common/auth/remote_keys.h"
#include "common/config/config.h"
#include "daemon/engines.h"
#include "daemon/pipelines.h"
#include "daemon/services/check.h"

namespace mesh {

// `remote_keys` is null where no keys are fetched. Any thread; asks stores.
std::vector<services::Check> readiness(const config::Config& config, const Engines& engines,
                                       Pipelines& pipelines, const auth::RemoteKeys* remote_keys);

}  // namespace mesh
