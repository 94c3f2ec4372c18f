// Waiting for the server's long work. Shared by every verb that starts some.
#pragma once

#include <optional>
#include <string>

#include "cli/commands/task_view.h"
#include "cli/commands/verb.h"

namespace mesh::cli {

// Shows a progress bar until the task ends, then prints the task. Ctrl-C leaves it running, says
// how to follow or cancel it, and ends with 130. `failed` and `cancelled` tasks: failure; dead
// events or the like in the result: partly; outcomes that are still pending, and --timeout over:
// timed_out.
Outcome follow_task(Session& session, const std::string& id);

// The same without a word of its end: the task as it is then. Where it goes on nothing, and `left`
// is what follow_task answers.
struct AwaitedTask {
  std::optional<Json> ended;
  Outcome left = Exit::ok;
};
AwaitedTask await_task(Session& session, const std::string& id);

// What a verb that started a task does with it: follows, or with `no_wait` prints it.
Outcome started(Session& session, const Result<Json>& task, bool no_wait);

}  // namespace mesh::cli
