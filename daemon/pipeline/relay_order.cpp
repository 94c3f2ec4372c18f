#include "daemon/pipeline/relay_order.h"

#include <algorithm>

#include "common/base/ids.h"
#include "daemon/pipeline/dead_letters/letter.h"
#include "daemon/pipeline/entity_states.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

// A redrive heals what it appends itself.
bool is_redriven(const StoredRecord& record) {
  return !find_header(record.headers, kRedrivenFrom).empty() ||
         !find_header(record.headers, kMendedFrom).empty();
}

}  // namespace

void RelayOrder::begin_lease() {
  std::lock_guard lock(mutex_);
  own_end_.clear();
}

std::int64_t RelayOrder::add(const std::vector<Record>& records) {
  Batch batch;
  for (const Record& record : records) {
    // A record without a key is no state of an entity.
    if (!record.key.empty()) batch.keys.emplace(record.topic, record.key);
  }
  std::lock_guard lock(mutex_);
  unproven_.emplace(++last_batch_, std::move(batch));
  return last_batch_;
}

void RelayOrder::appended(std::int64_t batch, const std::vector<Position>& positions) {
  std::lock_guard lock(mutex_);
  for (const Position& at : positions) {
    const TopicPartition partition{at.topic, at.partition};
    // The first append of a lease tells nothing: what stands before it may be the last holder's.
    const auto [end, first] = own_end_.try_emplace(partition, at.offset);
    if (at.offset > end->second) foreign_.push_back({partition, end->second, at.offset});
    end->second = at.offset + 1;
    unproven_.at(batch).next[partition] = at.offset + 1;
  }
}

void RelayOrder::drop(std::int64_t batch) {
  std::lock_guard lock(mutex_);
  unproven_.erase(batch);
}

void RelayOrder::proven(std::int64_t batch) {
  std::lock_guard lock(mutex_);
  while (!unproven_.empty() && unproven_.begin()->first <= batch) {
    for (const auto& [partition, next] : unproven_.begin()->second.next) {
      proven_to_[partition] = std::max(proven_to_[partition], next);
    }
    unproven_.erase(unproven_.begin());
  }
}

bool RelayOrder::needs_healing(bool holds) const {
  std::lock_guard lock(mutex_);
  // What the holder has appended is merely not acknowledged yet; without the lease another may
  // have appended newer states before it.
  return holds ? !foreign_.empty() : !unproven_.empty();
}

Status RelayOrder::heal(Clock& clock, bool holds) {
  return holds ? heal_foreign(clock) : heal_unproven(clock);
}

Status RelayOrder::heal_unproven(Clock& clock) {
  std::set<std::pair<std::string, std::string>> keys;
  std::map<TopicPartition, std::int64_t> proven_to;
  std::int64_t last = 0;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [name, batch] : unproven_) {
      keys.insert(batch.keys.begin(), batch.keys.end());
      last = name;
    }
    proven_to = proven_to_;
  }
  EntityStates states(log_);
  std::map<std::string, std::uint64_t> partitions;  // of each topic
  for (const auto& [topic, key] : keys) {
    if (!partitions.contains(topic)) {
      const auto info = MESH_TRY(find_topic(admin_, topic));
      partitions[topic] = static_cast<std::uint64_t>(info.spec.partitions);
    }
    // By the log's own rule, since an append that failed has told no positions.
    const TopicPartition partition{topic,
                                   static_cast<std::int32_t>(stable_hash(key) % partitions[topic])};
    if (!proven_to.contains(partition)) {
      // Nothing of this partition is proven, so a newer state may stand anywhere in it.
      const auto marks = MESH_TRY(log_.watermarks(partition));
      proven_to[partition] = marks.start;
    }
    states.watch(partition, key, proven_to[partition]);
  }
  MESH_TRY(states.heal(clock));
  std::lock_guard lock(mutex_);
  std::erase_if(unproven_, [&](const auto& entry) { return entry.first <= last; });
  foreign_.clear();  // the holder's own
  return {};
}

// The newer states may be of whoever held the lease before: they are looked for everywhere.
Status RelayOrder::heal_foreign(Clock& clock) {
  std::vector<Range> ranges;
  {
    std::lock_guard lock(mutex_);
    ranges = foreign_;
  }
  EntityStates states(log_);
  for (const Range& range : ranges) {
    const auto marks = MESH_TRY(log_.watermarks(range.partition));
    MESH_TRY(scan(log_, range.partition, range.from, range.to, [&](const auto& records) {
      for (const StoredRecord& record : records) {
        if (record.key.empty() || is_redriven(record)) continue;
        states.watch(range.partition, record.key, marks.start);
      }
      return true;
    }));
  }
  MESH_TRY(states.heal(clock));
  std::lock_guard lock(mutex_);
  foreign_.clear();  // the relay's thread, which adds to them, has waited for this
  own_end_.clear();  // what was appended here is no foreign one
  return {};
}

}  // namespace mesh::pipeline
