#include "common/domain/write_position.h"

#include <algorithm>
#include <limits>

namespace mesh {
namespace {

// No topic has this name: topics end in ".events" or ".dlq".
constexpr const char* kOutbox = "outbox";
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

}  // namespace

std::string format_write_position(const WritePosition& position) {
  LogOffsets all = position.log;
  if (position.outbox > 0) {
    // One more than the sequence, like the offsets of the log: "behind it". A cursor leaves out
    // zeros, which are the start.
    all[{kOutbox, 0}] = std::min(position.outbox, kMost - 1) + 1;
    all[{kOutbox, 1}] = position.user;
  }
  return format_log_cursor(all);
}

Result<WritePosition> parse_write_position(std::string_view text) {
  auto all = MESH_TRY(parse_log_cursor(text));
  WritePosition position;
  for (auto& [partition, offset] : all) {
    // The map is in order, so that partition 0 of the outbox, the sequence, comes before the user.
    if (partition.topic != kOutbox) {
      if (offset > 0) position.log[partition] = offset;
    } else if (partition.partition == 0 && offset > 0) {
      position.outbox = offset - 1;
    } else if (partition.partition == 1 && position.outbox > 0) {
      position.user = offset;
    } else {
      return fail(ErrorKind::invalid,
                  "\"" + std::string(text.substr(0, 100)) + "\" is not outbox~<sequence>~<user>");
    }
  }
  return position;
}

WritePosition behind(const std::vector<Position>& events) {
  WritePosition position;
  for (const Position& event : events) {
    auto& next = position.log[{event.topic, event.partition}];
    // Several events of one request may be in one partition; whoever waits for the last has waited
    // for all.
    next = std::max(next, event.offset + 1);
  }
  return position;
}

}  // namespace mesh
