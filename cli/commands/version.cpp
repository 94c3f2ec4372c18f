#include "cli/commands/verb.h"
#include "cli/version_order.h"

#ifndef MESH_VERSION
#define MESH_VERSION "0"
#endif

namespace mesh::cli {
namespace {

const View& version_view() {
  static const View view{
      "client",
      {{"client", "CLIENT", "version of this tool"},
       {"server", "SERVER", "version of the meshd it talks to; null: nobody answers"},
       {"listener", "LISTENER", "whose version it is (--check)", Field::Show::wide},
       {"verdict", "VERDICT", "compatible, client older, server older, no answer (--check)",
        Field::Show::wide}}};
  return view;
}

const View& checked_view() {
  static const View view = [] {
    View shown = version_view();
    for (Field& field : shown.fields) field.show = Field::Show::always;
    return shown;
  }();
  return view;
}

// Null where nobody answers as a meshd.
Json version_of(client::Client& mesh, client::Role role) {
  const auto health = mesh.probe(role, "/health");
  const auto body =
      health ? parse_json(health->body) : Result<Json>(fail(ErrorKind::unavailable, ""));
  const Json& found = body ? at_path(*body, "version") : at_path(Json(), "version");
  return found.is_string() ? found : Json();
}

// Each listener by itself: during an update some are of another version.
Outcome check_versions(Session& session) {
  MESH_TRY(session.connect());
  std::vector<Json> rows;
  bool well = true;
  for (const client::Role role : client::kRoles) {
    if (session.mesh->options().endpoints.of(role).empty()) continue;
    Json row{{"client", MESH_VERSION},
             {"server", version_of(*session.mesh, role)},
             {"listener", to_string(role)}};
    const auto order =
        row["server"].is_string()
            ? compare_versions(MESH_VERSION, row["server"].get_ref<const std::string&>())
            : std::nullopt;
    row["verdict"] = row["server"].is_null() ? "no answer" : verdict_text(order);
    well = well && order == VersionOrder::compatible;
    rows.push_back(std::move(row));
  }
  session.out.items(checked_view(), rows);
  if (rows.empty()) return fail(ErrorKind::unavailable, "no listener's address is known");
  return well ? Exit::ok : Exit::failure;
}

Outcome version(Session& session, bool client_only) {
  Json row{{"client", MESH_VERSION}, {"server", nullptr}};
  // That nobody answers is an answer here, null, and no failure.
  if (!client_only && session.connect()) {
    for (const client::Role role : client::kRoles) {
      row["server"] = version_of(*session.mesh, role);
      if (!row["server"].is_null()) break;
    }
  }
  session.out.row(version_view(), row);
  return Exit::ok;
}

}  // namespace

void add_version(Commands& commands) {
  auto client_only = std::make_shared<bool>(false), check = std::make_shared<bool>(false);
  auto& verb = commands.verb(
      commands.root(),
      {.name = "version",
       .summary = "Versions of this tool and of the server",
       .details = "--check compares this tool with each listener: compatible where the major "
                  "versions are the same, of 0.x the minor ones too. Exit code 1 where one is not, "
                  "or does not answer.",
       .examples = "mesh version\nmesh version --client -o json\nmesh version --check\n",
       .tenant = TenantUse::none,
       .view = &version_view(),
       .run =
           [client_only, check](Session& session) {
             return *check ? check_versions(session) : version(session, *client_only);
           },
       .needs = Needs::nothing},
      purpose::kSetup);
  auto* alone = verb.add_flag("--client", *client_only, "Ask no server");
  verb.add_flag("--check", *check, "Are this tool and the server compatible")->excludes(alone);
}

}  // namespace mesh::cli
