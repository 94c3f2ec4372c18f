// What shells are given: each script only asks `mesh __complete` and shows the answer.
#pragma once

#include <string_view>

namespace mesh::cli {

std::string_view bash_completion();
std::string_view zsh_completion();
std::string_view fish_completion();

}  // namespace mesh::cli
