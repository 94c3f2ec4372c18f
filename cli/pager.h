// Output longer than the screen, a screen at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace mesh::cli {

// $MESH_PAGER, else $PAGER, else less, as the shell runs it; empty for none: one of the variables
// is there and empty, or names cat.
std::string pager_command(const std::function<const char*(const char*)>& env);

// Shows the text and blocks until the person has seen enough, of it all or not; $LESS is FRX for
// it where it is not set. False where the pager cannot be run, and nothing was shown.
bool run_pager(const std::string& command, std::string_view text);

}  // namespace mesh::cli
