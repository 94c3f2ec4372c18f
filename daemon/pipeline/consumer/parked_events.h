// The parked events of one pipeline in memory: a queue per key, the heads ordered by due time.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/ports/retry_store.h"

namespace mesh::pipeline {

// What orders events: topic and record key; a record without a key is ordered with no other.
std::string order_key(const StoredRecord& record);

// Not synchronized.
class ParkedEvents {
 public:
  void put(ParkedEvent event);  // inserts or replaces by position
  void remove(const StoredRecord& record);
  void remove(const std::set<TopicPartition>& partitions);
  void clear();
  bool has_key(const std::string& order_key) const { return queues_.contains(order_key); }
  bool contains(const Position& position) const { return positions_.contains(position); }
  std::size_t size() const { return positions_.size(); }
  std::size_t size_of(const std::string& lane) const;
  // Heads of queues that are due, the longest due first. Never two of one key.
  std::vector<ParkedEvent> due(Timestamp now, std::size_t limit) const;
  std::optional<Timestamp> next_due() const;
  std::optional<Timestamp> oldest() const;  // log time of the oldest record

 private:
  using Queue = std::map<std::int64_t, ParkedEvent>;  // by offset: one key, one partition
  std::map<std::string, Queue> queues_;
  std::set<std::pair<Timestamp, std::string>> heads_;
  std::set<Position> positions_;
  std::unordered_map<std::string, std::size_t> sizes_;  // by lane
};

}  // namespace mesh::pipeline
