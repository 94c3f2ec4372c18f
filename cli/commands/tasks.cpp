#include "cli/commands/follow_task.h"
#include "cli/commands/verb.h"

namespace mesh::cli {
namespace {

Outcome list(Session& session, int limit) {
  auto tasks = MESH_TRY(session.mesh->tasks(limit, session.settings.tenant));
  for (Json& task : tasks) task = shown_task(session, task);
  session.out.items(task_view(), tasks);
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

using Run = Outcome (*)(Session&, const std::string&);

void add_one(Commands& commands, CLI::App& group, Verb described, Run run) {
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
