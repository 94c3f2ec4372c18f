#include "daemon/services/analytics.h"

#include "daemon/pipeline/stages/cache_subjects.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/cached_answer.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

constexpr IntRange kRecent{1, 100, 10};

using AboutName = CacheSubject (*)(const TenantId& tenant, std::string_view name);

// A summary of the path's subject. The answer names it as it was asked for, so that is the
// question.
template <typename Store>
http::Handler summary(Store& store, const char* subject, ReadCache* cache, AboutName about) {
  return [&store, subject, cache, about](auto request, auto respond) {
    const TenantId& tenant = request->tenant();
    const std::string& name = request->path_params.at(subject);
    auto answer = cached_answer(cache, about(tenant, name), name, [&]() -> Result<std::string> {
      const auto found = MESH_TRY(store.summary(tenant, name));
      return dump(to_json(found));
    });
    answer ? respond(http::Response::json_text(200, std::move(*answer))) : respond(answer.error());
  };
}

// The subject's events, newest first; the subject is named once, outside the list.
template <typename Store>
http::Handler recent(Store& store, const char* subject) {
  return [&store, subject](auto request, auto respond) {
    auto limit = int_param(*request, "limit", kRecent);
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

http::RouteTable analytics_routes(AnalyticsStore& analytics, ChemicalStore& chemical,
                                  ReadCache* cache) {
  using http::Access;
  const http::Parameter user = api::path("user_id", "The user id of the events.");
  const http::Parameter researcher =
      api::path("researcher", "The researcher's name, percent-encoded.");
  const http::Parameter limit = api::limit("events", kRecent);
  // No pool: the loop itself reads an embedded store. Where the engine asks a server,
  // daemon/roles.cpp gives these rows one.
  const auto route = [](const char* pattern, const char* operation, const char* summary,
                        std::vector<http::Parameter> parameters, http::Answer answer,
                        http::Handler handler) {
    return http::Route{.method = "GET",
                       .pattern = pattern,
                       .access = Access::tenant_or_anonymous,
                       .operation = operation,
                       .tag = "activity",
                       .summary = summary,
                       .parameters = std::move(parameters),
                       .answers = {std::move(answer)},
                       .problems = {404},
                       .handler = std::move(handler)};
  };
  return {
      route("/api/v1/analytics/user/{user_id}", "getUserAnalytics",
            "Counts and recent events of a user", {user},
            api::gives("UserAnalytics", "The counts, and at most ten events."),
            summary(analytics, "user_id", cache, pipeline::analytics_of)),
      route("/api/v1/analytics/researcher/{researcher}", "getResearcherAnalytics",
            "Experiments and molecules of a researcher", {researcher},
            api::gives("ResearcherAnalytics", "The counts, and at most ten experiments."),
            summary(chemical, "researcher", cache, pipeline::chemical_of)),
      route("/api/v1/events/user/{user_id}", "listUserEvents", "Events of a user, newest first",
            {user, limit}, api::gives("UserEvents", "The events."), recent(analytics, "user_id")),
      route("/api/v1/events/researcher/{researcher}", "listResearcherEvents",
            "Experiments of a researcher, newest first", {researcher, limit},
            api::gives("ResearcherEvents", "The experiments."), recent(chemical, "researcher")),
  };
}

}  // namespace mesh::services
