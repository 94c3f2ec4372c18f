#include "common/domain/log_cursor.h"

#include <vector>

#include "common/base/strings.h"

namespace mesh {
namespace {

constexpr std::string_view kBetweenTopics = "~~";
constexpr char kBetweenOffsets = '~';

}  // namespace

// Partitions at 0 are the start: left out at the end of a topic, and so are topics of no others.
std::string format_log_cursor(const LogOffsets& offsets) {
  std::string text;
  const std::string* topic = nullptr;
  std::int32_t next = 0;  // the partition whose offset comes next
  for (const auto& [partition, offset] : offsets) {
    if (offset == 0) continue;
    if (topic == nullptr || *topic != partition.topic) {
      if (topic != nullptr) text += kBetweenTopics;
      text += partition.topic;
      topic = &partition.topic;
      next = 0;
    }
    // Offsets are told by their place, so partitions that are left out before this one have to be
    // written.
    for (; next < partition.partition; ++next) text += "~0";
    text += kBetweenOffsets + std::to_string(offset);
    ++next;
  }
  return text.empty() ? "~" : text;
}

Result<LogOffsets> parse_log_cursor(std::string_view text) {
  LogOffsets offsets;
  if (text == "~") return offsets;
  while (true) {
    const auto end = text.find(kBetweenTopics);
    const auto part = text.substr(0, end);
    const auto pieces = split(part, kBetweenOffsets);
    bool sound = pieces.size() > 1 && !pieces.front().empty();
    for (std::size_t i = 1; sound && i < pieces.size(); ++i) {
      const auto offset = parse_int(pieces[i]);
      // Their number needs no bound of its own: the text comes in the head of a request, which has
      // one.
      sound = offset && *offset >= 0;
      if (sound) offsets[{pieces.front(), static_cast<std::int32_t>(i - 1)}] = *offset;
    }
    if (!sound) {
      return fail(ErrorKind::invalid,
                  "\"" + std::string(part.substr(0, 100)) + "\" is not <topic>~<offset>~<offset>…");
    }
    if (end == text.npos) return offsets;
    text.remove_prefix(end + kBetweenTopics.size());
  }
}

}  // namespace mesh
