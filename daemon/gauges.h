// What is measured now and then, rather than when it happens.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/periodic.h"

#include "common/http/server.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/usage.h"
#include "daemon/engines.h"
#include "daemon/process.h"
#include "daemon/services/retention.h"

namespace mesh {

// What this process knows is read for each scrape. The engines, and the system about the process,
// are asked in the background, so that no scrape waits for what hangs or takes long.
class Gauges {
 public:
  static constexpr Duration kPeriod{5'000};  // of the samples

  // Takes the first sample. What is given outlives it.
  Gauges(Metrics& metrics, const Usage& usage, const Engines& engines, const http::Server& server,
         Clock& clock);
  // For a scrape. One thread at a time.
  void collect();
  // The engines are asked no more. Callable twice.
  void stop() { sampling_.stop(); }

 private:
  void sample();
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
  ProcessMetrics process_;
  Clock& clock_;
  std::vector<std::string> generations_;  // that are shown
  std::atomic<SteadyTime> sampled_{};
  Periodic sampling_;  // last: it uses all of the above
};

}  // namespace mesh
