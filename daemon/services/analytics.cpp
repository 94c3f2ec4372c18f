#include "daemon/services/analytics.h"

#include "daemon/services/common.h"

namespace mesh::services {
namespace {

// A summary of the path's subject.
template <typename Store>
http::Handler summary(Store& store, const char* subject) {
  return [&store, subject](auto request, auto respond) {
    auto found = store.summary(request->tenant(), request->path_params.at(subject));
    found ? respond(http::Response::json(200, to_json(*found))) : respond(found.error());
  };
}

// The subject's events, newest first; the subject is named once, outside the list.
template <typename Store>
http::Handler recent(Store& store, const char* subject) {
  return [&store, subject](auto request, auto respond) {
    auto limit = int_param(*request, "limit", 10, 1, 100);
    if (!limit) return respond(limit.error());
    const std::string& name = request->path_params.at(subject);
    auto found = store.recent(request->tenant(), name, static_cast<int>(*limit));
    if (!found) return respond(found.error());
    Json events = Json::array();
    for (const auto& event : *found) events.push_back(to_json(event));
    respond(http::Response::json(200, {{subject, name}, {"events", std::move(events)}}));
  };
}

}  // namespace

http::RouteTable analytics_routes(AnalyticsStore& analytics, ChemicalStore& chemical) {
  using http::Access;
  const auto access = Access::tenant_or_anonymous;
  const http::Parameter user{"user_id", "path", "the user id of the events", "string", true};
  const http::Parameter researcher{"researcher", "path", "the name, percent-encoded", "string",
                                   true};
  const http::Parameter limit{"limit", "query", "events, 1 to 100 (10)", "integer"};
  return {
      {.method = "GET",
       .pattern = "/api/v1/analytics/user/{user_id}",
       .access = access,
       .summary = "Counts and recent events of a user",
       .parameters = {user},
       .handler = summary(analytics, "user_id")},
      {.method = "GET",
       .pattern = "/api/v1/analytics/researcher/{researcher}",
       .access = access,
       .summary = "Experiments and molecules of a researcher",
       .parameters = {researcher},
       .handler = summary(chemical, "researcher")},
      {.method = "GET",
       .pattern = "/api/v1/events/user/{user_id}",
       .access = access,
       .summary = "Events of a user, newest first",
       .parameters = {user, limit},
       .handler = recent(analytics, "user_id")},
      {.method = "GET",
       .pattern = "/api/v1/events/researcher/{researcher}",
       .access = access,
       .summary = "Experiments of a researcher, newest first",
       .parameters = {researcher, limit},
       .handler = recent(chemical, "researcher")},
  };
}

}  // namespace mesh::services
