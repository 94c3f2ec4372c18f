// The work of redrives and purges.
#pragma once

#include <string>

#include "daemon/pipeline/replay.h"

namespace mesh::pipeline {

// Settles the letters of a dead-letter topic that match, oldest first within each partition, after
// sending them back to their source where `redrive`.
Status settle_letters(EventLog& log, LogAdmin& admin, Clock& clock, TaskContext& context,
                      const std::string& topic, const DeadLetterFilter& filter, bool redrive);

}  // namespace mesh::pipeline
