// Fills a cluster with the mesh: the half of a deployment that is the same everywhere.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/commands/deploy/cluster.h"
#include "cli/commands/deploy/manifests.h"
#include "cli/commands/deploy/secrets.h"
#include "cli/commands/deploy/steps.h"

namespace mesh::cli::deploy {

// The manager of the fields that are applied here, as `kubectl get --show-managed-fields` names it.
inline constexpr const char* kFieldManager = "mesh-deploy";

struct Filling {
  std::vector<Object> objects;
  SecretValues secrets = {};           // for members that are not there yet
  std::set<std::string> leading = {};  // of those: they also replace what is there
  bool smoke = true;                   // try it at the end
  Duration patience{600'000};          // for a job, and for the rollouts together
};

// Namespace, secrets, what comes before the rollout, its jobs, the rollout, the trial. Notes in
// `deployment` what a destroy needs to know, and keeps it.
Status fill(Session& session, Steps& steps, const Workplace& place, Deployment& deployment,
            const Cluster& cluster, const Filling& filling);

// Likewise, then the end of the steps, and what stands there now.
Outcome fill_and_tell(Session& session, Steps& steps, const Workplace& place,
                      Deployment& deployment, const Cluster& cluster, const Filling& filling);
// With --dry-run: the objects, and which are new.
Outcome show_planned(Session& session, const Cluster& cluster, const std::vector<Object>& objects);

// What stands at the end: {"name","kind",…,"services":[{"name","address"}]}.
const View& deployed_view();
void show_deployed(Session& session, const Json& report);

}  // namespace mesh::cli::deploy
