// Ctrl-C as a flag, for commands that have something to finish or to say.
#pragma once

#include "cli/exit_code.h"

namespace mesh::cli {

// While one lives, the first SIGINT or SIGTERM only sets the flag; the second ends the process. One
// at a time: its end gives the signals their default again, whatever they had before.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  static bool interrupted();
  // How a command ends that the signal cut short: 128 and its number, as shells have it.
  static Exit exit();
};

}  // namespace mesh::cli
