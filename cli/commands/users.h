// Shared by the sources of `mesh users`.
#pragma once

#include "cli/commands/verb.h"

namespace mesh::cli {

const View& user_view();
void add_users_import(Commands& commands, CLI::App& users);

}  // namespace mesh::cli
