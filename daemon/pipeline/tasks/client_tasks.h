// Tasks that clients do by themselves (is_done_by_client), in the list beside all others.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/domain/task.h"
#include "common/ports/event_log.h"
#include "common/ports/task_store.h"
#include "common/telemetry/metrics.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh::pipeline {

// How far a client is. `total` is an estimate; 0: unknown.
struct ClientReport {
  std::int64_t done = 0, total = 0;
  Json result = Json::object();
};

// A client begins its task, reports, and ends it, through whichever process. None holds the task in
// between, so that it outlives each of them: what says that the client is there is the time of its
// last report, by the processes' clocks. The task of one that was silent for kClientSilence is
// ended by any TaskRunner that has the work end_of_silent.
//
// Appends task.created and task.completed, and counts, as the TaskRunner does. Any thread; blocks
// on the store.
class ClientTasks {
 public:
  // `process` as the TaskRunner's.
  ClientTasks(TaskStore& store, EventLog& log, std::string process, Clock& clock, Metrics& metrics);
  // The task, which runs from now on. `invalid` for a kind that no client does, `unavailable` where
  // too many tasks have not ended.
  Result<Task> begin(std::string kind, Json spec, std::string started_by);
  // Whether the client is to stop, since the task was cancelled. `not_found`; `conflict` where the
  // task has ended otherwise or is no client's; `unavailable` while another process looks at it.
  Result<bool> report(const std::string& id, ClientReport report);
  // The task at its end; `outcome` is done, failed, for `error`, or cancelled. Said again it is the
  // same. Errors are report's, and `invalid` for an outcome that is no end.
  Result<Task> end(const std::string& id, ClientReport report, Task::State outcome,
                   std::string error);

 private:
  Result<ClaimedTask> take(const std::string& id);

  TaskStore& store_;
  EventLog& log_;
  const std::string process_;
  Clock& clock_;
  Metrics& metrics_;
};

// Fails it in words; work of all kClientTaskKinds.
Status end_of_silent(TaskContext& context);

}  // namespace mesh::pipeline
