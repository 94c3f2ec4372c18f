#include "daemon/pipeline/event_index/event_indexing.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "common/base/periodic.h"
#include "common/base/strings.h"
#include "common/domain/catalogue.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/event_index/event_index_stage.h"
#include "daemon/pipeline/event_index/event_rebuild.h"
#include "daemon/pipeline/event_index/event_sweep.h"
#include "daemon/pipeline/groups.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

constexpr const char* kMakerLease = "event-generations";
constexpr Duration kMakerTime{30'000};
constexpr int kTasksSeen = 100;  // newest ones, for a rebuild under way
// After a rebuild that the mesh asked for by itself, and that failed or was cancelled.
constexpr Duration kAskAgain{5 * 60'000};

using EventSpecs = std::vector<EventSpec>;
using Topics = std::vector<std::string>;

bool has_one(const EventSpecs& all, std::string_view type) {
  return std::ranges::find(all, type, &EventSpec::type) != all.end();
}

bool is_served(const EventSpecs& all, std::string_view type) {
  return std::ranges::any_of(all, [&](const auto& one) { return one.type == type && one.serving; });
}

bool is_rebuild_of(const Task& task, std::string_view type) {
  return task.kind == "rebuild" && task.spec.is_object() && task.spec.value("type", "") == type;
}

// What has not ended and makes a generation of the type; null: nothing does.
const Task* rebuild_under_way(const std::vector<Task>& newest, std::string_view type) {
  const auto at = std::ranges::find_if(
      newest, [&](const Task& task) { return is_rebuild_of(task, type) && !has_ended(task); });
  return at == newest.end() ? nullptr : &*at;
}

bool has_just_failed(const std::vector<Task>& newest, std::string_view type, Timestamp now) {
  return std::ranges::any_of(newest, [&](const Task& task) {
    const bool failed = task.state == Task::State::failed || task.state == Task::State::cancelled;
    return is_rebuild_of(task, type) && failed && task.finished_at + kAskAgain > now;
  });
}

// Keeps the first error.
void note(Status& first, Status done) {
  if (!done && first) first = std::move(done);
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
        stage(make_event_index_stage(deps.index, deps.embedders, deps.searchable)),
        sweep({deps.index, deps.pipeline.admin, deps.tenants, deps.leases, deps.pipeline.clock,
               deps.process}) {}

  const Deps deps;
  const std::shared_ptr<Stage> stage;  // one for all: it holds nothing of a topic
  std::mutex looking;                  // one look at a time
  mutable std::mutex mutex;
  std::map<std::string, std::unique_ptr<Pipeline>> pipelines;  // by topic; guarded by mutex
  bool stopped = false;                                        // likewise
  // This and the following guarded by looking.
  std::vector<std::string> left_out;        // types of topics that are not read, as last told
  std::optional<Topics> tidied;             // the topics read when no group was left to give up
  std::set<std::string> read_elsewhere;     // groups to give up that another process reads
  std::map<std::string, SteadyTime> gone;   // types that nobody searches, since when
  std::optional<std::vector<Task>> newest;  // tasks, read at most once in a look
  std::atomic<bool> begun{false};
  EventSweep sweep;
  std::unique_ptr<Periodic> looks;  // last: it uses all of the above

  LogAdmin& admin() const { return deps.pipeline.admin; }
  Status look();
  Topics choose(const SearchableTypes& types, const std::vector<TopicInfo>& there);
  Status read_topic(const std::string& topic, const SearchableTypes& types, const EventSpecs& all);
  Status give_up_groups(const Topics& chosen);
  Status give_up_types(const SearchableTypes& types, const Topics& chosen, const EventSpecs& all);
  // Whether the topic can be read; not while another process makes them.
  Result<bool> make_generations(const std::string& topic, const std::vector<std::string>& types,
                                const EventSpecs& all);
  Status make_missing(const std::string& topic, const std::vector<std::string>& missing);
  Status ask_for_rebuild(const std::string& type);
  Status run_pipeline(const std::string& topic);
  LetterFate fate(const Position& died);
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
  if (auto looked = look(); !looked) {
    if (!looked.error().retryable()) return looked;
    tell(looked.error());
  }
  // The first time of a Periodic is the caller's, who has just looked.
  impl.looks = std::make_unique<Periodic>("event-index", clock, kLook, [&impl] {
    if (!impl.begun.exchange(true)) return;
    if (auto looked = impl.look(); !looked) tell(looked.error());
  });
  impl.sweep.start();
  return {};
}

void EventIndexing::stop() {
  Impl& impl = *impl_;
  if (impl.looks) impl.looks->stop();
  impl.sweep.stop();
  std::map<std::string, std::unique_ptr<Pipeline>> all;
  {
    std::lock_guard lock(impl.mutex);
    impl.stopped = true;
    all = std::exchange(impl.pipelines, {});
  }
  for (auto& [topic, pipeline] : all) pipeline->stop();
}

Status EventIndexing::look() { return impl_->look(); }

Status EventIndexing::sweep() { return impl_->sweep.round(); }

// A topic that fails does not hold up the others.
Status EventIndexing::Impl::look() {
  std::lock_guard only(looking);
  newest.reset();
  const auto types = MESH_TRY(deps.types());
  const auto topics = MESH_TRY(admin().topics());
  const auto all = MESH_TRY(deps.index.specs());
  const auto chosen = choose(types, topics);
  Status first = give_up_groups(chosen);
  note(first, give_up_types(types, chosen, all));
  for (const auto& topic : chosen) note(first, read_topic(topic, types, all));
  return first;
}

// The topics that are read. First those of the catalogue, which are everybody's, then each tenant's
// first, each one's second and so on, so that one with many leaves room for others; of one turn
// those that are read already, so that what is found today is found tomorrow.
Topics EventIndexing::Impl::choose(const SearchableTypes& types,
                                   const std::vector<TopicInfo>& there) {
  std::map<std::string, int> turns;  // by topic
  for (const auto& [type, turn] : types) {
    // A name that has no topic cannot have an event either.
    const auto topic = topic_of(type);
    // That of an own type is made when the first event of it comes.
    if (!topic || std::ranges::none_of(
                      there, [&](const TopicInfo& info) { return info.spec.name == *topic; })) {
      continue;
    }
    const auto at = turns.try_emplace(*topic, turn).first;
    at->second = std::min(at->second, turn);
  }
  Topics chosen;
  for (const auto& [topic, turn] : turns) chosen.push_back(topic);
  {
    std::lock_guard lock(mutex);
    std::ranges::stable_sort(chosen, {}, [&](const std::string& topic) {
      return std::tuple(!is_of_catalogue(topic), turns.at(topic), !pipelines.contains(topic));
    });
  }
  if (chosen.size() > kMaxTopics) chosen.resize(kMaxTopics);
  std::vector<std::string> others;
  for (const auto& [type, turn] : types) {
    const auto topic = topic_of(type);
    if (topic && turns.contains(*topic) && std::ranges::find(chosen, *topic) == chosen.end()) {
      others.push_back(type);
    }
  }
  if (!others.empty() && others != left_out) {
    log::warn("more topics have searchable types than are read: events of others are not found",
              {{"read", kMaxTopics}, {"left_out", join(others, ", ")}});
  }
  left_out = std::move(others);
  return chosen;
}

Status EventIndexing::Impl::read_topic(const std::string& topic, const SearchableTypes& types,
                                       const EventSpecs& all) {
  std::vector<std::string> of_it;
  for (const auto& [type, turn] : types) {
    if (const auto its = topic_of(type); its && *its == topic) of_it.push_back(type);
  }
  // Before the pipeline: what it reads without one is in no generation.
  const bool readable = MESH_TRY(make_generations(topic, of_it, all));
  return readable ? run_pipeline(topic) : Status();
}

// A group that nobody reads any more would hold the log's retention for ever. One that comes back
// begins anew, and so finds all that the log has.
Status EventIndexing::Impl::give_up_groups(const Topics& chosen) {
  std::vector<std::unique_ptr<Pipeline>> ended;
  {
    std::lock_guard lock(mutex);
    for (auto& [topic, pipeline] : pipelines) {
      if (std::ranges::find(chosen, topic) == chosen.end()) ended.push_back(std::move(pipeline));
    }
    std::erase_if(pipelines, [](const auto& one) { return one.second == nullptr; });
  }
  for (auto& pipeline : ended) pipeline->stop();
  if (tidied == chosen) return {};
  std::set<std::string> wanted;
  for (const auto& topic : chosen) wanted.insert(event_group(topic));
  Status first;
  std::set<std::string> active;
  for (const GroupInfo& group : MESH_TRY(admin().groups())) {
    if (!is_of_event_index(group.name) || wanted.contains(group.name)) continue;
    auto deleted =
        group.active ? fail(ErrorKind::conflict, "it is read") : admin().delete_group(group.name);
    if (deleted) {
      log::info("a group of the index of events is given up, since nobody searches its topic",
                {{"group", group.name}});
    } else if (deleted.error().kind == ErrorKind::conflict) {
      active.insert(group.name);  // by a process that does not know it yet
    } else if (deleted.error().kind != ErrorKind::not_found) {
      note(first, std::move(deleted));
    }
  }
  read_elsewhere = std::move(active);
  if (first && read_elsewhere.empty()) tidied = chosen;
  return first;
}

// What is written to no more would lack what comes, should the type be searched again. Another
// process may know of a type that this one does not know yet.
Status EventIndexing::Impl::give_up_types(const SearchableTypes& types, const Topics& chosen,
                                          const EventSpecs& all) {
  std::set<std::string> unsearched;
  for (const auto& one : all) {
    if (!types.contains(one.type)) unsearched.insert(one.type);
  }
  std::erase_if(gone, [&](const auto& one) { return !unsearched.contains(one.first); });
  const auto now = deps.pipeline.clock.steady();
  Status first;
  for (const auto& type : unsearched) {
    const auto since = gone.try_emplace(type, now).first->second;
    if (now < since + deps.settle) continue;
    const auto topic = topic_of(type);
    const bool ours = topic && std::ranges::find(chosen, *topic) != chosen.end();
    if (topic && !ours && read_elsewhere.contains(event_group(*topic))) continue;
    log::info("the index of events that nobody searches is dropped", {{"type", type}});
    note(first, deps.index.forget(type));
  }
  return first;
}

Result<bool> EventIndexing::Impl::make_generations(const std::string& topic,
                                                   const std::vector<std::string>& types,
                                                   const EventSpecs& all) {
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
  const auto now = MESH_TRY(deps.index.specs());
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
    MESH_TRY(ask_for_rebuild(type));
  }
  return {};
}

// One after the other, since they exclude each other: of many types that come at once, as with a
// tenant's record, a task for each would keep an operator's rebuild waiting behind all of them.
Status EventIndexing::Impl::ask_for_rebuild(const std::string& type) {
  if (!newest) newest = MESH_TRY(deps.tasks.list(kTasksSeen));
  const bool own_waits = std::ranges::any_of(*newest, [](const Task& task) {
    return task.kind == "rebuild" && task.started_by == kStartedByMesh && !has_ended(task);
  });
  if (own_waits || rebuild_under_way(*newest, type) != nullptr ||
      has_just_failed(*newest, type, deps.pipeline.clock.now())) {
    return {};
  }
  MESH_TRY(deps.submit(rebuild_task(type, deps.embedders.configured_spec())));
  newest = MESH_TRY(deps.tasks.list(kTasksSeen));
  return {};
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
  const auto newest = MESH_TRY(impl_->deps.tasks.list(kTasksSeen));
  for (const auto& one : MESH_TRY(impl_->deps.index.generations())) {
    const Task* const makes = rebuild_under_way(newest, one.type);
    const bool building = makes != nullptr && makes->checkpoint.is_object() &&
                          makes->checkpoint.value("generation", 0) == one.info.number;
    const char* role = one.info.serving ? "serving" : building ? "building" : "previous";
    list.push_back({one, role});
  }
  return list;
}

Result<Json> EventIndexing::rebuild_spec(const std::string& type, std::string_view engine,
                                         std::string_view model) {
  const auto types = MESH_TRY(impl_->deps.types());
  if (!types.contains(type)) {
    std::vector<std::string> names;
    for (const auto& [name, turn] : types) names.push_back(name);
    return fail(ErrorKind::not_found, "no tenant searches events of the type " + type +
                                          "; searchable are: " + join(names, ", "));
  }
  return rebuild_task(type, MESH_TRY(impl_->deps.embedders.spec_of(engine, model)));
}

bool EventIndexing::can_rebuild(const Task& task) const {
  const auto spec = event_rebuild_spec(task);
  return spec && impl_->deps.embedders.of(*spec);
}

Status EventIndexing::rebuild(TaskContext& context) {
  const Deps& deps = impl_->deps;
  return rebuild_events(context, {deps.index, deps.embedders, deps.searchable, deps.pipeline.log,
                                  deps.pipeline.admin, deps.settle, deps.base.retry.max_attempts});
}

Result<EventGeneration> EventIndexing::rollback(const std::string& type) {
  EventIndex& index = impl_->deps.index;
  const auto newest = MESH_TRY(impl_->deps.tasks.list(kTasksSeen));
  if (rebuild_under_way(newest, type) != nullptr) {
    return fail(ErrorKind::conflict, "a rebuild is under way; wait for it or cancel it first");
  }
  auto all = MESH_TRY(index.generations());
  int serving = 0;
  for (const auto& one : all) {
    if (one.type == type && one.info.serving) serving = one.info.number;
  }
  const auto previous = std::find_if(all.rbegin(), all.rend(), [&](const auto& one) {
    return one.type == type && one.info.number < serving;
  });
  if (previous == all.rend()) {
    return fail(ErrorKind::conflict, "there is no previous generation of " + type +
                                         " to serve; `mesh index rebuild-events " + type +
                                         "` makes a new one");
  }
  (void)MESH_TRY(impl_->deps.embedders.of(previous->info.spec));
  MESH_TRY(index.serve(type, previous->info.number));
  previous->info.serving = true;
  return std::move(*previous);
}

}  // namespace mesh::pipeline
