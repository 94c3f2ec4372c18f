// A load that ends at Ctrl-C.
#pragma once

#include "common/base/error.h"
#include "common/load/load.h"

namespace mesh::cli {

// Blocks; its `stop` is not the caller's. `unavailable` where the server cannot be reached at
// the start.
Result<load::Outcome> run_load(load::Plan plan);

}  // namespace mesh::cli
