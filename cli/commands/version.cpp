#include "cli/commands/verb.h"

#ifndef MESH_VERSION
#define MESH_VERSION "0"
#endif

namespace mesh::cli {
namespace {

const View& version_view() {
  static const View view{
      "client",
      {{"client", "CLIENT", "version of this tool"},
       {"server", "SERVER", "version of the meshd it talks to; null: nobody answers"}}};
  return view;
}

Outcome version(Session& session, bool client_only) {
  Json row{{"client", MESH_VERSION}, {"server", nullptr}};
  // That nobody answers is an answer here, null, and no failure.
  if (!client_only && session.connect()) {
    for (const client::Role role : client::kRoles) {
      auto health = session.mesh->probe(role, "/health");
      const auto body =
          health ? parse_json(health->body) : Result<Json>(fail(ErrorKind::unavailable, ""));
      if (body && at_path(*body, "version").is_string()) {
        row["server"] = at_path(*body, "version");
        break;
      }
    }
  }
  session.out.row(version_view(), row);
  return Exit::ok;
}

}  // namespace

void add_version(Commands& commands) {
  auto client_only = std::make_shared<bool>(false);
  commands
      .verb(commands.root(),
            {.name = "version",
             .summary = "Versions of this tool and of the server",
             .examples = "mesh version\nmesh version --client -o json\n",
             .tenant = TenantUse::none,
             .view = &version_view(),
             .run = [client_only](Session& session) { return version(session, *client_only); },
             .needs = Needs::nothing},
            purpose::kSetup)
      .add_flag("--client", *client_only, "Ask no server");
}

}  // namespace mesh::cli
