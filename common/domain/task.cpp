#include "common/domain/task.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "common/base/time.h"
#include "common/domain/task_summary.h"

namespace mesh {
namespace {

std::string text_in(const Task& task, const char* member) {
  const auto it = task.spec.is_object() ? task.spec.find(member) : task.spec.end();
  return it != task.spec.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

std::string tenant_of(const Task& task) { return text_in(task, "tenant"); }

std::string target_of(const Task& task) {
  if (task.kind == "rebuild" || task.kind == "backup") return task.kind;
  // Both settle letters of the topic. A redrive that only waits settles no more.
  const Json& checkpoint = task.checkpoint;
  if (task.kind == "redrive" && checkpoint.is_object() && checkpoint.value(kAllAppended, false)) {
    return {};
  }
  if (task.kind == "redrive" || task.kind == "purge") return "letters/" + text_in(task, "topic");
  if (task.kind == "seek") return "group/" + text_in(task, "group");
  if (task.kind == "erasure") return "tenant/" + text_in(task, "tenant");
  return {};
}

bool is_done_by_client(std::string_view kind) {
  return std::ranges::find(kClientTaskKinds, kind) != std::end(kClientTaskKinds);
}

Timestamp reported_at(const Task& task) {
  const Json& checkpoint = task.checkpoint;
  const auto it = checkpoint.is_object() ? checkpoint.find(kReportedAt) : checkpoint.end();
  if (it == checkpoint.end() || !it->is_number_integer()) return {};
  return Timestamp{Duration{it->get<std::int64_t>()}};
}

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
          {"summary", task_summary(task)},
          {"error", task.error},
          {"started_by", task.started_by},
          {"created_at", time(task.created_at)},
          {"started_at", time(task.started_at)},
          {"finished_at", time(task.finished_at)}};
}

Json to_json(const Task& task, Timestamp now) {
  Json json = to_json(task);
  Json& progress = json["progress"];
  progress["rate"] = nullptr;
  progress["remaining_seconds"] = nullptr;
  if (task.started_at == Timestamp{} || task.done <= 0) return json;
  const Timestamp until = has_ended(task) ? task.finished_at : now;
  const double seconds = std::chrono::duration<double>(until - task.started_at).count();
  if (seconds <= 0) return json;
  const double rate = static_cast<double>(task.done) / seconds;
  progress["rate"] = std::round(rate * 1'000) / 1'000;
  if (task.state != Task::State::running || task.total < task.done) return json;
  progress["remaining_seconds"] = std::ceil(static_cast<double>(task.total - task.done) / rate);
  return json;
}

}  // namespace mesh
