// What a soak looks at again and again, and what it concludes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/bench/harness.h"

namespace mesh::bench {

struct Sample {
  double minute = 0;  // since the load began
  Memory memory;
  int descriptors = 0;
  int threads = 0;
  std::int64_t lag = 0;          // events that some pipeline has not processed
  double files = 0;              // MB in the data folder
  std::map<std::string, load::Histogram> latencies;  // since the sample before
};
// Everything but minute and latencies.
Sample take_sample(Meshd& meshd);
void print_header();
void print(const Sample& sample);

// What must not grow from the first to the last quarter of the samples after the warm-up: threads
// not at all; descriptors by at most kDescriptorTolerance (the fewest of each quarter, as
// connections come and go; the pools of readers open a file once more where more requests coincide
// than ever before); anonymous memory (the mean) by at most kMemoryTolerance.
struct Verdict {
  bool grew = false;
  std::vector<std::string> lines;  // a sentence each
  double memory_slope = 0;         // MB per 10 minutes, a straight line through the samples
};
inline constexpr int kDescriptorTolerance = 8;
inline constexpr double kMemoryTolerance = 8;  // MB
Verdict judge(const std::vector<Sample>& samples);

}  // namespace mesh::bench
