// Waits until what was applied runs; says why it does not.
#pragma once

#include <vector>

#include "cli/commands/deploy/cluster.h"
#include "cli/commands/deploy/manifests.h"
#include "cli/commands/deploy/steps.h"

namespace mesh::cli::deploy {

// The Job, as the cluster has it, is complete or has failed.
bool has_ended(const Json& job);
// Until the Job is complete. `conflict` where it failed, `timeout` beyond `patience`; both with
// what its pods say.
Status await_job(Session& session, const Cluster& cluster, const Object& job, Duration patience,
                 Step& step);
// Until the rollout of each is through; `patience` is for all of them.
Status await_rollouts(Session& session, const Cluster& cluster, const std::vector<Object>& objects,
                      Duration patience, Step& step);

// A line per pod that does not come up: its reason, its events, the last lines of its log.
std::string reasons(const Cluster& cluster, const Object& object);

}  // namespace mesh::cli::deploy
