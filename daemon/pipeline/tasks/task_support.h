// What the works of tasks share.
#pragma once

#include <algorithm>

#include "common/telemetry/log.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh::pipeline {

// The pause after the n-th failure in a row, n from 1.
inline Duration task_delay(int failures) {
  return std::min<Duration>(Duration{30'000}, Duration{200} * (1LL << std::min(failures - 1, 16)));
}

inline tl::unexpected<Error> stopped_early() {
  return fail(ErrorKind::cancelled, "the task was stopped");
}

// Calls until it succeeds or fails for good; an engine that is down is waited for, until the task
// is stopped. `meanwhile` is called before each new try; its error ends it.
template <typename Call, typename Meanwhile>
auto insist(TaskContext& context, Call call, Meanwhile meanwhile) -> decltype(call()) {
  for (int failures = 1;; ++failures) {
    auto result = call();
    if (result || !result.error().retryable()) return result;
    log::warn("a task waits", {{"task", context.task().id}, {"error", result.error().to_string()}});
    context.pause(task_delay(failures));
    if (context.stopping()) return stopped_early();
    MESH_TRY(meanwhile());
  }
}
template <typename Call>
auto insist(TaskContext& context, Call call) -> decltype(call()) {
  return insist(context, std::move(call), [] { return Status(); });
}

// Progress that cannot be stored costs a repetition after a restart, not the task.
inline void report(TaskContext& context, std::int64_t done, std::int64_t total, Json checkpoint,
                   Json result) {
  const Status stored = context.progress(done, total, std::move(checkpoint), std::move(result));
  if (!stored) {
    log::warn("a task's progress was not stored",
              {{"task", context.task().id}, {"error", stored.error().to_string()}});
  }
}

}  // namespace mesh::pipeline
