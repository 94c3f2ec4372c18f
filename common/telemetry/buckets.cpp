#include "common/telemetry/buckets.h"

#include <algorithm>

namespace mesh {

void Buckets::add(const Buckets& more) {
  if (counts.empty()) {
    *this = more;
    return;
  }
  for (std::size_t i = 0; i < std::min(counts.size(), more.counts.size()); ++i) {
    counts[i] += more.counts[i];
  }
}

Buckets since(const Buckets& before, Buckets now) {
  if (before.counts.size() != now.counts.size()) return now;
  for (std::size_t i = 0; i < now.counts.size(); ++i) {
    if (now.counts[i] < before.counts[i]) return now;
  }
  // Buckets are counted without a lock, so that the differences of two looks need not ascend.
  std::uint64_t least = 0;
  for (std::size_t i = 0; i < now.counts.size(); ++i) {
    least = std::max(least, now.counts[i] - before.counts[i]);
    now.counts[i] = least;
  }
  return now;
}

std::optional<double> quantile(const Buckets& buckets, double q) {
  if (buckets.total() == 0 || buckets.bounds.empty()) return std::nullopt;
  const double rank = q * static_cast<double>(buckets.total());
  const auto reaches = [&](std::uint64_t count) { return static_cast<double>(count) >= rank; };
  const auto found = static_cast<std::size_t>(std::ranges::find_if(buckets.counts, reaches) -
                                              buckets.counts.begin());
  if (found >= buckets.bounds.size()) return buckets.bounds.back();
  const double low = found == 0 ? 0 : buckets.bounds[found - 1];
  const double below = found == 0 ? 0 : static_cast<double>(buckets.counts[found - 1]);
  const double within = static_cast<double>(buckets.counts[found]) - below;
  if (within <= 0) return buckets.bounds[found];
  return low + (buckets.bounds[found] - low) * (rank - below) / within;
}

}  // namespace mesh
