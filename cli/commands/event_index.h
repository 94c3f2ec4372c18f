// Verbs of the indexes of events, in the group of the user index.
#pragma once

#include "cli/commands/verb.h"

namespace mesh::cli {

void add_event_index(Commands& commands, CLI::App& group);

}  // namespace mesh::cli
