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
  return number(task, "result.dead") > 0 || number(task, "result.failed") > 0 ? Exit::partly
                                                                              : Exit::ok;
}

std::string left_running(const std::string& id) {
  return "the task goes on; `mesh tasks wait " + id + "` follows it, `mesh tasks cancel " + id +
         "` stops it";
}

}  // namespace

const View& task_view() {
  static const View view{
      "id",
      {{"id", "ID", "the task's id"},
       {"kind", "KIND", "replay, rebuild, redrive, purge or verify"},
       {"state", "STATE", "queued, running, done, failed or cancelled"},
       {"progress.done", "DONE", "units of work done", Field::Show::always, count_text},
       {"progress.total", "TOTAL", "units of work there are; 0: not known", Field::Show::always,
        count_text},
       {"created_at", "CREATED", "when it was asked for", Field::Show::always, time_text},
       {"started_at", "STARTED", "when it began", Field::Show::wide, time_text},
       {"finished_at", "FINISHED", "when it ended", Field::Show::wide, time_text},
       {"spec", "ASKED", "what was asked", Field::Show::wide},
       {"result", "RESULT", "counts and findings so far", Field::Show::wide},
       {"error", "ERROR", "why it failed", Field::Show::wide}}};
  return view;
}

Outcome follow_task(Session& session, const std::string& id) {
  const InterruptGuard interrupt;
  Progress progress = session.progress("task");
  const auto begin = session.clock.steady();
  for (int attempt = 0; true;) {
    auto task = session.mesh->task(id, 1);
    if (InterruptGuard::interrupted()) {
      progress.clear();
      session.out.note(left_running(id));
      return Exit::ok;
    }
    if (!task) {
      // The task lives at the server: a lost connection is no reason to stop looking.
      ++attempt;
      const auto delay =
          retry_delay(task.error(), attempt, static_cast<std::uint64_t>(attempt) * 7919);
      if (!delay) return fail(task.error());
      nap(*delay);
      continue;
    }
    attempt = 0;
    const std::string state = word(*task, "state");
    if (state != "queued" && state != "running") {
      progress.clear();
      session.out.record(task_view(), *task);
      if (state == "failed") session.out.note("mesh: the task failed: " + word(*task, "error"));
      return exit_of(*task);
    }
    progress.update(number(*task, "progress.done"), number(*task, "progress.total"));
    if (session.settings.timeout && session.clock.steady() - begin >= *session.settings.timeout) {
      progress.clear();
      session.out.note(left_running(id));
      return fail(ErrorKind::timeout, "the task has not ended within --timeout");
    }
  }
}

Outcome started(Session& session, const Result<Json>& task, bool no_wait) {
  if (!task) return fail(task.error());
  const std::string id = word(*task, "id");
  if (id.empty()) return fail(ErrorKind::internal, "the server's answer names no task");
  if (!no_wait) return follow_task(session, id);
  session.out.row(task_view(), *task);
  session.out.note(left_running(id));
  return Exit::ok;
}

}  // namespace mesh::cli
