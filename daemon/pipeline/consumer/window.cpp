#include "daemon/pipeline/consumer/window.h"

#include <algorithm>
#include <utility>

namespace mesh::pipeline {

std::size_t bytes_of(const StoredRecord& record) {
  std::size_t bytes = record.key.size() + (record.value ? record.value->size() : 0);
  for (const auto& [name, value] : record.headers) bytes += name.size() + value.size();
  return bytes;
}

std::size_t memory_of(const StoredRecord& record) {
  // The node, its header and the heap's own, and the topic's name.
  constexpr std::size_t kAround = sizeof(StoredRecord) + 96;
  constexpr std::size_t kAroundHeader = sizeof(Headers::value_type) + 16;
  return kAround + bytes_of(record) + record.headers.size() * kAroundHeader;
}

void Window::put(StoredRecord record) {
  bytes_ += memory_of(record);
  auto& records = partitions_[{record.position.topic, record.position.partition}];
  const std::int64_t offset = record.position.offset;
  records.emplace_hint(records.end(), offset, std::move(record));
}

Lanes::Taken Window::take(const Lanes::Stretch& stretch, std::size_t max_bytes,
                          std::vector<StoredRecord>& into) {
  Lanes::Taken taken{stretch, stretch.from, 0, 0};
  Records& records = partitions_[stretch.partition];
  auto at = records.lower_bound(stretch.from);
  const auto within = [&] { return at != records.end() && at->first < stretch.to; };
  std::size_t bytes = 0;
  while (within() && taken.records < stretch.records && bytes < max_bytes) {
    ++taken.records;
    taken.next = at->first + 1;
    if (lane_of(at->second.key) != stretch.lane) {
      ++at;  // a run leads over some records of other lanes, which have turns of their own
      continue;
    }
    ++taken.events;
    bytes += bytes_of(at->second);
    bytes_ -= memory_of(at->second);
    into.push_back(std::move(at->second));
    at = records.erase(at);
  }
  // The rest of the stretch was taken before, in turns of other lanes.
  if (!within()) taken.next = stretch.to;
  return taken;
}

void Window::drop(const TopicPartition& partition) {
  const auto records = partitions_.find(partition);
  if (records == partitions_.end()) return;
  for (const auto& [offset, record] : records->second) bytes_ -= memory_of(record);
  partitions_.erase(records);
}

void Window::clear() {
  partitions_.clear();
  bytes_ = 0;
}

}  // namespace mesh::pipeline
