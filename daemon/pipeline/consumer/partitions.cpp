// What a pipeline gains and loses of the log.
#include "common/telemetry/log.h"
#include "daemon/pipeline/consumer/runtime_impl.h"

namespace mesh::pipeline {

// Called between batches, behind each poll, and before whatever a batch leaves behind: a member
// that was taken for gone must not write beside the one that goes on in its place. A compare while
// nothing changed.
std::set<TopicPartition> Pipeline::Impl::follow() {
  const Assignment changes = consumer->changes();
  if (changes.empty()) return {};
  std::set<TopicPartition> begun_anew;
  for (const auto& [partition, next] : changes.gained) begun_anew.insert(partition);
  std::set<TopicPartition> all = begun_anew;
  all.insert(changes.lost.begin(), changes.lost.end());
  log::info("the pipeline's partitions changed", {{"pipeline", options.name},
                                                  {"begin_anew", changes.gained.size()},
                                                  {"lost", changes.lost.size()}});
  let_go(all);
  // Where a stop comes between, nothing of them is read.
  (void)insist("load parked events", [&] { return take_on(changes.gained); });
  return all;
}

bool Pipeline::Impl::follow(UnderWay& work) {
  const auto gone = follow();
  if (gone.empty()) return false;
  work.batch.abandon(gone);
  work.disposition.abandon(gone);
  std::erase_if(work.through, [&](const auto& entry) { return gone.contains(entry.first); });
  return true;
}

void Pipeline::Impl::let_go(const std::set<TopicPartition>& partitions) {
  for (const TopicPartition& partition : partitions) {
    lanes.drop(partition);
    window.drop(partition);
  }
  parked.remove(partitions);
  // Whoever has them next loads these from the store, and does them again.
  std::erase_if(finished, [&](const Finished& one) {
    return partitions.contains({one.position.topic, one.position.partition});
  });
  {
    std::lock_guard lock(mutex);
    for (const TopicPartition& partition : partitions) committed.erase(partition);
    status.parked = static_cast<std::int64_t>(parked.size());
  }
  blocked = false;
}

Status Pipeline::Impl::take_on(const std::map<TopicPartition, std::int64_t>& gained) {
  if (gained.empty()) return {};
  std::set<TopicPartition> partitions;
  for (const auto& [partition, next] : gained) partitions.insert(partition);
  auto events = MESH_TRY(deps.retries.take(parker, partitions));
  for (const auto& [partition, next] : gained) lanes.reset(partition, next);
  for (ParkedEvent& event : events) parked.put(std::move(event));
  {
    std::lock_guard lock(mutex);
    for (const auto& [partition, next] : gained) committed[partition] = next;
    status.parked = static_cast<std::int64_t>(parked.size());
  }
  metrics.parked.set(static_cast<double>(parked.size()));
  return {};
}

// One that came late, and has lost its partitions since, may have taken these in between.
Status Pipeline::Impl::take_again() {
  std::set<TopicPartition> own;
  for (const auto& [partition, next] : committed) own.insert(partition);
  auto events = MESH_TRY(deps.retries.take(parker, own));
  for (ParkedEvent& event : events) parked.put(std::move(event));
  return {};
}

}  // namespace mesh::pipeline
