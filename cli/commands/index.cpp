#include "cli/commands/embedder_options.h"
#include "cli/commands/event_index.h"
#include "cli/commands/follow_task.h"
#include "cli/commands/verb.h"
#include "cli/files.h"
#include "common/base/strings.h"
#include "common/domain/search.h"

namespace mesh::cli {
namespace {

const View& index_view() {
  static const View view{
      "name",
      {{"name", "INDEX", "the generation's name"},
       {"role", "ROLE", "serving, building, shadow or previous"},
       {"vectors", "VECTORS", "users in it", Field::Show::always, Field::Kind::count},
       {"tenants", "TENANTS", "tenants in it", Field::Show::wide, Field::Kind::count},
       {"bytes", "SIZE", "bytes it takes", Field::Show::always, Field::Kind::size},
       {"lag", "LAG", "events it has not seen yet", Field::Show::always, Field::Kind::count},
       {"state", "STATE",
        "running; filling: it serves, and is still built from the log; else what stops it"},
       {"number", "NUMBER", "counts the generations", Field::Show::wide},
       {"serving", "SERVING", "do searches go there", Field::Show::wide},
       {"dimension", "DIMENSION", "numbers in a vector", Field::Show::wide, Field::Kind::count},
       {"embedder", "EMBEDDER", "what makes the vectors", Field::Show::wide},
       {"model", "MODEL", "the folder of that embedder's model", Field::Show::wide}},
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
  EmbedderArgs embedder;
  bool shadow = false, dry_run = false, no_wait = false;
};

Outcome rebuild(Session& session, const RebuildArgs& args) {
  Json asked = asked_embedder(args.embedder);
  if (args.shadow) asked["shadow"] = true;
  if (!args.dry_run) return started(session, session.mesh->rebuild_index(asked), args.no_wait);
  asked["dry_run"] = true;
  auto plan = MESH_TRY(session.mesh->rebuild_index(asked));
  // It reads the whole of user.events, whose size is known.
  const auto topic = MESH_TRY(session.mesh->topic("user.events"));
  plan["records"] = at_path(topic, "records");
  static const View view{
      "records",
      {{"records", "RECORDS", "records of user.events that would be read", Field::Show::always,
        Field::Kind::count},
       {"embedder", "EMBEDDER", "what would make the vectors"},
       {"dimension", "DIMENSION", "numbers in a vector", Field::Show::wide, Field::Kind::count},
       {"model", "MODEL", "the folder of that embedder's model", Field::Show::wide},
       {"shadow", "SHADOW", "would it be built and not served", Field::Show::wide}}};
  session.out.row(view, plan);
  session.out.note("dry run: a new generation would be built from these beside the serving one");
  return Exit::ok;
}

Outcome serve(Session& session, std::int64_t number) {
  MESH_TRY(session.mesh->serve_index(number));
  return list_generations(session);
}

Outcome drop(Session& session, std::int64_t number) {
  MESH_TRY(confirm(session, "Drop generation " + std::to_string(number) +
                                " of the index? To have it again takes a rebuild."));
  MESH_TRY(session.mesh->drop_index(number));
  session.out.note("generation " + std::to_string(number) + " is dropped");
  return Exit::ok;
}

struct CompareArgs {
  std::optional<std::int64_t> generation;
  std::string queries;
  int limit = 10;
};

std::string hits_text(const Json& hits) {
  std::vector<std::string> names;
  for (const Json& hit : hits) names.push_back(plain_text(at_path(hit, "name")));
  return names.empty() ? "(nobody)" : join(names, ", ");
}

const View& compare_view() {
  static const View view{
      "other.generation",
      {{"serving.generation", "SERVING", "the generation that serves"},
       {"other.generation", "OTHER", "the one that it is compared with"},
       {"queries", "QUERIES", "how many were asked", Field::Show::always, Field::Kind::count},
       {"overlap", "OVERLAP", "mean share of hits that both have, 1 at most"},
       {"tau", "TAU", "Kendall's tau: 1 where both order their common hits alike, -1 the reverse"},
       {"serving.mean_score", "SCORE", "mean score of the serving one's hits", Field::Show::wide},
       {"other.mean_score", "OTHER SCORE", "mean score of the other one's", Field::Show::wide},
       {"serving.mean_ms", "MS", "mean milliseconds of a search in the serving one",
        Field::Show::wide},
       {"other.mean_ms", "OTHER MS", "mean milliseconds in the other one", Field::Show::wide},
       {"serving.embedder", "EMBEDDER", "of the serving one", Field::Show::wide},
       {"other.embedder", "OTHER EMBEDDER", "of the other one", Field::Show::wide},
       {"left_out", "LEFT OUT", "queries that failed, or were not asked in time", Field::Show::wide,
        Field::Kind::count},
       {"most_different", "MOST DIFFERENT", "queries whose hits differ most", Field::Show::never,
        Field::Kind::json}}};
  return view;
}

Outcome compare(Session& session, const CompareArgs& args) {
  constexpr std::size_t kMostBytes = 1 << 20;
  Json asked{{"limit", args.limit}};
  if (args.generation) asked["generation"] = *args.generation;
  if (!session.settings.tenant.empty()) asked["tenant"] = session.settings.tenant;
  if (!args.queries.empty()) {
    if (session.settings.tenant.empty()) {
      return fail(ErrorKind::invalid, "--queries: name whose they are with --tenant T");
    }
    const auto text = MESH_TRY(read_file(args.queries, kMostBytes));
    asked["queries"] = Json::array();
    for (const std::string& line : split(text, '\n')) {
      if (const auto query = trim(line); !query.empty()) asked["queries"].push_back(query);
    }
  }
  const auto report = MESH_TRY(session.mesh->compare_indexes(asked));
  session.out.record(compare_view(), report);
  if (at_path(report, "queries") == 0) {
    session.out.note(
        "nothing was asked of this process lately (vectors.recent_searches): give queries, a line "
        "each, by --queries FILE and --tenant T");
    return Exit::failure;
  }
  for (const Json& one : at_path(report, "most_different")) {
    session.out.note(plain_text(at_path(one, "tenant")) + ": \"" +
                     plain_text(at_path(one, "query")) + "\" finds " +
                     hits_text(at_path(one, "serving")) + "; the other " +
                     hits_text(at_path(one, "other")));
  }
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
  add_event_index(commands, group);
  auto args = std::make_shared<RebuildArgs>();
  auto& verb =
      commands.verb(group, {.name = "rebuild",
                            .summary = "Build a new generation from the log and serve it",
                            .details = "Searches go on with the present one until the new one has "
                                       "caught up; the present one is kept for "
                                       "`mesh index rollback`. With --shadow the new one is not "
                                       "served: `mesh index compare`, then `mesh index serve` or "
                                       "`drop`. Ctrl-C leaves the work running.",
                            .examples = "mesh index rebuild\nmesh index rebuild --dry-run\nmesh "
                                        "index rebuild --no-wait -o name\nmesh index rebuild "
                                        "--embedder static --model ./models/names --shadow\n",
                            .tenant = TenantUse::none,
                            .view = &task_view(),
                            .run = [args](Session& session) { return rebuild(session, *args); }});
  add_embedder_options(verb, args->embedder);
  verb.add_flag("--shadow", args->shadow, "Build it, and do not serve it");
  verb.add_flag("--dry-run", args->dry_run, "Say what would be read, build nothing");
  verb.add_flag("--no-wait", args->no_wait, "Start it and return");
  auto compared = std::make_shared<CompareArgs>();
  auto& comparison = commands.verb(
      group, {.name = "compare",
              .summary = "Ask the serving generation and another one the same",
              .details = "Asks what users of this meshd searched for lately, or the queries of a "
                         "file, and says how far both agree. The other one is the shadow where "
                         "none is named, or else the newest.",
              .examples = "mesh index compare\nmesh index compare 3 --tenant acme -o json\n"
                          "mesh index compare --tenant acme --queries queries.txt --limit 20\n",
              .tenant = TenantUse::restricts,
              .view = &compare_view(),
              .run = [compared](Session& session) { return compare(session, *compared); }});
  comparison.add_option("GENERATION", compared->generation, "The other one's number");
  comparison.add_option("--queries", compared->queries, "Ask these, a line each; needs --tenant")
      ->type_name("FILE");
  comparison.add_option("-n,--limit", compared->limit, "Compare at most so many hits")
      ->check(whole_number(1, kMaxSearchHits))
      ->type_name("N")
      ->capture_default_str();
  auto number = std::make_shared<std::int64_t>(0);
  commands
      .verb(group, {.name = "serve",
                    .summary = "Serve a generation, as a shadow",
                    .details = "Once it has caught up with the log. The one that served is kept "
                               "for `mesh index rollback`; older ones are dropped, but shadows.",
                    .examples = "mesh index serve 3\n",
                    .tenant = TenantUse::none,
                    .view = &index_view(),
                    .run = [number](Session& session) { return serve(session, *number); }})
      .add_option("GENERATION", *number, "Its number, as `mesh index list -o wide` shows it")
      ->required();
  commands
      .verb(group, {.name = "drop",
                    .summary = "Drop a generation that does not serve",
                    .examples = "mesh index drop 3\nmesh index drop 3 --yes\n",
                    .tenant = TenantUse::none,
                    .run = [number](Session& session) { return drop(session, *number); }})
      .add_option("GENERATION", *number, "Its number, as `mesh index list -o wide` shows it")
      ->required();
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
