#include <unistd.h>

#include <thread>

#include "tests/bench/groups/groups.h"
#include "tests/bench/load/connection.h"
#include "tests/bench/requests.h"

namespace mesh::bench {
namespace {

// Connections that had one request each and stay open.
class IdleConnections {
 public:
  explicit IdleConnections(const std::string& address) : address_(address) {}
  void grow_to(std::size_t count) {
    const std::string once = request("GET", "/livez", "acme");
    while (open_.size() < count) {
      open_.emplace_back(address_);
      open_.back().exchange(once);
    }
  }

 private:
  std::string address_;
  std::vector<load::Connection> open_;
};

Measured busy(Bench& bench, Meshd& meshd, const std::string& what) {
  return measure(what,
                 post_plan(meshd->address("publisher"), "/api/v1/events/analytics", "acme", 64,
                           bench.seconds(4), [](std::uint64_t n) { return event_body(n); }));
}

}  // namespace

void idle(Bench& bench) {
  bench.report.group("idle", "resident memory without work; 64 busy connections beside idle ones",
                     "the busy ones without idle ones");
  {
    Meshd meshd;
    std::this_thread::sleep_for(std::chrono::seconds(2));
    const Memory fresh = memory_of(meshd->pid());
    bench.report.add({"idle/resident", fresh.resident, "MB"});
    bench.report.add({"idle/anonymous", fresh.anonymous, "MB"});
    IdleConnections idle(meshd->address("publisher"));
    for (const std::size_t count : {1'000u, 5'000u}) {
      idle.grow_to(count);
      const Memory now = memory_of(meshd->pid());
      const std::string name = "idle/" + std::to_string(count) + "-connections/";
      bench.report.add({name + "resident", now.resident, "MB", fresh.resident});
      bench.report.add({name + "per-connection",
                        (now.anonymous - fresh.anonymous) * 1e6 / static_cast<double>(count), "B"});
    }
  }
  Meshd meshd(config({.pipelines = false}));
  Measured alone, beside;
  for (int round = 0; round < bench.rounds(); ++round) {
    keep_best(alone, busy(bench, meshd, "64 busy"));
    IdleConnections idle(meshd->address("publisher"));
    idle.grow_to(5'000);
    keep_best(beside, busy(bench, meshd, "64 busy beside 5,000 idle"));
  }
  add_rates(bench, "idle/64-busy-beside-5000-idle", beside, &alone);
}

}  // namespace mesh::bench
