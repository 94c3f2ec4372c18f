#include <algorithm>
#include <map>
#include <ranges>
#include <utility>

#include "cli/commands/follow_task.h"
#include "cli/commands/verb.h"
#include "cli/retry.h"
#include "cli/terminal.h"
#include "common/base/time.h"

namespace mesh::cli {
namespace {

Outcome list(Session& session, int limit) {
  auto tasks = MESH_TRY(session.mesh->tasks(limit, session.settings.tenant));
  for (Json& task : tasks) task = shown_task(session, task);
  session.out.items(task_view(), tasks);
  return Exit::ok;
}

// How long the server may hold an answer back: while something runs people want to see it move.
constexpr int kIdleWait = 20, kRunningWait = 2;

// Without what time alone changes.
Json lasting(Json task) {
  if (const auto progress = task.find("progress");
      progress != task.end() && progress->is_object()) {
    progress->erase("rate");
    progress->erase("remaining_seconds");
  }
  return task;
}

// One list after another, or of others than people each task that has changed.
class TaskWatch {
 public:
  explicit TaskWatch(Session& session) : session_(session) { session.out.set_pager({}); }

  void show(std::vector<Json> tasks) {
    Output& out = session_.out;
    if (out.terminal().out && out.for_people()) {
      for (Json& task : tasks) task = shown_task(session_, task);
      // Home, then clear to the end: the terminal's history keeps one picture.
      out.data("\x1b[H\x1b[J" + time_text(format_rfc3339(session_.clock.now())) + "\n");
      out.items(task_view(), tasks);
    } else {
      for (const Json& task : tasks | std::views::reverse) {  // the oldest first, as they came
        const std::string text = dump(lasting(task));
        std::string& before = last_[plain_text(at_path(task, "id"))];
        if (std::exchange(before, text) != text) out.stream(task_view(), task, dump(task) + "\n");
      }
    }
    out.flush();
  }

 private:
  Session& session_;
  std::map<std::string, std::string> last_;  // by id
};

// Until the reader has gone, or an error that does not pass; Ctrl-C ends the tool.
Outcome watch(Session& session, int limit) {
  leave_with_reader();
  TaskWatch shown(session);
  std::string seen;
  int wait = 0;
  for (int failures = 0; session.out.ok();) {
    auto page = session.mesh->watch_tasks(limit, session.settings.tenant, seen, wait);
    if (!page) {
      ++failures;
      const auto delay =
          retry_delay(page.error(), failures, static_cast<std::uint64_t>(failures) * 7919);
      if (!delay) return fail(page.error());
      if (!nap(*delay)) break;
      continue;
    }
    failures = 0;
    const bool any_runs = std::ranges::any_of(
        page->tasks, [](const Json& task) { return at_path(task, "state") == "running"; });
    shown.show(std::move(page->tasks));
    seen = std::move(page->version);
    wait = any_runs ? kRunningWait : kIdleWait;
    // A server before 0.3 does not wait.
    if (seen.empty() && !nap(std::chrono::seconds{wait})) break;
  }
  return Exit::ok;
}

Outcome get(Session& session, const std::string& id) {
  auto task = MESH_TRY(session.mesh->task(id));
  session.out.record(task_view(), shown_task(session, task));
  return Exit::ok;
}

Outcome cancel(Session& session, const std::string& id) {
  auto task = MESH_TRY(session.mesh->cancel_task(id));
  session.out.row(task_view(), shown_task(session, task));
  return Exit::ok;
}

using RunOnTask = Outcome (*)(Session&, const std::string&);

void add_one(Commands& commands, CLI::App& group, Verb described, RunOnTask run) {
  auto id = std::make_shared<std::string>();
  described.view = &task_view();
  described.run = [id, run](Session& session) { return run(session, *id); };
  commands.verb(group, std::move(described)).add_option("TASK", *id, "The task's id")->required();
}

}  // namespace

void add_tasks(Commands& commands) {
  auto& group = commands.group("tasks", "Long work at the server", purpose::kOperate);
  auto limit = std::make_shared<int>(20);
  commands
      .verb(group,
            {.name = "list",
             .summary = "List tasks, the newest first",
             .details = "With --tenant only those that are about that tenant's events alone.",
             .examples = "mesh tasks list\nmesh tasks list --limit 100 -o json\n",
             .tenant = TenantUse::restricts,
             .view = &task_view(),
             .run = [limit](Session& session) { return list(session, *limit); }})
      .add_option("-n,--limit", *limit, "At most so many")
      ->check(whole_number(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  auto watched = std::make_shared<int>(20);
  commands
      .verb(group,
            {.name = "watch",
             .summary = "Show tasks as they change, until Ctrl-C",
             .details = "On a terminal the list renews itself in place; elsewhere each task that "
                        "changed is a line of JSON. With --tenant only those that are about that "
                        "tenant's events alone.",
             .examples = "mesh tasks watch\nmesh tasks watch --tenant acme | head -n 3\n",
             .tenant = TenantUse::restricts,
             .view = &task_view(),
             .run = [watched](Session& session) { return watch(session, *watched); }})
      .add_option("-n,--limit", *watched, "At most so many, the newest")
      ->check(whole_number(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  add_one(commands, group,
          {.name = "get",
           .summary = "Show a task",
           .examples = "mesh tasks get 01938c5e-7c1a-7000-8000-000000000001\n",
           .tenant = TenantUse::none},
          get);
  add_one(commands, group,
          {.name = "wait",
           .summary = "Follow a task until it ends",
           .details = "Exit code 1 where it failed or was cancelled, 6 where events died, 7 where "
                      "some are still pending or after --timeout. Ctrl-C leaves it running: exit "
                      "code 130.",
           .examples = "mesh tasks wait 01938c5e-7c1a-7000-8000-000000000001\n"
                       "mesh tasks wait 01938c5e-7c1a-7000-8000-000000000001 --timeout 10m\n",
           .tenant = TenantUse::none},
          follow_task);
  add_one(commands, group,
          {.name = "cancel",
           .summary = "Ask a task to stop",
           .examples = "mesh tasks cancel 01938c5e-7c1a-7000-8000-000000000001\n",
           .tenant = TenantUse::none},
          cancel);
}

}  // namespace mesh::cli
