#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "cli/app.h"

namespace {

// A closed stdout is found out before anything is done whose result would be lost. The number of a
// closed stream would else go to the next socket or file, which then got what is printed.
bool has_streams() {
  if (::fcntl(STDOUT_FILENO, F_GETFD) == -1) {
    std::cerr << "mesh: stdout is closed; nothing was done\n" << std::flush;
    return false;
  }
  for (const int fd : {STDIN_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) == -1 && ::open("/dev/null", O_RDWR) != fd) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  // Nothing here prints by stdio, and an export writes many short lines.
  std::ios::sync_with_stdio(false);
  if (!has_streams()) return static_cast<int>(mesh::cli::Exit::failure);
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone shows as a failed write
  mesh::cli::Surroundings around;
  around.env = [](const char* name) -> const char* { return std::getenv(name); };
  mesh::cli::Session session(around, std::cin, std::cout, std::cerr, mesh::cli::detect_terminal());
  return static_cast<int>(mesh::cli::run({argv + 1, argv + argc}, session));
}
