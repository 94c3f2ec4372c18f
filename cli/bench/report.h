// What a load measured, as people and scripts read it. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/exit_code.h"
#include "cli/render/view.h"
#include "common/load/load.h"

namespace mesh::cli {

struct BenchRun {
  std::string what;    // "publish"
  std::string scope;   // of the rate limit that holds for it
  std::string tenant;  // the first, for advice
  std::size_t tenants = 1;
  int connections = 1;
  double rate = 0;      // asked for; 0: none
  int per_request = 1;  // events
};

const View& bench_view();
Json bench_row(const BenchRun& run, const load::Outcome& outcome);
// Lines on what went wrong and what that means for the figures; empty where all is well.
std::vector<std::string> bench_notes(const BenchRun& run, const load::Outcome& outcome);
// All answered well: ok; some: partly; none: by what the answers were.
Exit bench_exit(const load::Outcome& outcome);

}  // namespace mesh::cli
