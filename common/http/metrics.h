// The metrics of the server, with handles kept for the hot paths.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <string_view>

#include "common/telemetry/metrics.h"

namespace mesh::http {

// mesh_http_requests_total and mesh_http_request_seconds of one route. Any thread.
class RouteMetrics {
 public:
  RouteMetrics(Metrics& metrics, std::string listener, std::string method, std::string route);
  // `trace_id`: of a trace that is sent, else "".
  void record(int status, double seconds, std::string_view trace_id);

 private:
  static constexpr int kStatuses = 600;
  Metrics& metrics_;
  const Labels labels_;
  Histogram& seconds_;
  std::array<std::atomic<Counter*>, kStatuses> by_status_{};  // found on first use
};

// Any thread.
class ServerMetrics {
 public:
  explicit ServerMetrics(Metrics& metrics);
  Gauge& connections;
  Gauge& streams;
  Counter& events_sent;
  Counter& events_dropped;
  // A request or connection that reached no handler, by reason.
  void rejected(std::string_view reason);
  // A request that no route matched.
  void unrouted(const std::string& listener, std::string_view method, int status);

 private:
  Metrics& metrics_;
};

}  // namespace mesh::http
