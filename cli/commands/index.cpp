#include "cli/commands/follow_task.h"
#include "cli/commands/verb.h"

namespace mesh::cli {
namespace {

const View& index_view() {
  static const View view{
      "name",
      {{"name", "INDEX", "the generation's name"},
       {"role", "ROLE", "serving, building or previous"},
       {"vectors", "VECTORS", "users in it", Field::Show::always, Field::Kind::count},
       {"tenants", "TENANTS", "tenants in it", Field::Show::wide, Field::Kind::count},
       {"bytes", "SIZE", "bytes it takes", Field::Show::always, Field::Kind::size},
       {"lag", "LAG", "events it has not seen yet", Field::Show::always, Field::Kind::count},
       {"state", "STATE",
        "running; filling: it serves, and is still built from the log; else what stops it"},
       {"number", "NUMBER", "counts the generations", Field::Show::wide},
       {"serving", "SERVING", "do searches go there", Field::Show::wide},
       {"dimension", "DIMENSION", "numbers in a vector", Field::Show::wide, Field::Kind::count},
       {"embedder", "EMBEDDER", "what makes the vectors", Field::Show::wide}},
      "STATE"};
  return view;
}

const View& verify_view() {
  static const View view{
      "found",
      {{"log_events", "LOG EVENTS", "events of users that the log holds", Field::Show::wide,
        Field::Kind::count},
       {"expected", "EXPECTED", "users that the log says there are", Field::Show::always,
        Field::Kind::count},
       {"found", "FOUND", "of them, found in the index", Field::Show::always, Field::Kind::count},
       {"missing", "MISSING", "not in the index", Field::Show::always, Field::Kind::count},
       {"extra", "EXTRA", "in the index, not in the log", Field::Show::always, Field::Kind::count},
       {"stale", "STALE", "of an older version than the log's", Field::Show::always,
        Field::Kind::count},
       {"examples", "EXAMPLES", "some of what differs", Field::Show::wide}}};
  return view;
}

Outcome list_generations(Session& session) {
  auto indexes = MESH_TRY(session.mesh->indexes());
  session.out.items(index_view(), indexes);
  return Exit::ok;
}

struct RebuildArgs {
  bool dry_run = false, no_wait = false;
};

Outcome rebuild(Session& session, const RebuildArgs& args) {
  // The API has no dry run of a rebuild. It reads the whole of user.events, whose size is known.
  if (!args.dry_run) return started(session, session.mesh->rebuild_index(), args.no_wait);
  auto topic = MESH_TRY(session.mesh->topic("user.events"));
  static const View view{"records",
                         {{"records", "RECORDS", "records of user.events that would be read",
                           Field::Show::always, Field::Kind::count}}};
  session.out.row(view, {{"records", at_path(topic, "records")}});
  session.out.note("dry run: a new generation would be built from these beside the serving one");
  return Exit::ok;
}

Outcome rollback(Session& session) {
  // The answer says nothing; the list shows which generation serves.
  MESH_TRY(session.mesh->rollback_index());
  return list_generations(session);
}

// A count that is missing is not 0: an answer of another form must not pass for a sound index.
bool is_zero(const Json& report, const char* path) {
  const Json& count = at_path(report, path);
  return count.is_number_integer() && count.get<std::int64_t>() == 0;
}

Outcome verify(Session& session) {
  auto report = MESH_TRY(session.mesh->verify_index());
  session.out.record(verify_view(), report);
  const bool sound =
      is_zero(report, "missing") && is_zero(report, "extra") && is_zero(report, "stale");
  if (is_zero(report, "log_events")) {
    session.out.note(
        sound
            ? "the log holds no event of a user, and the index no user: nothing was compared"
            : "the log holds no event of a user, so there is nothing to compare the index with; a "
              "rebuild would empty it: bring the log's events back first (docs/runbooks.md)");
    return sound ? Exit::ok : Exit::failure;
  }
  if (sound) return Exit::ok;
  session.out.note(
      is_zero(report, "extra")
          ? "the index differs from the log; `mesh index rebuild` makes a new one"
          : "the index differs from the log; `mesh index rebuild` makes a new one, without the "
            "users that the log does not hold (EXTRA): see to it that it has lost none");
  return Exit::failure;
}

}  // namespace

void add_index(Commands& commands) {
  auto& group = commands.group("index", "Generations of the user index", purpose::kOperate);
  commands.verb(group, {.name = "list",
                        .summary = "List the generations",
                        .examples = "mesh index list\nmesh index list -o wide\n",
                        .tenant = TenantUse::none,
                        .view = &index_view(),
                        .run = list_generations});
  auto args = std::make_shared<RebuildArgs>();
  auto& verb =
      commands.verb(group, {.name = "rebuild",
                            .summary = "Build a new generation from the log and serve it",
                            .details = "Searches go on with the present one until the new one has "
                                       "caught up; the present one is kept for "
                                       "`mesh index rollback`. Ctrl-C leaves the work running.",
                            .examples = "mesh index rebuild\nmesh index rebuild --dry-run\nmesh "
                                        "index rebuild --no-wait -o name\n",
                            .tenant = TenantUse::none,
                            .view = &task_view(),
                            .run = [args](Session& session) { return rebuild(session, *args); }});
  verb.add_flag("--dry-run", args->dry_run, "Say what would be read, build nothing");
  verb.add_flag("--no-wait", args->no_wait, "Start it and return");
  commands.verb(group,
                {.name = "rollback",
                 .summary = "Serve the previous generation again",
                 .details = "The one that served is kept in turn: another rollback goes back "
                            "to it.",
                 .examples = "mesh index rollback\n",
                 .tenant = TenantUse::none,
                 .view = &index_view(),
                 .run = rollback});
  commands.verb(group, {.name = "verify",
                        .summary = "Compare the serving generation with the log",
                        .details = "Exit code 1 where they differ, or where the log holds no event "
                                   "of a user and the index users.",
                        .examples = "mesh index verify\nmesh index verify -o json\n",
                        .tenant = TenantUse::none,
                        .view = &verify_view(),
                        .run = verify});
}

}  // namespace mesh::cli
