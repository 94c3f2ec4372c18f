// What is measured when metrics are asked for, rather than when it happens.
#pragma once

#include <string>
#include <vector>

#include "common/http/server.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/usage.h"
#include "daemon/engines.h"
#include "daemon/services/retention.h"

namespace mesh {

// One thread at a time.
class Gauges {
 public:
  // What is given outlives it.
  Gauges(Metrics& metrics, const Usage& usage, const Engines& engines, const http::Server& server)
      : metrics_(metrics), usage_(usage), engines_(engines), server_(server), retention_(metrics) {}
  void collect();

 private:
  void name_busiest_tenants();
  void set(const char* name, const char* help, double value) {
    metrics_.gauge(name, help).set(value);
  }
  void collect_heap();
  void collect_generations();

  Metrics& metrics_;
  const Usage& usage_;
  const Engines& engines_;
  const http::Server& server_;
  services::RetentionMetrics retention_;
  std::vector<std::string> generations_;  // that are shown
};

}  // namespace mesh
