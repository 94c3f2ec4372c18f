#include "cli/commands/verb.h"
#include "cli/render/width.h"
#include "cli/run_meshd.h"

namespace mesh::cli {
namespace {

const View& part_view() {
  static const View view{"name",
                         {{"name", "NAME", "the topic, or the table"},
                          {"count", "COUNT", "records or rows of it"},
                          {"tenants", "TENANTS", "whose they are"},
                          {"state", "STATE", "equal, or which tenants' part differs"},
                          {"expired", "EXPIRED",
                           "of the records, those that the old log let go of once they were copied",
                           Field::Show::wide}},
                         "STATE"};
  return view;
}

const View& migration_view() {
  static const View view{
      "task",
      {{"task", "TASK", "its task, in the new stores"},
       {"state", "STATE", "equal: all that was there is there, or differs"},
       {"not_kept", "NOT KEPT", "what is otherwise from now on", Field::Show::never}}};
  return view;
}

struct MigrateArgs {
  std::string from, to;
};

Outcome migrate(Session& session, const MigrateArgs& args) {
  auto ran = MESH_TRY(run_meshd({"--config", args.to, "--migrate-from", args.from}));
  session.out.record(migration_view(), ran.report,
                     {{"Topics:", "topics", &part_view()}, {"Tables:", "tables", &part_view()}});
  for (const Json& topic : at_path(ran.report, "topics")) {
    const auto expired = topic.value("expired", std::int64_t{0});
    if (expired == 0) continue;
    session.out.note("of " + printable(plain_text(at_path(topic, "name"))) + " " +
                     std::to_string(expired) +
                     " records have expired in the old log since they were copied");
  }
  for (const Json& kept : at_path(ran.report, "not_kept")) {
    session.out.note("not kept: " + printable(plain_text(kept)));
  }
  if (ran.exit_code == 0) {
    session.out.note("all is there and equal; `meshd --config " + printable(args.to) +
                     "` goes on there");
    return Exit::ok;
  }
  session.out.note("mesh: what was copied differs: begin again, with empty engines");
  return Exit::failure;
}

}  // namespace

void add_migrate(Commands& commands) {
  auto args = std::make_shared<MigrateArgs>();
  auto& verb = commands.verb(
      commands.root(),
      {.name = "migrate",
       .summary = "Move everything to other engines",
       .details =
           "Copies log and stores from the engines of one configuration to those of another, "
           "embedded or not, then reads both and compares them. No meshd may run on either; the "
           "new engines must be empty. What was cut off, by Ctrl-C or a crash, goes on when it is "
           "called again, and no meshd starts on the new engines before it has ended. Offsets "
           "are the new log's own: positions of groups, parked events and dead letters are "
           "translated. The index is built anew by the first start. The old engines are left as "
           "they are.",
       .examples = "mesh migrate --from /etc/mesh/embedded.yaml --to /etc/mesh/meshd.yaml\n"
                   "mesh migrate --from meshd.yaml --to laptop.yaml -o json\n",
       .tenant = TenantUse::none,
       .view = &migration_view(),
       .run = [args](Session& session) { return migrate(session, *args); },
       .needs = Needs::nothing},
      purpose::kOperate);
  verb.add_option("--from", args->from, "Configuration file of the engines to leave")
      ->required()
      ->type_name("CONFIG");
  verb.add_option("--to", args->to, "Configuration file of the engines to fill")
      ->required()
      ->type_name("CONFIG");
}

}  // namespace mesh::cli
