// An event log in memory, with consumers and administration, and knobs to make it fail.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/ports/event_log.h"
#include "tests/support/failures.h"

namespace mesh::test {

class FakeEventLog final : public EventLog, public LogAdmin {
 public:
  explicit FakeEventLog(Clock& clock) : clock_(clock) {}

  // --- knobs --------------------------------------------------------------------------------
  void fail_appends(int n) {
    locked([&] { append_failures_.next(n); });
  }
  void fail_appends(int n, Error e) {
    locked([&] { append_failures_.next(n, std::move(e)); });
  }
  // As a remote log may, the next appends keep those records of which `arrives` is true, by their
  // place, and are answered with `uncertain`.
  void tear_appends(int n, std::function<bool(std::size_t)> arrives) {
    locked([&] { tears_ = n, arrives_ = std::move(arrives); });
  }
  // Runs once, when a poll has read records and not yet given them.
  void while_polling(std::function<void()> f) {
    locked([&] { while_polling_ = std::move(f); });
  }
  void fail_polls(int n) {
    locked([&] { poll_failures_.next(n); });
  }
  void fail_polls(int n, Error e) {
    locked([&] { poll_failures_.next(n, std::move(e)); });
  }
  // Another member, which the test does not see, takes the partitions over: what was polled of them
  // can be committed no more, and whoever had them is told at its next changes().
  void take_away(const std::string& group, const std::set<TopicPartition>& partitions) {
    locked([&] {
      for (const auto& partition : partitions) groups_.at(group).taken_away.insert(partition);
      groups_.at(group).share_out();
    });
    changed_.notify_all();
  }
  // That one commits so far and leaves.
  void give_back(const std::string& group, const std::map<TopicPartition, std::int64_t>& at) {
    locked([&] {
      for (const auto& [partition, next] : at) {
        groups_.at(group).committed[partition] = next;
        groups_.at(group).taken_away.erase(partition);
      }
      groups_.at(group).share_out();
    });
    changed_.notify_all();
  }
  int kept_alive(const std::string& group) const {
    std::lock_guard lock(mutex_);
    const auto at = groups_.find(group);
    return at == groups_.end() ? 0 : at->second.kept_alive;
  }
  void fail_commits(int n) {
    locked([&] { commit_failures_.next(n); });
  }
  void fail_commits(int n, Error e) {
    locked([&] { commit_failures_.next(n, std::move(e)); });
  }
  void fail_opens(int n) {  // of consumers
    locked([&] { open_failures_.next(n); });
  }
  // As on another machine.
  void reads_again_at_a_price() { cheap_ = false; }
  int reads() {
    std::lock_guard lock(mutex_);
    return reads_;
  }
  // How often members were told to end their poll.
  int wakes() {
    std::lock_guard lock(mutex_);
    return wakes_;
  }
  // Runs before groups are listed, on the thread that lists them.
  void before_listing(std::function<void()> hook) {
    locked([&] { before_listing_ = std::move(hook); });
  }
  void fail_reads(int n) {
    locked([&] { read_failures_.next(n); });
  }
  // Appends are kept back, unanswered, until released.
  void hold_appends() {
    locked([&] { hold_ = true; });
  }
  void release_appends() {
    std::deque<Held> held;
    locked([&] {
      hold_ = false;
      held.swap(held_);
    });
    for (Held& one : held) perform(std::move(one));
  }
  // Called before each append takes effect, without a lock.
  void before_append(std::function<void(const std::vector<Record>&)> hook) {
    locked([&] { hook_ = std::move(hook); });
  }
  // As some servers do, it moves a group only while that has no members.
  void refuse_seeks_of_active_groups() {
    locked([&] { seeks_active_groups_ = false; });
  }
  void fail_erasures(int n) {
    locked([&] { erase_failures_.next(n); });
  }
  int seeks_refused() const {
    std::lock_guard lock(mutex_);
    return seeks_refused_;
  }
  // As a broker, which takes out what is old or overwritten, and no single record.
  void erase_no_records() {
    locked([&] { erases_records_ = false; });
  }
  // Called before each seek of a group takes effect, without a lock.
  void before_seek(std::function<void()> hook) {
    locked([&] { before_seek_ = std::move(hook); });
  }
  // As compaction or retention would.
  void drop(const Position& position) {
    locked([&] {
      auto& records = topics_.at(position.topic).partitions.at(position.partition).records;
      std::erase_if(records, [&](const auto& r) { return r.position == position; });
    });
  }

