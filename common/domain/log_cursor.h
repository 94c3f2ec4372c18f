// Where a reader stands in several topics, as text for a URL: every byte of it may stand in a query
// as it is. "user.events~17~4~~task.events~3": the offsets of partitions 0 and 1 of user.events and
// of partition 0 of task.events. What is not named begins at its start; "~" names nothing.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/domain/event.h"

namespace mesh {

// The offset to go on from.
using LogOffsets = std::map<TopicPartition, std::int64_t>;

std::string format_log_cursor(const LogOffsets& offsets);
Result<LogOffsets> parse_log_cursor(std::string_view text);  // `invalid` names the part

}  // namespace mesh
