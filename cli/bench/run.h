// A load that ends at Ctrl-C.
#pragma once

#include "cli/bench/target.h"
#include "common/client/client.h"
#include "common/load/load.h"

namespace mesh::cli {

// Blocks; where the plan goes, and its `stop`, is not the caller's. `unavailable` where the server
// cannot be reached at the start.
Result<load::Outcome> run_load(load::Plan plan, const BenchTarget& target,
                               const client::Options& options);

}  // namespace mesh::cli
