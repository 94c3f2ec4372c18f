#include "daemon/pipelines.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include "common/telemetry/log.h"
#include "daemon/metering/metering.h"
#include "daemon/pipeline/event_index/event_rebuild.h"
#include "daemon/pipeline/stages/projection_stages.h"
#include "daemon/services/tenant_directory.h"

namespace mesh {
namespace {

using pipeline::kUserIndex;

// Until what a process has counted in a minute is in the log.
constexpr Duration kMinuteOfUse =
    Duration{60'000} + metering::Metering::kTick + metering::Metering::kRetry;
constexpr Duration kAttempt{30'000};  // of a stage that asks a model

// The pipelines beside the index's, one row each.
struct ProjectionDef {
  pipeline::TopicGroup reads;
  std::unique_ptr<pipeline::Stage> (*stage)(const Ports& ports, Clock& clock);
};
constexpr ProjectionDef kProjections[] = {
    {pipeline::kAnalytics,
     [](const Ports& ports, Clock& clock) {
       return pipeline::make_analytics_stage(ports.analytics, clock, ports.summaries);
     }},
    {pipeline::kChemical,
     [](const Ports& ports, Clock& clock) {
       return pipeline::make_chemical_stage(ports.extractor, ports.chemical, clock,
                                            ports.summaries);
     }},
    {pipeline::kMetering, [](const Ports& ports, Clock& clock) {
       return pipeline::make_metering_stage(ports.usage, clock);
     }}};

pipeline::PipelineOptions options_of(const config::Config& config, const std::string& process,
                                     const pipeline::TopicGroup& reads) {
  pipeline::PipelineOptions options;
  options.name = reads.group;
  options.topics = {reads.topic};
  options.batch = config.pipelines.batch;
  options.retry = config.pipelines.retry;
  options.max_parked = config.pipelines.max_parked;
  options.member = process;
  if (reads.group == kUserIndex.group && config.vectors.engine == "qdrant") {
    options.commit_delay = config.qdrant.flush_interval;
  }
  return options;
}

pipeline::PipelineDeps deps_of(const Ports& ports, LogAdmin& log_admin, Clock& clock,
                               Metrics& metrics, Usage& usage, Spans* spans) {
  return {ports.log, log_admin, ports.retries, clock, metrics, &usage, spans};
}

// Answers of models are kept by a hash of the tenant and the text: nobody finds those of one
// tenant.
std::vector<KeptPart> uncounted(const config::Config& config) {
  if (config.embedder.engine != "openai" && config.extractor.engine != "openai") return {};
  return {
      {"cache/models", 0,
       "answers of models, by a hash of tenant and text, without either: they go as others take "
       "their room (openai.cache)"}};
}

pipeline::ErasureDeps erasure_deps(const config::Config& config, const Ports& ports,
                                   const Pipelines::Self& self, Clock& clock) {
  std::vector<ReadCache*> caches;
  for (ReadCache* cache : {ports.summaries, ports.searches}) {
    if (cache != nullptr && std::ranges::find(caches, cache) == caches.end())
      caches.push_back(cache);
  }
  pipeline::ErasureDeps deps{.log = ports.log,
                             .admin = ports.log_admin,
                             .users = ports.users,
                             .tenants = ports.tenants,
                             .tasks = ports.tasks,
                             .data = ports.tenant_data,
                             .keys = ports.keys,
                             .outbox = ports.outbox,
                             .index = ports.index,
                             .events = ports.events,
                             .caches = std::move(caches),
                             .forget_keys =
                                 [keys = ports.forget_keys, forget = self.forget](const auto& of) {
                                   keys(of);
                                   forget(of);
                                 },
                             .uncounted = uncounted(config),
                             .clock = clock,
                             .version = self.version,
                             .sign = {},
                             .settle = services::TenantDirectory::kRefresh +
                                       std::max(config.http.answer_timeout, kMinuteOfUse),
                             .park = config.pipelines.retry.cap + kAttempt,
                             .max_attempts = config.pipelines.retry.max_attempts};
  if (self.receipt_key != nullptr) {
    deps.sign = [key = self.receipt_key](const Json& receipt) { return key->sign(receipt); };
  }
  return deps;
}

pipeline::EventIndexing::Deps event_indexing_deps(const config::Config& config, const Ports& ports,
                                                  const Pipelines::Self& self,
                                                  const pipeline::PipelineDeps& deps,
                                                  std::function<Status(Json)> submit) {
  // Other processes may go by records of tenants, and by generations, that are so old.
  constexpr Duration kOlder = services::TenantDirectory::kRefresh + Duration{3'000};
  auto base = options_of(config, self.process, {"", "", ""});
  if (config.vectors.engine == "qdrant") base.commit_delay = config.qdrant.flush_interval;
  return {
      .index = ports.events,
      .embedders = ports.embedders,
      .searchable = self.searchable,
      .types = self.searchable_types,
      .leases = ports.leases,
      .tenants = ports.tenants,
      .tasks = ports.tasks,
      .submit = std::move(submit),
      .process = self.process,
      .base = std::move(base),
      .pipeline = deps,
      .settle = (config.log.engine == "kafka" ? kOlder : Duration::zero()) + ports.events_settle};
}

}  // namespace

TopicSpec topic_spec(const config::Log& config, std::string name, TopicKind kind) {
  TopicSpec spec{std::move(name), kind, config.partitions, {}, {}};
  // Entity topics are compacted and do not expire. Brokers hold nothing beyond its time, and a
  // letter that nobody has settled must not go.
  const bool kept = config.engine == "kafka" && is_dead_letter_topic(spec.name);
  if (kind == TopicKind::activity && !kept) {
    spec.max_age = config.retention.activity.age;
    spec.max_bytes = config.retention.activity.size;
  }
  return spec;
}

Status make_topics(const config::Log& config, LogAdmin& log) {
  for (const auto& topic : topics()) {
    MESH_TRY(log.ensure_topic(topic_spec(config, std::string(topic.name), topic.kind)));
    MESH_TRY(
        log.ensure_topic(topic_spec(config, dead_letter_topic(topic.name), TopicKind::activity)));
  }
  // Groups of the index are made with its generations; their topic is compacted, and tells a late
  // one all the same.
  for (const auto& [reads, stage] : kProjections) {
    MESH_TRY(log.ensure_group(reads.group, {reads.topic}));
  }
  return {};
}

Pipelines::Pipelines(const config::Config& config, const Ports& ports, const Self& self,
                     Clock& clock, Metrics& metrics, Usage& usage, Spans* spans)
    : log_admin_(ports.log_admin, ports.leases, clock),
      serving_embedder(ports.index, ports.embedders, clock),
      generations({ports.index, ports.embedders, ports.leases, ports.tasks, self.process,
                   options_of(config, self.process, kUserIndex),
                   deps_of(ports, log_admin_, clock, metrics, usage, spans), ports.searches,
                   &serving_embedder}),
      events(event_indexing_deps(config, ports, self,
                                 deps_of(ports, log_admin_, clock, metrics, usage, spans),
                                 [this](Json spec) -> Status {
                                   (void)MESH_TRY(tasks.submit("rebuild", std::move(spec), 0,
                                                               std::string(kStartedByMesh)));
                                   return {};
                                 })),
      relay(ports.outbox, ports.leases, ports.log, ports.log_admin, self.process, clock, metrics,
            spans),
      replayer(ports.log, ports.log_admin, clock,
               [this](const std::string& name) { return stage(name); }),
      dead_letters({ports.log, ports.log_admin, ports.retries, ports.leases, ports.index, clock,
                    self.process}),
      seeker(ports.log_admin, ports.leases, self.process, clock),
      erasure(erasure_deps(config, ports, self, clock)),
      client_tasks(ports.tasks, ports.log, self.process, clock, metrics),
      tasks(ports.tasks, ports.log, self.process, clock, metrics,
            {config.tasks.max_running, config.tasks.max_running_per_tenant}),
      config_(config),
      retention_({ports.log, ports.log_admin, ports.tenants, ports.leases, clock, self.process}) {
  for (const auto& [reads, make] : kProjections) {
    auto stage = make(ports, clock);
    auto runs = std::make_unique<pipeline::Pipeline>(
        options_of(config, self.process, reads), *stage,
        deps_of(ports, log_admin_, clock, metrics, usage, spans));
    projections_.push_back({reads, std::move(stage), std::move(runs)});
  }
  // A process without the role takes tasks nevertheless where another has it, which it knows by its
  // signs of life.
  tasks.ask_elsewhere([&members = ports.members]() -> Result<bool> {
    const auto all = MESH_TRY(members.list());
    return std::ranges::any_of(all, [](const MemberInfo& info) {
      return std::ranges::find(info.member.roles, config::role::kPipelines.name) !=
             info.member.roles.end();
    });
  });
  if (!config.has_role(config::role::kPipelines)) return;
  tasks.define("replay", [this](auto& context) { return replayer.run(context); });
  tasks.define("redrive", [this](auto& context) { return dead_letters.redrive(context); });
  tasks.define("purge", [this](auto& context) { return dead_letters.purge(context); });
  tasks.define("seek", [this](auto& context) { return seeker.run(context); });
  for (const auto kind : kClientTaskKinds) {
    tasks.define(std::string(kind), pipeline::end_of_silent);
  }
  tasks.define(
      "erasure", [this](auto& context) { return erasure.run(context); },
      // A process without a key counts, and leaves the rest to one that has it.
      [signs = self.receipt_key != nullptr](const Task& task) {
        return signs || pipeline::is_dry_run(task);
      });
  tasks.define(
      "rebuild",
      [this](auto& context) {
        return pipeline::event_rebuild_spec(context.task()) ? events.rebuild(context)
                                                            : generations.rebuild(context);
      },
      [this](const Task& task) {
        return pipeline::event_rebuild_spec(task) ? events.can_rebuild(task)
                                                  : generations.can_rebuild(task);
      });
}

Pipelines::~Pipelines() { stop(); }

Status Pipelines::start() {
  const bool runs = config_.has_role(config::role::kPipelines);
  // Who writes users moves their events, too; of several processes the lease lets one do so.
  if (runs || config_.has_role(config::role::kUsers)) relay.start();
  // It has no work, and sees what others do.
  if (!runs && config_.has_role(config::role::kAdmin)) tasks.start();
  if (!runs) return {};
  MESH_TRY(generations.start());
  for (auto& projection : projections_) MESH_TRY(projection.pipeline->start());
  tasks.start();
  // Behind the tasks: what is to be filled is one.
  MESH_TRY(events.start());
  retention_.start();
  const auto foreign = generations.foreign();
  if (!foreign) return {};
  const bool lost = MESH_TRY(generations.is_lost(*foreign));
  log::warn(lost ? "the embedder that the index was made with cannot be had: searches are refused "
                   "until it is rebuilt, which begins now"
                 : "this process cannot have the embedder that the index was made with: it refuses "
                   "searches until it can, or the index is rebuilt; others go on, or a rebuild is "
                   "under way",
            {{"generation", foreign->info.name}, {"cause", foreign->why}});
  if (lost) {
    auto spec = MESH_TRY(generations.rebuild_spec());
    (void)MESH_TRY(tasks.submit("rebuild", std::move(spec), 0, std::string(kStartedByMesh)));
  }
  return {};
}

void Pipelines::stop() {
  // First, since a task calls stages and makes generations.
  tasks.stop();
  // At once, so that a server that is away holds up all of them no longer than the slowest.
  std::vector<std::jthread> stops;
  stops.emplace_back([this] { relay.stop(); });
  stops.emplace_back([this] { retention_.stop(); });
  stops.emplace_back([this] { events.stop(); });
  for (auto& projection : projections_) {
    stops.emplace_back([&pipeline = *projection.pipeline] { pipeline.stop(); });
  }
  stops.emplace_back([this] { generations.stop(); });
}

Result<std::shared_ptr<pipeline::Stage>> Pipelines::stage(const std::string& name) {
  if (name == kUserIndex.group) return generations.serving_stage();
  for (const auto& projection : projections_) {
    if (name == projection.reads.group) return projection.stage;
  }
  return events.stage(name);
}

std::vector<std::string> Pipelines::groups() const {
  if (!config_.has_role(config::role::kPipelines)) return {};
  auto groups = generations.fed();
  for (const auto& projection : projections_) groups.emplace_back(projection.reads.group);
  std::ranges::move(events.fed(), std::back_inserter(groups));
  return groups;
}

std::vector<pipeline::PipelineStatus> Pipelines::statuses() {
  std::vector<pipeline::PipelineStatus> all;
  for (auto& projection : projections_) all.push_back(projection.pipeline->status());
  std::ranges::move(events.statuses(), std::back_inserter(all));
  if (auto list = generations.list()) {
    for (auto& status : *list) {
      if (status.follows) all.push_back(std::move(status.pipeline));
    }
  } else {
    log::error("the index's generations cannot be listed", {{"cause", list.error().to_string()}});
  }
  return all;
}

}  // namespace mesh
