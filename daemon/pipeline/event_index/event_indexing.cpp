#include "daemon/pipeline/event_index/event_indexing.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "common/base/periodic.h"
#include "common/base/strings.h"
#include "common/domain/catalogue.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/event_index/event_index_stage.h"
#include "daemon/pipeline/event_index/event_rebuild.h"
#include "daemon/pipeline/groups.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

constexpr const char* kSweepLease = "event-index";
constexpr Duration kSweepLeaseTime = 3 * EventIndexing::kSweep;
constexpr const char* kMakerLease = "event-generations";
constexpr Duration kMakerTime{30'000};
constexpr int kTasksSeen = 100;  // newest ones, for a rebuild under way
constexpr int kTenantsSeen = 1'000;
// After a rebuild that the mesh asked for by itself, and that failed or was cancelled.
constexpr Duration kAskAgain{5 * 60'000};

using EventGenerations = std::vector<EventGeneration>;

bool has_one(const EventGenerations& all, std::string_view type) {
  return std::ranges::find(all, type, &EventGeneration::type) != all.end();
}

bool is_served(const EventGenerations& all, std::string_view type) {
  return std::ranges::any_of(all,
                             [&](const auto& one) { return one.type == type && one.info.serving; });
}

bool is_of_catalogue(std::string_view topic) {
  const auto known = mesh::topics();
  return std::ranges::find(known, topic, &TopicDef::name) != known.end();
}

void tell(const Error& error) {
  log::warn("which events are searchable is not looked at until the next time",
            {{"error", error.to_string()}});
}

bool is_begun(const GroupInfo& group) {
  return std::ranges::any_of(group.committed, [](const auto& at) { return at.second > 0; });
}

}  // namespace

struct EventIndexing::Impl {
  explicit Impl(Deps d)
      : deps(std::move(d)),
        stage(make_event_index_stage(deps.index, deps.embedders, deps.searchable)) {}

  const Deps deps;
  const std::shared_ptr<Stage> stage;  // one for all: it holds nothing of a topic
  std::mutex looking;                  // one look at a time
  mutable std::mutex mutex;
  std::map<std::string, std::unique_ptr<Pipeline>> pipelines;  // by topic; guarded by mutex
  bool stopped = false;                                        // likewise
  bool told_too_many = false;                                  // guarded by looking
  // Where each partition began when it was last swept. This and the following: of the sweeps.
  Offsets swept;
  std::optional<Lease> lease;
  SteadyTime sweep_at{};
  std::atomic<bool> begun{false};
  std::unique_ptr<Periodic> looks;  // last: it uses all of the above

  LogAdmin& admin() const { return deps.pipeline.admin; }
  void turn();
  Status look();
  Status sweep();
  std::vector<std::string> in_turn(const std::map<std::string, std::vector<std::string>>& types);
  // Whether the topic can be read; not while another process makes them.
  Result<bool> make_generations(const std::string& topic, const std::vector<std::string>& types,
                                const EventGenerations& all);
  Status make_missing(const std::string& topic, const std::vector<std::string>& missing);
  Result<bool> is_asked_for(const std::string& type) const;
  Result<bool> has_just_failed(const std::string& type) const;
  Status run_pipeline(const std::string& topic);
  LetterFate fate(const Position& died);
  Result<std::map<std::string, Duration>> retentions() const;
  Result<bool> holds_lease();
};

Result<std::string> topic_of(std::string_view type) {
  if (const auto* known = find_event_type(type)) return std::string(known->topic);
  return topic_of_unknown_type(type);
}

EventIndexing::EventIndexing(Deps deps) : impl_(std::make_unique<Impl>(std::move(deps))) {}

EventIndexing::~EventIndexing() { stop(); }

// A server that is away may come later; what will not pass stops the start.
Status EventIndexing::start() {
  Impl& impl = *impl_;
  if (impl.looks) return {};
  Clock& clock = impl.deps.pipeline.clock;
  impl.sweep_at = clock.steady() + kSweep;
  if (auto looked = look(); !looked) {
    if (!looked.error().retryable()) return looked;
    tell(looked.error());
  }
  // The first time of a Periodic is the caller's, who has just looked.
  impl.looks = std::make_unique<Periodic>("event-index", clock, kLook, [&impl] {
    if (impl.begun.exchange(true)) impl.turn();
  });
  return {};
}

void EventIndexing::stop() {
  Impl& impl = *impl_;
  if (impl.looks) impl.looks->stop();
  std::map<std::string, std::unique_ptr<Pipeline>> all;
  {
    std::lock_guard lock(impl.mutex);
    impl.stopped = true;
    all = std::exchange(impl.pipelines, {});
  }
  for (auto& [topic, pipeline] : all) pipeline->stop();
  if (impl.lease) (void)impl.deps.leases.release(*impl.lease);  // it runs out by itself
  impl.lease.reset();
}

Status EventIndexing::look() { return impl_->look(); }

Status EventIndexing::sweep() { return impl_->sweep(); }

void EventIndexing::Impl::turn() {
  if (auto looked = look(); !looked) tell(looked.error());
  if (deps.pipeline.clock.steady() < sweep_at) return;
  sweep_at = deps.pipeline.clock.steady() + kSweep;
  if (auto done = sweep(); !done) {
    log::warn("the event index may hold what the log does not; the next round takes it out",
              {{"error", done.error().to_string()}});
  }
}

Status EventIndexing::Impl::look() {
  std::lock_guard only(looking);
  std::map<std::string, std::vector<std::string>> types;  // by topic
  for (const auto& type : MESH_TRY(deps.types())) {
    // A name that has no topic cannot have an event either.
    if (const auto topic = topic_of(type)) types[*topic].push_back(type);
  }
  const auto topics = MESH_TRY(admin().topics());
  const auto all = MESH_TRY(deps.index.generations());
  std::size_t room = kMaxTopics;
  for (const auto& topic : in_turn(types)) {
    // That of an own type is made when the first event of it comes.
    const auto there =
        std::ranges::any_of(topics, [&](const TopicInfo& info) { return info.spec.name == topic; });
    if (!there) continue;
    if (room == 0) {
      if (!std::exchange(told_too_many, true)) {
        log::warn("more topics have searchable types than are read: the others are not searched",
                  {{"read", kMaxTopics}, {"first_left_out", topic}});
      }
      break;
    }
    --room;
    // Before the pipeline: what it reads without one is in no generation.
    const bool readable = MESH_TRY(make_generations(topic, types.at(topic), all));
    if (readable) MESH_TRY(run_pipeline(topic));
  }
  return {};
}

// Those of the catalogue, which are everybody's, then those that are read already, so that what is
// found today is found tomorrow.
std::vector<std::string> EventIndexing::Impl::in_turn(
    const std::map<std::string, std::vector<std::string>>& types) {
  std::vector<std::string> all;
  for (const auto& [topic, of_it] : types) all.push_back(topic);
  std::lock_guard lock(mutex);
  std::ranges::stable_sort(all, {}, [&](const std::string& topic) {
    return std::pair(!is_of_catalogue(topic), !pipelines.contains(topic));
  });
  return all;
}

Result<bool> EventIndexing::Impl::make_generations(const std::string& topic,
                                                   const std::vector<std::string>& types,
                                                   const EventGenerations& all) {
  std::vector<std::string> missing;
  for (const auto& type : types) {
    if (!is_served(all, type)) missing.push_back(type);
  }
  if (missing.empty()) return true;
  // By the lease, so that of two processes one makes it.
  const auto own = MESH_TRY(deps.leases.acquire(kMakerLease, deps.process, kMakerTime));
  if (!own) return false;
  const auto made = make_missing(topic, missing);
  (void)deps.leases.release(*own);  // it runs out by itself
  MESH_TRY(Status(made));
  return true;
}

Status EventIndexing::Impl::make_missing(const std::string& topic,
                                         const std::vector<std::string>& missing) {
  const auto now = MESH_TRY(deps.index.generations());
  const auto groups = MESH_TRY(admin().groups());
  const auto group = std::ranges::find(groups, event_group(topic), &GroupInfo::name);
  // Where processes learn of a tenant's record one after the other, one that reads may pass over
  // events of a type that it does not know to be searchable yet.
  const bool fresh = group == groups.end() ||
                     (!is_begun(*group) && !(group->active && deps.settle > Duration::zero()));
  for (const auto& type : missing) {
    if (is_served(now, type)) continue;
    if (fresh && !has_one(now, type)) {
      const auto made = MESH_TRY(deps.index.create(type, deps.embedders.configured_spec()));
      MESH_TRY(deps.index.serve(type, made.info.number));
      continue;
    }
    // The group stands beyond what a new generation has to hold.
    const bool asked = MESH_TRY(is_asked_for(type));
    const bool failed = MESH_TRY(has_just_failed(type));
    if (asked || failed) continue;
    MESH_TRY(deps.submit(rebuild_task(type, deps.embedders.configured_spec())));
  }
  return {};
}

Result<bool> EventIndexing::Impl::is_asked_for(const std::string& type) const {
  const auto newest = MESH_TRY(deps.tasks.list(kTasksSeen));
  return std::ranges::any_of(newest, [&](const Task& task) {
    return task.kind == "rebuild" && !has_ended(task) && task.spec.is_object() &&
           task.spec.value("type", "") == type;
  });
}

Result<bool> EventIndexing::Impl::has_just_failed(const std::string& type) const {
  const auto newest = MESH_TRY(deps.tasks.list(kTasksSeen));
  const Timestamp now = deps.pipeline.clock.now();
  return std::ranges::any_of(newest, [&](const Task& task) {
    return task.kind == "rebuild" &&
           (task.state == Task::State::failed || task.state == Task::State::cancelled) &&
           task.finished_at + kAskAgain > now && task.spec.is_object() &&
           task.spec.value("type", "") == type;
  });
}

Status EventIndexing::Impl::run_pipeline(const std::string& topic) {
  std::lock_guard lock(mutex);
  if (stopped || pipelines.contains(topic)) return {};
  PipelineOptions options = deps.base;
  options.name = event_group(topic);
  options.topics = {topic};
  if (group_of(topic) != nullptr) {
    options.letter_rule = [this] {
      return LetterRule([this](const auto& at) { return fate(at); });
    };
  }
  auto pipeline = std::make_unique<Pipeline>(std::move(options), *stage, deps.pipeline);
  MESH_TRY(pipeline->start());
  pipelines.emplace(topic, std::move(pipeline));
  return {};
}

// Of a topic that another pipeline reads: that one writes the letter of what is no event at all.
LetterFate EventIndexing::Impl::fate(const Position& died) {
  const auto record = record_at(deps.pipeline.log, died);
  const bool is_event = !record || !*record || from_record(**record).has_value();
  return is_event ? LetterFate::write : LetterFate::leave;
}

// What is taken out twice is taken out once: nothing here asks for the token.
Result<bool> EventIndexing::Impl::holds_lease() {
  if (lease) {
    const Status renewed = deps.leases.renew(*lease, kSweepLeaseTime);
    if (renewed) return true;
    if (renewed.error().kind != ErrorKind::conflict) return fail(renewed.error());
    lease.reset();
    swept.clear();
  }
  lease = MESH_TRY(deps.leases.acquire(kSweepLease, deps.process, kSweepLeaseTime));
  return lease.has_value();
}

Status EventIndexing::Impl::sweep() {
  const bool ours = MESH_TRY(holds_lease());
  if (!ours) return {};
  std::set<std::string> topics;
  for (const auto& generation : MESH_TRY(deps.index.generations())) {
    if (const auto topic = topic_of(generation.type)) topics.insert(*topic);
  }
  for (const auto& topic : MESH_TRY(admin().topics())) {
    if (!topics.contains(topic.spec.name)) continue;
    for (std::int32_t p = 0; p < static_cast<std::int32_t>(topic.partitions.size()); ++p) {
      const TopicPartition partition{topic.spec.name, p};
      const auto start = topic.partitions[static_cast<std::size_t>(p)].start;
      auto& at = swept[partition];
      if (start <= at) continue;
      MESH_TRY(deps.index.erase_below(partition, start));
      at = start;
    }
  }
  for (const auto& [tenant, retention] : MESH_TRY(retentions())) {
    const auto id = MESH_TRY(TenantId::parse(tenant));
    MESH_TRY(deps.index.erase(id, std::nullopt, deps.pipeline.clock.now() - retention));
  }
  return {};
}

Result<std::map<std::string, Duration>> EventIndexing::Impl::retentions() const {
  std::map<std::string, Duration> all;
  for (std::string after;;) {
    const auto page = MESH_TRY(deps.tenants.list(after, kTenantsSeen));
    for (const Tenant& tenant : page) {
      if (tenant.retention) all.emplace(tenant.id.str(), *tenant.retention);
    }
    if (page.size() < kTenantsSeen) return all;
    after = page.back().id.str();
  }
}

std::vector<PipelineStatus> EventIndexing::statuses() {
  std::lock_guard lock(impl_->mutex);
  std::vector<PipelineStatus> all;
  for (const auto& [topic, pipeline] : impl_->pipelines) all.push_back(pipeline->status());
  return all;
}

std::vector<std::string> EventIndexing::fed() const {
  std::lock_guard lock(impl_->mutex);
  std::vector<std::string> groups;
  for (const auto& [topic, pipeline] : impl_->pipelines) groups.push_back(event_group(topic));
  return groups;
}

Result<std::shared_ptr<Stage>> EventIndexing::stage(const std::string& group) {
  std::lock_guard lock(impl_->mutex);
  for (const auto& [topic, pipeline] : impl_->pipelines) {
    if (event_group(topic) == group) return impl_->stage;
  }
  return fail(ErrorKind::not_found, "no pipeline \"" + group + "\"");
}

Result<std::vector<EventGenerationStatus>> EventIndexing::list() {
  std::vector<EventGenerationStatus> list;
  std::map<std::string, int> serving;
  const auto all = MESH_TRY(impl_->deps.index.generations());
  for (const auto& one : all) {
    if (one.info.serving) serving[one.type] = one.info.number;
  }
  for (const auto& one : all) {
    const char* role = one.info.serving                      ? "serving"
                       : one.info.number > serving[one.type] ? "building"
                                                             : "previous";
    list.push_back({one, role});
  }
  return list;
}

Result<Json> EventIndexing::rebuild_spec(const std::string& type, std::string_view engine,
                                         std::string_view model) {
  const auto types = MESH_TRY(impl_->deps.types());
  if (!types.contains(type)) {
    return fail(ErrorKind::not_found,
                "no tenant searches events of the type " + type +
                    "; searchable are: " + join({types.begin(), types.end()}, ", "));
  }
  return rebuild_task(type, MESH_TRY(impl_->deps.embedders.spec_of(engine, model)));
}

bool EventIndexing::can_rebuild(const Task& task) const {
  const auto spec = rebuilt_spec(task);
  return spec && impl_->deps.embedders.of(*spec);
}

Status EventIndexing::rebuild(TaskContext& context) {
  const Deps& deps = impl_->deps;
  return rebuild_events(context, {deps.index, deps.embedders, deps.searchable, deps.pipeline.log,
                                  deps.pipeline.admin, deps.settle});
}

Result<EventGeneration> EventIndexing::rollback(const std::string& type) {
  EventIndex& index = impl_->deps.index;
  const auto asked = MESH_TRY(impl_->is_asked_for(type));
  if (asked) {
    return fail(ErrorKind::conflict, "a rebuild is under way; wait for it or cancel it first");
  }
  auto all = MESH_TRY(index.generations());
  const auto previous = std::find_if(all.rbegin(), all.rend(), [&](const auto& one) {
    return one.type == type && !one.info.serving;
  });
  if (previous == all.rend()) {
    return fail(ErrorKind::conflict, "there is no previous generation of " + type + " to serve");
  }
  (void)MESH_TRY(impl_->deps.embedders.of(previous->info.spec));
  MESH_TRY(index.serve(type, previous->info.number));
  previous->info.serving = true;
  return std::move(*previous);
}

}  // namespace mesh::pipeline
