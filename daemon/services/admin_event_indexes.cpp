#include "daemon/services/admin_work.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

using http::Response;

Json event_generation_json(const pipeline::EventGenerationStatus& status) {
  const GenerationInfo& info = status.generation.info;
  return {{"type", status.generation.type},
          {"name", info.name},
          {"number", info.number},
          {"role", status.role},
          {"serving", info.serving},
          {"events", info.vectors},
          {"tenants", info.tenants},
          {"bytes", info.bytes},
          {"dimension", info.spec.dimension},
          {"embedder", info.spec.embedder},
          {"model", info.spec.model.empty() ? Json(nullptr) : Json(info.spec.model)}};
}

Result<Response> list_event_indexes(const EventIndexAdminDeps& deps, const http::Request&) {
  Json items = Json::array();
  for (const auto& status : MESH_TRY(deps.events.list())) {
    items.push_back(event_generation_json(status));
  }
  return page(std::move(items));
}

Result<std::string> type_of(const Json& body) {
  const auto type = MESH_TRY(string_member(body, "type"));
  if (!type || type->empty()) {
    return bad_member("type", "missing; `mesh index events` shows the types");
  }
  return *type;
}

Result<Response> rebuild_events(const EventIndexAdminDeps& deps, const http::Request& request) {
  const auto body = MESH_TRY(object_body(request));
  MESH_TRY(only_members(body, {"type", "embedder", "model"}));
  const auto type = MESH_TRY(type_of(body));
  const auto engine = MESH_TRY(text_member(body, "embedder"));
  const auto model = MESH_TRY(text_member(body, "model"));
  // Named here, so that whoever does the task builds what was asked for, however it is configured.
  auto spec = MESH_TRY(deps.events.rebuild_spec(type, engine.value_or(""), model.value_or("")));
  return task_answer(deps.runner.submit("rebuild", std::move(spec), 0, started_by(request)));
}

Result<Response> roll_back_events(const EventIndexAdminDeps& deps, const http::Request& request) {
  const auto body = MESH_TRY(object_body(request));
  MESH_TRY(only_members(body, {"type"}));
  const auto type = MESH_TRY(type_of(body));
  (void)MESH_TRY(deps.events.rollback(type));
  return list_event_indexes(deps, request);
}

}  // namespace

http::RouteTable event_index_routes(EventIndexAdminDeps deps) {
  using http::Body;
  using EventIndexWork = Result<Response> (*)(const EventIndexAdminDeps&, const http::Request&);
  const auto shared = std::make_shared<const EventIndexAdminDeps>(std::move(deps));
  const auto work = [shared](EventIndexWork of) { return answering(shared, of); };
  return api::for_operators(
      "indexes",
      {{.method = "GET",
        .pattern = "/admin/v1/indexes/events",
        .pool = http::Pool::quick,
        .operation = "listEventIndexes",
        .summary = "Generations of the indexes of events, by type",
        .answers = {api::gives("EventGenerationPage", "All generations.")},
        .handler = work(list_event_indexes)},
       {.method = "POST",
        .pattern = "/admin/v1/indexes/events/rebuild",
        .body = Body::json,
        .pool = http::Pool::slow,
        .operation = "rebuildEventIndex",
        .summary = "Builds a new generation of a type from the log and serves it",
        .details = "By the configured embedder, or by another one, which needs no restart; also "
                   "after a change of what of the type is searchable.",
        .request = api::json("EventRebuild"),
        .answers = {api::starts_task("The task that builds it.")},
        .problems = {404, 409, 422},
        .handler = work(rebuild_events)},
       {.method = "POST",
        .pattern = "/admin/v1/indexes/events/rollback",
        .body = Body::json,
        .pool = http::Pool::slow,
        .operation = "rollBackEventIndex",
        .summary = "Serves the generation before of a type again",
        .request = api::json("EventType"),
        .answers = {api::gives("EventGenerationPage", "All generations, after it.")},
        .problems = {409, 422},
        .handler = work(roll_back_events)}});
}

}  // namespace mesh::services
