#include <vector>

#include "tests/bench/bare_producer.h"
#include "tests/bench/engine_sets.h"
#include "tests/bench/groups/groups.h"
#include "tests/bench/requests.h"

namespace mesh::bench {
namespace {

constexpr const char* kEngineTenant = "acme";
constexpr double kBrokersWarmUp = 8;  // seconds; what has not run yet is interpreted

struct OnEngines {
  const EngineSet* set;
  std::unique_ptr<Meshd> meshd;
  std::uint64_t users = 0, events = 0;  // numbers of the next ones
};
using Daemons = std::vector<OnEngines>;

struct Best {
  Measured create, publish;
};

void await_idle(Daemons& daemons) {
  for (auto& one : daemons) one.meshd->await_idle();
}

// All stand idle while one is measured.
void measure_one(Best& best, Daemons& daemons, OnEngines& one, int connections,
                 load::Seconds time) {
  Meshd& meshd = *one.meshd;
  const auto keep = [&](Measured& kept, const std::string& what, const load::Plan& plan) {
    await_idle(daemons);
    keep_best(kept, measure(what + ", " + one.set->name + ", " + std::to_string(connections), plan,
                            meshd->pid()));
  };
  if (!one.set->publisher) {
    keep(best.create, "create",
         post_plan(meshd->address("users"), "/users/create", kEngineTenant, connections, time,
                   [&](std::uint64_t) { return create_body(person(kEngineTenant, one.users++)); }));
  }
  keep(best.publish, "publish",
       post_plan(meshd->address("publisher"), "/api/v1/events/analytics", kEngineTenant,
                 connections, time, [&](std::uint64_t) { return event_body(one.events++); }));
}

void at(Bench& bench, Daemons& daemons, BareProducer& producer, int connections) {
  const load::Seconds time = bench.seconds(3);
  Measured bare, bare_default;
  std::vector<Best> best(daemons.size());
  for (int round = 0; round < bench.rounds(); ++round) {
    await_idle(daemons);
    keep_best(bare, producer.run(kEngineTenant, connections, time));
    keep_best(bare_default,
              producer.run(kEngineTenant, connections, time, BareProducer::Linger::library));
    for (std::size_t i = 0; i < daemons.size(); ++i) {
      measure_one(best[i], daemons, daemons[i], connections, time);
    }
  }
  const std::string label = "/" + std::to_string(connections) + "/";
  for (std::size_t i = 0; i < daemons.size(); ++i) {
    if (daemons[i].set->publisher) continue;
    add_rates(bench, "post/create" + label + daemons[i].set->name, best[i].create,
              i == 0 ? nullptr : &best[0].create);
  }
  for (std::size_t i = 0; i < daemons.size(); ++i) {
    add_rates(bench, "post/publish" + label + daemons[i].set->name, best[i].publish,
              i == 0 ? nullptr : &best[0].publish);
  }
  add_rates(bench, "post/bare-producer" + label + "kafka", bare);
  add_rates(bench, "post/bare-producer-default" + label + "kafka", bare_default);
  for (std::size_t i = 0; i < daemons.size(); ++i) {
    if (!daemons[i].set->kafka) continue;
    const double rate = best[i].publish.rate();
    const std::string name = label + daemons[i].set->name;
    bench.report.add({"post/publish-to-bare" + name, rate, "1/s", bare.rate()});
    bench.report.add({"post/publish-to-bare-default" + name, rate, "1/s", bare_default.rate()});
  }
}

}  // namespace

void post_on_engines(Bench& bench) {
  bench.report.group(
      "post", "durable single POSTs by connections, on other engines beside the embedded ones",
      "the embedded engines; of publish-to-bare: librdkafka alone, as many records in flight");
  const auto servers = EngineServers::start();
  Daemons daemons;
  for (const auto& set : kEngineSets) {
    daemons.push_back({&set, std::make_unique<Meshd>(servers->folder(set), servers->config(set))});
  }
  BareProducer bare(servers->kafka_address());
  (void)bare.run(kEngineTenant, 256, bench.seconds(kBrokersWarmUp));
  for (const int connections : {1, 64, 256}) at(bench, daemons, bare, connections);
}

}  // namespace mesh::bench
