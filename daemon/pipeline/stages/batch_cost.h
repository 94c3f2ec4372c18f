// What a batch of a stage takes, learnt from batches that it did: a part that each batch takes
// (a durable commit) and a part that each event takes.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

namespace mesh::pipeline {

// Any thread. Batches of long ago count ever less. Until there were some, typical figures of a
// small server stand in.
class BatchCost {
 public:
  void observe(std::int64_t events, std::chrono::nanoseconds took);
  // So many batches with so many events together.
  double seconds(std::int64_t batches, std::int64_t events) const;

 private:
  struct Sums {  // of the least squares of time over events
    double weight = 0, x = 0, xx = 0, y = 0, xy = 0;
    void add(double events, double seconds);
    void fade(double by);
  };
  mutable std::mutex mutex_;
  Sums sums_;  // guarded by mutex_
};

}  // namespace mesh::pipeline
