#include "daemon/pipeline/entity_states.h"

#include <algorithm>

#include "common/domain/catalogue.h"
#include "daemon/pipeline/append.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

// Each round puts right what came during the one before; more than a few mean a steady stream.
constexpr int kHealings = 5;

}  // namespace

void EntityStates::watch(const TopicPartition& partition, const std::string& key,
                         std::int64_t from) {
  const auto [at, fresh] = partitions_.try_emplace(partition);
  // All keys of a partition are read in one pass, from the lowest offset that one of them needs.
  at->second.next = fresh ? from : std::min(at->second.next, from);
  at->second.keys.try_emplace(key);
}

Status EntityStates::advance() {
  for (auto& [partition, watched] : partitions_) {
    const auto marks = MESH_TRY(log_.watermarks(partition));
    MESH_TRY(
        scan(log_, partition, watched.next, marks.end, [&](std::vector<StoredRecord>& records) {
          for (StoredRecord& record : records) {
            watched.next = record.position.offset + 1;
            const auto key = watched.keys.find(record.key);
            if (key == watched.keys.end()) continue;
            const auto event = from_record(record);
            if (!event) continue;
            State& state = key->second;
            state.last_sequence = event->sequence;
            // Of records with one number the last one counts: a mended event keeps the number of
            // the dead one and stands in for it.
            if (event->sequence < state.newest_sequence) continue;
            state.newest_sequence = event->sequence;
            state.newest_offset = record.position.offset;
            state.newest = {partition.topic, record.key, std::move(record.value),
                            std::move(record.headers)};
          }
          return true;
        }));
  }
  return {};
}

const EntityStates::State* EntityStates::state_of(const TopicPartition& partition,
                                                  const std::string& key) const {
  const auto at = partitions_.find(partition);
  if (at == partitions_.end()) return nullptr;
  const auto state = at->second.keys.find(key);
  return state == at->second.keys.end() ? nullptr : &state->second;
}

const Record* EntityStates::newest(const TopicPartition& partition, const std::string& key) const {
  const State* state = state_of(partition, key);
  return state != nullptr && state->newest_offset >= 0 ? &state->newest : nullptr;
}

Result<bool> EntityStates::overtaken(const StoredRecord& record) const {
  const State* watched = state_of({record.position.topic, record.position.partition}, record.key);
  if (watched == nullptr) return false;
  const auto event = from_record(record);
  const State& state = *watched;
  // A record that cannot be decoded has no number: every later state overtakes it.
  if (state.newest_offset > record.position.offset &&
      (!event || state.newest_sequence >= event->sequence)) {
    return true;
  }
  // A removal goes in time without having been overtaken; any other record only when it was.
  if (event && is_removal(event->type)) return false;
  const auto there = record_at(log_, record.position, true);
  if (!there) return fail(there.error());
  return !there->has_value();
}

Status EntityStates::heal(Clock& clock) {
  for (int i = 0; i < kHealings; ++i) {
    MESH_TRY(advance());
    auto records = misplaced();
    if (records.empty()) return {};
    (void)MESH_TRY(append_within(log_, clock, std::move(records)));
  }
  return fail(ErrorKind::unavailable,
              "states of entities came faster than the newest could be put behind the older ones");
}

std::vector<Record> EntityStates::misplaced() const {
  std::vector<Record> records;
  for (const auto& [partition, watched] : partitions_) {
    for (const auto& [key, state] : watched.keys) {
      if (state.last_sequence < state.newest_sequence) records.push_back(state.newest);
    }
  }
  return records;
}

}  // namespace mesh::pipeline
