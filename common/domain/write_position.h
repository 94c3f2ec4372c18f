// Where a write's events are, as text for a URL: what a write answers, so that a later request can
// ask to see it.
//
// Of published events it is their place in the log, as log_cursor.h has it: "analytics.events~17".
// A user's change waits in the outbox before it gets one: "outbox~18~7" is the event with sequence
// 17, of user 7; without the user, "outbox~18", several up to there. "~": nothing was written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/domain/log_cursor.h"

namespace mesh {

struct WritePosition {
  LogOffsets log = {};      // one past the last event in each partition
  std::int64_t outbox = 0;  // the highest sequence; 0: nothing went there
  std::int64_t user = 0;    // the one user whose changes went there; 0: several
  bool operator==(const WritePosition&) const = default;
};

std::string format_write_position(const WritePosition& position);
Result<WritePosition> parse_write_position(std::string_view text);  // `invalid` names the part

// The place behind these events.
WritePosition behind(const std::vector<Position>& events);

}  // namespace mesh
