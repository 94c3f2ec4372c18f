#include "common/engines/sqlite/log/consumer.h"

#include <algorithm>
#include <utility>

namespace mesh::sqlite {

SqliteConsumer::SqliteConsumer(SqliteLogImpl& log, std::string group_name,
                               std::shared_ptr<Group> group, std::string name,
                               const std::vector<Partition*>& reads)
    : log_(log), group_name_(std::move(group_name)), group_(std::move(group)) {
  member_.name = std::move(name);
  member_.reads = {reads.begin(), reads.end()};
}

SqliteConsumer::~SqliteConsumer() {
  std::lock_guard lock(log_.groups_mutex_);
  if (group_->leave(member_)) log_.nudge_members(*group_);
}

// While it lasts, the member polls and is not taken for gone.
class SqliteConsumer::Attendance {
 public:
  explicit Attendance(SqliteConsumer& consumer) : consumer_(consumer) {}
  ~Attendance() { consumer_.keep_alive(); }
  // When there may be a share of another to take over.
  SteadyTime renew() {
    std::lock_guard lock(consumer_.log_.groups_mutex_);
    Group& group = *consumer_.group_;
    if (group.attend(consumer_.member_, consumer_.log_.clock_.steady())) {
      consumer_.log_.nudge_members(group);
    }
    return group.next_expiry(consumer_.member_);
  }

 private:
  SqliteConsumer& consumer_;
};

Status SqliteConsumer::open() {
  {
    std::lock_guard lock(log_.groups_mutex_);
    if (group_->open(member_, log_.clock_.steady())) log_.nudge_members(*group_);
  }
  keep_alive();
  (void)MESH_TRY(follow());
  return {};
}

SqliteConsumer::Slot* SqliteConsumer::find(const TopicPartition& name) {
  const auto it = std::find_if(slots_.begin(), slots_.end(),
                               [&](const Slot& slot) { return slot.partition->name == name; });
  return it == slots_.end() ? nullptr : &*it;
}

Result<bool> SqliteConsumer::follow() {
  bool changed = false;
  for (;;) {
    const auto version = group_->version.load();
    if (version == version_) return changed;
    changed = true;
    {
      std::lock_guard lock(log_.groups_mutex_);
      let_go();
    }
    // A commit of the owner before may have been found in order and not be durable yet. It is once
    // a job submitted now has run, and no other can come: only then the group's offset is known.
    MESH_TRY(log_.committer_.run([](Database&) { return Status{}; }));
    std::lock_guard lock(log_.groups_mutex_);
    if (group_->version.load() != version) continue;
    take_on();
    version_ = version;
  }
}

// Of the partitions that are another's, or were in between. Under groups_mutex_.
void SqliteConsumer::let_go() {
  std::erase_if(slots_, [&](const Slot& slot) {
    if (slot.offset->owner == &member_ && slot.offset->term == slot.term) return false;
    changes_.gained.erase(slot.partition->name);
    begun_anew_.insert(slot.partition->name);
    if (slot.told) changes_.lost.push_back(slot.partition->name);
    return true;
  });
}

// Under groups_mutex_.
void SqliteConsumer::take_on() {
  for (auto& [partition, offset] : group_->offsets) {
    if (offset.owner != &member_) continue;
    Slot* slot = find(partition->name);
    if (slot != nullptr && slot->epoch == offset.epoch) continue;
    if (slot == nullptr) {
      slots_.push_back({partition, &offset, 0});
      slot = &slots_.back();
      std::erase(changes_.lost, partition->name);
    } else {
      begun_anew_.insert(partition->name);
    }
    slot->position = offset.committed.value_or(0);
    slot->epoch = offset.epoch;
    slot->term = offset.term;
    changes_.gained[partition->name] = slot->position;
  }
}

Status SqliteConsumer::gather(const ReadLimits& limits, std::vector<StoredRecord>& out) {
  // Positions move only when every read succeeded: an error must not skip what was read before it.
  std::vector<std::int64_t> next(slots_.size());
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto at = (first_slot_ + i) % slots_.size();
    auto reached =
        MESH_TRY(log_.read_into(*slots_[at].partition, slots_[at].position, limits, out, bytes));
    next[at] = reached;
  }
  for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i].position = next[i];
  if (!out.empty()) first_slot_ = (first_slot_ + 1) % slots_.size();
  return {};
}

Result<std::vector<StoredRecord>> SqliteConsumer::poll(const ReadLimits& limits, Duration timeout) {
  const auto deadline = log_.waits_.deadline_after(timeout);
  Attendance attendance(*this);
  bool changed = false;
  for (;;) {
    if (log_.waits_.take_woken(member_.waiter)) return std::vector<StoredRecord>{};
    if (log_.closed_) return fail(ErrorKind::cancelled, "the log is closed");
    const auto next_expiry = attendance.renew();
    auto followed = MESH_TRY(follow());
    changed = changed || followed;
    std::vector<StoredRecord> records;
    MESH_TRY(gather(limits, records));
    if (!records.empty() || changed) return records;
    std::vector<WaitRoom::Want> wants;
    for (const auto& slot : slots_) wants.emplace_back(&slot.partition->bell, slot.position);
    const auto outcome = log_.waits_.wait(member_.waiter, wants, std::min(deadline, next_expiry));
    if (outcome == WaitRoom::Outcome::timeout && log_.clock_.steady() >= deadline) return records;
  }
}

Status SqliteConsumer::commit(const std::map<TopicPartition, std::int64_t>& next) {
  std::vector<OffsetChange> changes;
  for (const auto& [name, offset] : next) {
    const auto partition = log_.find(name);
    if (!partition || !member_.reads.contains(*partition)) {
      return fail(ErrorKind::invalid, "group '" + group_name_ + "' does not read " + name.topic +
                                          "/" + std::to_string(name.partition));
    }
    if (offset < 0 || offset > (*partition)->bell.end) {
      return fail(ErrorKind::invalid, "offset " + std::to_string(offset) + " lies outside of " +
                                          name.topic + "/" + std::to_string(name.partition));
    }
    const auto* slot = find(name);
    if (slot == nullptr) return fail(not_its_own(group_name_, name));
    if (begun_anew_.contains(name)) {
      return fail(ErrorKind::conflict, "group '" + group_name_ + "' begins anew in " + name.topic +
                                           "/" + std::to_string(name.partition) +
                                           ": nobody knows whether the offset is of before");
    }
    changes.push_back({slot->partition, slot->offset, offset, slot->epoch, slot->term});
  }
  return log_.commit_offsets(group_name_, std::move(changes));
}

Assignment SqliteConsumer::changes() {
  (void)follow();  // what it could not look at is looked at again by the next poll, which tells why
  for (const auto& [name, next] : changes_.gained) {
    Slot& slot = *find(name);
    slot.position = next;
    slot.told = true;
  }
  begun_anew_.clear();
  return std::exchange(changes_, {});
}

void SqliteConsumer::keep_alive() {
  std::lock_guard lock(log_.groups_mutex_);
  member_.expires = log_.clock_.steady() + log_.options_.session;
}

std::map<TopicPartition, std::int64_t> SqliteConsumer::position() const {
  std::map<TopicPartition, std::int64_t> positions;
  for (const auto& slot : slots_) positions.emplace(slot.partition->name, slot.position);
  return positions;
}

void SqliteConsumer::wake() { log_.waits_.wake(member_.waiter); }

}  // namespace mesh::sqlite