  // --- what the log holds -------------------------------------------------------------------
  // Of all partitions, in the order of their appends.
  std::vector<StoredRecord> records(const std::string& topic) const {
    std::lock_guard lock(mutex_);
    std::vector<StoredRecord> all;
    for (const auto& entry : history_) {
      if (entry.position.topic == topic) all.push_back(entry);
    }
    return all;
  }
  int append_calls() const {
    std::lock_guard lock(mutex_);
    return append_calls_;
  }
  std::size_t held() const {
    std::lock_guard lock(mutex_);
    return held_.size();
  }
  bool has_group(const std::string& group) const {
    std::lock_guard lock(mutex_);
    return groups_.contains(group);
  }
  // Sum of the group's committed offsets.
  std::int64_t committed(const std::string& group) const {
    std::lock_guard lock(mutex_);
    const auto at = groups_.find(group);
    std::int64_t sum = 0;
    if (at == groups_.end()) return 0;
    for (const auto& [partition, offset] : at->second.committed) sum += offset;
    return sum;
  }
  Position append_now(Record record) {
    std::optional<Position> position;
    append({std::move(record)}, [&](Result<std::vector<Position>> result) {
      if (result) position = result->front();
    });
    return position.value();
  }

  // --- EventLog -----------------------------------------------------------------------------
  void append(std::vector<Record> records, AppendDone done) override {
    Held held{std::move(records), std::move(done)};
    {
      std::lock_guard lock(mutex_);
      ++append_calls_;
      if (hold_) {
        held_.push_back(std::move(held));
        return;
      }
    }
    perform(std::move(held));
  }

  // As a remote log may, every second read gives nothing though there is more.
  Result<ReadResult> read(const TopicPartition& partition, std::int64_t from,
                          const ReadLimits& limits) override {
    std::lock_guard lock(mutex_);
    ++reads_;
    if (auto error = read_failures_.take()) return fail(*error);
    auto* part = find(partition);
    if (!part) return fail(ErrorKind::not_found, "no such partition");
    if (from < part->end && (empty_read_ = !empty_read_)) return ReadResult{{}, from, false};
    ReadResult read;
    const bool all = take(*part, from, limits, read.records);
    read.next = all ? std::max(from, part->end) : read.records.back().position.offset + 1;
    read.at_end = read.next >= part->end;
    return read;
  }

  bool reads_again_cheaply() const override { return cheap_; }

  Result<Watermarks> watermarks(const TopicPartition& partition) override {
    std::lock_guard lock(mutex_);
    auto* part = find(partition);
    if (!part) return fail(ErrorKind::not_found, "no such partition");
    return Watermarks{0, part->end};
  }

  Result<std::int64_t> offset_at(const TopicPartition& partition, Timestamp time) override {
    std::lock_guard lock(mutex_);
    auto* part = find(partition);
    if (!part) return fail(ErrorKind::not_found, "no such partition");
    for (const auto& record : part->records) {
      if (record.time >= time) return record.position.offset;
    }
    return part->end;
  }

  std::unique_ptr<Watch> watch(const std::map<TopicPartition, std::int64_t>& offsets,
                               Told told) override {
    std::lock_guard lock(mutex_);
    auto watch = std::make_unique<FakeWatch>(*this, offsets, std::move(told));
    watches_.insert(watch.get());
    watch->look();
    return watch;
  }
  std::size_t watches() const {
    std::lock_guard lock(mutex_);
    return watches_.size();
  }

  // --- LogAdmin -----------------------------------------------------------------------------
  Status ensure_topic(const TopicSpec& spec) override {
    std::lock_guard lock(mutex_);
    const auto [at, fresh] = topics_.try_emplace(spec.name);
    Topic& topic = at->second;
    if (!fresh && topic.spec.kind != spec.kind) {
      return fail(ErrorKind::conflict, "topic " + spec.name + " is of another kind");
    }
    if (fresh) topic.partitions.resize(static_cast<std::size_t>(spec.partitions));
    topic.spec = spec;
    for (auto* watch : watches_) watch->tell();
    topic.spec.partitions = static_cast<int>(topic.partitions.size());
    return {};
  }
  void ensure(const std::string& name, TopicKind kind, int partitions = 2) {
    TopicSpec spec;
    spec.name = name;
    spec.kind = kind;
    spec.partitions = partitions;
    (void)ensure_topic(spec);
  }

  Result<std::vector<TopicInfo>> topics() override {
    std::lock_guard lock(mutex_);
    std::vector<TopicInfo> all;
    for (const auto& [name, topic] : topics_) {
      TopicInfo info;
      info.spec = topic.spec;
      for (const auto& part : topic.partitions) {
        info.records += part.records.size();
        info.partitions.push_back({0, part.end});
      }
      all.push_back(std::move(info));
    }
    return all;
  }

