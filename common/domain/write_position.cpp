#include "common/domain/write_position.h"

#include <algorithm>
#include <limits>

namespace mesh {
namespace {

// No topic has this name: topics end in ".events" or ".dlq".
constexpr const char* kOutbox = "outbox";
const TopicPartition kSequence{kOutbox, 0}, kUser{kOutbox, 1};
constexpr std::int64_t kLastSequence = std::numeric_limits<std::int64_t>::max();
constexpr char kBeforeFirst = '!';

tl::unexpected<Error> not_of_outbox(std::string_view text) {
  return fail(ErrorKind::invalid,
              "\"" + std::string(text.substr(0, 100)) + "\" is not outbox~<sequence>~<user>");
}

std::int64_t take(LogOffsets& from, const TopicPartition& at) {
  const auto node = from.extract(at);
  return node ? node.mapped() : 0;
}

bool names_outbox(const LogOffsets& offsets) {
  return std::ranges::any_of(offsets, [](const auto& at) { return at.first.topic == kOutbox; });
}

}  // namespace

void WritePosition::Span::add(std::int64_t number) {
  if (number == 0) return;
  first = first == 0 ? number : std::min(first, number);
  last = std::max(last, number);
}

std::string format_write_position(const WritePosition& position) {
  LogOffsets behind = position.log;
  LogOffsets first = position.first;
  if (const auto& outbox = position.outbox; outbox.last > 0) {
    // One more than the sequence, like the offsets of the log: "behind it". A cursor leaves out
    // zeros, which are the start.
    behind[kSequence] = std::min(outbox.last, kLastSequence - 1) + 1;
    behind[kUser] = position.users.last;
    if (outbox.first != outbox.last || position.users.first != position.users.last) {
      first[kSequence] = outbox.first;
      first[kUser] = position.users.first;
    }
  }
  std::string text = format_log_cursor(behind);
  if (!first.empty()) text += kBeforeFirst + format_log_cursor(first);
  return text;
}

Result<WritePosition> parse_write_position(std::string_view text) {
  const auto mark = text.find(kBeforeFirst);
  auto behind = MESH_TRY(parse_log_cursor(text.substr(0, mark)));
  LogOffsets first;
  if (mark != text.npos) {
    auto named = MESH_TRY(parse_log_cursor(text.substr(mark + 1)));
    first = std::move(named);
  }
  WritePosition position;
  if (names_outbox(behind)) {
    auto& outbox = position.outbox;
    auto& users = position.users;
    outbox.last = take(behind, kSequence) - 1;
    users.last = take(behind, kUser);
    outbox.first = take(first, kSequence);
    users.first = take(first, kUser);
    if (outbox.first == 0) {
      outbox.first = outbox.last;
      users.first = users.last;
    }
    if (outbox.last < 1 || outbox.first > outbox.last || users.first > users.last) {
      return not_of_outbox(text);
    }
  }
  if (names_outbox(behind) || names_outbox(first)) return not_of_outbox(text);
  std::erase_if(behind, [](const auto& at) { return at.second == 0; });
  std::erase_if(first, [](const auto& at) { return at.second == 0; });
  position.log = std::move(behind);
  position.first = std::move(first);
  return position;
}

WritePosition place_of(const std::vector<Position>& events) {
  WritePosition position;
  for (const Position& event : events) {
    const TopicPartition partition{event.topic, event.partition};
    const auto [first, added] = position.first.try_emplace(partition, event.offset);
    if (!added) first->second = std::min(first->second, event.offset);
    // Whoever waits for the last of a partition has waited for all.
    auto& next = position.log[partition];
    next = std::max(next, event.offset + 1);
  }
  std::erase_if(position.first, [](const auto& at) { return at.second == 0; });
  return position;
}

WritePosition place_of_change(std::int64_t sequence, std::int64_t user) {
  if (sequence == 0) return {};
  return {.outbox = {sequence, sequence}, .users = {user, user}};
}

}  // namespace mesh
