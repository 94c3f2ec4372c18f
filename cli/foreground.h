// Programs that have the terminal while this one waits: editors, pagers.
// system(3) gives a program no stdin of its own and leaves SIGPIPE ignored in it; Boost.Process
// sets no signals, neither here nor there.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace mesh::cli {

struct Foreground {
  std::vector<std::string> words;        // the program, found on $PATH, and its arguments
  std::vector<std::string> environment;  // NAME=VALUE, in place of this process's own
  int input = -1;                        // its stdin; -1: this process's
  std::function<void()> meanwhile = {};  // after it has begun
};

// Blocks until it ends; SIGINT and SIGQUIT are the program's meanwhile, for the whole process: one
// at a time. Its status as waitpid has it, or -1 and errno where it cannot be run.
int run_in_foreground(Foreground program);

}  // namespace mesh::cli
