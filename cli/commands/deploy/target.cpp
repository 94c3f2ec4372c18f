#include "cli/commands/deploy/target.h"

#include "cli/commands/deploy/tools.h"

namespace mesh::cli::deploy {

Result<Target> open_target(const Session& session, const std::string& name) {
  const std::string chosen = MESH_TRY(chosen_deployment(session, name));
  auto place = MESH_TRY(Workplace::open(session, chosen));
  auto deployment = MESH_TRY(place.deployment());
  return Target{std::move(place), std::move(deployment)};
}

Status check_cluster(const Target& target) {
  const Deployment& d = target.deployment;
  MESH_TRY(found_all(missing_of({kubectl_tool()})));
  if (d.server.empty()) {
    return fail(ErrorKind::conflict, "\"" + d.name + "\" has no cluster yet: its `mesh deploy " +
                                         d.kind + "` did not get so far");
  }
  const std::string now = MESH_TRY(server_of(target.cluster(), d.context));
  if (now == d.server) return {};
  return fail(ErrorKind::conflict, "\"" + d.name + "\" was deployed to " + d.server +
                                       ", but the context " + d.context + " of " + d.kubeconfig +
                                       " is now " + now + ": correct the file");
}

}  // namespace mesh::cli::deploy
