// Where a write's events are: what a write answers, so that a later request can ask to see it.
//
// As text: of published events one past the last in each partition, and, behind '!', the first in
// each, both as log_cursor.h has them: "analytics.events~18!analytics.events~17". What has no first
// begins at the start of its partition. A user's change waits in the outbox before it gets a place
// in the log: "outbox~18~7" is the event with sequence 17, of user 7; "outbox~20~9!outbox~17~7"
// those from 17 to 19, of users from 7 to 9. "~": nothing was written.
//
// Sequences and offsets count the events of all tenants, so a tenant is never shown this text, but
// sealed (seal.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/domain/log_cursor.h"

namespace mesh {

struct WritePosition {
  // Numbers from 1 on, both ends among them; 0: none.
  struct Span {
    std::int64_t first = 0;
    std::int64_t last = 0;
    void add(std::int64_t number);  // 0 is none
    bool operator==(const Span&) const = default;
  };

  LogOffsets log = {};    // one past the last event in each partition
  LogOffsets first = {};  // the first event in each; others' may stand between the two
  Span outbox = {};       // the sequences of those that went there; others' may lie between
  Span users = {};        // the users whose changes went there; none: any
  bool operator==(const WritePosition&) const = default;
};

std::string format_write_position(const WritePosition& position);
Result<WritePosition> parse_write_position(std::string_view text);  // `invalid` names the part

// The place of these events in the log.
WritePosition place_of(const std::vector<Position>& events);
// The place of a user's change, whose event has this sequence in the outbox; 0: it has none.
WritePosition place_of_change(std::int64_t sequence, std::int64_t user);

}  // namespace mesh
