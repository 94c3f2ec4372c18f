// Where offsets of one log lie in another that has the same records: groups, parked events and dead
// letters name records by them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "common/base/json.h"
#include "common/domain/event.h"

namespace mesh::migration {

struct Place {
  std::int64_t offset = 0;  // of the record, or of the first one behind it that was there
  bool exact = false;       // the record was there
};

// Of all offsets only those that were asked for are kept. Not synchronized.
class Places {
 public:
  void want(const TopicPartition& partition, std::int64_t offset);
  // The next record of a partition, which got the offset `to`.
  void passed(const TopicPartition& partition, std::int64_t offset, std::int64_t to);
  // The partition has no more; its next record will get the offset `to`.
  void ended(const TopicPartition& partition, std::int64_t to);
  // Nothing for what was not wanted, or is not passed yet.
  std::optional<Place> find(const TopicPartition& partition, std::int64_t offset) const;

  // The first one that is wanted and neither passed nor ended; nothing where there is none.
  std::optional<std::int64_t> first_wanted(const TopicPartition& partition) const;

  // Those that are found, and stay so when they are wanted again.
  Json to_json() const;
  void from_json(const Json& json);

 private:
  struct Offsets {
    std::set<std::int64_t> wanted;  // not passed yet
    std::map<std::int64_t, Place> found;
  };

  std::map<TopicPartition, Offsets> partitions_;
};

}  // namespace mesh::migration
