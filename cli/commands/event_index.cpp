#include "cli/commands/event_index.h"

#include "cli/commands/embedder_options.h"
#include "cli/commands/follow_task.h"

namespace mesh::cli {
namespace {

const View& event_index_view() {
  static const View view{
      "name",
      {{"name", "INDEX", "the generation's name"},
       {"type", "TYPE", "the type of its events", Field::Show::wide},
       {"role", "ROLE", "serving, building or previous"},
       {"events", "EVENTS", "events in it", Field::Show::always, Field::Kind::count},
       {"tenants", "TENANTS", "tenants in it", Field::Show::always, Field::Kind::count},
       {"bytes", "SIZE", "bytes it takes", Field::Show::always, Field::Kind::size},
       {"number", "NUMBER", "counts the generations of the type", Field::Show::wide},
       {"serving", "SERVING", "do searches go there", Field::Show::wide},
       {"dimension", "DIMENSION", "numbers in a vector", Field::Show::wide, Field::Kind::count},
       {"embedder", "EMBEDDER", "what makes the vectors", Field::Show::wide},
       {"model", "MODEL", "the folder of that embedder's model", Field::Show::wide}}};
  return view;
}

Outcome list(Session& session) {
  const auto indexes = MESH_TRY(session.mesh->event_indexes());
  session.out.items(event_index_view(), indexes);
  return Exit::ok;
}

struct EventRebuildArgs {
  std::string type;
  EmbedderArgs embedder;
  bool no_wait = false;
};

Outcome rebuild_events(Session& session, const EventRebuildArgs& args) {
  Json asked = asked_embedder(args.embedder);
  asked["type"] = args.type;
  return started(session, session.mesh->rebuild_event_index(asked), args.no_wait);
}

Outcome roll_back(Session& session, const std::string& type) {
  // The answer says nothing; the list shows which generation serves.
  MESH_TRY(session.mesh->rollback_event_index(type));
  return list(session);
}

}  // namespace

void add_event_index(Commands& commands, CLI::App& group) {
  commands.verb(group, {.name = "events",
                        .summary = "List the generations of the indexes of events",
                        .examples = "mesh index events\nmesh index events -o wide\n",
                        .tenant = TenantUse::none,
                        .view = &event_index_view(),
                        .run = list});
  auto args = std::make_shared<EventRebuildArgs>();
  auto& rebuild = commands.verb(
      group,
      {.name = "rebuild-events",
       .summary = "Build the index of a type of events anew from the log and serve it",
       .details = "By another embedder, or after a change of what of the type is searchable. "
                  "Searches go on with the present one meanwhile; it is kept for `mesh "
                  "index rollback-events`. Ctrl-C leaves the work running.",
       .examples = "mesh index rebuild-events analytics.recorded\n"
                   "mesh index rebuild-events order.placed --embedder static --model "
                   "./models/names\n",
       .tenant = TenantUse::none,
       .view = &task_view(),
       .run = [args](Session& session) { return rebuild_events(session, *args); }});
  rebuild.add_option("TYPE", args->type, "The type, as `mesh index events -o wide` shows it")
      ->required();
  add_embedder_options(rebuild, args->embedder);
  rebuild.add_flag("--no-wait", args->no_wait, "Start it and return");
  auto type = std::make_shared<std::string>();
  commands
      .verb(group, {.name = "rollback-events",
                    .summary = "Serve the previous generation of a type of events again",
                    .examples = "mesh index rollback-events analytics.recorded\n",
                    .tenant = TenantUse::none,
                    .view = &event_index_view(),
                    .run = [type](Session& session) { return roll_back(session, *type); }})
      .add_option("TYPE", *type, "The type")
      ->required();
}

}  // namespace mesh::cli
