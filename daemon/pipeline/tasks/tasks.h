// Runs tasks, several at once, each on a thread of its own; durable, cancellable, resumed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/watch.h"
#include "common/domain/task.h"
#include "common/ports/event_log.h"
#include "common/ports/task_store.h"
#include "common/telemetry/metrics.h"

namespace mesh::pipeline {

// What the work of a task may touch. Work that ends because of stopping() returns an error, best
// `cancelled`: the task is then cancelled, or stays `running` in the store and resumes at the next
// start. Work that returns without an error is done.
class TaskContext {
 public:
  virtual ~TaskContext() = default;
  virtual const Task& task() const = 0;  // spec, checkpoint and result are objects, maybe empty
  // Stores progress, so that whoever resumes it goes on from `checkpoint`. Cheap enough per batch.
  virtual Status progress(std::int64_t done, std::int64_t total, Json checkpoint, Json result) = 0;
  // True once the task was cancelled, another process took it over, or this one stops; the work
  // returns soon then.
  virtual bool stopping() const = 0;
  // True once the task was cancelled: clean up what would else be left behind. Work whose task was
  // cancelled before a restart is called once more with it.
  virtual bool cancelled() const = 0;
  // Waits up to `d`, or until stopping.
  virtual void pause(Duration d) = 0;
};

// Whose the events of tasks are.
inline constexpr std::string_view kTaskTenant = "operator";

struct TaskBounds {
  int running = 4;             // at once, in this process
  int running_per_tenant = 2;  // about one tenant's events alone, in all processes together
};

// Runs the tasks of the store whose kinds it has work for, whichever process submitted them, the
// oldest first; others are left to other processes. Those that exclude each other (target_of) wait
// for each other, in whichever process they run. One that it holds is its own while it renews its
// claim; after a pause beyond that another takes the task over from its last checkpoint, and what
// this one still does of it is not stored. One that a client does it takes once that is silent for
// kClientSilence.
//
// task.created and task.completed, with who started it, are appended to task.events, under
// kTaskTenant. A failure to do
// so is logged and does not fail the task. Any thread.
class TaskRunner {
 public:
  using Work = std::function<Status(TaskContext&)>;
  using Fits = std::function<bool(const Task&)>;
  // `process` names this one among those that share the store. mesh_tasks_ended_total counts what
  // ended here.
  TaskRunner(TaskStore& store, EventLog& log, std::string process, Clock& clock, Metrics& metrics,
             TaskBounds bounds = {});
  ~TaskRunner();
  // Before start. A task that does not fit is left to other processes, but where its cancellation
  // was asked for: to clean up, any will do. Empty: all fit.
  void define(std::string kind, Work work, Fits fits = {});
  // Whether another process does what this one has no work for; before start. Empty: maybe.
  void ask_elsewhere(std::function<Result<bool>()> does_tasks);
  void start();
  // A running task stays `running` and is resumed, here at the next start or by another process.
  void stop();
  // `invalid` for a kind that is none of kTaskKinds and has no work, `conflict` where nobody would
  // do it.
  Status accepts(const std::string& kind) const;
  // The same, and `unavailable` when too many wait already. Before start() the task is only stored.
  // `started_by`: see Task.
  Result<Task> submit(std::string kind, Json spec, std::int64_t total, std::string started_by);
  // A task that waits is cancelled at once, a running one as soon as its work returns; `conflict`
  // for a task that is done or failed.
  Status cancel(const std::string& id);
  // Tells once the task has ended (at once where it has already), or the runner stops. Dropped
  // before the runner.
  std::unique_ptr<Watch> watch(const std::string& id, Told told);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::pipeline
