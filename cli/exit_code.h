// How the tool ends.
#pragma once

#include <string>

#include "common/base/error.h"

namespace mesh::cli {

enum class Exit {
  ok = 0,
  failure = 1,
  usage = 2,
  not_found = 3,
  auth = 4,
  rate_limited = 5,
  partly = 6,
  timed_out = 7,
  interrupted = 130,  // by Ctrl-C; 128 and the number of another signal
};

// The one place where a kind becomes an exit code.
Exit exit_code(ErrorKind kind);

// What a command answers: how it ended, or the error that is printed and mapped.
using Outcome = Result<Exit>;

// The lines for stderr: "mesh: <what> (request id …)", a line per field error, a hint where there
// is one. `verbose` adds the cause.
std::string error_text(const Error& error, bool verbose);

}  // namespace mesh::cli
