// What is concluded from the samples of a soak. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tests/bench/soak/samples.h"

namespace mesh::bench {

// The first sample in which SQLite's page caches hold what they hold later on (kFilled of the most
// there ever was). They fill to a fixed size as pages are touched, so that before then memory grows
// by design; what grows for ever never gets there, and makes a warm-up that does not end.
std::size_t end_of_warm_up(std::span<const Sample> samples);
inline constexpr double kFilled = 0.97;

// A straight line through the samples that single peaks do not bend (Theil and Sen: the median of
// the slopes of all pairs), and what it may be for 95 % of noise like theirs.
struct Slope {
  double per_minute = 0, low = 0, high = 0;
};
Slope slope(std::span<const Sample> samples, double (*value)(const Sample&));

// What must not grow in the steady phase, from the end of the warm-up on:
// - memory: the heap in use beside the page caches, and all anonymous memory. It grew where even
//   `low` of its slope is above the tolerance.
// - threads, descriptors and lag: the fewest of the last quarter against the fewest of the first.
//   Descriptors: the pools of readers open a file once more where more requests coincide than ever
//   before. Lag: half a second of the load.
// A warm-up of more than half of the run leaves nothing to judge by: it counts as growth.
struct Verdict {
  bool grew = false;
  std::size_t warm = 0;            // end_of_warm_up
  Slope heap, anonymous;           // MB per minute
  std::vector<std::string> lines;  // a sentence each
};
inline constexpr double kMemoryTolerance = 0.25;  // MB per minute
inline constexpr int kDescriptorTolerance = 8;
inline constexpr int kLagTolerance = 200;
Verdict judge(std::span<const Sample> samples);

}  // namespace mesh::bench
