#include "cli/commands/deploy/options.h"

namespace mesh::cli {

void add_deploy(Commands& commands) {
  CLI::App& group = commands.group("deploy", "Put the mesh where it runs", purpose::kOperate);
  deploy::add_eks(commands, group);
  deploy::add_kubernetes(commands, group);
  deploy::add_local(commands, group);
  deploy::add_status(commands, group);
  deploy::add_upgrade(commands, group);
  deploy::add_destroy(commands, group);
}

}  // namespace mesh::cli
