#include "daemon/pipeline/generations/generations.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/generations/verify.h"
#include "daemon/pipeline/scan.h"
#include "daemon/pipeline/stages/user_index_stage.h"
#include "daemon/pipeline/tasks/task_support.h"

namespace mesh::pipeline {
namespace {

constexpr Duration kProgressInterval{200};
constexpr Duration kCatchUp{10'000};  // how long verify and rollback wait for a pipeline

bool reached(const std::map<TopicPartition, std::int64_t>& committed,
             const std::map<TopicPartition, std::int64_t>& ends) {
  return std::ranges::all_of(ends, [&](const auto& entry) {
    const auto at = committed.find(entry.first);
    return entry.second == 0 || (at != committed.end() && at->second >= entry.second);
  });
}

std::int64_t sum(const std::map<TopicPartition, std::int64_t>& offsets) {
  std::int64_t total = 0;
  for (const auto& [partition, offset] : offsets) total += offset;
  return total;
}

// A generation that is fed.
struct Fed {
  std::unique_ptr<Stage> stage;
  std::shared_ptr<Pipeline> pipeline;  // before it goes, so does the stage: stopped first
};

}  // namespace

Json to_json(const GenerationStatus& status) {
  return {{"name", status.info.name},
          {"number", status.info.number},
          {"role", status.role},
          {"dimension", status.info.spec.dimension},
          {"embedder", status.info.spec.embedder},
          {"vectors", status.info.vectors},
          {"tenants", status.info.tenants},
          {"bytes", status.info.bytes},
          {"pipeline",
           {{"state", to_string(status.pipeline.state)},
            {"lag_events", status.pipeline.lag_events},
            {"lag_seconds", status.pipeline.lag_seconds},
            {"parked", status.pipeline.parked},
            {"last_error", status.pipeline.last_error}}}};
}

struct Generations::Impl {
  VectorIndex& index;
  Embedder& embedder;
  const PipelineOptions base;
  const PipelineDeps deps;

  std::mutex mutex;        // over the map, not over a pipeline's stop
  std::map<int, Fed> fed;  // by number; guarded by mutex
  int serving = 0;         // guarded by mutex
  int building = 0;        // of the rebuild under way, or 0; guarded by mutex
  bool stopped = false;    // guarded by mutex
  // What the log held at the start; empty once the serving generation is through. Guarded by mutex.
  std::map<TopicPartition, std::int64_t> to_fill;

  GenerationSpec spec() const { return {embedder.dimension(), embedder.id()}; }
  bool fits(const GenerationInfo& info) const {
    return info.spec.dimension == embedder.dimension() && info.spec.embedder == embedder.id();
  }
  std::string group(int number) const { return base.name + "-" + std::to_string(number); }

