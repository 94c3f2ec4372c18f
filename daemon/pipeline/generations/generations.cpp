#include "daemon/pipeline/generations/generations.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "common/base/thread.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/generations/feeds.h"
#include "daemon/pipeline/generations/keeper.h"
#include "daemon/pipeline/generations/rebuild.h"
#include "daemon/pipeline/generations/standing.h"
#include "daemon/pipeline/generations/verify.h"
#include "daemon/pipeline/lag.h"
#include "daemon/pipeline/scan.h"
#include "daemon/pipeline/tasks/task_support.h"

namespace mesh::pipeline {
namespace {

constexpr Duration kReconcile{2'000};  // between two looks at what the index holds
constexpr Duration kLook{20};          // between two looks at a group that is waited for
constexpr Duration kCatchUp{10'000};  // how long verify and rollback wait for it, and for the lease
constexpr int kTasksLookedAt = 100;   // newest ones, for a rebuild under way

using Infos = std::vector<GenerationInfo>;
Infos::const_iterator serving_of(const Infos& all) {
  return std::ranges::find_if(all, &GenerationInfo::serving);
}

void tell_unfollowed(const Error& error) {
  log::warn("the index's generations are not followed until the next look",
            {{"error", error.to_string()}});
}

}  // namespace

struct Generations::Impl {
  explicit Impl(Deps d)
      : deps(std::move(d)), feeds(deps.index, deps.searches, deps.base, deps.pipeline) {}

  const Deps deps;
  Feeds feeds;

  std::mutex reconciling;  // one look at a time, so that none acts on an older one than another
  std::mutex mutex;
  std::condition_variable changed;
  // Others may feed where this process does not.
  enum class State { not_started, started, stopped };
  State state = State::not_started;  // this and the following guarded by mutex
  Offsets to_fill;  // what the log held at the start; empty once the serving one is through

  std::mutex lifecycle;  // held over start and stop
  std::thread thread;    // last: it uses all of the above

  bool can_embed(const GenerationInfo& info) const {
    return deps.embedders.of(info.spec).has_value();
  }
  bool is_configured(const GenerationInfo& info) const {
    const GenerationSpec own = deps.embedders.configured_spec();
    return info.spec.dimension == own.dimension && info.spec.embedder == own.embedder;
  }
  bool stopped() const { return state == State::stopped; }  // mutex held
  std::string group(int number) const { return feeds.group(number); }
  LogAdmin& admin() const { return deps.pipeline.admin; }
  Keeper::Deps keeper() const {
    return {deps.index,   admin(),        deps.pipeline.retries, deps.leases,
            deps.process, deps.base.name, deps.base.topics};
  }

  Status start();
  void stop();
  void run();
  Status reconcile();
  Status keep(Infos& all);
  Result<bool> is_to_keep(const Infos& all) const;
  Result<GenerationInfo> find(int number) const;
  Result<GenerationInfo> served() const;
  Result<bool> wait_through(int number);
  Result<std::unique_ptr<Keeper>> wait_for_keeper();
  Result<std::unique_ptr<Keeper>> must_keep();
  using Choice = std::function<Result<GenerationInfo>(const Infos&)>;
  Result<GenerationInfo> flip(const Choice& choose);
  std::optional<std::int64_t> filling();
  Result<std::vector<Task>> asked_rebuilds() const;
  int building() const;
  Result<int> own_shadow(const Infos& all, const GenerationSpec& spec,
                         const std::string& task) const;
  PipelineStatus status_elsewhere(int number) const;
};

Status Generations::Impl::start() {
  std::lock_guard guard(lifecycle);
  if (thread.joinable()) return {};
  // Before anything is fed: what comes later is no part of what is to be filled.
  auto held = MESH_TRY(ends(deps.pipeline.log, admin(), deps.base.topics));
  {
    std::lock_guard lock(mutex);
    state = State::started;
    to_fill = std::move(held);
  }
  // A server that is away may come later; what will not pass stops the start.
  if (auto looked = reconcile(); !looked) {
    if (!looked.error().retryable()) return looked;
    tell_unfollowed(looked.error());
  }
  thread = std::thread([this] {
    name_thread("generations");
    stand_back(Standing::background);
    run();
  });
  return {};
}

void Generations::Impl::stop() {
  std::lock_guard guard(lifecycle);
  {
    std::lock_guard lock(mutex);
    state = State::stopped;
  }
  changed.notify_all();
  if (thread.joinable()) thread.join();
  // A rebuild may be at a look: it ends first, and later ones feed nothing.
  std::lock_guard no_look(reconciling);
  feeds.stop();
}

void Generations::Impl::run() {
  Clock& clock = deps.pipeline.clock;
  for (;;) {
    {
      std::unique_lock lock(mutex);
      if (clock.wait_until(lock, changed, clock.steady() + kReconcile,
                           [this] { return stopped(); }))
        return;
    }
    if (auto looked = reconcile(); !looked) tell_unfollowed(looked.error());
  }
}

// Feeds what the index holds and no more.
Status Generations::Impl::reconcile() {
  std::lock_guard only(reconciling);
  {
    std::lock_guard lock(mutex);
    if (state != State::started) return stopped_early();
  }
  auto all = MESH_TRY(deps.index.generations());
  if (auto kept = keep(all); !kept) {
    // Another process took over meanwhile; the next look sees what came of it.
    if (kept.error().kind != ErrorKind::conflict) return kept;
  }
  // Their groups can be deleted only once nobody reads with them.
  for (const int number : feeds.numbers()) {
    if (std::ranges::find(all, number, &GenerationInfo::number) == all.end()) feeds.starve(number);
  }
  if (deps.serving != nullptr) deps.serving->note(all);
  for (const GenerationInfo& info : all) {
    // One whose embedder is not to be had cannot be fed; it stays as it is until a rebuild drops
    // it.
    const auto embedder = deps.embedders.of(info.spec);
    if (!embedder) continue;
    MESH_TRY(feeds.feed(info.number, *embedder));
  }
  return {};
}

Result<bool> Generations::Impl::is_to_keep(const Infos& all) const {
  if (serving_of(all) == all.end()) return true;
  const auto groups = MESH_TRY(admin().groups());
  return !groups_left(groups, deps.base.name, all).empty();
}

// Sees to it that one is served, and that no group is left of one that is gone. Where another
// process is at it, the next look sees what came of it.
Status Generations::Impl::keep(Infos& all) {
  const auto needed = MESH_TRY(is_to_keep(all));
  if (!needed) return {};
  auto acquired = MESH_TRY(Keeper::acquire(keeper()));
  if (!acquired) return {};
  Keeper& keeper = *acquired;
  // They may have changed before the lease was ours.
  all = MESH_TRY(deps.index.generations());
  // Numbers begin anew after the loss of an index: a group that is left would make the new
  // generation miss what stands before its offsets.
  MESH_TRY(keeper.drop_groups(all));
  if (serving_of(all) != all.end()) return {};
  // One that a start cut short left behind, or a new one.
  auto newest = std::find_if(all.rbegin(), all.rend(), [this](const auto& info) {
    return is_configured(info) && !info.spec.shadow;
  });
  if (newest == all.rend()) {
    const auto groups = MESH_TRY(admin().groups());
    if (!groups_left(groups, deps.base.name, all).empty()) return {};  // they are let go soon
    auto made = MESH_TRY(keeper.make(deps.embedders.configured_spec()));
    all.push_back(std::move(made));
    newest = all.rbegin();
  }
  MESH_TRY(keeper.serve(newest->number));
  newest->serving = true;
  return {};
}

Result<GenerationInfo> Generations::Impl::find(int number) const {
  auto all = MESH_TRY(deps.index.generations());
  for (GenerationInfo& info : all) {
    if (info.number == number) return std::move(info);
  }
  return fail(ErrorKind::not_found, "there is no generation " + std::to_string(number));
}

Result<GenerationInfo> Generations::Impl::served() const {
  auto all = MESH_TRY(deps.index.generations());
  const auto at = serving_of(all);
  if (at == all.end()) {
    return fail(ErrorKind::unavailable, "no generation of the index is served yet");
  }
  return *at;
}

// Whoever tidies up after a flip has the lease for a moment. Null where it is held for long.
Result<std::unique_ptr<Keeper>> Generations::Impl::wait_for_keeper() {
  Clock& clock = deps.pipeline.clock;
  const SteadyTime deadline = clock.steady() + kCatchUp;
  for (;;) {
    auto own = MESH_TRY(Keeper::acquire(keeper()));
    if (own || clock.steady() >= deadline) return own;
    std::unique_lock lock(mutex);
    if (clock.wait_until(lock, changed, clock.steady() + kLook, [this] { return stopped(); }))
      return fail(ErrorKind::unavailable, "this process stops; try again at another");
  }
}

// What the log holds now; false after kCatchUp, or where it stops.
Result<bool> Generations::Impl::wait_through(int number) {
  Clock& clock = deps.pipeline.clock;
  const auto target = MESH_TRY(ends(deps.pipeline.log, admin(), deps.base.topics));
  const SteadyTime deadline = clock.steady() + kCatchUp;
  for (;;) {
    const auto through = is_through(admin(), deps.pipeline.retries, group(number), target);
    if (!through || *through) return through;
    std::unique_lock lock(mutex);
    if (clock.steady() >= deadline) return false;
    // Polled, since another process may feed it, which wakes nobody here.
    if (clock.wait_until(lock, changed, clock.steady() + kLook, [this] { return stopped(); }))
      return false;
  }
}

std::optional<std::int64_t> Generations::Impl::filling() {
  {
    std::lock_guard lock(mutex);
    if (to_fill.empty()) return std::nullopt;
  }
  // Unlocked, since the engines may be slow.
  const auto serving = served();
  if (!serving || !can_embed(*serving)) return std::nullopt;
  const auto committed = committed_by(admin(), group(serving->number));
  if (!committed) return std::nullopt;
  std::lock_guard lock(mutex);
  // Once and for all: if it falls behind later, that is lag and no filling.
  if (reached(*committed, to_fill)) to_fill.clear();
  if (to_fill.empty()) return std::nullopt;
  const auto records = records_from(deps.pipeline.log, *committed);
  return records ? std::optional(*records) : std::nullopt;
}

// That have not ended, wherever they run.
Result<std::vector<Task>> Generations::Impl::asked_rebuilds() const {
  auto newest = MESH_TRY(deps.tasks.list(kTasksLookedAt));
  std::erase_if(newest, [](const Task& t) {
    return t.kind != "rebuild" || has_ended(t) || t.spec.contains("type");
  });
  return newest;
}

// The number that is being built, or 0. Of several tasks one has begun.
int Generations::Impl::building() const {
  int number = 0;
  const auto asked = asked_rebuilds();
  if (!asked) return 0;  // a view without it is better than none
  for (const Task& task : *asked) {
    if (task.checkpoint.is_object()) {
      number = std::max(number, task.checkpoint.value("generation", 0));
    }
  }
  return number;
}

// A shadow as `spec` says that no other task has noted: `task` was cut off between making and
// noting it. 0: there is none.
Result<int> Generations::Impl::own_shadow(const Infos& all, const GenerationSpec& spec,
                                          const std::string& task) const {
  const auto found = std::ranges::find_if(all, [&](const auto& info) {
    return info.spec.shadow && !info.serving && info.spec.embedder == spec.embedder &&
           info.spec.dimension == spec.dimension;
  });
  if (found == all.end()) return 0;
  const auto newest = MESH_TRY(deps.tasks.list(kTasksLookedAt));
  const bool noted = std::ranges::any_of(newest, [&](const Task& other) {
    return other.kind == "rebuild" && other.id != task && !other.spec.contains("type") &&
           other.checkpoint.is_object() && other.checkpoint.value("generation", 0) == found->number;
  });
  return noted ? 0 : found->number;
}

// What every process can tell of a group that others read.
PipelineStatus Generations::Impl::status_elsewhere(int number) const {
  PipelineStatus status;
  status.name = group(number);
  const auto groups = admin().groups();
  if (!groups) return status;
  const auto found = std::ranges::find(*groups, status.name, &GroupInfo::name);
  if (found == groups->end() || !found->active) return status;
  status.state = PipelineStatus::State::running;
  status.lag_events = records_from(deps.pipeline.log, found->committed).value_or(0);
  return status;
}

Generations::Generations(Deps deps) : impl_(std::make_unique<Impl>(std::move(deps))) {}

Generations::~Generations() { stop(); }

Status Generations::start() { return impl_->start(); }

void Generations::stop() { impl_->stop(); }

std::optional<std::int64_t> Generations::filling() { return impl_->filling(); }

std::optional<ForeignGeneration> Generations::foreign() {
  auto serving = impl_->served();
  if (!serving) return std::nullopt;
  auto embedder = impl_->deps.embedders.of(serving->spec);
  if (embedder) return std::nullopt;
  return ForeignGeneration{std::move(*serving), std::move(embedder.error().message)};
}

Result<bool> Generations::is_lost(const ForeignGeneration& foreign) {
  const auto groups = MESH_TRY(impl_->admin().groups());
  const auto at = std::ranges::find(groups, impl_->group(foreign.info.number), &GroupInfo::name);
  if (at != groups.end() && at->active) return false;
  const bool asked_for = MESH_TRY(rebuild_is_asked_for());
  return !asked_for;
}

std::optional<GenerationInfo> Generations::unconfigured() {
  auto serving = impl_->served();
  if (!serving || impl_->is_configured(*serving) || !impl_->can_embed(*serving)) {
    return std::nullopt;
  }
  return std::move(*serving);
}

Result<bool> Generations::rebuild_is_asked_for() {
  const auto asked = MESH_TRY(impl_->asked_rebuilds());
  return std::ranges::any_of(asked, [this](const Task& task) { return can_rebuild(task); });
}

Result<Json> Generations::rebuild_spec(const RebuildRequest& request) {
  const auto spec = MESH_TRY(impl_->deps.embedders.spec_of(request.engine, request.model));
  if (request.shadow) MESH_TRY(no_shadow(MESH_TRY(impl_->deps.index.generations())));
  Json json{{"embedder", spec.embedder}, {"dimension", spec.dimension}};
  if (!spec.model.empty()) json["model"] = spec.model;
  if (request.shadow) json["shadow"] = true;
  return json;
}

bool Generations::can_rebuild(const Task& task) const {
  Embedders& embedders = impl_->deps.embedders;
  return embedders.of(rebuilt_spec(task.spec, embedders.configured_spec())).has_value();
}

Result<std::vector<GenerationStatus>> Generations::list() {
  auto all = MESH_TRY(impl_->deps.index.generations());
  const int building = impl_->building();
  std::vector<GenerationStatus> list;
  for (GenerationInfo& info : all) {
    const int number = info.number;
    const bool follows = impl_->can_embed(info);
    GenerationStatus status{std::move(info), {}, {}, follows};
    status.filling = status.info.serving && impl_->filling();
    const auto pipeline = impl_->feeds.pipeline(number);
    status.pipeline = pipeline ? pipeline->status() : impl_->status_elsewhere(number);
    status.role = status.info.serving       ? "serving"
                  : number == building      ? "building"
                  : status.info.spec.shadow ? "shadow"
                                            : "previous";
    list.push_back(std::move(status));
  }
  return list;
}

std::vector<std::string> Generations::fed() const {
  std::vector<std::string> groups;
  for (const int number : impl_->feeds.numbers()) groups.push_back(impl_->group(number));
  return groups;
}

Result<std::shared_ptr<Stage>> Generations::serving_stage() {
  const auto serving = MESH_TRY(impl_->served());
  auto stage = impl_->feeds.stage(serving.number);
  if (!stage) {
    return fail(ErrorKind::unavailable, serving.name + " is not fed by this process");
  }
  return stage;
}

Status Generations::rebuild(TaskContext& context) {
  Impl& impl = *impl_;
  const GenerationSpec spec =
      rebuilt_spec(context.task().spec, impl.deps.embedders.configured_spec());
  return pipeline::rebuild(
      context, {impl.keeper(), impl.deps.pipeline.log, spec,
                [&](const Infos& all) { return impl.own_shadow(all, spec, context.task().id); },
                [&impl] { return impl.reconcile(); },
                [&impl](int number) -> std::optional<std::string> {
                  const auto fed = impl.feeds.pipeline(number);
                  if (!fed) return std::nullopt;
                  const auto status = fed->status();
                  if (status.state != PipelineStatus::State::failed) return std::nullopt;
                  return status.last_error;
                }});
}

Result<std::unique_ptr<Keeper>> Generations::Impl::must_keep() {
  auto keeper = MESH_TRY(wait_for_keeper());
  if (keeper) return keeper;
  return fail(ErrorKind::conflict,
              "another process changes the generations; try again when it is done");
}

// Serves what `choose` answers. What is neither that nor the one that served, nor a shadow, goes.
Result<GenerationInfo> Generations::Impl::flip(const Choice& choose) {
  // It would flip away from what is served here, and drop it.
  const auto refuse_beside_rebuild = [&]() -> Status {
    const auto asked = MESH_TRY(asked_rebuilds());
    if (asked.empty()) return {};
    return fail(ErrorKind::conflict, "a rebuild is under way; wait for it or cancel it first");
  };
  MESH_TRY(refuse_beside_rebuild());
  auto keeper = MESH_TRY(must_keep());
  MESH_TRY(refuse_beside_rebuild());
  const auto all = MESH_TRY(deps.index.generations());
  const auto chosen = MESH_TRY(choose(all));
  if (chosen.serving) return chosen;
  if (const auto embedder = deps.embedders.of(chosen.spec); !embedder) {
    return fail(ErrorKind::conflict, chosen.name + " was made with the embedder " +
                                         chosen.spec.embedder + ": " + embedder.error().message);
  }
  const bool caught_up = MESH_TRY(wait_through(chosen.number));
  if (!caught_up) {
    return fail(ErrorKind::conflict, chosen.name + " is behind the log; try again later");
  }
  MESH_TRY(keeper->serve(chosen.number));
  for (const GenerationInfo& info : all) {
    if (info.number == chosen.number || info.serving || info.spec.shadow) continue;
    // It serves by now, whatever becomes of this; the next rebuild drops it, too.
    if (auto dropped = keeper->drop(info.number); !dropped) {
      log::warn("an older generation was not dropped; the next rebuild does it",
                {{"generation", info.number}, {"error", dropped.error().to_string()}});
    }
  }
  const auto served = MESH_TRY(find(chosen.number));
  if (deps.serving != nullptr) {
    if (const auto now = deps.index.generations()) deps.serving->note(*now);
  }
  return served;
}

Result<GenerationInfo> Generations::rollback() {
  return impl_->flip([](const Infos& all) -> Result<GenerationInfo> {
    const auto previous = std::find_if(all.rbegin(), all.rend(), [](const auto& info) {
      return !info.serving && !info.spec.shadow;
    });
    if (previous != all.rend()) return *previous;
    return fail(ErrorKind::conflict, "there is no previous generation to serve");
  });
}

Result<GenerationInfo> Generations::serve(int number) {
  return impl_->flip([number](const Infos& all) -> Result<GenerationInfo> {
    const auto found = std::ranges::find(all, number, &GenerationInfo::number);
    if (found != all.end()) return *found;
    return fail(ErrorKind::not_found, "there is no generation " + std::to_string(number));
  });
}

Status Generations::drop(int number) {
  Impl& impl = *impl_;
  (void)MESH_TRY(impl.find(number));
  const auto not_built = [&]() -> Status {
    const auto asked = MESH_TRY(impl.asked_rebuilds());
    for (const Task& task : asked) {
      if (!task.checkpoint.is_object() || task.checkpoint.value("generation", 0) != number)
        continue;
      return fail(ErrorKind::conflict, "a rebuild is at generation " + std::to_string(number) +
                                           ": `mesh tasks cancel " + task.id + "` drops it");
    }
    return {};
  };
  MESH_TRY(not_built());
  {
    auto keeper = MESH_TRY(impl.must_keep());
    MESH_TRY(not_built());
    const auto now = MESH_TRY(impl.find(number));
    if (now.serving) {
      return fail(ErrorKind::conflict,
                  now.name + " serves searches: `mesh index serve` another one first");
    }
    MESH_TRY(keeper->drop(number));
  }
  // Its group goes with the look, or with a later one where another process reads for it still.
  if (auto looked = impl.reconcile(); !looked && looked.error().kind != ErrorKind::cancelled) {
    tell_unfollowed(looked.error());
  }
  return {};
}

Result<VerifyReport> Generations::verify() {
  Impl& impl = *impl_;
  const auto serving = MESH_TRY(impl.served());
  // A pipeline that cannot catch up shows in the report as what it misses.
  (void)MESH_TRY(impl.wait_through(serving.number));
  return verify_generation(impl.deps.pipeline.log, impl.admin(), impl.deps.index, serving,
                           impl.deps.base.topics);
}

}  // namespace mesh::pipeline
