// What a bundle takes from this machine: the threads of a meshd, its lines of the journal.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh::cli {

// The meshd that holds the LOCK of the data directory. `not_found` where none is known to: the pid
// in run.json outlives a crash, and may be another program's by then.
Result<pid_t> process_of(const std::string& data_dir);

// A line for each thread: id, name, state, where in the kernel it waits, processor time. What may
// not be read stands as "-". `not_found` for a process that is gone.
Result<std::string> threads_of(pid_t pid);

// The stacks of the threads by eu-stack, else gdb, without values of arguments: such might be
// secrets. It holds the process up meanwhile, five seconds at most, and sees to it that it goes on.
// Asks no server for symbols. `not_found` where neither program is there,
// `unavailable` with what it said where it failed.
Result<std::string> stacks_of(pid_t pid);

// The last lines of the process. `not_found` where there is no journal or it has none of the
// process that this user may read.
Result<std::string> journal_of(pid_t pid, int lines);

}  // namespace mesh::cli
