#include "daemon/pipeline/trace/trace_json.h"
#include "daemon/services/admin.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"
#include "daemon/services/search.h"

namespace mesh::services {
namespace {

using http::Response;

Result<Response> trace(const TraceAdminDeps& deps, const http::Request& request) {
  const pipeline::EventQuery query{request.path_params.at("id"), text_param(request, "tenant"),
                                   text_param(request, "topic"), text_param(request, "from")};
  const auto found = MESH_TRY(pipeline::trace_event(deps.ports.trace, query));
  Json json = pipeline::to_json(found);
  if (hides_payloads(request)) {
    json = without_payload(std::move(json));
    json["text"] = json["status"];  // it quotes the cause
  }
  return Response::json(200, json);
}

Result<std::string> named(const http::Request& request, const char* name) {
  auto text = text_param(request, name);
  if (!text.empty()) return text;
  return fail(ErrorKind::invalid, std::string("query parameter ") + name + ": missing or empty");
}

Result<Response> explain_users(const TraceAdminDeps& deps, const http::Request& request) {
  const auto email = MESH_TRY(named(request, "email"));
  const auto users = MESH_TRY(deps.ports.users.everywhere(email, kMaxSearchHits));
  Json items = Json::array();
  for (const User& user : users) {
    const auto state = MESH_TRY(pipeline::user_state(deps.ports, user.tenant, user.id));
    items.push_back(pipeline::to_json(state));
  }
  return page(std::move(items));
}

Result<Response> why_not(const TraceAdminDeps& deps, const http::Request& request) {
  const auto name = MESH_TRY(named(request, "tenant"));
  auto tenant = MESH_TRY(TenantId::parse(name));
  MESH_TRY(deps.directory.require(tenant));
  auto search = MESH_TRY(search_of(request));
  auto who = MESH_TRY(named(request, "who"));
  const pipeline::WhyNotQuery asked{std::move(tenant), std::move(search.query),
                                    std::move(who),    search.limit,
                                    search.min_score,  search.semantic_ratio};
  const auto why = MESH_TRY(pipeline::why_not(deps.ports, asked));
  return Response::json(200, pipeline::to_json(why, asked));
}

}  // namespace

http::RouteTable trace_routes(TraceAdminDeps deps) {
  const auto shared = std::make_shared<const TraceAdminDeps>(deps);
  http::RouteTable all = api::for_operators(
      "log",
      {{.method = "GET",
        .pattern = "/admin/v1/traces/{id}",
        .pool = http::Pool::slow,
        .payloads = http::Payloads::omitted,
        .operation = "traceEvent",
        .summary = "Where an event is, from its acceptance to what it became",
        .details = "Of a UUIDv7 the time in the id says where the log is read. Of another id the "
                   "newest records are read first: `topic` and `from` make that short.",
        .parameters = {api::path("id", "The event's id."),
                       api::query("topic", "Look only in this topic."),
                       api::query("from", "Where to begin, in place of the time in the id.",
                                  api::ref("Bound")),
                       api::tenant_filter()},
        .answers = {api::gives("Trace", "The trace.")},
        .problems = {404},
        .handler = answering(shared, trace)}});
  auto parameters = search_parameters();
  parameters.push_back(
      api::required(api::query("tenant", "The tenant that searches.", api::ref("TenantId"))));
  parameters.push_back(api::required(api::query(
      "who", "The user's id or e-mail address.",
      {{"type", "string"}, {"minLength", 1}, {"examples", Json::array({"ada@acme.dev"})}})));
  auto users = api::for_operators(
      "search",
      {{.method = "GET",
        .pattern = "/admin/v1/search/why-not",
        .pool = http::Pool::slow,
        .payloads = http::Payloads::shown,
        .operation = "explainSearch",
        .summary = "Why a search does not find a user",
        .parameters = std::move(parameters),
        .answers = {api::gives("WhyNot", "The first thing that is in the way, or `found`.")},
        .problems = {404},
        .handler = answering(shared, why_not)},
       {.method = "GET",
        .pattern = "/admin/v1/users",
        .pool = http::Pool::slow,
        .payloads = http::Payloads::shown,
        .operation = "explainUsers",
        .summary = "Where an e-mail address exists, across tenants",
        .parameters = {api::required(api::query(
            "email", "The address, however it is written.",
            {{"type", "string"}, {"minLength", 1}, {"examples", Json::array({"ada@acme.dev"})}}))},
        .answers = {api::gives("UserStatePage", "The users, by tenant; at most 100.")},
        .handler = answering(shared, explain_users)}});
  all.insert(all.end(), users.begin(), users.end());
  return all;
}

}  // namespace mesh::services
