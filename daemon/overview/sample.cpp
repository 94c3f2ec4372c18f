#include "daemon/overview/sample.h"

#include <algorithm>
#include <array>

#include "common/base/time.h"
#include "common/domain/catalogue.h"

namespace mesh::overview {
namespace {

constexpr std::array<std::string_view, 3> kOwnTopics{"billing.events", "task.events",
                                                     "tenant.events"};
constexpr std::array<std::string_view, 2> kSearchRoutes{"/ai/users/search", "/ai/search"};
constexpr std::array<std::string_view, 3> kPublishRoutes{
    "/api/v1/events", "/api/v1/events/analytics", "/api/v1/events/chemical"};
// What clients of tenants call begins so; probes, pages and operators' routes do not.
constexpr std::array<std::string_view, 3> kTenantRoutes{"/ai/", "/api/", "/users"};

std::string_view route_of(const Labels& labels) {
  const auto at = labels.find("route");
  return at == labels.end() ? std::string_view() : std::string_view(at->second);
}

bool is_of_tenants(const Labels& labels) {
  return std::ranges::any_of(kTenantRoutes, [route = route_of(labels)](std::string_view prefix) {
    return route.starts_with(prefix);
  });
}

bool is_error(const Labels& labels) {
  const auto status = labels.find("status");
  return is_of_tenants(labels) && status != labels.end() && status->second.starts_with('5');
}

Metrics::Where one_of(std::span<const std::string_view> routes) {
  return [routes](const Labels& labels) {
    return std::ranges::find(routes, route_of(labels)) != routes.end();
  };
}

double risen(double before, double after) { return std::max(0.0, after - before); }

Json or_null(const auto& value) { return value ? Json(*value) : Json(nullptr); }

}  // namespace

bool is_counted(std::string_view topic) {
  return !is_dead_letter_topic(topic) && std::ranges::find(kOwnTopics, topic) == kOwnTopics.end();
}

Sums sums_of(const Metrics& metrics) {
  Sums sums;
  sums.searches = metrics.sum("ai_gateway_requests_total");
  sums.requests = metrics.sum("mesh_http_requests_total", is_of_tenants);
  sums.errors = metrics.sum("mesh_http_requests_total", is_error);
  sums.search_seconds = metrics.buckets("mesh_http_request_seconds", one_of(kSearchRoutes));
  sums.publish_seconds = metrics.buckets("mesh_http_request_seconds", one_of(kPublishRoutes));
  return sums;
}

Rates rates_between(const Sums& before, const Sums& after) {
  Rates rates;
  rates.period = std::chrono::duration<double>(after.at - before.at).count();
  if (rates.period <= 0) return {};
  const auto by_second = [&](double from, double to) { return risen(from, to) / rates.period; };
  if (before.events && after.events) {
    rates.events =
        by_second(static_cast<double>(*before.events), static_cast<double>(*after.events));
  }
  rates.searches = by_second(before.searches, after.searches);
  rates.requests = by_second(before.requests, after.requests);
  rates.errors = by_second(before.errors, after.errors);
  const auto searches = since(before.search_seconds, after.search_seconds);
  rates.search_p50 = quantile(searches, 0.5);
  rates.search_p99 = quantile(searches, 0.99);
  rates.publish_p99 = quantile(since(before.publish_seconds, after.publish_seconds), 0.99);
  return rates;
}

Json to_json(const Sample& sample) {
  const Rates& rates = sample.rates;
  Json groups = Json::array();
  for (const auto& group : sample.groups) {
    groups.push_back({{"group", group.group},
                      {"lag", group.lag},
                      {"lag_seconds", group.lag_seconds},
                      {"parked", group.parked},
                      {"breaker", group.breaker},
                      {"state", group.state}});
  }
  Json topics = Json::object();
  for (const auto& [name, end] : sample.topics) topics[name] = end;
  return {{"time", format_rfc3339(sample.time)},
          {"period", rates.period},
          {"events", or_null(rates.events)},
          {"searches", or_null(rates.searches)},
          {"requests", or_null(rates.requests)},
          {"errors", or_null(rates.errors)},
          {"search_p50", or_null(rates.search_p50)},
          {"search_p99", or_null(rates.search_p99)},
          {"publish_p99", or_null(rates.publish_p99)},
          {"lag", or_null(sample.lag)},
          {"lag_seconds", or_null(sample.lag_seconds)},
          {"parked", or_null(sample.parked)},
          {"outbox", sample.outbox},
          {"dead_letters", or_null(sample.dead_letters)},
          {"streams", sample.streams},
          {"groups", std::move(groups)},
          {"topics", std::move(topics)},
          {"tasks", {{"running", sample.tasks_running}, {"changed", sample.tasks_changed}}}};
}

}  // namespace mesh::overview
