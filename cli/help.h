// The help texts: an overview by purpose, groups, verbs with their examples last.
#pragma once

#include <string>
#include <vector>

#include "cli/commands/verb.h"

namespace mesh::cli {

// Of the root, a group or a verb.
std::string help_text(const Commands& commands, const CLI::App& app);

// That `word` is no command of `app`, and what was meant, where something is near.
std::string unknown_command(const CLI::App& app, const std::string& word);

// Likewise for a flag such as "--emial" of a command.
std::string unknown_flag(const CLI::App& app, const std::string& word);

// "; did you mean "…"?" where one of the names is near, but for the word itself; else empty.
std::string suggestion(const std::vector<std::string>& names, const std::string& word);

// "mesh users create"
std::string command_path(const CLI::App& app);

// The word for an option's value: its type name without what CLI11 adds for the checks on it.
std::string value_name(const CLI::Option& option);

}  // namespace mesh::cli