  Status ensure_group(const std::string& name, const std::vector<std::string>& names) override {
    std::lock_guard lock(mutex_);
    return make_known(name, names);
  }

  Result<std::unique_ptr<LogConsumer>> open_consumer(const std::string& group,
                                                     const std::vector<std::string>& names,
                                                     const std::string& member) override;

  Result<std::vector<GroupInfo>> groups() override {
    std::function<void()> hook;
    locked([&] { hook = before_listing_; });
    if (hook) hook();
    std::lock_guard lock(mutex_);
    std::vector<GroupInfo> all;
    for (const auto& [name, group] : groups_) {
      GroupInfo info{name, !group.members.empty(), {}, group.committed};
      for (const Member* member : group.members) info.members.push_back(member->name);
      all.push_back(std::move(info));
    }
    return all;
  }

  bool seeks_active_groups() const override {
    std::lock_guard lock(mutex_);
    return seeks_active_groups_;
  }
  Status seek_group(const std::string& name,
                    const std::map<TopicPartition, std::int64_t>& offsets) override {
    std::function<void()> hook;
    locked([&] { hook = before_seek_; });
    if (hook) hook();
    std::lock_guard lock(mutex_);
    Group& group = groups_[name];
    if (!seeks_active_groups_ && !group.members.empty()) {
      ++seeks_refused_;
      return fail(ErrorKind::conflict, "the group is active");
    }
    for (const auto& [partition, offset] : offsets) {
      group.committed[partition] = offset;
      ++group.terms[partition];
    }
    changed_.notify_all();
    return {};
  }

  Status delete_group(const std::string& name) override {
    std::lock_guard lock(mutex_);
    const auto at = groups_.find(name);
    if (at == groups_.end()) return fail(ErrorKind::not_found, "no such group");
    if (!at->second.members.empty()) return fail(ErrorKind::conflict, "the group is active");
    groups_.erase(at);
    return {};
  }

  bool erases_records() const override {
    std::lock_guard lock(mutex_);
    return erases_records_;
  }
  Result<std::int64_t> erase(const TopicPartition& partition,
                             std::span<const std::int64_t> offsets) override {
    std::lock_guard lock(mutex_);
    if (auto error = erase_failures_.take()) return fail(*error);
    if (!erases_records_) return fail(ErrorKind::unprocessable, "no single record is taken out");
    Partition* const part = find(partition);
    if (part == nullptr) return fail(ErrorKind::not_found, "there is no such partition");
    const auto named = [&](const StoredRecord& record) {
      const auto& [topic, number, offset] = record.position;
      return topic == partition.topic && number == partition.partition &&
             std::ranges::find(offsets, offset) != offsets.end();
    };
    std::erase_if(history_, named);
    return static_cast<std::int64_t>(std::erase_if(part->records, named));
  }

 private:
  class Consumer;
  class FakeWatch final : public Watch {  // all but its end with the log's mutex held
   public:
    FakeWatch(FakeEventLog& log, std::map<TopicPartition, std::int64_t> offsets, Told told)
        : log_(log), offsets_(std::move(offsets)), told_(std::move(told)) {}
    ~FakeWatch() override {
      std::lock_guard lock(log_.mutex_);
      log_.watches_.erase(this);
    }
    void look() {
      const bool grown = std::ranges::any_of(offsets_, [&](const auto& entry) {
        auto* part = log_.find(entry.first);
        return part && part->end > entry.second;
      });
      if (grown) tell();
    }
    void tell() {
      if (auto told = std::exchange(told_, nullptr)) told();
    }

   private:
    FakeEventLog& log_;
    const std::map<TopicPartition, std::int64_t> offsets_;
    Told told_;
  };
  struct Partition {
    std::vector<StoredRecord> records;
    std::int64_t end = 0;
  };
  struct Topic {
    TopicSpec spec;
    std::vector<Partition> partitions;
  };
  struct Member {
    std::string name;
    bool woken = false;
    std::map<TopicPartition, std::int64_t> position;
    std::map<TopicPartition, int> terms;  // that its positions stem from
    Assignment changes;                   // not yet told
    std::set<TopicPartition> begun_anew;  // since changes() was asked
  };
  struct Group {
    std::map<TopicPartition, std::int64_t> committed;
    std::map<TopicPartition, int> terms;  // rise with each seek and change of hands
    std::map<TopicPartition, Member*> owners;
    std::set<TopicPartition> taken_away;
    std::vector<Member*> members;
    int kept_alive = 0;

