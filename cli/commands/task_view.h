// How tasks are shown.
#pragma once

#include <string>
#include <vector>

#include "cli/session.h"

namespace mesh::cli {

const View& task_view();

// For people the columns that are made of several members need the time of day, too.
Json shown_task(const Session& session, const Json& task);

// What one may do about it; empty where nothing is to be done.
std::string task_next_step(const Json& task);

}  // namespace mesh::cli
