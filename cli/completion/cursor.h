// Where on a command line the cursor stands, by the tree of commands. Nothing is parsed or run.
#pragma once

#include <CLI/CLI.hpp>
#include <set>
#include <string>
#include <vector>

namespace mesh::cli {

struct Cursor {
  const CLI::App* command = nullptr;      // the one named so far
  std::string word;                       // that is being typed, up to the cursor
  const CLI::Option* value_of = nullptr;  // the flag whose value the word is, or ends with
  std::size_t value_at = 0;               // where in the word that value begins
  bool flags_ended = false;               // by "--"
  std::vector<std::string> arguments;     // positional ones before the word
  std::set<const CLI::Option*> given;     // flags before the word
  std::vector<std::string> globals;       // of them the root's that have a value: "--server=URL"
};

// `words`: what stands behind the program's name, up to the cursor. The last of them is being typed
// and may be empty; no word at all is an empty one. Words that no command has are passed over.
Cursor cursor_of(const CLI::App& root, const std::vector<std::string>& words);

// The positional argument that the cursor's word is; nullptr where none is left.
const CLI::Option* argument_at(const Cursor& cursor);

}  // namespace mesh::cli
