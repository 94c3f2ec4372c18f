// The text format of OpenMetrics 1.0.0
// (https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md).
// prometheus-cpp writes Prometheus' own text format only, and its model has no exemplars.
#pragma once

#include <prometheus/metric_family.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"

namespace mesh {

struct Exemplar {
  std::string trace_id;  // empty: none
  double value = 0;
  Timestamp time{};
};
// By family and series, as they stand in the list: one a bucket, or none at all.
using Exemplars = std::map<std::pair<std::size_t, std::size_t>, std::vector<Exemplar>>;

// Counters, gauges and histograms. Pure.
std::string open_metrics_text(const std::vector<prometheus::MetricFamily>& families,
                              const Exemplars& exemplars);

}  // namespace mesh
