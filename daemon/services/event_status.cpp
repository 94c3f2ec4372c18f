#include "daemon/services/event_status.h"

#include "daemon/pipeline/trace/trace_json.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

Result<http::Response> status(const pipeline::TracePorts& ports, const http::Request& request) {
  const std::string& id = request.path_params.at("id");
  const std::string topic = text_param(request, "topic");
  // What a letter became is the operator's; the event is found in the topic that it died in.
  if (is_dead_letter_topic(topic)) {
    return fail(ErrorKind::not_found, "no event " + id + " of this tenant was found",
                "name the topic that it was published to");
  }
  const auto trace = pipeline::trace_event(ports, {id, request.tenant().str(), topic, {}},
                                           pipeline::kTenantBounds);
  if (trace) return http::Response::json(200, pipeline::tenant_json(*trace));
  if (trace.error().kind != ErrorKind::not_found) return fail(trace.error());
  // The same for one that another tenant has: what was looked through are records of all.
  return fail(ErrorKind::not_found, "no event " + id + " of this tenant was found");
}

}  // namespace

http::RouteTable event_status_routes(pipeline::TracePorts ports) {
  const auto shared = std::make_shared<const pipeline::TracePorts>(ports);
  return {{.method = "GET",
           .pattern = "/api/v1/events/{id}",
           .access = http::Access::tenant_or_anonymous,
           .scope = "search",
           .pool = http::Pool::slow,
           .token_roles = {TokenRole::reader, TokenRole::publisher},
           .operation = "getEventStatus",
           .tag = "activity",
           .summary = "What became of an event of the tenant",
           .details = "Ids that the mesh made tell when that was, so that they are found however "
                      "old they are. An id of the client's own is looked for among the newest "
                      "events.",
           .parameters = {api::path("id", "The event's id."),
                          api::query("topic", "Look only in this topic, as user.events.")},
           .answers = {api::gives("EventStatus", "Its status.")},
           .problems = {404},
           .handler = answering(shared, status)}};
}

}  // namespace mesh::services
