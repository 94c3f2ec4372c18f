// What Kubernetes makes of what was applied, and a destroy has to take along.
#pragma once

#include <string>
#include <vector>

#include "cli/commands/deploy/manifests.h"
#include "cli/commands/deploy/steps.h"
#include "cli/commands/deploy/target.h"

namespace mesh::cli::deploy {

struct Leftovers {
  std::vector<std::string> claims;     // persistent volume claims
  std::vector<std::string> volumes;    // theirs, which go when the claims do
  std::vector<std::string> kept;       // theirs whose class keeps them
  std::vector<std::string> balancers;  // services of type LoadBalancer
};
// All of the cluster's namespace where it was made by the deployment, else what came of the objects
// that it has made.
Result<Leftovers> leftovers_of(const Cluster& cluster, const Deployment& deployment,
                               const std::vector<Object>& objects);

// Deletes what the deployment has made, claims and load balancers; waits until the volumes are
// gone.
Status empty_cluster(Session& session, const Target& target, const Leftovers& left,
                     Duration patience, Step& step);

// Says which EBS volumes bear the tag of the cluster.
Status tell_volumes(Session& session, const Deployment& deployment);
// Deletes the EBS volumes that bear the tag of the cluster, which is gone.
Status remove_volumes(Session& session, const Deployment& deployment, Step& step);

}  // namespace mesh::cli::deploy
