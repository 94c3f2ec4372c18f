#include "daemon/services/admin_overview.h"

#include <memory>

#include "common/base/time.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

using overview::Point;

Json column(const std::vector<Point>& points, auto value_of) {
  Json values = Json::array();
  for (const Point& point : points) {
    const auto value = value_of(point);
    values.push_back(value ? Json(*value) : Json(nullptr));
  }
  return values;
}

// By columns, as plots take them.
Json history_json(const std::vector<Point>& points) {
  Json times = Json::array();
  for (const Point& point : points) times.push_back(point.time.time_since_epoch().count());
  const auto of_rates = [&](auto member) {
    return column(points, [member](const Point& point) { return point.rates.*member; });
  };
  using overview::Rates;
  return {{"time", std::move(times)},
          {"series",
           {{"events", of_rates(&Rates::events)},
            {"searches", of_rates(&Rates::searches)},
            {"requests", of_rates(&Rates::requests)},
            {"errors", of_rates(&Rates::errors)},
            {"search_p50", of_rates(&Rates::search_p50)},
            {"search_p99", of_rates(&Rates::search_p99)},
            {"publish_p99", of_rates(&Rates::publish_p99)},
            {"lag", column(points, [](const Point& point) { return point.lag; })},
            {"dead_letters", column(points, [](const Point& point) { return point.dead_letters; })},
            {"outbox", column(points, [](const Point& point) {
               return std::optional<std::int64_t>(point.outbox);
             })}}}};
}

Result<http::Response> overview_now(const OverviewAdminDeps& deps, const http::Request&) {
  const auto seen = deps.sampler.overview();
  Json engines = Json::array();
  for (const auto& check : seen.checks) {
    // Of pipelines the groups of the sample tell more.
    if (check.name.starts_with("pipeline ")) continue;
    engines.push_back({{"name", check.name},
                       {"ok", check.ok},
                       {"warning", check.warning},
                       {"detail", check.detail}});
  }
  return http::Response::json(200, {{"version", deps.version},
                                    {"member", deps.member},
                                    {"started_at", format_rfc3339(deps.started_at)},
                                    {"sample", overview::to_json(seen.sample)},
                                    {"history", history_json(seen.history)},
                                    {"attention", overview::to_json(seen.attention)},
                                    {"engines", std::move(engines)}});
}

void watch_overview(const OverviewAdminDeps& deps, const http::Request& request,
                    const http::Responder& respond) {
  // A new EventSource cannot say what another one has seen, but for the query. What it says by
  // itself, when it comes again, is newer.
  std::string seen(request.header("Last-Event-ID").value_or(""));
  if (seen.empty()) seen = text_param(request, "last_event_id");
  const auto id = deps.sampler.watch(
      respond.stream({.max_buffered_bytes = overview::Live::kStreamBytes}), seen);
  respond.when_gone([&sampler = deps.sampler, id] { sampler.unwatch(id); });
}

}  // namespace

http::RouteTable overview_routes(OverviewAdminDeps deps) {
  const auto shared = std::make_shared<const OverviewAdminDeps>(std::move(deps));
  return api::for_operators(
      "process",
      {{.method = "GET",
        .pattern = "/admin/v1/overview",
        .pool = http::Pool::quick,
        .operation = "getOverview",
        .summary = "The mesh at a glance, the last hour, and what needs attention",
        .details = "As it was looked at last: every 10 s, every 2 s while somebody follows "
                   "`/admin/v1/overview/live`. Events, groups, dead letters and tasks are those "
                   "of the whole mesh; searches, requests, errors, latencies and streams those of "
                   "the process that answers, since its start.",
        .answers = {api::gives("Overview", "The overview.")},
        .handler = answering(shared, overview_now)},
       {.method = "GET",
        .pattern = "/admin/v1/overview/live",
        .pool = http::Pool::quick,
        .operation = "watchOverview",
        .summary = "Sends what the mesh does, every two seconds",
        .details = "The event `sample` at once and then every 2 s, `attention` at once and "
                   "where the list is another one. Who comes again gets the samples that were "
                   "made meanwhile, of about two minutes; of more the event `lost` says how many.",
        .parameters = {{"Last-Event-ID", "header", "The id of the last sample that was seen."},
                       api::query("last_event_id",
                                  "The same, where the client cannot set the header.")},
        .answers = {api::gives_events(
            "Samples, as they are made.",
            {{"sample", api::ref("OverviewSample")},
             {"attention", {{"type", "array"}, {"items", api::ref("Attention")}}}})},
        .problems = {503},
        .handler = [shared](auto request, auto respond) {
          watch_overview(*shared, *request, respond);
        }}});
}

}  // namespace mesh::services
