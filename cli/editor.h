// A person's editor.
#pragma once

#include <string>

#include "cli/settings.h"

namespace mesh::cli {

// Runs $VISUAL, else $EDITOR, else vi, on the file, and blocks until it ends; Ctrl-C is the
// editor's meanwhile. `cancelled` where it cannot be run or ends with a failure.
Status run_editor(const Surroundings& surroundings, const std::string& path);

}  // namespace mesh::cli
