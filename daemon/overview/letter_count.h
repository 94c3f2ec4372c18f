// How many dead letters are not settled, kept up by reading what is new in their topics.
//
// Ends less beginnings would be wrong: a letter that was settled stays, and so does its marker
// (daemon/pipeline/dead_letters/dead_letters.h), until retention takes both. So each topic is read
// once from its beginning, and from then on where it grew. Of what was read a letter costs a bit.
// What was erased out of the middle tells nobody; where a topic has fewer records than it should
// have, it is counted anew, beside the number that is shown meanwhile.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/ports/event_log.h"

namespace mesh::overview {

struct Letters {
  std::string topic;           // "<entity>.events.dlq"
  std::int64_t open = 0;       // not settled
  std::int64_t last_hour = 0;  // that came within the last hour, settled or not; at most kRecent
};

// Not synchronized.
class LetterCount {
 public:
  static constexpr std::size_t kRecent = 10'000;         // times that are kept of a topic
  static constexpr std::size_t kRecordsAtOnce = 20'000;  // that one update reads, about

  explicit LetterCount(EventLog& log) : log_(log) {}

  // Reads what came since the last time, a bounded part of it. `topics` are LogAdmin::topics(), all
  // of them. A topic that cannot be read keeps what was counted, and the first error is answered.
  Status update(std::span<const TopicInfo> topics, Timestamp now);
  // Of topics that were counted at least once, those without an open letter among them, by name.
  std::vector<Letters> letters(Timestamp now) const;
  // Of all; nothing before every topic was counted once.
  std::optional<std::int64_t> open() const;

 private:
  struct Partition {
    std::int64_t began = 0;     // the first offset that was read
    std::int64_t next = 0;      // up to where it was read
    std::vector<bool> letters;  // whether there is an open one at began + i
    std::int64_t open = 0;
  };
  struct Count {
    std::vector<Partition> partitions;
    std::int64_t open = 0;
  };
  struct Topic {
    std::optional<Count> shown;     // up to date, or about to be
    std::optional<Count> counting;  // anew, in place of that
    std::deque<Timestamp> recent;   // when letters came, ascending but for partitions' differences
    std::uint64_t records = 0;      // of the topic, when it was looked at last
    std::int64_t ends = 0;          // likewise, the sum of them
  };

  Status read(Topic& topic, Count& count, const TopicInfo& info, std::size_t& left, Timestamp now);
  void take(Topic& topic, Count& count, Partition& partition, const StoredRecord& record,
            Timestamp now);

  EventLog& log_;
  std::map<std::string, Topic> topics_;
};

}  // namespace mesh::overview
