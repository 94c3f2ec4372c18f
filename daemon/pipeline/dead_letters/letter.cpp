#include "daemon/pipeline/dead_letters/letter.h"

#include <algorithm>

#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/domain/cause.h"
#include "daemon/pipeline/dead_letters/dead_letter_record.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

constexpr std::string_view kHistory[] = {kRedrivenFrom, kMendedFrom, kRedrives, kAttemptsBefore,
                                         kFirstDiedAt};

int count_in(const Headers& headers, std::string_view name) {
  return static_cast<int>(parse_int(find_header(headers, name)).value_or(0));
}

}  // namespace

std::string settled_name(const Position& letter) {
  return std::to_string(letter.partition) + "@" + std::to_string(letter.offset);
}

Record marker_of(const StoredRecord& letter, std::int32_t partitions) {
  // Whoever looks for a letter's marker looks in its partition. Records without a key go to any.
  std::string key = letter.key;
  for (int n = 0; key.empty(); ++n) {
    const std::string other = settled_name(letter.position) + "#" + std::to_string(n);
    const auto partition = stable_hash(other) % static_cast<std::uint64_t>(partitions);
    if (partition == static_cast<std::uint64_t>(letter.position.partition)) key = other;
  }
  return {letter.position.topic,
          std::move(key),
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
      // No place, which is_place refuses.
      parse_int(header(dead_letter::kSourceOffset)).value_or(-1)};
  // The letter's, since it does not keep the time of the record that died.
  source.time = letter.time;
  source.key = letter.key;
  source.value = letter.value;
  source.headers = without_death(letter.headers);
  return source;
}

bool is_place(const Position& source, std::int32_t partitions) {
  return source.partition >= 0 && source.partition < partitions && source.offset >= 0;
}

bool came_from(const Headers& headers, const Position& letter) {
  const std::string name = to_string(letter);
  return find_header(headers, kRedrivenFrom) == name || find_header(headers, kMendedFrom) == name;
}

Headers with_history(Headers headers, const StoredRecord& letter, std::string_view from) {
  // Its counts include those of earlier redrives, so the new headers replace the old ones.
  const DeadLetter told = letter_of(letter);
  std::erase_if(headers, [](const auto& header) {
    return std::ranges::find(kHistory, header.first) != std::end(kHistory);
  });
  const std::pair<std::string_view, std::string> history[] = {
      {from, to_string(letter.position)},
      {kRedrives, std::to_string(told.redrives + 1)},
      {kAttemptsBefore, std::to_string(told.attempts_before + told.attempts)},
      {kFirstDiedAt, format_rfc3339(told.first_died_at)}};
  for (const auto& [name, value] : history) headers.emplace_back(name, value);
  return headers;
}

DeadLetter letter_of(const StoredRecord& record) {
  auto header = [&](std::string_view name) {
    return std::string(find_header(record.headers, name));
  };
  DeadLetter letter;
  letter.position = record.position;
  letter.record = source_of(record);
  // Letters that somebody wrote by hand may lack any of the headers.
  letter.died_at = parse_rfc3339(header(dead_letter::kDiedAt)).value_or(record.time);
  letter.first_died_at = parse_rfc3339(header(kFirstDiedAt)).value_or(letter.died_at);
  letter.pipeline = header(dead_letter::kPipeline);
  letter.source = to_string(letter.record.position);
  letter.tenant = header(dead_letter::kTenant);
  letter.cause_class = header(dead_letter::kCauseClass);
  letter.cause = header(dead_letter::kCause);
  letter.fingerprint = cause_fingerprint(letter.cause_class, letter.cause);
  letter.attempts = count_in(record.headers, dead_letter::kAttempts);
  letter.attempts_before = count_in(record.headers, kAttemptsBefore);
  letter.redrives = count_in(record.headers, kRedrives);
  letter.history = attempts_of(find_header(record.headers, dead_letter::kHistory));
  letter.key = record.key;
  if (auto event = from_record(letter.record)) letter.event = std::move(*event);
  return letter;
}

bool is_of_cause(std::string_view cause, const StoredRecord& letter) {
  const auto cause_class = find_header(letter.headers, dead_letter::kCauseClass);
  return cause == cause_class ||
         cause == cause_fingerprint(cause_class, find_header(letter.headers, dead_letter::kCause));
}

bool matches(const DeadLetterFilter& filter, const StoredRecord& letter) {
  auto header = [&](std::string_view name) { return find_header(letter.headers, name); };
  if (filter.tenant && header(dead_letter::kTenant) != *filter.tenant) return false;
  if (filter.cause && !is_of_cause(*filter.cause, letter)) return false;
  if (!filter.event_id) return true;
  // Most events have their id in a header, which spares decoding the value.
  if (header("ce_id") == *filter.event_id) return true;
  const auto event = from_record(source_of(letter));
  return event && event->id == *filter.event_id;
}

Status Markers::advance() {
  const auto marks = MESH_TRY(log_.watermarks(partition_));
  return scan(log_, partition_, next_, marks.end, [&](std::vector<StoredRecord>& records) {
    for (const StoredRecord& record : records) {
      next_ = record.position.offset + 1;
      if (is_marker(record)) settled_.emplace(find_header(record.headers, kSettles));
    }
    return true;
  });
}

}  // namespace mesh::pipeline
