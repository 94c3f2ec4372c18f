// Arguments → parsed command → run → exit code.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/commands/verb.h"
#include "cli/session.h"

namespace mesh::cli {

// The whole tree with the global options bound to `globals`. Not movable: CLI11 keeps pointers.
struct CommandTree {
  explicit CommandTree(Globals& globals);
  CommandTree(const CommandTree&) = delete;
  CommandTree& operator=(const CommandTree&) = delete;

  // What ends the run before any command does.
  struct Ended {
    Exit exit = Exit::ok;
    std::string text;  // a help text, or what is wrong with the arguments
  };
  // Throws nothing of CLI11's.
  std::optional<Ended> parse(const std::vector<std::string>& arguments);
  // The command that was named; the root where none was.
  CLI::App& selected();

  CLI::App root;
  Commands commands;
};

// Everything between main's argv and its exit code. Blocks until the command ends. No exception
// leaves it: one is told as an internal error, and a failure.
Exit run(const std::vector<std::string>& arguments, Session& session);

}  // namespace mesh::cli
