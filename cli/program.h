// Runs the programs that do a verb's work, with their output where this tool wants it.
//
// Each runs in a process group of its own, so that Ctrl-C reaches this tool alone, which passes
// SIGINT on to the program's pid: a signal to a whole group would also end what the program needs
// to stop in order (terraform's providers). What is logged is written by the program itself into
// the file: it comes to its end also where this tool is gone.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/fd.h"

namespace mesh::cli {

struct Program {
  std::vector<std::string> words;             // found on $PATH, and its arguments
  std::vector<std::string> environment = {};  // NAME=VALUE, in place of this process's own
  std::string input = {};                     // its stdin, which no disk and no other user sees
  std::string folder = {};                    // where it runs; empty: here
};

struct Ended {
  int code = -1;  // exit code; 128 and the number of a signal that ended it
  std::string out, err;
};

// The program is on $PATH.
bool has_program(const std::string& name);

// Blocks until it ends; `internal` where it cannot be run; `too_large` beyond 64 MiB of output;
// `cancelled` where Ctrl-C came meanwhile (an InterruptGuard lives), after its end.
Result<Ended> run_program(const Program& program);
// Whether it runs and ends with 0; what it prints does not matter.
bool succeeds(std::vector<std::string> words);

// Likewise, with stdout and stderr appended to `log` (0600); each whole line also goes to
// `on_line`. Ended::out and err stay empty.
// The Ctrl-C that was passed on is told by `on_interrupt`, with the pid.
struct Watched {
  std::string log;
  std::function<void(const std::string&)> on_line = {};
  std::function<void(pid_t)> on_interrupt = {};
};
Result<Ended> run_logged(const Program& program, const Watched& watched);

// One that runs while this tool works, such as a tunnel; ended by the destructor.
class Background {
 public:
  static Result<Background> start(const Program& program);
  Background(Background&& other) noexcept;
  ~Background();
  // The next line of its stdout; nothing at its end, or once `seconds` are over.
  std::optional<std::string> line(int seconds);
  // What it wrote to stderr so far.
  std::string errors();

 private:
  Background(pid_t pid, Fd out, Fd err) : pid_(pid), out_(std::move(out)), err_(std::move(err)) {}
  pid_t pid_;
  Fd out_, err_;
  std::string rest_;
};

}  // namespace mesh::cli
