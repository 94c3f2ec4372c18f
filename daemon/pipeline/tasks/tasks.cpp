#include "daemon/pipeline/tasks/tasks.h"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "common/base/backoff.h"
#include "common/base/ids.h"
#include "common/base/thread.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/tasks/task_events.h"
#include "daemon/pipeline/tasks/task_watches.h"

namespace mesh::pipeline {
namespace {

constexpr Duration kClaimTtl{30'000};  // of a claim
// Between two looks, where the store does not tell: at the claim, at what others submitted or
// ended.
constexpr Duration kBeat{1'000};
constexpr BackoffPolicy kStoreBackoff{Duration{100}, Duration{5'000}, 6};

// A task that runs here. All but its thread and `random` guarded by Impl::mutex.
struct Running {
  std::string id;
  std::int64_t token = 0;  // of its claim
  bool cancelled = false;
  bool lost = false;    // it is another process's by now
  bool ending = false;  // its claim ends with its last store, which the heart need not see first
  bool over = false;
  std::mt19937_64 random{std::random_device{}()};  // its thread only
  std::thread thread;
};

}  // namespace

struct TaskRunner::Impl {
  Impl(TaskStore& s, EventLog& l, std::string p, Clock& c, Metrics& m, TaskBounds b)
      : store(s), event_log(l), process(std::move(p)), clock(c), metrics(m), bounds(b) {}

  class Context;

  TaskStore& store;
  EventLog& event_log;
  const std::string process;
  Clock& clock;
  Metrics& metrics;
  const TaskBounds bounds;
  struct Defined {
    Work work;
    Fits fits;
  };
  std::map<std::string, Defined> works;  // this and the next constant after start
  std::function<Result<bool>()> does_tasks;
  std::set<std::string> left;  // ids of tasks that others are to do; the chooser's thread only

  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;  // this and the following guarded by mutex
  // The store told of a change since the chooser, or the heart, last looked.
  bool news_for_chooser = false, news_for_heart = false;
  std::list<Running> running;  // entries stay where they are until they are over

  TaskWatches watches;

  std::mutex lifecycle;  // held over start and stop
  std::thread chooser;   // claims tasks and begins them, where this process has work for any
  std::thread heart;     // renews the claims, and looks for those who watch

  void start();
  void stop();
  // Sets `news` once the store tells of a change from now on.
  std::unique_ptr<Watch> watch_for(bool& news);
  void choose();
  void join_those_over();
  void begin(ClaimedTask claimed);
  void beat();
  void renew();
  void look_for_watches();
  bool is_for_others(const Task& task) const;
  std::optional<ClaimedTask> claim(const std::vector<std::string>& kinds);
  void run_task(Running& own, Task task);
  void finish(Running& own, Task task, Task::State state, std::string error);
  Status store_held(Running& own, const Task& task);
  bool insist_on(Running& own, const Task& task);
  Status accepts(const std::string& kind) const;
  Result<Task> submit(Task task);
  Status cancel(const std::string& id);
  // Before the claim is given up: a renewal that comes behind that fails, which is no loss.
  void end(Running& own) {
    std::lock_guard lock(mutex);
    own.ending = true;
  }
  void lose(Running& own) {  // mutex held
    own.lost = true;
    changed.notify_all();
  }
  bool ends(const Running& own) const {  // mutex held
    return stopping || own.cancelled || own.lost;
  }
  Running* find(const std::string& id) {  // mutex held; null: it does not run here
    const auto at = std::ranges::find(running, id, &Running::id);
    return at == running.end() ? nullptr : &*at;
  }
};

class TaskRunner::Impl::Context final : public TaskContext {
 public:
  Context(Impl& impl, Running& own, Task task) : impl_(impl), own_(own), task_(std::move(task)) {
    for (Json* json : {&task_.spec, &task_.checkpoint, &task_.result}) {
      if (!json->is_object()) *json = Json::object();
    }
  }

  const Task& task() const override { return task_; }

  Status progress(std::int64_t done, std::int64_t total, Json checkpoint, Json result) override {
    task_.done = done;
    task_.total = total;
    task_.checkpoint = std::move(checkpoint);
    task_.result = std::move(result);
    return impl_.store_held(own_, task_);
  }
  bool stopping() const override {
    std::lock_guard lock(impl_.mutex);
    return impl_.ends(own_);
  }
  // Whoever lost it leaves the cleaning up to the one that has it now.
  bool cancelled() const override {
    std::lock_guard lock(impl_.mutex);
    return own_.cancelled && !own_.lost;
  }
  void pause(Duration d) override {
    std::unique_lock lock(impl_.mutex);
    impl_.clock.wait_until(lock, impl_.changed, impl_.clock.steady() + d,
                           [this] { return impl_.ends(own_); });
  }

 private:
  Impl& impl_;
  Running& own_;
  Task task_;
};

void TaskRunner::Impl::start() {
  std::lock_guard guard(lifecycle);
  if (heart.joinable()) return;
  {
    std::lock_guard lock(mutex);
    stopping = false;
  }
  watches.open();
  heart = std::thread([this] {
    name_thread("tasks-heart");
    beat();
  });
  if (works.empty()) return;
  chooser = std::thread([this] {
    name_thread("tasks");
    choose();
  });
}

void TaskRunner::Impl::stop() {
  std::lock_guard guard(lifecycle);
  if (!heart.joinable()) return;
  {
    std::lock_guard lock(mutex);
    stopping = true;
  }
  watches.close();
  changed.notify_all();
  if (chooser.joinable()) chooser.join();
  heart.join();
}

std::unique_ptr<Watch> TaskRunner::Impl::watch_for(bool& news) {
  {
    std::lock_guard lock(mutex);
    news = false;
  }
  return store.watch([this, &news] {
    std::lock_guard lock(mutex);
    news = true;
    changed.notify_all();
  });
}

void TaskRunner::Impl::choose() {
  std::vector<std::string> kinds;
  for (const auto& [kind, defined] : works) kinds.push_back(kind);
  for (;;) {
    const auto watch = watch_for(news_for_chooser);
    join_those_over();
    bool room = false;
    {
      std::lock_guard lock(mutex);
      if (stopping) break;
      room = std::ssize(running) < bounds.running;
    }
    if (auto claimed = room ? claim(kinds) : std::nullopt) {
      begin(std::move(*claimed));
      continue;
    }
    std::unique_lock lock(mutex);
    clock.wait_until(lock, changed, clock.steady() + kBeat, [this] {
      return stopping || news_for_chooser || std::ranges::any_of(running, &Running::over);
    });
  }
  for (;;) {
    join_those_over();
    std::unique_lock lock(mutex);
    if (running.empty()) break;
    clock.wait_until(lock, changed, SteadyTime::max(),
                     [this] { return std::ranges::any_of(running, &Running::over); });
  }
  changed.notify_all();  // the heart waits for the last
}

void TaskRunner::Impl::join_those_over() {
  std::list<Running> over;
  {
    std::lock_guard lock(mutex);
    for (auto at = running.begin(); at != running.end();) {
      const auto next = std::next(at);
      if (at->over) over.splice(over.end(), running, at);
      at = next;
    }
  }
  for (Running& one : over) one.thread.join();
}

void TaskRunner::Impl::begin(ClaimedTask claimed) {
  std::lock_guard lock(mutex);
  Running& own = running.emplace_back();
  own.id = claimed.task.id;
  own.token = claimed.token;
  own.thread = std::thread([this, &own, task = std::move(claimed.task)]() mutable {
    name_thread("task");
    stand_back(Standing::background);
    run_task(own, std::move(task));
    std::lock_guard only(mutex);
    own.over = true;
    changed.notify_all();
  });
}

bool TaskRunner::Impl::is_for_others(const Task& task) const {
  const Fits& fits = works.at(task.kind).fits;
  return fits && !task.cancel_requested && !fits(task);
}

std::optional<ClaimedTask> TaskRunner::Impl::claim(const std::vector<std::string>& kinds) {
  // Until they end, or are to be cleaned up.
  std::erase_if(left, [this](const std::string& id) {
    const auto task = store.get(id);
    return task && (has_ended(*task) || !is_for_others(*task));
  });
  WantedTask wanted{.kinds = kinds,
                    .except = left,
                    .per_tenant = bounds.running_per_tenant,
                    .reported_before = clock.now() - kClientSilence};
  {
    // One of these that was lost may be free again, while its work here has not come to its end.
    std::lock_guard lock(mutex);
    for (const Running& own : running) wanted.except.insert(own.id);
  }
  for (;;) {
    auto claimed = store.claim(process, wanted, kClaimTtl);
    if (!claimed) {
      log::error("tasks cannot be looked for, until the next try",
                 {{"error", claimed.error().to_string()}});
      return std::nullopt;
    }
    if (!*claimed) return std::nullopt;
    const ClaimedTask& one = **claimed;
    if (!is_for_others(one.task)) return std::move(*claimed);
    log::info("a task is left to another process",
              {{"task", one.task.id}, {"kind", one.task.kind}});
    left.insert(one.task.id);
    wanted.except.insert(one.task.id);
    store.release(one.task.id, one.token);
  }
}

// Beside the work, which may be in one call of an engine for long.
void TaskRunner::Impl::beat() {
  for (;;) {
    const auto watch = watch_for(news_for_heart);
    renew();
    look_for_watches();
    std::unique_lock lock(mutex);
    const auto over = [this] { return stopping && running.empty(); };
    clock.wait_until(lock, changed, clock.steady() + kBeat,
                     [&] { return over() || news_for_heart; });
    if (over()) return;
  }
}

void TaskRunner::Impl::renew() {
  std::vector<std::pair<std::string, std::int64_t>> claims;
  {
    std::lock_guard lock(mutex);
    for (const Running& own : running) {
      if (!own.lost && !own.over) claims.emplace_back(own.id, own.token);
    }
  }
  for (const auto& [id, token] : claims) {
    const auto cancel_asked = store.renew(id, token, kClaimTtl);
    std::lock_guard lock(mutex);
    Running* const own = find(id);
    if (own == nullptr || own->token != token) continue;
    if (cancel_asked) {
      own->cancelled = own->cancelled || *cancel_asked;
      if (*cancel_asked) changed.notify_all();
    } else if (cancel_asked.error().kind == ErrorKind::conflict && !own->over && !own->ending) {
      log::warn("a task was taken over by another process", {{"task", id}});
      lose(*own);
    }
  }
}

// Of tasks that other processes run.
void TaskRunner::Impl::look_for_watches() {
  auto ids = watches.waited_for();
  {
    std::lock_guard lock(mutex);
    for (const Running& own : running) ids.erase(own.id);
  }
  for (const auto& id : ids) {
    if (const auto task = store.get(id); task && has_ended(*task)) watches.tell(id);
  }
}

void TaskRunner::Impl::run_task(Running& own, Task task) {
  const bool started_before = task.state == Task::State::running;
  if (task.cancel_requested) {
    if (!started_before) return finish(own, std::move(task), Task::State::cancelled, {});
    std::lock_guard lock(mutex);
    own.cancelled = true;
  }
  task.state = Task::State::running;
  if (!started_before) task.started_at = clock.now();
  if (!insist_on(own, task)) return;
  Context context(*this, own, std::move(task));
  Status outcome;
  try {
    outcome = works.at(context.task().kind).work(context);
  } catch (const std::exception& error) {
    outcome = fail(ErrorKind::internal, "the task met an internal error", error.what());
  }
  task = context.task();
  if (outcome) return finish(own, std::move(task), Task::State::done, {});
  if (context.cancelled()) return finish(own, std::move(task), Task::State::cancelled, {});
  if (context.stopping()) {  // stays running in the store
    end(own);
    return store.release(own.id, own.token);
  }
  log::error("a task failed",
             {{"task", task.id}, {"kind", task.kind}, {"error", outcome.error().to_string()}});
  finish(own, std::move(task), Task::State::failed, outcome.error().message);
}

void TaskRunner::Impl::finish(Running& own, Task task, Task::State state, std::string error) {
  task.state = state;
  task.error = std::move(error);
  task.finished_at = clock.now();
  end(own);
  if (!insist_on(own, task)) return;
  tasks_ended(metrics, task.kind, state).add();
  append_task_event(event_log, "task.completed", task, task.finished_at);
  watches.tell(task.id);
}

Status TaskRunner::Impl::store_held(Running& own, const Task& task) {
  Status stored = store.store(task, own.token);
  if (!stored && stored.error().kind == ErrorKind::conflict) {
    std::lock_guard lock(mutex);
    lose(own);
  }
  return stored;
}

bool TaskRunner::Impl::insist_on(Running& own, const Task& task) {
  for (int attempt = 1;; ++attempt) {
    const Status stored = store_held(own, task);
    if (stored) return true;
    std::unique_lock lock(mutex);
    if (own.lost || attempt == kStoreBackoff.max_attempts || stopping) {
      log::error("a task's state was not stored, and whoever claims it next finds the one before",
                 {{"task", task.id}, {"error", stored.error().to_string()}});
      lock.unlock();
      store.release(task.id, own.token);
      return false;
    }
    clock.wait_until(lock, changed,
                     clock.steady() + backoff_delay(kStoreBackoff, attempt, own.random()),
                     [this] { return stopping; });
  }
}

// A task that nobody does would wait for ever.
Status TaskRunner::Impl::accepts(const std::string& kind) const {
  if (works.contains(kind)) return {};
  if (std::ranges::find(kTaskKinds, kind) == std::end(kTaskKinds)) {
    return fail(ErrorKind::invalid, "there are no tasks of kind \"" + kind + "\"");
  }
  if (!does_tasks) return {};
  const auto elsewhere = MESH_TRY(does_tasks());
  if (elsewhere) return {};
  return fail(ErrorKind::conflict,
              "no process does tasks now: none that `mesh members` shows has the role pipelines; "
              "start one, or add the role to `roles`, and ask again");
}

Result<Task> TaskRunner::Impl::submit(Task task) {
  MESH_TRY(accepts(task.kind));
  task.created_at = clock.now();
  task.id = new_uuid_v7(task.created_at);
  MESH_TRY(store.insert(task));
  append_task_event(event_log, "task.created", task, task.created_at);
  return task;
}

Status TaskRunner::Impl::cancel(const std::string& id) {
  const auto before = MESH_TRY(store.get(id));
  if (before.state == Task::State::cancelled) return {};
  auto asked = MESH_TRY(store.request_cancel(id));
  if (asked.state == Task::State::cancelled) {  // waited, and was never begun
    append_task_event(event_log, "task.completed", asked, asked.finished_at);
    watches.tell(id);
    return {};
  }
  if (has_ended(asked)) {
    return fail(ErrorKind::conflict,
                "task " + id + " has ended already: it is " + std::string(to_string(asked.state)));
  }
  {
    std::lock_guard lock(mutex);
    if (Running* const own = find(id)) own->cancelled = true;
  }
  changed.notify_all();
  return {};
}

TaskRunner::TaskRunner(TaskStore& store, EventLog& log, std::string process, Clock& clock,
                       Metrics& metrics, TaskBounds bounds)
    : impl_(std::make_unique<Impl>(store, log, std::move(process), clock, metrics, bounds)) {}

TaskRunner::~TaskRunner() { stop(); }

void TaskRunner::define(std::string kind, Work work, Fits fits) {
  show_tasks_ended(impl_->metrics, kind);
  impl_->works[std::move(kind)] = {std::move(work), std::move(fits)};
}

void TaskRunner::ask_elsewhere(std::function<Result<bool>()> does_tasks) {
  impl_->does_tasks = std::move(does_tasks);
}

Status TaskRunner::accepts(const std::string& kind) const { return impl_->accepts(kind); }

void TaskRunner::start() { impl_->start(); }

void TaskRunner::stop() { impl_->stop(); }

Result<Task> TaskRunner::submit(std::string kind, Json spec, std::int64_t total,
                                std::string started_by) {
  Task task;
  task.kind = std::move(kind);
  task.spec = std::move(spec);
  task.total = total;
  task.started_by = std::move(started_by);
  return impl_->submit(std::move(task));
}

Status TaskRunner::cancel(const std::string& id) { return impl_->cancel(id); }

// Entered first and looked at then, so that an end in between is not missed.
std::unique_ptr<Watch> TaskRunner::watch(const std::string& id, Told told) {
  auto watch = impl_->watches.add(id, std::move(told));
  const auto task = impl_->store.get(id);
  if (!task || has_ended(*task)) impl_->watches.tell(*watch);
  return watch;
}

}  // namespace mesh::pipeline
