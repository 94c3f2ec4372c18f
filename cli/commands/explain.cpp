#include "cli/commands/verb.h"

namespace mesh::cli {
namespace {

const View& user_state_view() {
  static const View view{
      "user_id",
      {{"tenant", "TENANT", "whose user it is"},
       {"user_id", "USER", "the user's number"},
       {"version", "VERSION", "of the user in the store"},
       {"text", "STATE", "whether searches find it, and why not"},
       {"email", "EMAIL", "the address as it was written", Field::Show::wide},
       {"name", "NAME", "the user's name", Field::Show::wide},
       {"event.id", "EVENT", "its last event", Field::Show::wide},
       {"event.topic", "TOPIC", "where that lies", Field::Show::wide},
       {"event.partition", "PARTITION", "the partition", Field::Show::wide},
       {"event.offset", "OFFSET", "the place there", Field::Show::wide},
       {"index.generation", "GENERATION", "of the index that serves", Field::Show::wide},
       {"index.version", "INDEXED", "the version that it holds", Field::Show::wide}},
      "STATE"};
  return view;
}

Outcome explain_user(Session& session, const std::string& email) {
  auto users = MESH_TRY(session.mesh->explain_users(email));
  if (users.empty()) {
    return fail(ErrorKind::not_found, "no tenant has a user with the address " + email);
  }
  session.out.items(user_state_view(), users);
  return Exit::ok;
}

}  // namespace

void add_explain(Commands& commands) {
  auto& explain = commands.group("explain", "Why things are as they are", purpose::kData);
  auto email = std::make_shared<std::string>();
  auto& verb = commands.verb(
      explain,
      {.name = "user",
       .summary = "Show where an e-mail address exists, across tenants",
       .details = "With its id, version, last event and what the index holds of it. For operators.",
       .examples = "mesh explain user ada@acme.dev\n"
                   "mesh explain user ada@acme.dev -o json\n",
       .tenant = TenantUse::none,
       .view = &user_state_view(),
       .run = [email](Session& session) { return explain_user(session, *email); }});
  verb.add_option("EMAIL", *email, "The address, however it is written")->required();
}

}  // namespace mesh::cli
