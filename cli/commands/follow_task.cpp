#include "cli/commands/follow_task.h"

#include "cli/interrupt.h"
#include "cli/retry.h"

namespace mesh::cli {
namespace {

std::int64_t number(const Json& task, std::string_view path) {
  const Json& value = at_path(task, path);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

std::string word(const Json& task, std::string_view path) {
  const Json& value = at_path(task, path);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

Exit exit_of(const Json& task) {
  if (word(task, "state") != "done") return Exit::failure;
  for (const auto* died : {"result.dead", "result.failed", "result.died_again"}) {
    if (number(task, died) > 0) return Exit::partly;
  }
  return number(task, "result.pending") > 0 ? Exit::timed_out : Exit::ok;
}

std::string left_running(const std::string& id) {
  return "the task goes on; " + task_next_step({{"id", id}, {"state", "running"}});
}

}  // namespace

AwaitedTask await_task(Session& session, const std::string& id) {
  const InterruptGuard interrupt;
  Progress progress = session.progress("task");
  const auto begin = session.clock.steady();
  for (int attempt = 0; true;) {
    // A second each: the HTTP client does not see Ctrl-C, and --timeout is looked at between two
    // calls.
    auto task = session.mesh->task(id, 1);
    if (InterruptGuard::interrupted()) {
      progress.clear();
      session.out.note(left_running(id));
      return {{}, InterruptGuard::exit()};
    }
    if (!task) {
      // The task lives at the server: a lost connection is no reason to stop looking.
      ++attempt;
      const auto delay =
          retry_delay(task.error(), attempt, static_cast<std::uint64_t>(attempt) * 7919);
      if (!delay) return {{}, fail(task.error())};
      if (!nap(*delay)) {
        progress.clear();
        session.out.note(left_running(id));
        return {{}, InterruptGuard::exit()};
      }
      continue;
    }
    attempt = 0;
    const std::string state = word(*task, "state");
    // Any word but these two is an end, so that a state of a later server does not loop.
    if (state != "queued" && state != "running") {
      progress.clear();
      return {*std::move(task), Exit::ok};
    }
    progress.update(number(*task, "progress.done"), number(*task, "progress.total"));
    // Of the whole wait; the same setting bounds each request by itself.
    if (session.settings.timeout && session.clock.steady() - begin >= *session.settings.timeout) {
      progress.clear();
      session.out.record(task_view(), shown_task(session, *task));
      session.out.note(left_running(id));
      return {{}, fail(ErrorKind::timeout, "the task has not ended within --timeout")};
    }
  }
}

Outcome follow_task(Session& session, const std::string& id) {
  const auto [task, left] = await_task(session, id);
  if (!task) return left;
  session.out.record(task_view(), shown_task(session, *task));
  if (word(*task, "state") == "failed") {
    session.out.note("mesh: the task failed: " + word(*task, "error"));
  }
  return exit_of(*task);
}

Outcome started(Session& session, const Result<Json>& task, bool no_wait) {
  if (!task) return fail(task.error());
  const std::string id = word(*task, "id");
  if (id.empty()) return fail(ErrorKind::internal, "the server's answer names no task");
  if (!no_wait) return follow_task(session, id);
  session.out.row(task_view(), shown_task(session, *task));
  session.out.note(left_running(id));
  return Exit::ok;
}

}  // namespace mesh::cli
