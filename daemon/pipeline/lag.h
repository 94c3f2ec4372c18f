// How far a group is behind the log.
//
// The first partition that cannot be read ends it: each of the others may take as long to fail.
#pragma once

#include <map>
#include <optional>

#include "common/ports/event_log.h"

namespace mesh::pipeline {

// How many offsets there are from these on.
Result<std::int64_t> records_from(EventLog& log,
                                  const std::map<TopicPartition, std::int64_t>& next);

// Log time of the first record from these on; nothing where there is none. Costs a read per
// partition that has one.
Result<std::optional<Timestamp>> oldest_from(EventLog& log,
                                             const std::map<TopicPartition, std::int64_t>& next);

}  // namespace mesh::pipeline
