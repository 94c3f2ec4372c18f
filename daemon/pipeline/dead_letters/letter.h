// Letters and markers as records of a dead-letter topic.
#pragma once

#include <set>
#include <string>

#include "daemon/pipeline/dead_letters/dead_letters.h"

namespace mesh::pipeline {

using dead_letter::kSettles;
// On records that went back from a dead-letter topic; one that dies again keeps them on its letter.
inline constexpr std::string_view kRedrivenFrom = "mesh_redriven_from";  // the letter's position
inline constexpr std::string_view kMendedFrom = "mesh_mended_from";      // likewise, of one edited
inline constexpr std::string_view kRedrives = "mesh_redrives";
inline constexpr std::string_view kAttemptsBefore = "mesh_attempts_before";
inline constexpr std::string_view kFirstDiedAt = "mesh_first_died_at";

// What a marker names a letter by: "<partition>@<offset>".
std::string settled_name(const Position& letter);
// In the letter's partition, one of `partitions` of its topic.
Record marker_of(const StoredRecord& letter, std::int32_t partitions);
bool is_marker(const StoredRecord& record);

// The record as it stood in its source topic; an empty topic where no pipeline wrote the letter.
StoredRecord source_of(const StoredRecord& letter);
// Whether there is such a place, in a topic of `partitions`; letters that somebody wrote by hand
// may name any.
bool is_place(const Position& source, std::int32_t partitions);
// The headers of a record that goes back from there: those given, without the history that they
// have, and with the letter's. `from` is kRedrivenFrom or kMendedFrom.
Headers with_history(Headers headers, const StoredRecord& letter, std::string_view from);
// Whether a record went back, redriven or mended, from that letter.
bool came_from(const Headers& headers, const Position& letter);
DeadLetter letter_of(const StoredRecord& record);
// Whether that is the class of its cause, or its fingerprint.
bool is_of_cause(std::string_view cause, const StoredRecord& letter);
bool matches(const DeadLetterFilter& filter, const StoredRecord& letter);

// Which letters of a partition have markers from some offset on. Not synchronized.
class Markers {
 public:
  Markers(EventLog& log, TopicPartition partition, std::int64_t from)
      : log_(log), partition_(std::move(partition)), next_(from) {}
  // Reads what the log holds by now.
  Status advance();
  bool is_settled(const Position& letter) const { return settled_.contains(settled_name(letter)); }

 private:
  EventLog& log_;
  const TopicPartition partition_;
  std::int64_t next_;
  std::set<std::string> settled_;
};

}  // namespace mesh::pipeline
