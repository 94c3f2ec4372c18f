// Runs meshd for what only it can do with files: it knows the engines.
// Boost.Process starts programs, too; nothing else here needs Boost.
#pragma once

#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::cli {

struct Ran {
  int exit_code = -1;
  Json report;
};

// The meshd beside this program, else the one of $PATH, with --json; blocks until it ends. Its
// stderr is this program's. Its own error where it could not do what was asked; `internal` where
// there is none, `conflict` where it ends without a report.
Result<Ran> run_meshd(const std::vector<std::string>& arguments);

}  // namespace mesh::cli
