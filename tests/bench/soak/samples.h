// What a soak looks at again and again.
#pragma once

#include <map>
#include <string>

#include "tests/bench/harness.h"

namespace mesh::bench {

struct Sample {
  double minute = 0;  // since the load began
  Memory memory;
  double heap = 0;    // MB in use beside what is next
  double caches = 0;  // MB of the heap that SQLite uses: page caches, statements
  int descriptors = 0;
  int threads = 0;
  std::int64_t lag = 0;                              // events that some pipeline has not processed
  double files = 0;                                  // MB in the data folder
  std::map<std::string, load::Histogram> latencies;  // since the sample before
};
// Everything but minute and latencies.
Sample take_sample(Meshd& meshd);
void print_header();
void print(const Sample& sample);

}  // namespace mesh::bench
