#include <algorithm>
#include <span>

#include "common/base/ids.h"
#include "common/domain/catalogue.h"
#include "common/telemetry/recent_log.h"
#include "daemon/pipeline/groups.h"
#include "daemon/pipeline/scan.h"
#include "daemon/services/admin_work.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

using http::Response;

constexpr IntRange kTasks{1, 1000, 50};

// --- replays and tasks -----------------------------------------------------------------------

// A pipeline knows the events of its own topic only; another topic's would die of it.
Status follows_topic(const pipeline::ReplaySpec& spec) {
  const auto follows = std::ranges::find_if(
      pipeline::kTopicGroups, [&](const auto& reads) { return reads.group == spec.pipeline; });
  const bool known =
      std::ranges::any_of(topics(), [&](const auto& topic) { return topic.name == spec.topic; });
  if (!known || follows == pipeline::kTopicGroups.end() || follows->topic == spec.topic) return {};
  return bad_member("pipeline", std::string("follows ") + follows->topic + ", not " + spec.topic);
}

Result<Response> replay(const WorkAdminDeps& deps, const http::Request& request) {
  auto body = MESH_TRY(object_body(request));
  auto dry_run = MESH_TRY(bool_member(body, "dry_run"));
  body.erase("dry_run");
  // First: which pipeline follows a topic that is not there is no question.
  if (auto topic = string_member(body, "topic"); topic && *topic && !(*topic)->empty()) {
    (void)MESH_TRY(pipeline::find_topic(deps.admin, **topic));
  }
  auto spec = MESH_TRY(pipeline::replay_spec_from_json(body));
  MESH_TRY(follows_topic(spec));
  MESH_TRY(deps.tenants.require_if_named(spec.tenant.value_or("")));
  if (dry_run) {
    auto estimate = MESH_TRY(deps.replayer.estimate(spec));
    return Response::json(200, pipeline::to_json(estimate));
  }
  // Before fix, which asks the log for each bound: a refusal need not cost that.
  MESH_TRY(deps.runner.accepts("replay"));
  // Bounds such as `end` become offsets now, and not when the task begins.
  auto fixed = MESH_TRY(deps.replayer.fix(spec));
  return task_answer(
      deps.runner.submit("replay", std::move(fixed.spec), fixed.total, started_by(request)));
}

Result<Response> back_up(const WorkAdminDeps& deps, const http::Request& request) {
  auto body = MESH_TRY(object_body(request));
  MESH_TRY(only_members(body, {"path"}));
  auto path = MESH_TRY(string_member(body, "path"));
  Error error{ErrorKind::unprocessable, "a backup needs \"path\", the folder to make", {}, {}, {}};
  if (path) {
    auto can = deps.can_back_up(*path);
    if (can)
      return task_answer(deps.runner.submit("backup", {{"path", *path}}, 0, started_by(request)));
    error = can.error();
  }
  if (error.kind == ErrorKind::unprocessable) error.fields = {{"/path", error.message}};
  return fail(std::move(error));
}

constexpr int kMaxTasks = 10'000;  // looked through for a tenant's

Json shown(const WorkAdminDeps& deps, const Task& task, bool hides_payloads = false) {
  Json json = mesh::to_json(task, deps.clock.now());
  if (!hides_payloads) return json;
  // Clients' tasks hold what their clients wrote, erasures whom they erase.
  json["spec"] = Json::object();
  json["result"] = nullptr;
  json["error"] = json["error"].get<std::string>().empty() ? "" : "hidden";
  return without_payload(std::move(json));
}

// Another one once a task came, began or ended. Progress alone makes none: whoever waits for the
// next list would never wait.
std::string list_version(std::span<const Task> tasks) {
  std::string states;
  for (const Task& task : tasks)
    states += task.id + " " + std::string(to_string(task.state)) + "\n";
  return std::to_string(stable_hash(states));
}

Result<std::vector<Task>> wanted_tasks(const WorkAdminDeps& deps, int limit,
                                       const std::string& tenant) {
  // Stores list by age alone: whose a task is stands in its spec.
  auto tasks = MESH_TRY(deps.tasks.list(tenant.empty() ? limit : kMaxTasks));
  if (!tenant.empty()) {
    std::erase_if(tasks, [&](const Task& task) { return tenant_of(task) != tenant; });
  }
  if (std::ssize(tasks) > limit) tasks.resize(static_cast<std::size_t>(limit));
  return tasks;
}

