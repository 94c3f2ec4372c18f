#include <csignal>
#include <cstdlib>
#include <iostream>

#include "cli/app.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone shows as a failed write
  mesh::cli::Surroundings around;
  around.env = [](const char* name) -> const char* { return std::getenv(name); };
  mesh::cli::Session session(around, std::cin, std::cout, std::cerr, mesh::cli::detect_terminal());
  return static_cast<int>(mesh::cli::run({argv + 1, argv + argc}, session));
}
