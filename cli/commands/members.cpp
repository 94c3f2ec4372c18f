#include "cli/commands/verb.h"

namespace mesh::cli {
namespace {

const View& member_view() {
  static const View view{
      "id",
      {{"id", "ID", "its host, and which of its starts"},
       {"roles", "ROLES", "what it does"},
       {"version", "VERSION", "what runs", Field::Show::wide},
       {"since", "SINCE", "when it started", Field::Show::always, Field::Kind::time},
       {"seen", "SEEN", "its last sign of life", Field::Show::always, Field::Kind::time},
       {"addresses", "ADDRESSES", "where its roles listen", Field::Show::wide},
       {"leases", "LEASES", "what only it does now", Field::Show::wide},
       {"feeds", "FEEDS", "the consumer groups that it is a member of"}},
      "ID"};
  return view;
}

Outcome list_members(Session& session) {
  auto members = MESH_TRY(session.mesh->members());
  session.out.items(member_view(), members);
  return Exit::ok;
}

}  // namespace

void add_members(Commands& commands) {
  commands.verb(commands.root(),
                {.name = "members",
                 .summary = "The processes of the mesh: their roles and what they feed",
                 .details = "One that stopped is gone at once, one that fell silent after 20s.",
                 .examples = "mesh members\nmesh members -o wide\nmesh members -o json\n",
                 .tenant = TenantUse::none,
                 .view = &member_view(),
                 .run = list_members},
                purpose::kOperate);
}

}  // namespace mesh::cli
