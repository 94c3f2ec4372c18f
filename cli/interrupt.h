// Ctrl-C as a flag, for commands that have something to finish or to say.
#pragma once

namespace mesh::cli {

// While one lives, the first SIGINT or SIGTERM only sets the flag; the second ends the process.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  static bool interrupted();
};

}  // namespace mesh::cli