    // By turns, so that as many as possible change hands.
    void share_out() {
      std::size_t turn = 0;
      for (const auto& [partition, offset] : committed) {
        Member* to = members.empty() || taken_away.contains(partition)
                         ? nullptr
                         : members[turn++ % members.size()];
        if (std::exchange(owners[partition], to) != to) ++terms[partition];
      }
    }
    bool follow(Member& member) {  // whether anything changed
      bool changed = false;
      for (const auto& [partition, offset] : committed) {
        const bool owns = owners[partition] == &member;
        const bool had = member.position.contains(partition);
        if (owns ? had && member.terms[partition] == terms[partition] : !had) continue;
        changed = true;
        if (had) member.begun_anew.insert(partition);
        if (owns) {
          member.changes.gained[partition] = member.position[partition] = offset;
          std::erase(member.changes.lost, partition);
        } else {
          member.position.erase(partition);
          member.changes.gained.erase(partition);
          member.changes.lost.push_back(partition);
        }
        member.terms[partition] = terms[partition];
      }
      return changed;
    }
  };
  struct Held {
    std::vector<Record> records;
    AppendDone done;
  };

  template <typename F>
  void locked(F f) {
    std::lock_guard lock(mutex_);
    f();
  }
  Status make_known(const std::string& name, const std::vector<std::string>& names) {
    for (const std::string& topic : names) {
      if (!topics_.contains(topic)) {
        return fail(ErrorKind::not_found, "there is no topic " + topic);
      }
    }
    for (const std::string& topic : names) {
      const auto partitions = static_cast<std::int32_t>(topics_.at(topic).partitions.size());
      for (std::int32_t p = 0; p < partitions; ++p) groups_[name].committed[{topic, p}];
    }
    return {};
  }
  Partition* find(const TopicPartition& partition) {
    const auto topic = topics_.find(partition.topic);
    if (topic == topics_.end() || partition.partition < 0 ||
        partition.partition >= static_cast<int>(topic->second.partitions.size())) {
      return nullptr;
    }
    return &topic->second.partitions[static_cast<std::size_t>(partition.partition)];
  }
  // Whether that was all there is.
  static bool take(const Partition& part, std::int64_t from, const ReadLimits& limits,
                   std::vector<StoredRecord>& into) {
    auto at = std::ranges::lower_bound(part.records, from, {},
                                       [](const auto& record) { return record.position.offset; });
    std::size_t bytes = 0;
    for (const auto& record : into) bytes += size_of(record);
    for (; at != part.records.end() && into.size() < limits.max_records; ++at) {
      bytes += size_of(*at);
      if (!into.empty() && bytes > limits.max_bytes) break;
      into.push_back(*at);
    }
    return at == part.records.end();
  }
  static std::size_t size_of(const StoredRecord& record) {
    return record.key.size() + record.value.value_or("").size();
  }

  void perform(Held held) {
    std::function<void(const std::vector<Record>&)> hook;
    locked([&] { hook = hook_; });
    if (hook) hook(held.records);
    Result<std::vector<Position>> result = store(held.records);
    changed_.notify_all();
    held.done(std::move(result));
  }

