// The buckets of a histogram, and quantiles of what was observed between two looks at it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace mesh {

struct Buckets {
  std::vector<double> bounds = {};         // upper, inclusive, ascending; +Inf is implied
  std::vector<std::uint64_t> counts = {};  // cumulative; one more than bounds, or none at all

  std::uint64_t total() const { return counts.empty() ? 0 : counts.back(); }
  // Of a histogram with the same bounds, or without any.
  void add(const Buckets& more);
};

// What was observed since `before`, an earlier look at the same series; all of it where a series
// that was counted then has gone.
Buckets since(const Buckets& before, Buckets now);

// The q-quantile, q in (0, 1), as histogram_quantile of Prometheus estimates it
// (prometheus.io/docs/prometheus/latest/querying/functions, "histogram_quantile"): linear within
// the bucket where it lies, which begins at 0 if it is the first; the highest bound where it lies
// beyond that. Nothing where nothing was observed.
std::optional<double> quantile(const Buckets& buckets, double q);

}  // namespace mesh