  Status start();
  Status choose_serving(std::vector<GenerationInfo>& all);
  Status feed(int number);
  void starve(int number);
  Status drop(int number);
  Status flip(int number);
  std::shared_ptr<Pipeline> pipeline(int number);
  std::shared_ptr<Pipeline> serving_pipeline() {
    int number = 0;
    {
      std::lock_guard lock(mutex);
      number = serving;
    }
    return pipeline(number);
  }
  Result<GenerationInfo> find(int number);
  Result<GenerationInfo> open_new();
  Result<GenerationInfo> resume_or_create(TaskContext& context);
  Status drop_groups_without(const std::vector<GenerationInfo>& all);
  Status catch_up(TaskContext& context, int number);
  Status build(TaskContext& context, int number);
  Result<bool> wait_reached(int number, Duration timeout);
  std::optional<std::int64_t> filling();
};

// Sees to it that one is served whose vectors queries can be compared with.
Status Generations::Impl::choose_serving(std::vector<GenerationInfo>& all) {
  const auto served = std::ranges::find_if(all, &GenerationInfo::serving);
  if (served != all.end() && fits(*served)) return {};
  if (served != all.end()) {
    log::warn(
        "the serving generation was made with another embedder; one of this embedder is "
        "served instead and fills from the log",
        {{"generation", served->name},
         {"made_with", served->spec.embedder},
         {"embedder", embedder.id()}});
    served->serving = false;
  }
  // One that a start cut short left behind, or the one of before a change and back.
  auto newest = std::find_if(all.rbegin(), all.rend(), [this](const auto& i) { return fits(i); });
  if (newest == all.rend()) {
    auto made = index.create_generation(spec());
    if (!made) return fail(std::move(made.error()));
    all.push_back(std::move(*made));
    newest = all.rbegin();
  }
  newest->serving = true;
  return index.serve(newest->number);
}

// Where the index was lost, numbers begin anew; a group of a generation before then stands beyond
// what the new one has to read.
Status Generations::Impl::drop_groups_without(const std::vector<GenerationInfo>& all) {
  auto groups = deps.admin.groups();
  if (!groups) return fail(std::move(groups.error()));
  const std::string prefix = base.name + "-";
  for (const GroupInfo& info : *groups) {
    if (!info.name.starts_with(prefix)) continue;
    const auto number = parse_int(std::string_view(info.name).substr(prefix.size()));
    const auto known = [&](const GenerationInfo& generation) {
      return generation.number == *number;
    };
    if (!number || std::ranges::any_of(all, known)) continue;
    if (auto dropped = drop(static_cast<int>(*number)); !dropped) return dropped;
  }
  return {};
}

Status Generations::Impl::start() {
  auto all = index.generations();
  if (!all) return fail(std::move(all.error()));
  if (auto dropped = drop_groups_without(*all); !dropped) return dropped;
  if (auto chosen = choose_serving(*all); !chosen) return chosen;
  auto held = ends(deps.log, deps.admin, base.topics);
  if (!held) return fail(std::move(held.error()));
  {
    std::lock_guard lock(mutex);
    stopped = false;
    to_fill = std::move(*held);
  }
  for (const GenerationInfo& info : *all) {
    if (info.serving) {
      std::lock_guard lock(mutex);
      serving = info.number;
    }
    // One of another embedder cannot be fed; it stays as it is until a rebuild drops it.
    if (!fits(info)) continue;
    if (auto started = feed(info.number); !started) return started;
  }
  return {};
}

Status Generations::Impl::feed(int number) {
  std::lock_guard lock(mutex);
  if (stopped) return stopped_early();
  if (fed.contains(number)) return {};
  PipelineOptions options = base;
  options.name = group(number);
  // One letter per dead event, however many generations read it.
  options.writes_letters = [this, number] {
    std::lock_guard serving_lock(mutex);
    return serving == number;
  };
  Fed one;
  one.stage = make_user_index_stage(number, embedder, index);
  one.pipeline = std::make_shared<Pipeline>(std::move(options), *one.stage, deps);
  if (auto started = one.pipeline->start(); !started) return started;
  fed.emplace(number, std::move(one));
  return {};
}

void Generations::Impl::starve(int number) {
  Fed one;
  {
    std::lock_guard lock(mutex);
    const auto at = fed.find(number);
    if (at == fed.end()) return;
    one = std::move(at->second);
    fed.erase(at);
  }
  one.pipeline->stop();
}

// With everything that belongs to it.
Status Generations::Impl::drop(int number) {
  starve(number);
  if (auto dropped = index.drop_generation(number);
      !dropped && dropped.error().kind != ErrorKind::not_found) {
    return dropped;
  }
  deps.metrics.forget("pipeline", group(number));  // stopped, it uses them no more
  auto partitions = partitions_of(deps.admin, base.topics);
  if (!partitions) return fail(std::move(partitions.error()));
  auto parked = deps.retries.load(group(number), *partitions);
  if (!parked) return fail(std::move(parked.error()));
  std::vector<Position> positions;
  for (const ParkedEvent& event : *parked) positions.push_back(event.record.position);
  if (!positions.empty()) {
    if (auto removed = deps.retries.remove(group(number), positions); !removed) return removed;
  }
  auto deleted = deps.admin.delete_group(group(number));
  if (!deleted && deleted.error().kind != ErrorKind::not_found) return deleted;
  log::info("a generation of the index was dropped", {{"generation", number}});
  return {};
}

Status Generations::Impl::flip(int number) {
  if (auto flipped = index.serve(number); !flipped) return flipped;
  std::lock_guard lock(mutex);
  serving = number;
  log::info("the index serves another generation", {{"generation", number}});
  return {};
}

std::shared_ptr<Pipeline> Generations::Impl::pipeline(int number) {
  std::lock_guard lock(mutex);
  const auto at = fed.find(number);
  return at == fed.end() ? nullptr : at->second.pipeline;
}

Result<GenerationInfo> Generations::Impl::find(int number) {
  auto all = index.generations();
  if (!all) return fail(std::move(all.error()));
  for (GenerationInfo& info : *all) {
    if (info.number == number) return std::move(info);
  }
  return fail(ErrorKind::not_found, "there is no generation " + std::to_string(number));
}

// The generation of the task's checkpoint, where it is still of use.
Result<GenerationInfo> Generations::Impl::resume_or_create(TaskContext& context) {
  const int number = context.task().checkpoint.value("generation", 0);
  if (number > 0) {
    auto known = find(number);
    if (known && fits(*known)) return known;
    if (!known && known.error().kind != ErrorKind::not_found) return known;
    if (known && !known->serving) {
      if (auto dropped = drop(number); !dropped) return fail(std::move(dropped.error()));
    }
  }
  return index.create_generation(spec());
}

// Until the pipeline has done what the serving one has. The log's end is no measure: while events
// keep coming, no pipeline ever stands at it in all partitions.
Status Generations::Impl::catch_up(TaskContext& context, int number) {
  for (;;) {
    if (context.stopping()) return stopped_early();
    const auto served = serving_pipeline();
    const auto at = pipeline(number);
    if (!served || !at) return stopped_early();
    // First: what it does after this look is not owed. It may have done all that it has seen.
    const auto target = served->seen();
    const auto committed = at->committed();
    if (const auto status = at->status(); status.state == PipelineStatus::State::failed) {
      return fail(ErrorKind::corrupt, "the new generation cannot be built: " + status.last_error);
    }
    const std::int64_t total = sum(target);
    report(context, std::min(sum(committed), total), total, {{"generation", number}},
           Json::object());
    if (reached(committed, target) && at->status().parked == 0) return {};
    context.pause(kProgressInterval);
  }
}

Status Generations::Impl::build(TaskContext& context, int number) {
  int before = 0;
  {
    std::lock_guard lock(mutex);
    building = number;
    before = serving;
  }
  if (before != number) {  // else it was flipped before a restart
    if (auto fed_now = insist(context, [&] { return feed(number); }); !fed_now) return fed_now;
    if (auto caught_up = catch_up(context, number); !caught_up) return caught_up;
    if (context.stopping()) return stopped_early();
    if (auto flipped = insist(context, [&] { return flip(number); }); !flipped) return flipped;
  } else {
    before = context.task().checkpoint.value("previous", 0);
  }
  auto all = insist(context, [&] { return index.generations(); });
  if (!all) return fail(std::move(all.error()));
  for (const GenerationInfo& info : *all) {
    if (info.number == number || info.number == before) continue;
    auto dropped = insist(context, [&] { return drop(info.number); });
    if (!dropped) return dropped;
  }
  report(context, context.task().done, context.task().total, context.task().checkpoint,
         {{"generation", number}, {"previous", before}});
  return {};
}

Result<bool> Generations::Impl::wait_reached(int number, Duration timeout) {
  const auto target = ends(deps.log, deps.admin, base.topics);
  if (!target) return fail(target.error());
  const auto at = pipeline(number);
  if (!at) return false;
  const SteadyTime deadline = deps.clock.steady() + timeout;
  for (const auto& [partition, end] : *target) {
    if (end == 0) continue;
    const Duration left = std::chrono::ceil<Duration>(deadline - deps.clock.steady());
    if (!at->wait_past_all(partition, end, std::max(left, Duration{0}))) return false;
  }
  return true;
}

Generations::Generations(VectorIndex& index, Embedder& embedder, PipelineOptions base,
                         PipelineDeps deps)
    : impl_(new Impl{index, embedder, std::move(base), deps, {}, {}, 0, 0, false, {}}) {}

Generations::~Generations() { stop(); }

Status Generations::start() { return impl_->start(); }

void Generations::stop() {
  std::map<int, Fed> all;
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopped = true;
    all = std::move(impl_->fed);
    impl_->fed.clear();
  }
  for (auto& [number, one] : all) one.pipeline->stop();
}

std::optional<std::int64_t> Generations::Impl::filling() {
  const auto served = serving_pipeline();
  if (!served) return std::nullopt;
  const auto committed = served->committed();
  const auto lag = served->status().lag_events;
  std::lock_guard lock(mutex);
  if (!to_fill.empty() && reached(committed, to_fill)) to_fill.clear();
  if (to_fill.empty()) return std::nullopt;
  return lag;
}

std::optional<std::int64_t> Generations::filling() { return impl_->filling(); }

Result<std::vector<GenerationStatus>> Generations::list() {
  auto all = impl_->index.generations();
  if (!all) return fail(std::move(all.error()));
  std::vector<GenerationStatus> list;
  for (GenerationInfo& info : *all) {
    const bool follows = impl_->fits(info);
    GenerationStatus status{std::move(info), {}, {}, follows};
    status.filling = status.info.serving && impl_->filling();
    const int number = status.info.number;
    status.pipeline.name = impl_->group(number);
    if (const auto pipeline = impl_->pipeline(number)) status.pipeline = pipeline->status();
    std::lock_guard lock(impl_->mutex);
    status.role = status.info.serving         ? "serving"
                  : number == impl_->building ? "building"
                                              : "previous";
    list.push_back(std::move(status));
  }
  return list;
}

Result<Stage*> Generations::serving_stage() {
  std::lock_guard lock(impl_->mutex);
  const auto at = impl_->fed.find(impl_->serving);
  if (at == impl_->fed.end()) {
    return fail(ErrorKind::unavailable, "no generation of the index is served yet");
  }
  return at->second.stage.get();
}

Status Generations::rebuild(TaskContext& context) {
  Impl& impl = *impl_;
  auto generation = insist(context, [&] { return impl.resume_or_create(context); });
  if (!generation) return fail(std::move(generation.error()));
  const int number = generation->number;
  Status built;
  {
    Json checkpoint = {{"generation", number}, {"previous", 0}};
    {
      std::lock_guard lock(impl.mutex);
      checkpoint["previous"] =
          impl.serving == number ? context.task().checkpoint.value("previous", 0) : impl.serving;
    }
    report(context, 0, 0, std::move(checkpoint), Json::object());
    built = impl.build(context, number);
  }
  {
    std::lock_guard lock(impl.mutex);
    impl.building = 0;
    if (built || impl.serving == number) return built;
  }
  if (context.stopping() && !context.cancelled()) return built;  // goes on at the next start
  if (auto dropped = impl.drop(number); !dropped) {
    log::warn("the generation of a rebuild that ended early was not dropped; the next one does it",
              {{"generation", number}, {"error", dropped.error().to_string()}});
  }
  return built;
}

Result<GenerationInfo> Generations::rollback() {
  Impl& impl = *impl_;
  auto all = impl.index.generations();
  if (!all) return fail(std::move(all.error()));
  int building = 0;
  {
    std::lock_guard lock(impl.mutex);
    building = impl.building;
  }
  // The rebuild would flip away from what is rolled back to, and drop it.
  if (building != 0) {
    return fail(ErrorKind::conflict, "a rebuild is under way; wait for it or cancel it first");
  }
  const GenerationInfo* previous = nullptr;
  for (const GenerationInfo& info : *all) {
    if (!info.serving) previous = &info;
  }
  if (!previous) {
    return fail(ErrorKind::conflict, "there is no previous generation to serve");
  }
  if (!impl.fits(*previous)) {
    return fail(ErrorKind::conflict, previous->name + " was made with the embedder " +
                                         previous->spec.embedder +
                                         "; configure that one and try again");
  }
  auto caught_up = impl.wait_reached(previous->number, kCatchUp);
  if (!caught_up) return fail(std::move(caught_up.error()));
  if (!*caught_up) {
    return fail(ErrorKind::conflict, previous->name + " is behind the log; try again later");
  }
  if (auto flipped = impl.flip(previous->number); !flipped) return fail(std::move(flipped.error()));
  return impl.find(previous->number);
}

Result<VerifyReport> Generations::verify() {
  Impl& impl = *impl_;
  int number = 0;
  {
    std::lock_guard lock(impl.mutex);
    number = impl.serving;
  }
  // A pipeline that cannot catch up shows in the report as what it misses.
  if (auto reached_end = impl.wait_reached(number, kCatchUp); !reached_end) {
    return fail(std::move(reached_end.error()));
  }
  auto info = impl.find(number);
  if (!info) return fail(std::move(info.error()));
  return verify_generation(impl.deps.log, impl.deps.admin, impl.index, *info, impl.base.topics);
}

Status Generations::verify(TaskContext& context) {
  auto report_of = insist(context, [&] { return verify(); });
  if (!report_of) return fail(std::move(report_of.error()));
  report(context, report_of->expected, report_of->expected, Json::object(), to_json(*report_of));
  return {};
}

bool Generations::wait_searchable(const Position& position, Duration timeout) {
  const auto pipeline = impl_->serving_pipeline();
  return pipeline && pipeline->wait_past(position, timeout);
}

}  // namespace mesh::pipeline
