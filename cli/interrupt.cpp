#include "cli/interrupt.h"

#include <csignal>

namespace mesh::cli {
namespace {

// All that a signal handler may write; the signal's number, for the exit code.
volatile std::sig_atomic_t g_interrupted = 0;

void on_signal(int signal) { g_interrupted = signal; }

// No SA_RESTART: a read that waits for input ends too.
void handle(int signal) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  // The second Ctrl-C ends a tool that does not come to its end.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  g_interrupted = 0;
  handle(SIGINT);
  handle(SIGTERM);
}

InterruptGuard::~InterruptGuard() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool InterruptGuard::interrupted() { return g_interrupted != 0; }

Exit InterruptGuard::exit() { return static_cast<Exit>(128 + g_interrupted); }

}  // namespace mesh::cli
