// Runs meshd for what only it can do with files: it knows the engines.
#pragma once

#include <string>
#include <vector>

#include "common/base/error.h"

namespace mesh::cli {

struct Ran {
  int exit_code = -1;
  std::string out;  // what it printed; its stderr is this program's
};

// The meshd beside this program, else the one of $PATH; blocks until it ends. `unavailable` where
// there is none.
Result<Ran> run_meshd(const std::vector<std::string>& arguments);

}  // namespace mesh::cli
