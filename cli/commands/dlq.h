// The verbs of `mesh dlq` that have a file of their own.
#pragma once

#include "cli/commands/verb.h"

namespace mesh::cli {

void add_dlq_edit(Commands& commands, CLI::App& dlq);

// People name the topic or its dead-letter topic; the API knows the latter.
std::string letters_of(const std::string& topic);

}  // namespace mesh::cli
