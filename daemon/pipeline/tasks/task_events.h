// What is told of tasks that begin and end: events and a count.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/domain/task.h"
#include "common/ports/event_log.h"
#include "common/telemetry/metrics.h"

namespace mesh::pipeline {

// The audit trail: no one waits for it, and a failure is logged. `type` is a literal.
void append_task_event(EventLog& log, const char* type, const Task& task, Timestamp now);

// All outcomes from the start on: a rate sees nothing of a series that begins with 1.
void show_tasks_ended(Metrics& metrics, const std::string& kind);
// mesh_tasks_ended_total of a kind and an outcome.
Counter& tasks_ended(Metrics& metrics, const std::string& kind, Task::State outcome);

}  // namespace mesh::pipeline
