// The newest state of chosen entities of a compacted topic.
//
// Why: the last record of a key is what compaction keeps and what a rebuild sees, so nothing may
// put an older state behind a newer one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/ports/event_log.h"

namespace mesh::pipeline {

// Not synchronized.
class EntityStates {
 public:
  explicit EntityStates(EventLog& log) : log_(log) {}
  // Watches a key from an offset on, or from a lower one that another key of its partition needs;
  // before the first advance().
  void watch(const TopicPartition& partition, const std::string& key, std::int64_t from);
  // Reads what the log holds by now.
  Status advance();
  // The newest state behind the offset from which the key is watched; nothing where there is none.
  const Record* newest(const TopicPartition& partition, const std::string& key) const;
  // Whether a record behind `record` holds a state of its key that is as new or newer; or did,
  // until compaction removed the one and then, as a removal, the other.
  Result<bool> overtaken(const StoredRecord& record) const;
  // A newer state of a watched key may have come between a look and an append: then it is appended
  // again, behind. Blocks for that; `unavailable` where newer ones keep coming.
  Status heal(Clock& clock);

 private:
  struct State {
    std::int64_t newest_sequence = -1;
    std::int64_t newest_offset = -1;
    Record newest;
    std::int64_t last_sequence = -1;
  };
  struct Partition {
    std::int64_t next = 0;
    std::map<std::string, State> keys;
  };
  const State* state_of(const TopicPartition& partition, const std::string& key) const;
  // Records to append again: of watched keys whose last record is older than another one.
  std::vector<Record> misplaced() const;

  EventLog& log_;
  std::map<TopicPartition, Partition> partitions_;
};

}  // namespace mesh::pipeline
