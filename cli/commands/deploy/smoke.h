// A user is created, found and deleted, through the front door.
#pragma once

#include "cli/commands/deploy/cluster.h"
#include "cli/commands/deploy/manifests.h"
#include "cli/commands/deploy/steps.h"

namespace mesh::cli::deploy {

// The tenant that smoke tests act in.
inline constexpr const char* kSmokeTenant = "mesh-smoke-test";

// By the operator's token and port-forwards to the services of users and searches. `conflict` where
// the user is not found.
Status smoke_test(const Cluster& cluster, const std::vector<Object>& objects, Step& step);

}  // namespace mesh::cli::deploy
