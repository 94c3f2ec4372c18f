#include "common/http/metrics.h"

#include <algorithm>

namespace mesh::http {
namespace {

constexpr std::string_view kRequests = "mesh_http_requests_total";
constexpr std::string_view kRequestsHelp = "HTTP requests answered; 499: the client left first.";

}  // namespace

RouteMetrics::RouteMetrics(Metrics& metrics, std::string listener, std::string method,
                           std::string route)
    : metrics_(metrics),
      labels_{{"listener", std::move(listener)}, {"method", std::move(method)}, {"route", route}},
      seconds_(metrics.histogram("mesh_http_request_seconds",
                                 "From the last byte of a request to its answer.",
                                 {{"route", route}})) {}

void RouteMetrics::record(int status, double seconds, std::string_view trace_id) {
  seconds_.observe(seconds, trace_id);
  // An array by status, since a look-up of labels in the registry takes its lock, for each request.
  auto& slot = by_status_[static_cast<std::size_t>(std::clamp(status, 0, kStatuses - 1))];
  Counter* counter = slot.load(std::memory_order_acquire);
  // Two threads may both ask: the registry gives both the same counter.
  if (counter == nullptr) {
    Labels labels = labels_;
    labels["status"] = std::to_string(status);
    counter = &metrics_.counter(kRequests, kRequestsHelp, labels);
    slot.store(counter, std::memory_order_release);
  }
  counter->add();
}

ServerMetrics::ServerMetrics(Metrics& metrics)
    : connections(metrics.gauge("mesh_http_connections", "Open HTTP connections.")),
      streams(metrics.gauge("mesh_http_event_streams", "Open streams of server-sent events.")),
      events_sent(metrics.counter("mesh_http_stream_events_total",
                                  "Events of event streams, by whether a reader took them or was "
                                  "too slow.",
                                  {{"outcome", "sent"}})),
      events_dropped(metrics.counter("mesh_http_stream_events_total",
                                     "Events of event streams, by whether a reader took them or "
                                     "was too slow.",
                                     {{"outcome", "dropped"}})),
      metrics_(metrics) {}

void ServerMetrics::rejected(std::string_view reason) {
  metrics_
      .counter("mesh_http_rejected_total", "Requests and connections refused before a handler.",
               {{"reason", std::string(reason)}})
      .add();
}

void ServerMetrics::unrouted(const std::string& listener, std::string_view method, int status) {
  metrics_
      .counter(kRequests, kRequestsHelp,
               {{"listener", listener},
                {"method", method.empty() ? "none" : std::string(method)},
                {"route", "none"},
                {"status", std::to_string(status)}})
      .add();
}

}  // namespace mesh::http
