#include "daemon/pipeline/tasks/task_events.h"

#include "common/base/ids.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh::pipeline {

void append_task_event(EventLog& event_log, const char* type, const Task& task, Timestamp now) {
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

void show_tasks_ended(Metrics& metrics, const std::string& kind) {
  for (const auto outcome : {Task::State::done, Task::State::failed, Task::State::cancelled}) {
    tasks_ended(metrics, kind, outcome);
  }
}

Counter& tasks_ended(Metrics& metrics, const std::string& kind, Task::State outcome) {
  return metrics.counter("mesh_tasks_ended_total", "Tasks that ended in this process.",
                         {{"kind", kind}, {"outcome", std::string(to_string(outcome))}});
}

}  // namespace mesh::pipeline
