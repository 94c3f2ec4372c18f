// Verbs of the group `tenants` that have a source of their own.
#pragma once

#include "cli/commands/verb.h"

namespace mesh::cli {

void add_tenants_top(Commands& commands, CLI::App& group);

}  // namespace mesh::cli
