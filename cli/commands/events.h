// Shared by the sources of `mesh events`.
#pragma once

#include "cli/commands/verb.h"

namespace mesh::cli {

const View& record_view();
// One line of a record for people.
std::string record_line(const Json& record);

void add_events_publish(Commands& commands, CLI::App& events);
void add_events_tail(Commands& commands, CLI::App& events);
void add_events_export(Commands& commands, CLI::App& events);
void add_events_replay(Commands& commands, CLI::App& events);

}  // namespace mesh::cli
