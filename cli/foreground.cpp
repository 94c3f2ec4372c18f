#include "cli/foreground.h"

#include <csignal>

#include "cli/spawn.h"

namespace mesh::cli {
namespace {

class Ignored {
 public:
  explicit Ignored(int signal) : signal_(signal) {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(signal, &ignore, &before_);
  }
  ~Ignored() { ::sigaction(signal_, &before_, nullptr); }
  Ignored(const Ignored&) = delete;
  Ignored& operator=(const Ignored&) = delete;

 private:
  const int signal_;
  struct sigaction before_ {};
};

}  // namespace

int run_in_foreground(Foreground program) {
  // Ctrl-C is for the program that has the terminal; this one waits for its end, as system(3) does.
  const Ignored interrupt(SIGINT), quit(SIGQUIT);
  const pid_t pid = spawn({.words = std::move(program.words),
                           .environment = std::move(program.environment),
                           .in = program.input});
  if (pid < 0) return -1;
  // The program reads its input while this runs: a pipe holds less than what a pager is given.
  if (program.meanwhile) program.meanwhile();
  return await_end(pid);
}

}  // namespace mesh::cli
