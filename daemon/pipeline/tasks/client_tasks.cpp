#include "daemon/pipeline/tasks/client_tasks.h"

#include <iterator>

#include "common/base/ids.h"
#include "common/base/time.h"
#include "daemon/pipeline/tasks/task_events.h"

namespace mesh::pipeline {
namespace {

constexpr Duration kTaken{10'000};  // for one change; where its process dies, until the next one

Json seen_at(Timestamp now) { return {{kReportedAt, now.time_since_epoch().count()}}; }

void put_report(Task& task, ClientReport report, Timestamp now) {
  task.done = report.done;
  task.total = report.total;
  task.result = std::move(report.result);
  task.checkpoint = seen_at(now);
}

tl::unexpected<Error> has_ended_already(const Task& task) {
  return fail(ErrorKind::conflict, "task " + task.id + " has ended already: it is " +
                                       std::string(to_string(task.state)) +
                                       (task.error.empty() ? "" : ", since " + task.error));
}

}  // namespace

ClientTasks::ClientTasks(TaskStore& store, EventLog& log, std::string process, Clock& clock,
                         Metrics& metrics)
    : store_(store), log_(log), process_(std::move(process)), clock_(clock), metrics_(metrics) {
  for (const auto kind : kClientTaskKinds) show_tasks_ended(metrics_, std::string(kind));
}

Result<Task> ClientTasks::begin(std::string kind, Json spec, std::string started_by) {
  if (!is_done_by_client(kind)) {
    return fail(ErrorKind::invalid, "no client does tasks of kind \"" + kind + "\"");
  }
  Task task;
  task.kind = std::move(kind);
  task.spec = std::move(spec);
  task.result = Json::object();
  task.started_by = std::move(started_by);
  task.created_at = task.started_at = clock_.now();
  task.checkpoint = seen_at(task.created_at);
  task.id = new_uuid_v7(task.created_at);
  // A queued one would be cancelled at once, and its client not told.
  task.state = Task::State::running;
  MESH_TRY(store_.insert(task));
  append_task_event(log_, "task.created", task, task.created_at);
  return task;
}

Result<bool> ClientTasks::report(const std::string& id, ClientReport report) {
  const auto before = MESH_TRY(store_.get(id));
  // It was silent for long, and is to stop nevertheless.
  if (before.state == Task::State::cancelled) return true;
  auto taken = MESH_TRY(take(id));
  put_report(taken.task, std::move(report), clock_.now());
  const Status stored = store_.store(taken.task, taken.token);
  store_.release(id, taken.token);
  if (!stored) return fail(stored.error());
  return taken.task.cancel_requested;
}

Result<Task> ClientTasks::end(const std::string& id, ClientReport report, Task::State outcome,
                              std::string error) {
  if (outcome == Task::State::queued || outcome == Task::State::running) {
    return fail(ErrorKind::invalid, "a task ends as done, failed or cancelled");
  }
  const auto before = MESH_TRY(store_.get(id));
  if (has_ended(before) && before.state == outcome && before.error == error) return before;
  auto taken = MESH_TRY(take(id));
  Task& task = taken.task;
  put_report(task, std::move(report), clock_.now());
  task.state = outcome;
  task.error = std::move(error);
  task.finished_at = clock_.now();
  if (const Status stored = store_.store(task, taken.token); !stored) {
    store_.release(id, taken.token);
    return fail(stored.error());
  }
  tasks_ended(metrics_, task.kind, outcome).add();
  append_task_event(log_, "task.completed", task, task.finished_at);
  return std::move(task);
}

Result<ClaimedTask> ClientTasks::take(const std::string& id) {
  const WantedTask wanted{.kinds = {std::begin(kClientTaskKinds), std::end(kClientTaskKinds)},
                          .only = id};
  auto claimed = MESH_TRY(store_.claim(process_, wanted, kTaken));
  if (claimed) return *std::move(claimed);
  const auto task = MESH_TRY(store_.get(id));
  if (has_ended(task)) return has_ended_already(task);
  if (!is_done_by_client(task.kind)) {
    return fail(ErrorKind::conflict, "task " + id + " is a " + task.kind +
                                         ": no client does it, and none reports of it");
  }
  return fail(ErrorKind::unavailable,
              "another process looks at task " + id + " just now; report again");
}

Status end_of_silent(TaskContext& context) {
  return fail(ErrorKind::cancelled, "the client that did it is gone: it stopped reporting at " +
                                        format_rfc3339(reported_at(context.task())) +
                                        "; run it again");
}

}  // namespace mesh::pipeline
