#include <thread>

#include "common/base/strings.h"
#include "tests/bench/dataset.h"
#include "tests/bench/groups/groups.h"
#include "tests/bench/requests.h"

namespace mesh::bench {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = load::SteadyClock::now();
  work();
  return load::Seconds(load::SteadyClock::now() - start).count();
}

// Reading the whole topic, without doing anything with it.
double scan_rate(Meshd& meshd, const std::string& topic, double events) {
  return events / seconds_of([&] {
           (void)meshd.admin("POST", "/admin/v1/replays",
                             R"({"topic":")" + topic + R"(","dry_run":true})");
         });
}

load::Plan searches(Meshd& meshd, const TenantUsers& users) {
  load::Plan plan;
  plan.address = meshd->address("gateway");
  plan.connections = 8;
  plan.rate = 200;
  plan.request = [&](std::uint64_t n, std::string& out) {
    append_request(out, "GET",
                   "/ai/users/search?query=" +
                       percent_encode(query_for(person(users.tenant, n * 7 % users.users), n)),
                   users.tenant);
  };
  return plan;
}

}  // namespace

void replay(Bench& bench) {
  bench.report.group(
      "replay", "a replay of analytics, a rebuild of the index, searches beside it",
      "reading the same events without an effect (a dry run); of the searches: alone");
  const double events = bench.quick ? 50'000 : 500'000;
  const TenantUsers users{"acme", bench.quick ? 20'000u : 100'000u};
  const test::TempDir dir;
  index_users(dir.file("data"), {users});
  Meshd meshd(dir.file("data"), config());

  publish_lines(meshd, users.tenant, static_cast<std::uint64_t>(events));
  const double first = seconds_of([&] { meshd.await_idle(); });
  Bench::progress("the pipeline was " + std::to_string(first) + " s behind the ingest");
  const double scan = scan_rate(meshd, "analytics.events", events);
  const auto replayed = meshd.run_task("/admin/v1/replays", R"({"topic":"analytics.events"})");
  bench.report.add({"replay/analytics/events", events / replayed.seconds, "1/s", scan});

  const double scan_users = scan_rate(meshd, "user.events", static_cast<double>(users.users));
  auto plan = searches(meshd, users);
  plan.time = bench.seconds(8);
  const auto alone = measure("search at 200/s alone", plan);
  std::stop_source stop;
  plan.stop = stop.get_token();
  plan.time = std::chrono::minutes(10);
  load::Outcome beside;
  std::thread searching([&] { beside = measure("search at 200/s beside a rebuild", plan); });
  const auto rebuilt = meshd.run_task("/admin/v1/indexes/rebuild", "{}");
  stop.request_stop();
  searching.join();
  bench.report.add({"replay/rebuild/users", static_cast<double>(users.users) / rebuilt.seconds,
                    "1/s", scan_users});
  add_latencies(bench, "replay/search-beside-rebuild", beside.latency, &alone.latency);
}

}  // namespace mesh::bench