// With `wait` it answers once the list differs from the one whose version `seen` is.
Status list_tasks(const std::shared_ptr<const WorkAdminDeps>& deps, const http::Request& request,
                  const http::Responder& respond) {
  const auto limit = static_cast<int>(MESH_TRY(int_param(request, "limit", kTasks)));
  const auto wait = MESH_TRY(int_param(request, "wait", kWaitSeconds));
  const auto seen = text_param(request, "seen");
  const auto tenant = text_param(request, "tenant");
  const bool hides = hides_payloads(request);
  deps->polls.answer({[=](bool last) -> std::optional<Response> {
                        const auto tasks = wanted_tasks(*deps, limit, tenant);
                        if (!tasks) return Response::problem(tasks.error());
                        const auto version = list_version(*tasks);
                        if (!last && version == seen) return std::nullopt;
                        Json items = Json::array();
                        for (const Task& task : *tasks) items.push_back(shown(*deps, task, hides));
                        return Response::json(
                            200,
                            {{"items", std::move(items)}, {"next", nullptr}, {"version", version}});
                      },
                      [deps](Told told) { return deps->tasks.watch(std::move(told)); }, true},
                     std::chrono::seconds(wait), respond);
  return {};
}

Status get_task(const std::shared_ptr<const WorkAdminDeps>& deps, const http::Request& request,
                const http::Responder& respond) {
  auto wait = MESH_TRY(int_param(request, "wait", kWaitSeconds));
  const std::string& id = request.path_params.at("id");
  deps->polls.answer(
      {[deps, id, hides = hides_payloads(request)](bool last) -> std::optional<Response> {
         auto task = deps->tasks.get(id);
         if (!task) return Response::problem(task.error());
         if (!last && !has_ended(*task)) return std::nullopt;
         return Response::json(200, shown(*deps, *task, hides));
       },
       [deps, id](Told told) { return deps->runner.watch(id, std::move(told)); }, true},
      std::chrono::seconds(wait), respond);
  return {};
}

Result<Response> cancel_task(const WorkAdminDeps& deps, const http::Request& request) {
  MESH_TRY(no_members(request));
  const std::string& id = request.path_params.at("id");
  MESH_TRY(deps.runner.cancel(id));
  // A running task is cancelled once its work returns: the answer may still say `running`.
  auto task = MESH_TRY(deps.tasks.get(id));
  return Response::json(200, shown(deps, task));
}

using Work = Result<Response> (*)(const WorkAdminDeps&, const http::Request&);
using Shared = std::shared_ptr<const WorkAdminDeps>;

http::RouteTable task_routes(const Shared& shared) {
  using http::Body;
  const auto work = [shared](Work of) { return answering(shared, of); };
  const http::Parameter id = api::path("id", "The task's id.");
  return api::for_operators(
      "tasks",
      {{.method = "POST",
        .pattern = "/admin/v1/replays",
        .body = Body::json,
        .pool = http::Pool::slow,
        .operation = "startReplay",
        .summary = "Runs a pipeline over a range of the log again",
        .request = api::json("Replay"),
        .answers = {api::gives("ReplayEstimate", "With `dry_run`: what it would take."),
                    api::starts_task("The task that replays.")},
        .problems = {404, 409, 422},
        .handler = work(replay)},
       {.method = "POST",
        .pattern = "/admin/v1/backups",
        .body = Body::json,
        .pool = http::Pool::slow,
        .operation = "startBackup",
        .summary = "Copies the data folder, as it is at one instant, to a new folder",
        .details = "The folder is on meshd's machine. The task's progress counts bytes, its result "
                   "is the manifest.",
        .request = api::json("Backup"),
        .answers = {api::starts_task("The task that copies.")},
        .problems = {409, 422},
        .handler = work(back_up)},
       {.method = "GET",
        .pattern = "/admin/v1/tasks",
        .pool = http::Pool::quick,
        .payloads = http::Payloads::omitted,
        .operation = "listTasks",
        .summary = "Tasks, newest first; can wait for a change",
        .parameters = {api::limit("tasks", kTasks), api::tenant_filter(),
                       api::wait("the list has another version than `seen`"),
                       api::query("seen", "The version of an answer before.")},
        .answers = {api::gives("TaskPage", "The tasks.")},
        .handler =
            [shared](auto request, auto respond) {
              if (auto done = list_tasks(shared, *request, respond); !done) respond(done.error());
            }},
       {.method = "GET",
        .pattern = "/admin/v1/tasks/{id}",
        .pool = http::Pool::quick,
        .payloads = http::Payloads::omitted,
        .operation = "getTask",
        .summary = "A task; can wait for its end",
        .parameters = {id, api::wait("it ends")},
        .answers = {api::gives("Task", "The task.")},
        .problems = {404},
        .handler =
            [shared](auto request, auto respond) {
              if (auto done = get_task(shared, *request, respond); !done) respond(done.error());
            }},
       {.method = "POST",
        .pattern = "/admin/v1/tasks/{id}/cancel",
        .body = Body::json,
        .pool = http::Pool::quick,
        .operation = "cancelTask",
        .summary = "Asks a task to stop",
        .parameters = {id},
        .request = api::no_members(),
        .answers = {api::gives("Task", "The task as it is now.")},
        .problems = {404, 409, 422},
        .handler = work(cancel_task)}});
}

}  // namespace

