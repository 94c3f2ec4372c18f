// The process as the operating system sees it: the metrics process_…, whose names are those of all
// clients of Prometheus.
#pragma once

#include "common/base/clock.h"
#include "common/telemetry/metrics.h"

namespace mesh {

// Linux's /proc. One thread at a time.
class ProcessMetrics {
 public:
  explicit ProcessMetrics(Metrics& metrics);
  // Blocks on /proc, for longer the more files are open. What cannot be read keeps its last value.
  void collect();

 private:
  Counter& cpu_seconds_;
  Gauge &resident_, &virtual_, &open_fds_, &max_fds_, &start_time_;
  double counted_ = 0;  // CPU seconds that the counter has
};

}  // namespace mesh
