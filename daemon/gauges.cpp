#include "daemon/gauges.h"

#include <algorithm>
#include <utility>

#include "daemon/heap.h"

namespace mesh {

Gauges::Gauges(Metrics& metrics, const Usage& usage, const Engines& engines,
               const http::Server& server, Clock& clock)
    : metrics_(metrics),
      usage_(usage),
      engines_(engines),
      server_(server),
      retention_(metrics),
      process_(metrics),
      clock_(clock),
      sampling_("gauges", clock, kPeriod, [this] { sample(); }) {}

void Gauges::collect() {
  if (metrics_.crowded()) name_busiest_tenants();
  set("mesh_http_buffered_bytes",
      "Request bodies, and answers that wait for their readers, that are held.",
      static_cast<double>(server_.buffered_bytes()));
  collect_heap();
  // Shown, since a sample that hangs leaves the last numbers standing.
  const std::chrono::duration<double> age = clock_.steady() - sampled_.load();
  set("mesh_engines_sample_age_seconds",
      "How old what is shown of log, outbox, index and files is.", age.count());
}

void Gauges::sample() {
  process_.collect();
  set("mesh_outbox_events", "Committed events that wait for the log.",
      static_cast<double>(engines_.ports().outbox.size()));
  engines_.set_gauges(metrics_);
  retention_.collect(engines_.ports().log_admin);
  collect_generations();
  sampled_ = clock_.steady();
}

void Gauges::name_busiest_tenants() {
  std::vector<Metrics::Used> used;
  for (const auto& row : usage_.totals()) {
    if (row.tenant != Usage::kOthers) used.push_back({row.tenant, row[Use::requests]});
  }
  metrics_.name_busiest(std::move(used));
}

void Gauges::collect_heap() {
  const Heap held = heap();
  for (const auto& [state, bytes] : {std::pair{"used", held.used}, {"kept", held.kept}}) {
    metrics_
        .gauge("mesh_heap_bytes", "The heap: handed out, and resident besides.", {{"state", state}})
        .set(static_cast<double>(bytes));
  }
}

void Gauges::collect_generations() {
  const auto all = engines_.ports().index.generations();
  if (!all) return;  // shown as an error where it is asked for
  // A generation that was dropped must not go on with its last number.
  for (const auto& name : std::exchange(generations_, {})) {
    if (std::ranges::find(*all, name, &GenerationInfo::name) == all->end())
      metrics_.forget("generation", name);
  }
  for (const auto& generation : *all) {
    metrics_
        .gauge("mesh_index_vectors", "Vectors per generation.", {{"generation", generation.name}})
        .set(static_cast<double>(generation.vectors));
    generations_.push_back(generation.name);
  }
}

}  // namespace mesh
