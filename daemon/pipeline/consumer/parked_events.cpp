#include "daemon/pipeline/consumer/parked_events.h"

#include <algorithm>

#include "daemon/pipeline/consumer/lanes.h"

namespace mesh::pipeline {

std::string order_key(const StoredRecord& record) {
  if (record.key.empty()) return to_string(record.position);
  return record.position.topic + '\n' + record.key;
}

void ParkedEvents::put(ParkedEvent event) {
  std::string key = order_key(event.record);
  Queue& queue = queues_[key];
  // The event may become the head or replace it, so the entry goes out before and comes back after.
  if (!queue.empty()) heads_.erase({queue.begin()->second.next_attempt, key});
  // An event that replaces itself is counted already.
  if (positions_.insert(event.record.position).second) {
    ++sizes_[std::string(lane_of(event.record.key))];
  }
  const std::int64_t offset = event.record.position.offset;
  queue.insert_or_assign(offset, std::move(event));
  heads_.emplace(queue.begin()->second.next_attempt, std::move(key));
}

void ParkedEvents::remove(const StoredRecord& record) {
  const std::string key = order_key(record);
  const auto found = queues_.find(key);
  if (found == queues_.end()) return;
  Queue& queue = found->second;
  heads_.erase({queue.begin()->second.next_attempt, key});
  queue.erase(record.position.offset);
  if (positions_.erase(record.position) > 0) {
    const auto size = sizes_.find(std::string(lane_of(record.key)));
    if (--size->second == 0) sizes_.erase(size);
  }
  if (queue.empty()) {
    queues_.erase(found);
  } else {
    heads_.emplace(queue.begin()->second.next_attempt, key);
  }
}

void ParkedEvents::remove(const std::set<TopicPartition>& partitions) {
  // Gathered first, since removing takes queues away.
  std::vector<StoredRecord> gone;
  for (const auto& [key, queue] : queues_) {
    for (const auto& [offset, event] : queue) {
      const Position& at = event.record.position;
      if (partitions.contains({at.topic, at.partition})) gone.push_back(event.record);
    }
  }
  for (const StoredRecord& record : gone) remove(record);
}

void ParkedEvents::clear() {
  queues_.clear();
  heads_.clear();
  positions_.clear();
  sizes_.clear();
}

std::size_t ParkedEvents::size_of(const std::string& lane) const {
  const auto size = sizes_.find(lane);
  return size == sizes_.end() ? 0 : size->second;
}

std::vector<ParkedEvent> ParkedEvents::due(Timestamp now, std::size_t limit) const {
  std::vector<ParkedEvent> events;
  // Heads only: a later event of a key waits for it even where it is due earlier.
  for (const auto& [time, key] : heads_) {
    if (time > now || events.size() == limit) break;
    events.push_back(queues_.at(key).begin()->second);
  }
  return events;
}

std::optional<Timestamp> ParkedEvents::next_due() const {
  if (heads_.empty()) return std::nullopt;
  return heads_.begin()->first;
}

std::optional<Timestamp> ParkedEvents::oldest() const {
  std::optional<Timestamp> oldest;
  for (const auto& [key, queue] : queues_) {
    // Times never fall within a partition, so the first of a queue is its oldest.
    const Timestamp time = queue.begin()->second.record.time;
    oldest = oldest ? std::min(*oldest, time) : time;
  }
  return oldest;
}

}  // namespace mesh::pipeline
