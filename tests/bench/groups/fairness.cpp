#include <latch>
#include <thread>

#include "common/base/strings.h"
#include "tests/bench/dataset.h"
#include "tests/bench/groups/groups.h"
#include "tests/bench/requests.h"
#include "tests/bench/streams.h"

namespace mesh::bench {
namespace {

constexpr const char* kQuiet = "quiet";
constexpr const char* kFlood = "flood";
constexpr std::uint64_t kQuietUsers = 1'000;
constexpr int kFloodConnections = 64;

// What the quiet tenant sees while it publishes, searches and creates at a fixed, small rate.
struct Quiet {
  Followed published, created;
  load::Outcome searched;
};

// `written` is called when the last write is answered; what was written is then still followed.
Quiet quiet(
    Bench& bench, Meshd& meshd, const std::string& what,
    const std::function<void()>& written = [] {}) {
  const load::Seconds time = bench.seconds(10);
  load::Plan search;
  search.address = meshd->address("gateway");
  search.connections = 16;
  search.rate = 50;
  search.time = time;
  search.request = [](std::uint64_t n, std::string& out) {
    const auto user = person(kQuiet, n * 7 % kQuietUsers);
    append_request(out, "GET", "/ai/users/search?query=" + percent_encode(query_for(user, n)),
                   kQuiet);
  };
  Quiet all;
  // Beyond the numbers of every dataset.
  const auto first = 10'000'000 + take_numbers(10'000);
  std::latch writing(3);
  const auto done = [&] { writing.count_down(); };
  std::thread publishing([&] {
    prefer_this_thread();
    all.published =
        publishes("quiet publish 50/s " + what, meshd, {{kQuiet}, 50, 5, time, first, done});
  });
  std::thread creating([&] {
    prefer_this_thread();
    all.created = creates("quiet create 20/s " + what, meshd, {{kQuiet}, 20, 1, time, first, done});
  });
  std::thread searching([&] {
    prefer_this_thread();
    all.searched = measure("quiet search 50/s " + what, search);
    done();
  });
  writing.wait();
  written();
  searching.join();
  publishing.join();
  creating.join();
  return all;
}

void add(Bench& bench, const std::string& flood, const Quiet& beside, const Quiet& alone) {
  const auto row = [&](const char* what, const load::Histogram& with,
                       const load::Histogram& without) {
    const auto p99 = [](const load::Histogram& h) {
      return static_cast<double>(h.percentile(0.99)) / 1000;
    };
    bench.report.add({"fairness/" + flood + "/" + what + "/p99", p99(with), "ms", p99(without)});
  };
  row("publish", beside.published.writes.latency, alone.published.writes.latency);
  row("publish-counted", beside.published.visible.latency, alone.published.visible.latency);
  row("search", beside.searched.latency, alone.searched.latency);
  row("create", beside.created.writes.latency, alone.created.writes.latency);
  row("create-searchable", beside.created.visible.latency, alone.created.visible.latency);
}

struct Flood {
  const char* name;
  load::Plan plan;
};

std::vector<Flood> floods(Meshd& meshd, std::uint64_t flood_users) {
  static const std::vector<std::string> bulks{event_lines(0, 1'000), event_lines(1'000, 1'000)};
  const auto unlimited_time = std::chrono::minutes(10);
  const std::uint64_t first = 10'000'000 + take_numbers(10'000'000);
  load::Plan search;
  search.address = meshd->address("gateway");
  search.connections = kFloodConnections;
  search.time = unlimited_time;
  search.request = [=](std::uint64_t n, std::string& out) {
    append_request(out, "GET",
                   "/ai/users/search?query=" +
                       percent_encode(query_for(person(kFlood, n * 7 % flood_users), n)),
                   kFlood);
  };
  return {
      {"publish",
       post_plan(meshd->address("publisher"), "/api/v1/events/analytics", kFlood, kFloodConnections,
                 unlimited_time, [](std::uint64_t n) { return event_body(n); })},
      {"bulk",
       post_plan(
           meshd->address("publisher"), "/api/v1/events", kFlood, kFloodConnections, unlimited_time,
           [](std::uint64_t n) { return bulks[n % 2]; }, "application/x-ndjson")},
      {"create",
       post_plan(meshd->address("users"), "/users/create", kFlood, kFloodConnections,
                 unlimited_time,
                 [=](std::uint64_t n) { return create_body(person(kFlood, first + n)); })},
      {"search", std::move(search)},
  };
}

void beside_floods(Bench& bench, const std::string& data_dir, std::uint64_t flood_users,
                   bool limits) {
  Meshd meshd(data_dir, config({.default_limits = limits}));
  if (limits) {  // the default of searches, 10/s, is for the flood: the quiet one makes 50/s
    meshd.admin("POST", "/admin/v1/tenants",
                std::string(R"({"id":")") + kQuiet +
                    R"(","rate_limits":{"search":{"rate":1000,"per":"1s","burst":1000}}})");
  }
  const std::string kind = limits ? "within-limits/" : "unlimited/";
  const Quiet alone = quiet(bench, meshd, "alone");
  for (auto& [name, plan] : floods(meshd, flood_users)) {
    meshd.await_idle();
    std::stop_source stop;
    plan.stop = stop.get_token();
    plan.expected = [](int status) { return status / 100 == 2 || status == 429; };
    std::thread flooding([&, n = name, p = plan] { (void)measure("flood of " + kind + n, p); });
    const Quiet beside = quiet(bench, meshd, "beside " + kind + name, [&] { stop.request_stop(); });
    flooding.join();
    add(bench, kind + name, beside, alone);
  }
}

// A backlog that the pipelines have to work off while the quiet tenant goes on.
void beside_backlog(Bench& bench, const std::string& name, const std::string& group,
                    const std::function<void(const std::string& data_dir)>& make_backlog) {
  const test::TempDir dir;
  const std::string data = dir.file("data");
  index_users(data, {{kQuiet, kQuietUsers}});
  Quiet alone;
  {
    Meshd meshd(data, config());
    alone = quiet(bench, meshd, "alone");
    meshd.await_idle();
  }
  make_backlog(data);
  Meshd meshd(data, config());
  Bench::progress(name + ": " + std::to_string(meshd.lag(group)) + " events behind");
  const Quiet beside = quiet(bench, meshd, "beside " + name);
  Bench::progress(name + ": still " + std::to_string(meshd.lag(group)) + " events behind");
  add(bench, name, beside, alone);
}

}  // namespace

void fairness(Bench& bench) {
  bench.report.group("fairness",
                     "a quiet tenant (50 publishes, 50 searches, 20 creates per second) beside "
                     "another that floods with 64 connections or has a backlog",
                     "the same without the other tenant");
  const std::uint64_t flood_users = bench.quick ? 20'000 : 100'000;
  for (const bool limits : {false, true}) {
    const test::TempDir dir;
    index_users(dir.file("data"), {{kQuiet, kQuietUsers}, {kFlood, flood_users}});
    beside_floods(bench, dir.file("data"), flood_users, limits);
  }
  const std::uint64_t backlog = bench.quick ? 100'000 : 1'000'000;
  beside_backlog(bench, "backlog-of-events", "analytics", [&](const std::string& data) {
    Meshd meshd(data, config({.pipelines = false}));
    publish_lines(meshd, kFlood, backlog);
  });
  beside_backlog(bench, "backlog-of-users", "user-index-1", [&](const std::string& data) {
    store_users(data, {{kFlood, backlog / 5}});
    Meshd meshd(data, config({.pipelines = false}));
    meshd.await_idle();  // its outbox, that is: nothing indexes
  });
}

}  // namespace mesh::bench
