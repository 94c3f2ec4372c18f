#include "cli/bench/actors.h"
#include "cli/bench/bench_users.h"
#include "cli/bench/report.h"
#include "cli/bench/run.h"
#include "cli/bench/traffic.h"
#include "cli/commands/verb.h"
#include "cli/interrupt.h"
#include "cli/render/number.h"
#include "common/base/ids.h"
#include "common/base/time.h"
#include "common/load/requests.h"

namespace mesh::cli {
namespace {

constexpr int kHits = 10;
constexpr int kQueries = 1000;                     // of a tenant's users
constexpr std::uint64_t kMostBytes = 64ull << 20;  // of a request, as the server has it

struct BenchArgs {
  std::string duration = "10s", size;
  double rate = 0;
  int connections = 8;
  std::int64_t requests = 0;
  std::optional<int> tenants;
  int batch = 1;
  int prepare = 0;
  bool cleanup = false;
};

// What a load does to whom, for the question before it.
std::string plan_text(const BenchArgs& args, const std::string& what,
                      const std::vector<Actor>& actors, const std::string& url) {
  std::string text = what + " in " + names_of(actors) + " of " + url + " for " + args.duration;
  if (args.requests > 0) text += ", at most " + with_thousands(args.requests) + " requests";
  text +=
      args.rate > 0 ? ", " + rate_text(args.rate) + " requests a second" : ", as fast as answered";
  text += ", over " + std::to_string(args.connections) + " connections?";
  if (actors.front().by_operator)
    text += " By the operator's token, which no rate limit of a tenant holds.";
  return text;
}

struct Load {
  BenchRun run;
  BenchTarget target;
  MakeRequest request;
};

Result<Duration> duration_of(const BenchArgs& args) {
  const Duration time = MESH_TRY(parse_duration(args.duration));
  if (time.count() == 0) return fail(ErrorKind::invalid, "--duration must be longer than 0");
  return time;
}

// Runs it and prints what it measured; also what a Ctrl-C left of it.
Outcome measure(Session& session, const BenchArgs& args, const Load& load) {
  const Duration time = MESH_TRY(duration_of(args));
  load::Plan plan;
  plan.connections = args.connections;
  plan.rate = args.rate;
  plan.warm_up = load::Seconds(0);
  plan.time = time;
  plan.requests = static_cast<std::uint64_t>(args.requests);
  if (session.settings.timeout) plan.patience = *session.settings.timeout;
  plan.request = load.request;
  Progress progress = session.progress(load.run.what);
  const double seconds = load::Seconds(time).count();
  plan.on_tick = [&](const load::Outcome& so_far, load::Seconds elapsed) {
    const double by_count =
        args.requests > 0 ? static_cast<double>(so_far.all) / static_cast<double>(args.requests)
                          : 0;
    progress.update(static_cast<std::int64_t>(so_far.all), 0,
                    std::min(1.0, std::max(elapsed.count() / seconds, by_count)));
  };
  const auto outcome = run_load(std::move(plan), load.target, session.mesh->options());
  progress.clear();
  if (!outcome) return fail(outcome.error());
  session.out.row(bench_view(), bench_row(load.run, *outcome));
  for (const auto& note : bench_notes(load.run, *outcome)) session.out.note(note);
  if (InterruptGuard::interrupted()) return InterruptGuard::exit();
  return bench_exit(*outcome);
}

BenchRun described(const BenchArgs& args, const char* what, const char* scope,
                   const std::vector<Actor>& actors) {
  return {what,      scope,     actors.front().tenant, actors.size(), args.connections,
          args.rate, args.batch};
}

const View& cleanup_view() {
  static const View view{
      "deleted",
      {{"deleted", "DELETED", "users", Field::Show::always, Field::Kind::count},
       {"tenants", "TENANTS", "in so many", Field::Show::always, Field::Kind::count}}};
  return view;
}

Result<std::uint64_t> clean_up(Session& session, const std::vector<Actor>& actors, int connections,
                               std::string_view run = {}) {
  const auto target = MESH_TRY(bench_target(session.mesh->options().endpoints.users));
  return delete_bench_users(actors, target, connections, run);
}

// After a load that made the users of `run`. The load's own outcome counts first.
Outcome finish_users(Session& session, const BenchArgs& args, const std::vector<Actor>& actors,
                     std::string_view run, const Outcome& outcome) {
  if (args.cleanup && !InterruptGuard::interrupted()) {
    const auto deleted = clean_up(session, actors, args.connections, run);
    if (!deleted && !outcome) session.out.note("clean-up: " + deleted.error().message);
    if (!deleted) return outcome ? fail(deleted.error()) : outcome;
    session.out.note(with_thousands(static_cast<std::int64_t>(*deleted)) + " users are deleted");
    return outcome;
  }
  session.out.note("the users stay; `mesh bench cleanup" +
                   (args.tenants ? " --tenants " + std::to_string(*args.tenants)
                                 : " --tenant " + actors.front().tenant) +
                   "` deletes them");
  return outcome;
}

Outcome publish(Session& session, const BenchArgs& args) {
  std::uint64_t size = 0;
  if (!args.size.empty()) {
    const auto given = parse_size(args.size);
    if (!given) return fail(ErrorKind::invalid, "--size: " + given.error().message);
    size = *given;
  }
  if (size * static_cast<std::uint64_t>(args.batch) > kMostBytes) {
    return fail(ErrorKind::invalid,
                "--size times --batch is over 64 MiB, the server's longest body");
  }
  const std::string& url = session.mesh->options().endpoints.publisher;
  const auto actors = MESH_TRY(make_actors(session, args.tenants));
  Load load{described(args, "publish", "publish", actors), MESH_TRY(bench_target(url)), {}};
  load.request = publish_requests(actors, load.target, args.batch, size);
  MESH_TRY(confirm(session, plan_text(args, "Publish events", actors, url) +
                                " The events stay until the log lets them go, their counts stay."));
  const InterruptGuard interrupt;
  return measure(session, args, load);
}

Outcome create(Session& session, const BenchArgs& args) {
  const std::string& url = session.mesh->options().endpoints.users;
  const auto actors = MESH_TRY(make_actors(session, args.tenants));
  Load load{described(args, "create", "users", actors), MESH_TRY(bench_target(url)), {}};
  const std::string run = "r" + random_hex(6);
  load.request = create_requests(actors, load.target, run);
  MESH_TRY(confirm(session, plan_text(args, "Create users", actors, url) +
                                (args.cleanup ? " They are deleted at the end."
                                              : " They stay until `mesh bench cleanup`.")));
  const InterruptGuard interrupt;
  // An error comes before the first request: there is nothing to delete then.
  const Exit exit = MESH_TRY(measure(session, args, load));
  return finish_users(session, args, actors, run, exit);
}

Status prepare(Session& session, const BenchArgs& args, const std::vector<Actor>& actors) {
  Progress progress = session.progress("prepare");
  const auto all = static_cast<std::int64_t>(actors.size()) * args.prepare;
  std::int64_t before = 0;
  for (const Actor& actor : actors) {
    MESH_TRY(
        prepare_users(actor, args.prepare, [&](int done) { progress.update(before + done, all); }));
    before += args.prepare;
  }
  return {};
}

Result<std::vector<std::vector<std::string>>> queries_of(const std::vector<Actor>& actors) {
  std::vector<std::vector<std::string>> queries;
  for (const Actor& actor : actors) {
    const auto users = MESH_TRY(some_users(actor, kQueries));
    if (users.empty()) {
      return fail(ErrorKind::invalid, "tenant " + actor.tenant +
                                          " has no users, so searches would find nothing: "
                                          "--prepare 1000 makes some first");
    }
    queries.emplace_back();
    for (std::size_t i = 0; i < users.size(); ++i)
      queries.back().push_back(load::query_for({users[i].email, users[i].name}, i));
  }
  return queries;
}

Outcome search(Session& session, const BenchArgs& args) {
  const std::string& url = session.mesh->options().endpoints.gateway;
  const auto actors = MESH_TRY(make_actors(session, args.tenants));
  Load load{described(args, "search", "search", actors), MESH_TRY(bench_target(url)), {}};
  std::string question = plan_text(args, "Search", actors, url);
  if (args.prepare > 0) {
    question += " " + with_thousands(args.prepare) + " users are made in each tenant first" +
                (args.cleanup ? " and deleted at the end." : ".");
  }
  MESH_TRY(confirm(session, question));
  const InterruptGuard interrupt;
  const auto searched = [&]() -> Outcome {
    if (args.prepare > 0) {
      const auto ready = prepare(session, args, actors);
      if (!ready && InterruptGuard::interrupted()) return InterruptGuard::exit();
      if (!ready) return fail(ready.error());
    }
    auto queries = MESH_TRY(queries_of(actors));
    load.request = search_requests(actors, load.target, std::move(queries), kHits);
    return measure(session, args, load);
  }();
  return args.prepare > 0 ? finish_users(session, args, actors, kPrepared, searched) : searched;
}

Outcome cleanup(Session& session, const BenchArgs& args) {
  const auto actors = MESH_TRY(make_actors(session, args.tenants));
  MESH_TRY(confirm(session, "Delete every user in " + names_of(actors) + " of " +
                                session.mesh->options().endpoints.users +
                                " that `mesh bench` made?"));
  const InterruptGuard interrupt;
  const auto deleted = clean_up(session, actors, args.connections);
  if (!deleted && InterruptGuard::interrupted()) return InterruptGuard::exit();
  if (!deleted) return fail(deleted.error());
  session.out.row(cleanup_view(), {{"deleted", *deleted}, {"tenants", actors.size()}});
  return Exit::ok;
}

void add_tenants_option(CLI::App& verb, const std::shared_ptr<BenchArgs>& args) {
  verb.add_option_function<int>(
          "--tenants", [args](int count) { args->tenants = count; },
          "In the name of bench-1 … bench-N, in turn")
      ->check(whole_number(1, 10'000))
      ->type_name("N");
}

void add_connections(CLI::App& verb, BenchArgs& args) {
  verb.add_option("--connections", args.connections, "At most so many requests under way")
      ->check(whole_number(1, 10'000))
      ->type_name("N")
      ->capture_default_str();
}

CLI::App& add_load(Commands& commands, CLI::App& group, Verb described,
                   const std::shared_ptr<BenchArgs>& args,
                   Outcome (*run)(Session&, const BenchArgs&)) {
  described.view = &bench_view();
  described.tenant = TenantUse::acts;
  described.run = [args, run](Session& session) -> Outcome {
    (void)MESH_TRY(duration_of(*args));  // before users are made
    return run(session, *args);
  };
  auto& verb = commands.verb(group, std::move(described));
  verb.add_option(
          "--rate", args->rate,
          "Requests a second, whatever the server does; latencies count from when a "
          "request was due. Without: each connection sends its next request when it has its "
          "answer")
      ->check(number_between(0.01, 1'000'000))
      ->type_name("N");
  verb.add_option("--duration", args->duration, "How long")->type_name("D")->capture_default_str();
  verb.add_option("-n,--requests", args->requests, "End after so many requests")
      ->check(whole_number(1, 1'000'000'000))
      ->type_name("N");
  add_connections(verb, *args);
  add_tenants_option(verb, args);
  return verb;
}

constexpr const char* kDetails =
    "Prints rates and latencies, and what was measured so far after Ctrl-C. In the name of "
    "--tenant, "
    "of the token's tenant, or of bench-1; a context's tenant and $MESH_TENANT do not count. Exit "
    "code 6: some requests failed; 5: all met a rate limit. Asks first.";

}  // namespace

void add_bench(Commands& commands) {
  auto& group = commands.group("bench", "Load a mesh and measure it", purpose::kHealth);
  const auto published = std::make_shared<BenchArgs>();
  auto& publishing = add_load(commands, group,
                              {.name = "publish",
                               .summary = "Publish events as fast as it goes, or at a rate",
                               .details = kDetails,
                               .examples = "mesh bench publish --tenant acme -n 1000 --yes\n"
                                           "mesh bench publish --tenants 10 --rate 2000 "
                                           "--duration 30s --connections 64\n"
                                           "mesh bench publish --tenants 4 --batch 1000 --size "
                                           "512 -o json --yes\n"},
                              published, publish);
  publishing.add_option("--batch", published->batch, "Events in a request")
      ->check(whole_number(1, 100'000))
      ->type_name("N")
      ->capture_default_str();
  publishing.add_option("--size", published->size, "Fill events up to so many bytes, such as 1KiB")
      ->type_name("SIZE");
  const auto created = std::make_shared<BenchArgs>();
  add_load(commands, group,
           {.name = "create",
            .summary = "Create users as fast as it goes, or at a rate",
            .details = kDetails,
            .examples = "mesh bench create --tenant acme -n 1000 --cleanup --yes\n"
                        "mesh bench create --tenants 10 --rate 500 --duration 1m --cleanup\n"},
           created, create)
      .add_flag("--cleanup", created->cleanup, "Delete the users at the end");
  const auto searched = std::make_shared<BenchArgs>();
  auto& searching =
      add_load(commands, group,
               {.name = "search",
                .summary = "Search users as fast as it goes, or at a rate",
                .details = std::string("Looks for users that the tenants have: names, addresses, "
                                       "misspellings. ") +
                           kDetails,
                .examples = "mesh bench search --tenant acme -n 100 --yes\n"
                            "mesh bench search --tenants 4 --prepare 1000 --rate 200 --cleanup\n"},
               searched, search);
  auto* prepared =
      searching
          .add_option("--prepare", searched->prepare, "Make so many users in each tenant first")
          ->check(whole_number(1, 1'000'000))
          ->type_name("N");
  searching.add_flag("--cleanup", searched->cleanup, "Delete them at the end")->needs(prepared);
  const auto cleaned = std::make_shared<BenchArgs>();
  auto& cleaning = commands.verb(
      group, {.name = "cleanup",
              .summary = "Delete the users that benches made",
              .details = "Known by their addresses; others stay. Published events go "
                         "when the log's retention lets them go.",
              .examples = "mesh bench cleanup --tenant acme --yes\n"
                          "mesh bench cleanup --tenants 10\n",
              .tenant = TenantUse::acts,
              .view = &cleanup_view(),
              .run = [cleaned](Session& session) { return cleanup(session, *cleaned); }});
  add_connections(cleaning, *cleaned);
  add_tenants_option(cleaning, cleaned);
}

}  // namespace mesh::cli
