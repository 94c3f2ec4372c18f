// `mesh check` of a data folder that no meshd uses: asks the meshd beside this program to look.
#pragma once

#include <string>

#include "cli/session.h"

namespace mesh::cli {

// What `mesh check` prints as JSON: {"state","problems","measured"}.
const View& check_view();

// Whether a process holds the folder's LOCK, as a meshd does from its start to its end. Also false
// where the file may not be read.
bool in_use(const std::string& data_dir);
// "process <pid>" as the LOCK names it, else "another process".
std::string holder(const std::string& data_dir);

// The one line of a check that could not look, and its exit code, 3.
Outcome unknown(Session& session, const std::string& why);

// Shows what is damaged and what a repair would lose; with `repair` asks, and has it repaired.
// Exit codes as monitoring plug-ins: 0 whole (or repaired), 1 damaged and a repair loses nothing,
// 2 damaged, or whole and meshd ended without a clean stop, 3 could not look.
Outcome check_data(Session& session, const std::string& data_dir, bool repair);

}  // namespace mesh::cli
