// Records that a pipeline read ahead of their turn, where the log reads them again at a price.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "common/domain/event.h"
#include "daemon/pipeline/consumer/lanes.h"

namespace mesh::pipeline {

// Of key, value and headers.
std::size_t bytes_of(const StoredRecord& record);

// How much memory a record takes that waits, about: small ones have more of it around them than in
// them.
std::size_t memory_of(const StoredRecord& record);

// Not synchronized.
class Window {
 public:
  explicit Window(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  void put(StoredRecord record);
  // How many bytes of memory may be put before some are taken. The last poll may have brought more.
  std::size_t room() const { return max_bytes_ - std::min(max_bytes_, bytes_); }
  // Moves the records of a turn to the end of `into`, until they have `max_bytes`; one always fits.
  Lanes::Taken take(const Lanes::Stretch& stretch, std::size_t max_bytes,
                    std::vector<StoredRecord>& into);
  void drop(const TopicPartition& partition);
  void clear();

 private:
  using Records = std::map<std::int64_t, StoredRecord>;  // by offset

  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::map<TopicPartition, Records> partitions_;
};

}  // namespace mesh::pipeline
