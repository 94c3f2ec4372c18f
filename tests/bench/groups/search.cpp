#include "common/base/strings.h"
#include "tests/bench/dataset.h"
#include "tests/bench/groups/groups.h"
#include "tests/bench/requests.h"

namespace mesh::bench {
namespace {

// Queries over all tenants in turn.
load::Plan plan(Meshd& meshd, const std::vector<TenantUsers>& population, int connections,
                load::Seconds time) {
  load::Plan plan;
  plan.address = meshd->address("gateway");
  plan.connections = connections;
  plan.time = time;
  plan.request = [&population](std::uint64_t number, std::string& out) {
    const auto& part = population[number * 31 % population.size()];
    const auto user = person(part.tenant, number * 104'729 % part.users);
    append_request(out, "GET", "/ai/users/search?query=" + percent_encode(query_for(user, number)),
                   part.tenant);
  };
  return plan;
}

load::Plan nothing(Meshd& meshd, int connections, load::Seconds time) {
  load::Plan plan;
  plan.address = meshd->address("gateway");
  plan.connections = connections;
  plan.time = time;
  plan.request = [](std::uint64_t, std::string& out) {
    append_request(out, "GET", "/livez", "acme");
  };
  return plan;
}

void at(Bench& bench, Meshd& meshd, const std::string& label,
        const std::vector<TenantUsers>& population) {
  Measured alone, livez, eight, livez_eight;
  for (int round = 0; round < bench.rounds(); ++round) {
    const load::Seconds time = bench.seconds(4);
    keep_best(livez, measure("livez, 1", nothing(meshd, 1, time)));
    keep_best(alone, measure("search in " + label + ", 1", plan(meshd, population, 1, time)));
    keep_best(livez_eight, measure("livez, 8", nothing(meshd, 8, time), meshd->pid()));
    keep_best(eight, measure("search in " + label + ", 8", plan(meshd, population, 8, time),
                             meshd->pid()));
  }
  const std::string name = "search/" + label;
  add_latencies(bench, name + "/1-connection", alone.latency, &livez.latency);
  add_rates(bench, name + "/8-connections", eight, &livez_eight);
  bench.report.add({name + "/recall-at-10",
                    recall_at_10(meshd, population.front(), bench.quick ? 50 : 200), "", 1.0});
}

void in_one_daemon(Bench& bench,
                   const std::vector<std::pair<std::string, std::vector<TenantUsers>>>& cases) {
  const test::TempDir dir;
  std::vector<TenantUsers> all;
  for (const auto& [label, part] : cases) all.insert(all.end(), part.begin(), part.end());
  const double seconds = index_users(dir.file("data"), all);
  Bench::progress("indexed in " + std::to_string(seconds) + " s");
  Meshd meshd(dir.file("data"), config());
  for (const auto& [label, population] : cases) at(bench, meshd, label, population);
}

}  // namespace

void search(Bench& bench) {
  bench.report.group("search", "searches over HTTP by query text: names, parts of addresses, typos",
                     "GET /livez of the same listener; of the recall: an exact scan in 32 bits");
  in_one_daemon(
      bench,
      {{"1k", {{"small", 1'000}}}, {"10k", {{"medium", 10'000}}}, {"100k", {{"large", 100'000}}}});
  const int tenants = bench.quick ? 1'000 : 10'000;
  std::vector<TenantUsers> many;
  for (int i = 0; i < tenants; ++i) many.push_back({"tenant-" + std::to_string(i), 100});
  in_one_daemon(bench, {{std::to_string(tenants) + "-tenants-of-100", many}});
  if (!bench.quick) in_one_daemon(bench, {{"1M", {{"huge", 1'000'000}}}});
}

}  // namespace mesh::bench
