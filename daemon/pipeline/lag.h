// How far a group is behind the log.
//
// What cannot be read counts as no lag: this is a report, and the failure shows where it matters.
#pragma once

#include <map>
#include <optional>

#include "common/ports/event_log.h"

namespace mesh::pipeline {

// How many offsets there are from these on.
std::int64_t records_from(EventLog& log, const std::map<TopicPartition, std::int64_t>& next);

// Log time of the first record from these on; nothing where there is none. Costs a read per
// partition that has one.
std::optional<Timestamp> oldest_from(EventLog& log,
                                     const std::map<TopicPartition, std::int64_t>& next);

}  // namespace mesh::pipeline
