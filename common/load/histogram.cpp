#include "common/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace mesh::load {
namespace {

// Values below 2 * kHalf have a bucket each; every further power of two is cut into kHalf buckets.
constexpr std::uint64_t kHalf = 1024;
constexpr std::uint64_t kLargest = (1ull << 40) - 1;

std::size_t bucket_of(std::uint64_t value) {
  const std::uint64_t shift = value < 2 * kHalf ? 0 : std::bit_width(value) - std::bit_width(kHalf);
  return shift * kHalf + (value >> shift);
}

std::uint64_t largest_in(std::size_t bucket) {
  const std::uint64_t shift = bucket < 2 * kHalf ? 0 : bucket / kHalf - 1;
  return ((bucket - shift * kHalf + 1) << shift) - 1;
}

}  // namespace

Histogram::Histogram() : buckets_(bucket_of(kLargest) + 1) {}

void Histogram::add(std::uint64_t microseconds) {
  const std::uint64_t value = std::min(microseconds, kLargest);
  ++buckets_[bucket_of(value)];
  ++count_;
  max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

std::uint64_t Histogram::percentile(double share) const {
  if (count_ == 0) return 0;
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(largest_in(i), max_);
  }
  return max_;
}

}  // namespace mesh::load
