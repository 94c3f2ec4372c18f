#include "daemon/pipeline/stages/batch_cost.h"

#include <algorithm>

namespace mesh::pipeline {
namespace {

// Of the embedded engines, measured with 220-byte events on two processors: see
// docs/performance.md.
constexpr double kTypicalBatch = 0.0015, kTypicalEvent = 10e-6;  // seconds
constexpr double kLargeBatch = 256;
constexpr double kFade = 0.97;  // per batch: the last 30 or so decide

}  // namespace

void BatchCost::Sums::add(double events, double seconds) {
  weight += 1;
  x += events;
  xx += events * events;
  y += seconds;
  xy += events * seconds;
}

void BatchCost::Sums::fade(double by) {
  for (double* sum : {&weight, &x, &xx, &y, &xy}) *sum *= by;
}

void BatchCost::observe(std::int64_t events, std::chrono::nanoseconds took) {
  std::lock_guard lock(mutex_);
  sums_.fade(kFade);
  sums_.add(static_cast<double>(events), std::chrono::duration<double>(took).count());
}

double BatchCost::seconds(std::int64_t batches, std::int64_t events) const {
  Sums sums;
  {
    std::lock_guard lock(mutex_);
    sums = sums_;
  }
  // Two batches more of the typical size, so that batches all alike leave nothing undecided.
  for (const double size : {1.0, kLargeBatch}) {
    sums.add(size, kTypicalBatch + size * kTypicalEvent);
  }
  const double spread = sums.weight * sums.xx - sums.x * sums.x;
  const double each = std::max(0.0, (sums.weight * sums.xy - sums.x * sums.y) / spread);
  const double fixed = std::max(0.0, (sums.y - each * sums.x) / sums.weight);
  return static_cast<double>(batches) * fixed + static_cast<double>(events) * each;
}

}  // namespace mesh::pipeline
