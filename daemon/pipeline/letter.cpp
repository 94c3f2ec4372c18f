#include "daemon/pipeline/letter.h"

#include "common/base/strings.h"
#include "common/base/time.h"
#include "daemon/pipeline/dead_letter_record.h"

namespace mesh::pipeline {

std::string settled_name(const Position& letter) {
  return std::to_string(letter.partition) + "@" + std::to_string(letter.offset);
}

Record marker_of(const StoredRecord& letter) {
  return {letter.position.topic,
          letter.key,
          std::nullopt,
          {{std::string(kSettles), settled_name(letter.position)}}};
}

bool is_marker(const StoredRecord& record) {
  return !find_header(record.headers, kSettles).empty();
}

StoredRecord source_of(const StoredRecord& letter) {
  auto header = [&](std::string_view name) { return find_header(letter.headers, name); };
  StoredRecord source;
  source.position = {
      std::string(header(dead_letter::kSourceTopic)),
      static_cast<std::int32_t>(parse_int(header(dead_letter::kSourcePartition)).value_or(0)),
      parse_int(header(dead_letter::kSourceOffset)).value_or(-1)};
  source.time = letter.time;
  source.key = letter.key;
  source.value = letter.value;
  source.headers = without_death(letter.headers);
  return source;
}

DeadLetter letter_of(const StoredRecord& record) {
  auto header = [&](std::string_view name) {
    return std::string(find_header(record.headers, name));
  };
  const StoredRecord source = source_of(record);
  DeadLetter letter;
  letter.position = record.position;
  letter.died_at = parse_rfc3339(header(dead_letter::kDiedAt)).value_or(record.time);
  letter.pipeline = header(dead_letter::kPipeline);
  letter.source = to_string(source.position);
  letter.tenant = header(dead_letter::kTenant);
  letter.cause_class = header(dead_letter::kCauseClass);
  letter.cause = header(dead_letter::kCause);
  letter.attempts = static_cast<int>(parse_int(header(dead_letter::kAttempts)).value_or(0));
  letter.key = record.key;
  letter.value = record.value;
  if (auto event = from_record(source)) letter.event = std::move(*event);
  return letter;
}

bool matches(const DeadLetterFilter& filter, const StoredRecord& letter) {
  auto header = [&](std::string_view name) { return find_header(letter.headers, name); };
  if (filter.tenant && header(dead_letter::kTenant) != *filter.tenant) return false;
  if (filter.cause_class && header(dead_letter::kCauseClass) != *filter.cause_class) return false;
  if (!filter.event_id) return true;
  if (header("ce_id") == *filter.event_id) return true;
  const auto event = from_record(source_of(letter));
  return event && event->id == *filter.event_id;
}

}  // namespace mesh::pipeline
