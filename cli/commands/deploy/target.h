// The deployment that a later command is about.
#pragma once

#include "cli/commands/deploy/cluster.h"
#include "cli/commands/deploy/workplace.h"

namespace mesh::cli::deploy {

struct Target {
  Workplace place;
  Deployment deployment;
  Cluster cluster() const {
    return Cluster(deployment.kubeconfig, deployment.context, deployment.name_space);
  }
};

// The one of this name, or the only one.
Result<Target> open_target(const Session& session, const std::string& name);
// kubectl is here, and the context still means the cluster that was deployed to.
Status check_cluster(const Target& target);

}  // namespace mesh::cli::deploy
