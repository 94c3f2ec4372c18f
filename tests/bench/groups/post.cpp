#include "tests/bench/groups/groups.h"
#include "tests/bench/requests.h"

namespace mesh::bench {
namespace {

constexpr const char* kTenant = "acme";

// Numbers of users and events go on over all runs of a daemon: no e-mail comes twice.
struct Counters {
  std::uint64_t users = 0, events = 0;
};

void at(Bench& bench, Meshd& meshd, Counters& next, const std::string& suffix, int connections) {
  const std::string label = std::to_string(connections) + suffix;
  const load::Seconds time = bench.seconds(3);
  const NoopServer idle_server;
  Measured noop, create, publish;
  for (int round = 0; round < bench.rounds(); ++round) {
    meshd.await_idle();
    keep_best(noop, measure("do nothing, " + label,
                            post_plan(idle_server.address(), "/noop", kTenant, connections, time,
                                      [](std::uint64_t n) { return event_body(n); }),
                            idle_server.pid()));
    keep_best(
        create,
        measure(
            "create, " + label,
            post_plan(meshd->address("users"), "/users/create", kTenant, connections, time,
                      [&](std::uint64_t) { return create_body(person(kTenant, next.users++)); }),
            meshd->pid()));
    meshd.await_idle();
    keep_best(publish, measure("publish, " + label,
                               post_plan(meshd->address("publisher"), "/api/v1/events/analytics",
                                         kTenant, connections, time,
                                         [&](std::uint64_t) { return event_body(next.events++); }),
                               meshd->pid()));
  }
  add_rates(bench, "post/noop/" + label, noop);
  add_rates(bench, "post/create/" + label, create, &noop);
  add_rates(bench, "post/publish/" + label, publish, &noop);
}

// Creates with an Idempotency-Key each, which are looked up, claimed and stored beside the user.
void with_keys(Bench& bench, Meshd& meshd, Counters& next, int connections) {
  const std::string label = "create-with-key/" + std::to_string(connections);
  load::Plan plan = post_plan(meshd->address("users"), "/users/create", kTenant, connections,
                              bench.seconds(3), {});
  plan.request = [&](std::uint64_t, std::string& out) {
    const std::uint64_t n = next.users++;
    append_request(out, "POST", "/users/create", kTenant, create_body(person(kTenant, n)),
                   "application/json", "bench-" + std::to_string(n));
  };
  Measured create;
  for (int round = 0; round < bench.rounds(); ++round) {
    meshd.await_idle();
    keep_best(create, measure(label, plan, meshd->pid()));
  }
  add_rates(bench, "post/" + label, create);
}

}  // namespace

void post(Bench& bench) {
  bench.report.group(
      "post", "durable single POSTs by connections, answered after their fsync",
      "the do-nothing POST of our HTTP server with the same chain, same connections");
  {
    Meshd meshd;
    Counters next;
    for (const int connections : {1, 64, 256, 1000}) at(bench, meshd, next, "", connections);
    with_keys(bench, meshd, next, 256);
  }
  // What indexing and projecting beside the writes cost.
  Meshd meshd(config({.pipelines = false}));
  Counters next;
  at(bench, meshd, next, "/without-pipelines", 256);
}

}  // namespace mesh::bench
