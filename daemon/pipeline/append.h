// The blocking append of the pipelines' threads: bounded, and safe to give up.
#pragma once

#include <vector>

#include "common/base/clock.h"
#include "common/ports/event_log.h"

namespace mesh::pipeline {

// As long as a stop may wait for an engine that does not answer.
inline constexpr Duration kAppendLimit{15'000};

// Waits for the completion, at most `limit`; then `uncertain`, since the records may still arrive.
Result<std::vector<Position>> append_within(EventLog& log, Clock& clock,
                                            std::vector<Record> records,
                                            Duration limit = kAppendLimit);

}  // namespace mesh::pipeline
