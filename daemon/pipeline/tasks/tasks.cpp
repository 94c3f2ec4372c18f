#include "daemon/pipeline/tasks/tasks.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "common/base/backoff.h"
#include "common/base/ids.h"
#include "common/base/thread.h"
#include "common/telemetry/log.h"

namespace mesh::pipeline {
namespace {

constexpr std::size_t kMaxQueued = 1'000;
constexpr int kResumeLimit = 10'000;  // tasks looked through at start
constexpr BackoffPolicy kStoreBackoff{Duration{100}, Duration{5'000}, 6};

// The audit trail: no one waits for it.
void append_event(EventLog& event_log, const char* type, const Task& task, Timestamp now) {
  Event event{new_uuid_v7(now),
              type,
              "meshd",
              now,
              *TenantId::parse(kTaskTenant),
              task.id,
              0,
              "application/json",
              {},
              dump(to_json(task)),
              {}};
  event_log.append({to_record(event)}, [type, id = task.id](Result<std::vector<Position>> result) {
    if (result) return;
    log::warn("a task's event was not written",
              {{"type", type}, {"task", id}, {"error", result.error().to_string()}});
  });
}

}  // namespace

struct TaskRunner::Impl {
  Impl(TaskStore& s, EventLog& l, Clock& c) : store(s), event_log(l), clock(c) {}

  class Context;
  class TaskWatch;

  TaskStore& store;
  EventLog& event_log;
  Clock& clock;
  std::map<std::string, Work> works;               // constant after start
  std::mt19937_64 random{std::random_device{}()};  // the runner's thread only

  std::mutex mutex;
  std::condition_variable changed;
  bool started = false;  // this and the following guarded by mutex
  bool stopping = false;
  std::deque<std::string> queue;  // ids, oldest first
  std::string current;            // id of the running task
  bool current_cancelled = false;
  std::set<TaskWatch*> watches;

  std::mutex lifecycle;  // held over start and stop
  std::thread thread;    // last: it uses all of the above

  void start();
  void stop();
  void run();
  void run_task(Task task);
  void finish(Task task, Task::State state, std::string error);
  bool put(const Task& task);
  Status accepts(const std::string& kind) const;
  Result<Task> submit(std::string kind, Json spec, std::int64_t total);
  Status cancel(const std::string& id);
};

// All but its beginning and end with the runner's mutex held.
class TaskRunner::Impl::TaskWatch final : public Watch {
 public:
  TaskWatch(Impl& impl, std::string of, Told told)
      : id(std::move(of)), impl_(impl), told_(std::move(told)) {
    std::lock_guard lock(impl_.mutex);
    impl_.watches.insert(this);
    if (impl_.stopping) tell();
  }
  ~TaskWatch() override {
    std::lock_guard lock(impl_.mutex);
    impl_.watches.erase(this);
  }
  void tell() {
    if (auto told = std::exchange(told_, nullptr)) told();
  }

  const std::string id;

 private:
  Impl& impl_;
  Told told_;
};

class TaskRunner::Impl::Context final : public TaskContext {
 public:
  Context(Impl& impl, Task task) : impl_(impl), task_(std::move(task)) {
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
    return impl_.store.put(task_);
  }
  bool stopping() const override {
    std::lock_guard lock(impl_.mutex);
    return impl_.stopping || impl_.current_cancelled;
  }
  bool cancelled() const override {
    std::lock_guard lock(impl_.mutex);
    return impl_.current_cancelled;
  }
  void pause(Duration d) override {
    std::unique_lock lock(impl_.mutex);
    impl_.clock.wait_until(lock, impl_.changed, impl_.clock.steady() + d,
                           [this] { return impl_.stopping || impl_.current_cancelled; });
  }

 private:
  Impl& impl_;
  Task task_;
};

void TaskRunner::Impl::start() {
  std::lock_guard guard(lifecycle);
  if (thread.joinable()) return;
  std::lock_guard lock(mutex);
  stopping = false;
  started = true;
  queue.clear();
  auto tasks = store.list(kResumeLimit);
  if (!tasks) {
    log::error("unfinished tasks were not resumed: the store does not list them",
               {{"error", tasks.error().to_string()}});
  } else {
    for (const Task& task : *tasks) {
      if (!has_ended(task)) queue.push_front(task.id);
    }
  }
  thread = std::thread([this] {
    name_thread("tasks");
    stand_back(Standing::background);
    run();
  });
}

void TaskRunner::Impl::stop() {
  std::lock_guard guard(lifecycle);
  if (!thread.joinable()) return;
  {
    std::lock_guard lock(mutex);
    stopping = true;
    started = false;
    for (auto* watch : watches) watch->tell();
  }
  changed.notify_all();
  thread.join();
}

void TaskRunner::Impl::run() {
  for (;;) {
    std::string id;
    {
      std::unique_lock lock(mutex);
      clock.wait_until(lock, changed, SteadyTime::max(),
                       [this] { return stopping || !queue.empty(); });
      if (stopping) return;
      id = queue.front();
      queue.pop_front();
      current = id;
      current_cancelled = false;
    }
    auto task = store.get(id);
    if (!task) {
      log::error("a task cannot be read and is left for the next start",
                 {{"task", id}, {"error", task.error().to_string()}});
    } else if (!has_ended(*task)) {
      run_task(std::move(*task));
    }
    std::lock_guard lock(mutex);
    current.clear();
  }
}

void TaskRunner::Impl::run_task(Task task) {
  const bool started_before = task.state == Task::State::running;
  if (task.cancel_requested) {
    if (!started_before) return finish(std::move(task), Task::State::cancelled, {});
    std::lock_guard lock(mutex);
    current_cancelled = true;
  }
  const auto work = works.find(task.kind);
  if (work == works.end()) {
    return finish(task, Task::State::failed, "this meshd does not know tasks of kind " + task.kind);
  }
  task.state = Task::State::running;
  if (!started_before) task.started_at = clock.now();
  put(task);
  Context context(*this, std::move(task));
  Status outcome;
  try {
    outcome = work->second(context);
  } catch (const std::exception& error) {
    outcome = fail(ErrorKind::internal, "the task met an internal error", error.what());
  }
  task = context.task();
  if (outcome) return finish(std::move(task), Task::State::done, {});
  if (context.cancelled()) return finish(std::move(task), Task::State::cancelled, {});
  if (context.stopping()) return;  // stays running in the store
  log::error("a task failed",
             {{"task", task.id}, {"kind", task.kind}, {"error", outcome.error().to_string()}});
  finish(std::move(task), Task::State::failed, outcome.error().message);
}

void TaskRunner::Impl::finish(Task task, Task::State state, std::string error) {
  task.state = state;
  task.error = std::move(error);
  task.finished_at = clock.now();
  if (put(task)) append_event(event_log, "task.completed", task, task.finished_at);
  {
    std::lock_guard lock(mutex);
    for (auto* watch : watches) {
      if (watch->id == task.id) watch->tell();
    }
  }
  changed.notify_all();
}

bool TaskRunner::Impl::put(const Task& task) {
  for (int attempt = 1;; ++attempt) {
    const Status stored = store.put(task);
    if (stored) return true;
    std::unique_lock lock(mutex);
    if (attempt == kStoreBackoff.max_attempts || stopping) {
      log::error("a task's state was not stored and is found again at the next start",
                 {{"task", task.id}, {"error", stored.error().to_string()}});
      return false;
    }
    clock.wait_until(lock, changed,
                     clock.steady() + backoff_delay(kStoreBackoff, attempt, random()),
                     [this] { return stopping; });
  }
}

Status TaskRunner::Impl::accepts(const std::string& kind) const {
  if (works.empty()) {
    return fail(ErrorKind::conflict,
                "this meshd runs no tasks: its `roles` lacks pipelines; add that role, restart it "
                "and ask again");
  }
  if (!works.contains(kind)) {
    return fail(ErrorKind::invalid, "there are no tasks of kind \"" + kind + "\"");
  }
  return {};
}

Result<Task> TaskRunner::Impl::submit(std::string kind, Json spec, std::int64_t total) {
  if (auto accepted = accepts(kind); !accepted) return fail(accepted.error());
  Task task;
  task.created_at = clock.now();
  task.id = new_uuid_v7(task.created_at);
  task.kind = std::move(kind);
  task.spec = std::move(spec);
  task.total = total;
  {
    std::lock_guard lock(mutex);
    if (queue.size() >= kMaxQueued) {
      return fail(ErrorKind::unavailable, "too many tasks wait; try again when some have ended");
    }
  }
  if (auto stored = store.put(task); !stored) return fail(std::move(stored.error()));
  append_event(event_log, "task.created", task, task.created_at);
  {
    // A start between the put and here has found the task in the store.
    std::lock_guard lock(mutex);
    if (started && current != task.id && std::ranges::find(queue, task.id) == queue.end()) {
      queue.push_back(task.id);
    }
  }
  changed.notify_all();
  return task;
}

Status TaskRunner::Impl::cancel(const std::string& id) {
  auto task = store.get(id);
  if (!task) return fail(std::move(task.error()));
  if (task->state == Task::State::cancelled) return {};
  if (has_ended(*task)) {
    return fail(ErrorKind::conflict,
                "task " + id + " has ended already: it is " + std::string(to_string(task->state)));
  }
  if (auto asked = store.request_cancel(id); !asked) return asked;
  bool waits = false;
  {
    std::lock_guard lock(mutex);
    if (current == id) current_cancelled = true;
    // One that ran before a restart is left to its work, which cleans up.
    waits = task->state == Task::State::queued && std::erase(queue, id) > 0;
  }
  changed.notify_all();
  if (waits) {
    task->cancel_requested = true;
    finish(std::move(*task), Task::State::cancelled, {});
  }
  return {};
}

TaskRunner::TaskRunner(TaskStore& store, EventLog& log, Clock& clock)
    : impl_(std::make_unique<Impl>(store, log, clock)) {}

TaskRunner::~TaskRunner() { stop(); }

void TaskRunner::define(std::string kind, Work work) {
  impl_->works[std::move(kind)] = std::move(work);
}

void TaskRunner::start() { impl_->start(); }

void TaskRunner::stop() { impl_->stop(); }

Status TaskRunner::accepts(const std::string& kind) const { return impl_->accepts(kind); }

Result<Task> TaskRunner::submit(std::string kind, Json spec, std::int64_t total) {
  return impl_->submit(std::move(kind), std::move(spec), total);
}

Status TaskRunner::cancel(const std::string& id) { return impl_->cancel(id); }

// Entered first and looked at then, so that an end in between is not missed.
std::unique_ptr<Watch> TaskRunner::watch(const std::string& id, Told told) {
  auto watch = std::make_unique<Impl::TaskWatch>(*impl_, id, std::move(told));
  const auto task = impl_->store.get(id);
  if (task && !has_ended(*task)) return watch;
  std::lock_guard lock(impl_->mutex);
  watch->tell();
  return watch;
}

}  // namespace mesh::pipeline
