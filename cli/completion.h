// Completion scripts, generated from the tree of commands.
#pragma once

#include <string>

#include "cli/commands/verb.h"

namespace mesh::cli {

std::string bash_completion(const CLI::App& root);
std::string zsh_completion(const CLI::App& root);
std::string fish_completion(const CLI::App& root);

}  // namespace mesh::cli