Response task_answer(const Result<Task>& task) {
  return task ? Response::json(202, mesh::to_json(*task))
                    .with("Location", "/admin/v1/tasks/" + task->id)
              : Response::problem(task.error());
}

std::string started_by(const http::Request& request) {
  return request.principal ? request.principal->user : std::string();
}

http::RouteTable work_routes(WorkAdminDeps deps) {
  const auto shared = std::make_shared<const WorkAdminDeps>(std::move(deps));
  http::RouteTable all;
  for (const auto& table : {letter_routes(shared), task_routes(shared)}) {
    all.insert(all.end(), table.begin(), table.end());
  }
  return all;
}

http::RouteTable process_routes(ProcessAdminDeps deps) {
  const auto shared = std::make_shared<ProcessAdminDeps>(std::move(deps));
  return api::for_operators(
      "process",
      {{.method = "GET",
        .pattern = "/admin/v1/config",
        .operation = "getConfig",
        .summary = "The running configuration, secrets masked",
        .answers = {api::gives("Config", "The configuration.")},
        .handler = [shared](auto,
                            auto respond) { respond(Response::json(200, shared->config())); }},
       {.method = "GET",
        .pattern = "/admin/v1/config/settings",
        .operation = "listSettings",
        .summary = "Every setting: its value, its default, and where the value comes from",
        .details = "Of the process that answers, in the order of the configuration file.",
        .answers = {api::gives("SettingPage", "The settings.")},
        .handler = [shared](auto, auto respond) { respond(page(shared->settings())); }},
       {.method = "POST",
        .pattern = "/admin/v1/check",
        .body = http::Body::json,
        .pool = http::Pool::slow,
        .read_only = true,
        .operation = "check",
        .summary = "Checks what the process depends on",
        .details = "A check that takes longer than 5 s is told as one that failed for that.",
        .request = api::no_members(),
        .answers = {api::gives("Checks", "Each check and what it found.")},
        .problems = {422},
        .handler =
            [shared](auto request, auto respond) {
              if (auto none = no_members(*request); !none) return respond(none.error());
              Json checks = Json::array();
              for (const auto& check : shared->checks()) {
                checks.push_back({{"name", check.name},
                                  {"ok", check.ok},
                                  {"warning", check.warning},
                                  {"detail", check.detail}});
              }
              respond(Response::json(200, {{"checks", std::move(checks)}}));
            }},
       {.method = "GET",
        .pattern = "/admin/v1/servers",
        .pool = http::Pool::slow,
        .operation = "listServerFindings",
        .summary = "Examines the servers behind the engines",
        .details = "Asks each for its version, what it lets the mesh do, its settings and its "
                   "time; a server that stands still holds the answer up for some time-outs.",
        .answers = {api::gives("ServerFindingPage", "What was found, server by server.")},
        .handler =
            [shared](auto, auto respond) {
              Json items = Json::array();
              for (const auto& server : shared->examine()) {
                for (const auto& found : server.findings) {
                  items.push_back({{"server", server.name},
                                   {"about", found.about},
                                   {"ok", found.ok},
                                   {"detail", found.detail},
                                   {"advice", found.advice}});
                }
              }
              respond(page(std::move(items)));
            }},
       {.method = "GET",
        .pattern = "/admin/v1/logs",
        .pool = http::Pool::slow,
        .payloads = http::Payloads::shown,
        .operation = "listLogLines",
        .summary = "The last lines of this process's log",
        .details = "At most 1,000, the oldest first, from memory; none of before the start.",
        .answers = {api::gives("LogLinePage", "Each line as an object.")},
        .handler = [](auto, auto respond) {
          Json items = Json::array();
          for (const auto& line : log::recent()) {
            if (auto parsed = parse_json(line)) items.push_back(*std::move(parsed));
          }
          respond(page(std::move(items)));
        }}});
}

}  // namespace mesh::services
