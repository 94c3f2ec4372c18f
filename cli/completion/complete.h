// What may stand at the cursor of a command line.
// CLI11 has no completion.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/completion/cursor.h"

namespace mesh::cli {

struct Candidate {
  std::string value;
  std::string description = {};  // fit to print
};

struct Completion {
  enum class Paths { none, files, directories };

  std::vector<Candidate> candidates;  // whole words, each beginning with the one that is typed
  Paths paths = Paths::none;          // of this machine, beside them
  std::size_t paths_at = 0;           // where in the word the path begins
  bool ends_word = true;              // false: a candidate such as "type=" is gone on with
};

// The names that exist of what usages call TENANT, TOPIC, GROUP, TASK, SETTING, CONTEXT or
// DEPLOYMENT, best first; none where that cannot be known. They are not trusted: one that a
// terminal or a command line could mistake for something else is not offered.
using Names = std::function<std::vector<Candidate>(std::string_view value_name)>;

// What a value may be comes from the name that its option declares for it, read as a usage is:
// "csv|json" are words, TENANT is a name of Names, FILE and DIR are paths, SCOPE, ROLE, BOUND,
// SHELL, TYPE and COMMAND known sets, "type=TYPE|key=KEY" words in front of values; anything else
// is free text, for which nothing is offered. Calls `names` at most once for each such name.
Completion complete(const CLI::App& root, const Cursor& cursor, const Names& names);

}  // namespace mesh::cli
