#include <stdexcept>

#include "tests/bench/groups/groups.h"
#include "tests/bench/requests.h"

namespace mesh::bench {
namespace {

constexpr const char* kWhoPublishes = "acme";
constexpr int kPublishing = 256, kBulkConnections = 4;
constexpr int kLines = 1'000;  // of a bulk

struct Side {
  Meshd meshd;
  Measured publish = {};
  double worked_off = 0;  // events a second, from the first publish until no group lags
};

Measured publish(Bench& bench, Side& side) {
  side.meshd.await_idle();
  return measure(
      "publish",
      post_plan(side.meshd->address("publisher"), "/api/v1/events/analytics", kWhoPublishes,
                kPublishing, bench.seconds(3), [](std::uint64_t n) { return event_body(n); }),
      side.meshd->pid());
}

double work_off(Bench& bench, Side& side, const std::string& lines) {
  side.meshd.await_idle();
  const auto start = load::SteadyClock::now();
  const auto bulk = measure(
      "bulk",
      post_plan(
          side.meshd->address("publisher"), "/api/v1/events", kWhoPublishes, kBulkConnections,
          bench.seconds(2), [&](std::uint64_t) { return lines; }, "application/x-ndjson"),
      side.meshd->pid());
  if (bulk.failed() > 0) throw std::runtime_error("bulk: " + bulk.failures());
  side.meshd.await_idle();
  const load::Seconds took = load::SteadyClock::now() - start;
  return static_cast<double>(bulk.all) * kLines / took.count();
}

}  // namespace

void indexing(Bench& bench) {
  bench.report.group("indexing", "events of a searchable type, beside the index of them",
                     "the same with vectors.events: false");
  Side with{Meshd(config())}, without{Meshd(config({.events = false}))};
  const std::string lines = event_lines(0, kLines);
  for (int round = 0; round < bench.rounds(); ++round) {
    for (Side* side : {&without, &with}) {
      keep_best(side->publish, publish(bench, *side));
      side->worked_off = std::max(side->worked_off, work_off(bench, *side, lines));
    }
  }
  add_rates(bench, "indexing/publish/" + std::to_string(kPublishing), with.publish,
            &without.publish);
  bench.report.add({"indexing/worked-off/events", with.worked_off, "1/s", without.worked_off});
}

}  // namespace mesh::bench
