// What a bundle takes from this machine: the threads of a meshd, the journal of its unit.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh::cli {

// A line for each thread: id, name, state, where in the kernel it waits, processor time. What may
// not be read stands as "-". `not_found` for a process that is gone.
Result<std::string> threads_of(pid_t pid);

// The stacks of the threads by eu-stack, else gdb, without values of arguments: such might be
// secrets. It holds the process up meanwhile. `not_found` where neither program is there,
// `unavailable` with what it said where it failed.
Result<std::string> stacks_of(pid_t pid);

// The last lines of the unit. `not_found` where there is no journal or it has none of the unit that
// this user may read.
Result<std::string> journal_of(const std::string& unit, int lines);

}  // namespace mesh::cli
