#include "common/engines/sqlite/log/consumer.h"

#include <algorithm>
#include <utility>

namespace mesh::sqlite {

SqliteConsumer::SqliteConsumer(SqliteLogImpl& log, std::string name, std::shared_ptr<Group> group,
                               std::vector<Slot> slots)
    : log_(log), name_(std::move(name)), group_(std::move(group)), slots_(std::move(slots)) {}

SqliteConsumer::~SqliteConsumer() {
  std::lock_guard lock(log_.groups_mutex_);
  group_->consumer = nullptr;
}

SqliteConsumer::Slot* SqliteConsumer::find(const TopicPartition& name) {
  const auto it = std::find_if(slots_.begin(), slots_.end(),
                               [&](const Slot& slot) { return slot.partition->name == name; });
  return it == slots_.end() ? nullptr : &*it;
}

void SqliteConsumer::follow_seeks() {
  std::lock_guard lock(log_.groups_mutex_);
  for (auto& slot : slots_) {
    if (slot.epoch == slot.offset->epoch) continue;
    slot.epoch = slot.offset->epoch;
    slot.position = slot.offset->committed.value_or(0);
    moved_[slot.partition->name] = slot.position;
  }
}

Status SqliteConsumer::gather(const ReadLimits& limits, std::vector<StoredRecord>& out) {
  // Positions move only when every read succeeded: an error must not skip what was read before it.
  std::vector<std::int64_t> next(slots_.size());
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto at = (first_slot_ + i) % slots_.size();
    auto reached = log_.read_into(*slots_[at].partition, slots_[at].position, limits, out, bytes);
    if (!reached) return fail(reached.error());
    next[at] = *reached;
  }
  for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i].position = next[i];
  if (!out.empty()) first_slot_ = (first_slot_ + 1) % slots_.size();
  return {};
}

Result<std::vector<StoredRecord>> SqliteConsumer::poll(const ReadLimits& limits, Duration timeout) {
  const auto deadline = log_.waits_.deadline_after(timeout);
  for (;;) {
    if (log_.waits_.take_woken(waiter_)) return std::vector<StoredRecord>{};
    if (log_.closed_) return fail(ErrorKind::cancelled, "the log is closed");
    follow_seeks();
    std::vector<StoredRecord> records;
    if (auto s = gather(limits, records); !s) return fail(s.error());
    if (!records.empty()) return records;
    std::vector<WaitRoom::Want> wants;
    for (const auto& slot : slots_) wants.emplace_back(&slot.partition->bell, slot.position);
    if (log_.waits_.wait(waiter_, wants, deadline) == WaitRoom::Outcome::timeout) return records;
  }
}

Status SqliteConsumer::commit(const std::map<TopicPartition, std::int64_t>& next) {
  std::vector<OffsetChange> changes;
  for (const auto& [name, offset] : next) {
    const auto* slot = find(name);
    if (slot == nullptr) {
      return fail(ErrorKind::invalid, "group '" + name_ + "' does not read " + name.topic + "/" +
                                          std::to_string(name.partition));
    }
    if (offset < 0 || offset > slot->partition->bell.end) {
      return fail(ErrorKind::invalid, "offset " + std::to_string(offset) + " lies outside of " +
                                          name.topic + "/" + std::to_string(name.partition));
    }
    changes.push_back({slot->partition, slot->offset, offset, slot->epoch});
  }
  return log_.commit_offsets(name_, std::move(changes));
}

Status SqliteConsumer::seek(const TopicPartition& partition, std::int64_t offset) {
  auto* slot = find(partition);
  if (slot == nullptr) {
    return fail(ErrorKind::not_found, "group '" + name_ + "' does not read " + partition.topic +
                                          "/" + std::to_string(partition.partition));
  }
  slot->position = std::clamp<std::int64_t>(offset, 0, slot->partition->bell.end);
  return {};
}

std::map<TopicPartition, std::int64_t> SqliteConsumer::moved() {
  follow_seeks();
  return std::exchange(moved_, {});
}

std::map<TopicPartition, std::int64_t> SqliteConsumer::position() const {
  std::map<TopicPartition, std::int64_t> positions;
  for (const auto& slot : slots_) positions.emplace(slot.partition->name, slot.position);
  return positions;
}

void SqliteConsumer::wake() { log_.waits_.wake(waiter_); }

}  // namespace mesh::sqlite
