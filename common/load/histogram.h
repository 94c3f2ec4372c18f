// Latencies in microseconds: exact to 2 ms, to 0.1% beyond.
// HdrHistogram_c is not in Debian 12.
#pragma once

#include <cstdint>
#include <vector>

namespace mesh::load {

class Histogram {
 public:
  Histogram();
  void add(std::uint64_t microseconds);
  void merge(const Histogram& other);
  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }
  // The smallest value that at least this share (0…1) of all does not exceed; 0 when empty.
  std::uint64_t percentile(double share) const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace mesh::load