  Result<std::vector<Position>> store(std::vector<Record>& records) {
    std::lock_guard lock(mutex_);
    if (auto error = append_failures_.take()) return fail(*error);
    for (const Record& record : records) {
      if (!topics_.contains(record.topic)) {
        return fail(ErrorKind::not_found, "there is no topic " + record.topic);
      }
    }
    const bool torn = tears_ > 0;
    if (torn) {
      --tears_;
      std::size_t place = 0;
      std::erase_if(records, [&](const Record&) { return !arrives_(place++); });
    }
    std::vector<Position> positions;
    for (Record& record : records) {
      Topic& topic = topics_[record.topic];
      // Records without a key go around, as in the engine.
      const auto place = record.key.empty() ? without_key_++ : stable_hash(record.key);
      const auto p = static_cast<std::int32_t>(place % topic.partitions.size());
      Partition& part = topic.partitions[static_cast<std::size_t>(p)];
      StoredRecord stored{{record.topic, p, part.end++},
                          clock_.now(),
                          std::move(record.key),
                          std::move(record.value),
                          std::move(record.headers)};
      positions.push_back(stored.position);
      history_.push_back(stored);
      part.records.push_back(std::move(stored));
    }
    for (auto* watch : watches_) watch->look();
    if (torn) return fail_uncertain("the connection to the log broke");
    return positions;
  }

  Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Topic> topics_;  // this and the rest guarded by mutex_
  std::map<std::string, Group> groups_;
  std::set<FakeWatch*> watches_;
  std::vector<StoredRecord> history_;
  std::deque<Held> held_;
  bool hold_ = false;
  bool empty_read_ = false;
  bool seeks_active_groups_ = true, erases_records_ = true;
  int seeks_refused_ = 0;
  int append_calls_ = 0;
  int tears_ = 0;
  std::function<bool(std::size_t)> arrives_;
  std::uint64_t without_key_ = 0;
  std::function<void(const std::vector<Record>&)> hook_;
  std::function<void()> while_polling_, before_seek_;
  Failures append_failures_, poll_failures_, commit_failures_, read_failures_, open_failures_,
      erase_failures_;
  std::function<void()> before_listing_;
  int wakes_ = 0, reads_ = 0;
  std::atomic<bool> cheap_ = true;
};

class FakeEventLog::Consumer final : public LogConsumer {
 public:
  Consumer(FakeEventLog& log, std::string group, std::string name)
      : log_(log), group_(log.groups_[group]), member_{std::move(name), false, {}, {}, {}, {}} {
    group_.members.push_back(&member_);
    group_.share_out();
    group_.follow(member_);
    log_.changed_.notify_all();  // a member that waits in a poll has lost its half
  }
  ~Consumer() override {
    std::lock_guard lock(log_.mutex_);
    std::erase(group_.members, &member_);
    group_.share_out();
    log_.changed_.notify_all();
  }

  Result<std::vector<StoredRecord>> poll(const ReadLimits& limits, Duration timeout) override {
    std::unique_lock lock(log_.mutex_);
    if (auto error = log_.poll_failures_.take()) return fail(*error);
    std::vector<StoredRecord> found;
    auto& position = member_.position;
    bool moved = false;
    auto ready = [&] {
      moved = group_.follow(member_) || moved;
      for (const auto& [partition, offset] : position) {
        log_.take(*log_.find(partition), offset, limits, found);
      }
      return !found.empty() || moved || member_.woken;
    };
    log_.clock_.wait_until(lock, log_.changed_, log_.clock_.steady() + timeout, ready);
    member_.woken = false;
    if (found.empty()) {  // what is not read yet was dropped
      for (auto& [partition, offset] : position) {
        offset = std::max(offset, log_.find(partition)->end);
      }
    }
    for (const auto& record : found) {
      position[{record.position.topic, record.position.partition}] = record.position.offset + 1;
    }
    const auto meanwhile = found.empty() ? nullptr : std::exchange(log_.while_polling_, nullptr);
    lock.unlock();
    if (meanwhile) meanwhile();
    return found;
  }

  Status commit(const std::map<TopicPartition, std::int64_t>& next) override {
    std::lock_guard lock(log_.mutex_);
    if (auto error = log_.commit_failures_.take()) return fail(*error);
    for (const auto& [partition, offset] : next) {
      const bool own = group_.owners[partition] == &member_ &&
                       member_.terms[partition] == group_.terms[partition] &&
                       !member_.begun_anew.contains(partition);
      if (!own) return fail(ErrorKind::conflict, "a partition is not its own any more");
    }
    for (const auto& [partition, offset] : next) group_.committed[partition] = offset;
    return {};
  }

  Assignment changes() override {
    std::lock_guard lock(log_.mutex_);
    group_.follow(member_);
    for (const auto& [partition, next] : member_.changes.gained) member_.position[partition] = next;
    member_.begun_anew.clear();
    return std::exchange(member_.changes, {});
  }

  void keep_alive() override {
    std::lock_guard lock(log_.mutex_);
    ++group_.kept_alive;
  }

  std::map<TopicPartition, std::int64_t> position() const override {
    std::lock_guard lock(log_.mutex_);
    return member_.position;
  }

  void wake() override {
    std::lock_guard lock(log_.mutex_);
    member_.woken = true;
    ++log_.wakes_;
    log_.changed_.notify_all();
  }

 private:
  FakeEventLog& log_;
  Group& group_;  // this and the next guarded by the log's mutex
  Member member_;
};

inline Result<std::unique_ptr<LogConsumer>> FakeEventLog::open_consumer(
    const std::string& name, const std::vector<std::string>& names, const std::string& member) {
  std::lock_guard lock(mutex_);
  if (auto error = open_failures_.take()) return fail(*error);
  MESH_TRY(make_known(name, names));
  return std::make_unique<Consumer>(*this, name, member);
}

}  // namespace mesh::test
