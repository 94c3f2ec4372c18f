#include "common/domain/task.h"

#include "common/base/time.h"

namespace mesh {

bool has_ended(const Task& task) {
  return task.state != Task::State::queued && task.state != Task::State::running;
}

std::string_view to_string(Task::State state) {
  switch (state) {
    case Task::State::queued:
      return "queued";
    case Task::State::running:
      return "running";
    case Task::State::done:
      return "done";
    case Task::State::failed:
      return "failed";
    case Task::State::cancelled:
      return "cancelled";
  }
  return "unknown";
}

Json to_json(const Task& task) {
  // A task that has not begun has the epoch in its fields, which nobody should read as a date.
  const auto time = [](Timestamp t) {
    return t == Timestamp{} ? Json(nullptr) : Json(format_rfc3339(t));
  };
  return {{"id", task.id},
          {"kind", task.kind},
          {"state", to_string(task.state)},
          {"spec", task.spec},
          {"progress", {{"done", task.done}, {"total", task.total}}},
          {"result", task.result},
          {"error", task.error},
          {"created_at", time(task.created_at)},
          {"started_at", time(task.started_at)},
          {"finished_at", time(task.finished_at)}};
}

}  // namespace mesh
