#include "daemon/pipeline/consumer/lanes.h"

#include <limits>

namespace mesh::pipeline {
namespace {

constexpr std::uint64_t kMaxRecords = std::numeric_limits<std::uint32_t>::max();  // of a run

}  // namespace

std::size_t Lanes::index_of(const std::string& topic, std::int32_t partition) const {
  const auto at = std::ranges::find_if(partitions_, [&](const Partition& one) {
    return one.name.partition == partition && one.name.topic == topic;
  });
  return static_cast<std::size_t>(at - partitions_.begin());
}

std::size_t Lanes::add(const std::string& topic, std::int32_t partition) {
  const std::size_t at = index_of(topic, partition);
  if (at == partitions_.size()) partitions_.push_back({{topic, partition}, false, 0, 1, {}});
  return at;
}

Lanes::Lane& Lanes::lane_named(std::string_view name) {
  const auto known = lanes_.find(name);
  if (known != lanes_.end()) return *known->second;
  // A list, whose nodes stay where they are: lanes_ and heads point into them.
  order_.push_back({std::string(name), {}, 0, 0, 0});
  lanes_.emplace(order_.back().name, std::prev(order_.end()));
  return order_.back();
}

Lanes::Queue* Lanes::queue_of(Lane& lane, std::size_t partition) const {
  const auto at = std::ranges::find(lane.queues, partition, &Queue::partition);
  return at == lane.queues.end() ? nullptr : &*at;
}

// --- seeing -----------------------------------------------------------------------------------

void Lanes::reset(const Offsets& seen) {
  lanes_.clear();
  order_.clear();
  partitions_.clear();
  runs_ = events_ = 0;
  finish();
  for (const auto& [partition, next] : seen) see(partition, next);
}

void Lanes::reset(const TopicPartition& partition, std::int64_t seen) {
  drop(partition);
  Partition& at = partitions_[index_of(partition.topic, partition.partition)];
  at.dropped = false;
  at.seen = seen;
}

void Lanes::drop(const TopicPartition& partition) {
  const std::size_t index = add(partition.topic, partition.partition);
  for (auto lane = order_.begin(); lane != order_.end();) {
    // Advanced first: a lane goes with its last queue.
    remove(*lane++, index);
  }
  // Marked and not erased, since queues name partitions by their place.
  partitions_[index].dropped = true;
}

void Lanes::file(std::string_view name, const Position& at) {
  const std::size_t index = add(at.topic, at.partition);
  Partition& partition = partitions_[index];
  Lane& lane = lane_named(name);
  Queue* queue = queue_of(lane, index);
  const std::uint64_t count = partition.count++;
  if (queue == nullptr) {
    lane.queues.push_back({index, 0, 0, {}});
    queue = &lane.queues.back();
    partition.heads.emplace(at.offset, &lane);
  }
  // In records and not offsets: what compaction removed costs whoever reads the run nothing.
  const std::uint64_t between = queue->last == 0 ? 0 : count - queue->last - 1;
  const bool grows = queue->last != 0 &&
                     (between <= limits_.near || lane.runs >= limits_.lane_runs) &&
                     queue->runs.back().records + between < kMaxRecords;
  if (!grows) {
    queue->runs.push_back({at.offset, at.offset, 0, 0});
    ++lane.runs;
    ++runs_;
  }
  Run& run = queue->runs.back();
  const std::size_t more = grows ? between + 1 : 1;
  run.to = at.offset + 1;
  run.records += static_cast<std::uint32_t>(more);
  run.events += 1;
  queue->last = count;
  lane.records += more;
  ++lane.events;
  ++events_;
  partition.seen = std::max(partition.seen, run.to);
}

void Lanes::pass(std::string_view name, const Position& at) {
  const std::size_t index = add(at.topic, at.partition);
  Partition& partition = partitions_[index];
  ++partition.count;
  if (const auto lane = lanes_.find(name); lane != lanes_.end()) {
    // Whoever reads a run does all of the lane's in it: a run over this one would do it again if
    // it is no longer parked by then.
    if (Queue* queue = queue_of(*lane->second, index)) queue->last = 0;
  }
  partition.seen = std::max(partition.seen, at.offset + 1);
}

void Lanes::see(const TopicPartition& partition, std::int64_t next) {
  Partition& at = partitions_[add(partition.topic, partition.partition)];
  at.seen = std::max(at.seen, next);
}

// --- doing ------------------------------------------------------------------------------------

std::vector<Lanes::Stretch> Lanes::next(
    std::size_t limit, const std::function<std::size_t(const std::string&)>& may) const {
  struct Share {
    const Lane& lane;
    std::size_t records, most;
  };
  std::vector<Share> shares;
  if (order_.empty()) return {};
  // Each lane costs a read of its own, so a part has a least size, though some lanes then wait.
  const std::size_t quantum = std::max(limits_.share, limit / order_.size());
  for (const Lane& lane : order_) {
    if (limit == 0) break;
    const std::size_t most = std::min(lane.records, may(lane.name));
    const std::size_t records = std::min({quantum, limit, most});
    if (records == 0) continue;
    shares.push_back({lane, records, most});
    limit -= records;
  }
  // What some do not need the others get.
  for (bool more = true; more && limit > 0;) {
    more = false;
    for (Share& share : shares) {
      const std::size_t records = std::min({quantum, limit, share.most - share.records});
      share.records += records;
      limit -= records;
      more = more || records > 0;
    }
  }
  std::vector<Stretch> stretches;
  for (const Share& share : shares) cut(share.lane, share.records, stretches);
  return stretches;
}

void Lanes::cut(const Lane& lane, std::size_t share, std::vector<Stretch>& into) const {
  for (const Queue& queue : lane.queues) {
    for (std::size_t i = queue.head; i < queue.runs.size(); ++i) {
      if (share == 0) return;
      const Run& run = queue.runs[i];
      const std::size_t records = std::min<std::size_t>(share, run.records);
      into.push_back({lane.name, partitions_[queue.partition].name, run.from, run.to, records});
      share -= records;
    }
  }
}

// Counts the run out.
void Lanes::forget(Lane& lane, const Run& run) {
  --lane.runs;
  --runs_;
  lane.records -= run.records;
  lane.events -= run.events;
  events_ -= run.events;
}

void Lanes::take(const Taken& taken) {
  const auto known = lanes_.find(taken.stretch.lane);
  const TopicPartition& of = taken.stretch.partition;
  const std::size_t index = index_of(of.topic, of.partition);
  Lane& lane = *known->second;
  Queue& queue = *queue_of(lane, index);
  taken_.push_back(taken);
  taken_events_ += taken.events;

  Partition& partition = partitions_[index];
  // By its old offset, before the run is cut.
  partition.heads.erase({queue.front().from, &lane});
  Run run = queue.front();
  forget(lane, run);
  if (taken.next < run.to) {
    run.from = taken.next;
    // What was removed from the log meanwhile was counted, too.
    run.records -=
        static_cast<std::uint32_t>(std::min<std::size_t>(taken.records, run.records - 1));
    run.events -= static_cast<std::uint32_t>(std::min<std::size_t>(taken.events, run.events));
    queue.runs[queue.head] = run;
    ++lane.runs;
    ++runs_;
    lane.records += run.records;
    lane.events += run.events;
    events_ += run.events;
  } else if (++queue.head * 2 > queue.runs.size()) {
    // Only once most of them are done, so that the rest is not moved at every turn.
    queue.runs.erase(queue.runs.begin(),
                     queue.runs.begin() + static_cast<std::ptrdiff_t>(queue.head));
    queue.head = 0;
  }
  const auto place = lane.queues.begin() + (&queue - lane.queues.data());
  if (queue.runs.empty()) {
    lane.queues.erase(place);
  } else {
    partition.heads.emplace(queue.front().from, &lane);
    // The partitions of a lane take turns, too.
    std::rotate(place, place + 1, lane.queues.end());
  }
  order_.splice(order_.end(), order_, known->second);
  if (lane.queues.empty()) {
    const auto at = known->second;
    lanes_.erase(known);
    order_.erase(at);
  }
}

void Lanes::finish() {
  taken_.clear();
  taken_events_ = 0;
}

void Lanes::remove(Lane& lane, std::size_t partition) {
  Queue* queue = queue_of(lane, partition);
  if (queue == nullptr) return;
  partitions_[partition].heads.erase({queue->front().from, &lane});
  for (std::size_t i = queue->head; i < queue->runs.size(); ++i) forget(lane, queue->runs[i]);
  lane.queues.erase(lane.queues.begin() + (queue - lane.queues.data()));
  if (!lane.queues.empty()) return;
  const auto known = lanes_.find(lane.name);
  const auto at = known->second;
  lanes_.erase(known);
  order_.erase(at);
}

// --- what waits -------------------------------------------------------------------------------

Offsets Lanes::seen() const {
  Offsets offsets;
  for (const Partition& partition : partitions_) {
    if (!partition.dropped) offsets.emplace(partition.name, partition.seen);
  }
  return offsets;
}

std::int64_t Lanes::seen(const TopicPartition& partition) const {
  const std::size_t at = index_of(partition.topic, partition.partition);
  return at == partitions_.size() ? 0 : partitions_[at].seen;
}

Offsets Lanes::low() const {
  Offsets offsets;
  for (const Partition& partition : partitions_) {
    if (partition.dropped) continue;
    offsets.emplace(partition.name,
                    partition.heads.empty() ? partition.seen : partition.heads.begin()->first);
  }
  return offsets;
}

}  // namespace mesh::pipeline
