// Starts a program with its words as they stand, never by a shell; what foreground, run_meshd and
// program have in common.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace mesh::cli {

struct Spawn {
  std::vector<std::string> words;             // the program, found on $PATH, and its arguments
  std::vector<std::string> environment = {};  // NAME=VALUE, in place of this process's own
  int in = -1, out = -1, err = -1;            // its streams; -1: this process's
  std::string folder = {};                    // where it runs; empty: here
  bool own_group = false;  // no signal of the terminal's keys reaches it by itself
};

// Its pid, or -1 and errno. Signals that this process ignores or handles have their default in it.
pid_t spawn(Spawn program);
// Blocks until it has ended; its status as waitpid has it.
int await_end(pid_t pid);
// 128 and the signal's number for one that a signal ended, as shells have it.
int exit_code_of(int status);

}  // namespace mesh::cli
