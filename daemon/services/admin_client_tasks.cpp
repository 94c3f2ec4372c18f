#include "daemon/services/admin_work.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

using http::Response;

Result<Json> object_member(const Json& body, std::string_view name) {
  const auto it = body.find(name);
  if (it == body.end()) return Json::object();
  if (!it->is_object()) return bad_member(name, "must be an object");
  return *it;
}

Result<std::int64_t> units_member(const Json& body, std::string_view name) {
  const auto units = MESH_TRY(int_member(body, name));
  if (units && *units < 0) return bad_member(name, "must be 0 or more");
  return units.value_or(0);
}

Result<pipeline::ClientReport> report_of(const Json& body) {
  pipeline::ClientReport report;
  report.done = MESH_TRY(units_member(body, "done"));
  report.total = MESH_TRY(units_member(body, "total"));
  report.result = MESH_TRY(object_member(body, "result"));
  return report;
}

Result<Task::State> outcome_of(const Json& body) {
  const auto named = MESH_TRY(text_member(body, "state"));
  for (const auto state : {Task::State::done, Task::State::failed, Task::State::cancelled}) {
    if (named == to_string(state)) return state;
  }
  return bad_member("state", "must be done, failed or cancelled");
}

Result<Response> begin_task(const ClientTaskAdminDeps& deps, const http::Request& request) {
  const auto body = MESH_TRY(object_body(request));
  MESH_TRY(only_members(body, {"kind", "spec"}));
  const auto kind = MESH_TRY(text_member(body, "kind"));
  if (!kind || !is_done_by_client(*kind)) return bad_member("kind", "must be import or export");
  auto spec = MESH_TRY(object_member(body, "spec"));
  return task_answer(deps.tasks.begin(*kind, std::move(spec), started_by(request)));
}

Result<Response> report_task(const ClientTaskAdminDeps& deps, const http::Request& request) {
  const auto body = MESH_TRY(object_body(request));
  MESH_TRY(only_members(body, {"done", "total", "result"}));
  auto report = MESH_TRY(report_of(body));
  const bool cancel = MESH_TRY(deps.tasks.report(request.path_params.at("id"), std::move(report)));
  return Response::json(200, {{"cancel", cancel}});
}

Result<Response> end_task(const ClientTaskAdminDeps& deps, const http::Request& request) {
  const auto body = MESH_TRY(object_body(request));
  MESH_TRY(only_members(body, {"state", "done", "total", "result", "error"}));
  const auto outcome = MESH_TRY(outcome_of(body));
  auto error = MESH_TRY(text_member(body, "error"));
  if (error.has_value() != (outcome == Task::State::failed)) {
    return bad_member("error", "must say why the task failed, and be there for no other end");
  }
  auto report = MESH_TRY(report_of(body));
  const auto task = MESH_TRY(
      deps.tasks.end(request.path_params.at("id"), std::move(report), outcome, error.value_or("")));
  return Response::json(200, mesh::to_json(task, deps.clock.now()));
}

}  // namespace

http::RouteTable client_task_routes(ClientTaskAdminDeps deps) {
  using http::Body;
  using Verb = Result<Response> (*)(const ClientTaskAdminDeps&, const http::Request&);
  const auto shared = std::make_shared<const ClientTaskAdminDeps>(deps);
  const auto work = [shared](Verb of) { return answering(shared, of); };
  const http::Parameter id = api::path("id", "The task's id.");
  return api::for_operators(
      "tasks",
      {{.method = "POST",
        .pattern = "/admin/v1/tasks",
        .body = Body::json,
        .pool = http::Pool::quick,
        .operation = "beginTask",
        .summary = "Begins a task that the client does by itself",
        .details = "The client reports its progress, at the latest each minute: one that is silent "
                   "for longer is gone, and its task has failed.",
        .request = api::json("ClientTask"),
        .answers = {api::starts_task("The task, which runs.")},
        .problems = {422},
        .handler = work(begin_task)},
       {.method = "PUT",
        .pattern = "/admin/v1/tasks/{id}/progress",
        .body = Body::json,
        .pool = http::Pool::quick,
        .unaudited = true,  // the audit log has the task's begin and end
        .operation = "reportTask",
        .summary = "Reports how far a client is with its task",
        .parameters = {id},
        .request = api::json("ClientTaskReport"),
        .answers = {api::gives("ClientTaskOrder", "What the client is to do.")},
        .problems = {404, 409, 422},
        .handler = work(report_task)},
       {.method = "POST",
        .pattern = "/admin/v1/tasks/{id}/end",
        .body = Body::json,
        .pool = http::Pool::quick,
        .operation = "endTask",
        .summary = "Ends a task that a client did",
        .details = "Said again it changes nothing.",
        .parameters = {id},
        .request = api::json("ClientTaskEnd"),
        .answers = {api::gives("Task", "The task at its end.")},
        .problems = {404, 409, 422},
        .handler = work(end_task)}});
}

}  // namespace mesh::services
