// Stores in memory with knobs: parked events, tasks, projections.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/base/watch_list.h"
#include "common/ports/member_store.h"
#include "common/ports/projection_store.h"
#include "common/ports/retry_store.h"
#include "common/ports/task_store.h"
#include "common/ports/usage_store.h"
#include "tests/support/failures.h"

namespace mesh::test {

class FakeRetryStore final : public RetryStore {
 public:
  void fail_next(int n) {
    std::lock_guard lock(mutex_);
    failures_.next(n);
  }
  std::vector<ParkedEvent> parked(const std::string& pipeline) {
    std::lock_guard lock(mutex_);
    std::vector<ParkedEvent> all;
    for (const auto& [position, event] : events_[pipeline]) all.push_back(event);
    return all;
  }

  // The next park waits before it takes effect, as where the process was stopped there.
  void stop_in_park(std::shared_future<void> go) {
    std::lock_guard lock(mutex_);
    go_ = std::move(go);
  }
  bool stands_in_park() {
    std::lock_guard lock(mutex_);
    return stands_;
  }

  Result<std::vector<ParkedEvent>> take(const Parker& parker,
                                        const std::set<TopicPartition>& partitions) override {
    std::lock_guard lock(mutex_);
    ++takes_;
    if (auto error = take_failures_.take()) return fail(*error);
    for (const auto& partition : partitions) owners_[{parker.pipeline, partition}] = parker.id;
    std::vector<ParkedEvent> found;
    for (const auto& [position, event] : events_[parker.pipeline]) {
      if (partitions.contains({position.topic, position.partition})) found.push_back(event);
    }
    return found;
  }
  Status park(const Parker& parker, std::span<const ParkedEvent> events) override {
    std::unique_lock lock(mutex_);
    if (auto go = std::exchange(go_, {}); go.valid()) {
      stands_ = true;
      lock.unlock();
      go.wait();
      lock.lock();
      stands_ = false;
    }
    if (auto error = failures_.take()) return fail(*error);
    for (const auto& event : events) MESH_TRY(check(parker, event.record.position));
    for (const auto& event : events) {
      events_[parker.pipeline].insert_or_assign(event.record.position, event);
    }
    return {};
  }
  Status remove(const Parker& parker, std::span<const Position> positions) override {
    std::lock_guard lock(mutex_);
    if (auto error = failures_.take()) return fail(*error);
    for (const auto& position : positions) MESH_TRY(check(parker, position));
    for (const auto& position : positions) events_[parker.pipeline].erase(position);
    return {};
  }
  void fail_takes(int n) {
    std::lock_guard lock(mutex_);
    take_failures_.next(n);
  }
  int takes() {
    std::lock_guard lock(mutex_);
    return takes_;
  }
  Result<std::vector<ParkedKey>> parked_keys(const std::string& pipeline) override {
    std::vector<ParkedKey> keys;
    for (const auto& event : parked(pipeline)) {
      keys.push_back({event.record.position, event.record.key});
    }
    return keys;
  }
  Result<std::optional<ParkedEvent>> find(const std::string& pipeline,
                                          const Position& position) override {
    std::lock_guard lock(mutex_);
    const auto& events = events_[pipeline];
    const auto at = events.find(position);
    return at == events.end() ? std::nullopt : std::optional(at->second);
  }

 private:
  Status check(const Parker& parker, const Position& at) const {
    const auto owner = owners_.find({parker.pipeline, {at.topic, at.partition}});
    if (owner == owners_.end() || owner->second == parker.id) return {};
    return fail(ErrorKind::conflict, "another has taken the partition");
  }

  std::mutex mutex_;
  std::map<std::string, std::map<Position, ParkedEvent>> events_;
  std::map<std::pair<std::string, TopicPartition>, std::string> owners_;
  std::shared_future<void> go_;
  bool stands_ = false;
  int takes_ = 0;
  Failures failures_, take_failures_;
};

class NoMembers final : public MemberStore {
 public:
  Status heartbeat(const Member&, Duration) override { return {}; }
  Status leave(const std::string&) override { return {}; }
  Result<std::vector<MemberInfo>> list() override { return std::vector<MemberInfo>{}; }
};

class FakeTaskStore final : public TaskStore {
 public:
  explicit FakeTaskStore(Clock& clock) : clock_(clock) {}
  void fail_stores(int n) {
    std::lock_guard lock(mutex_);
    failures_.next(n);
  }
  void fail_lists(int n) {
    std::lock_guard lock(mutex_);
    list_failures_.next(n);
  }
  // From now on nobody is told: what is new has to be found.
  void say_nothing() { silent_ = true; }
  // The claim ends now, as if its time had passed.
  void take_away(const std::string& id) {
    std::lock_guard lock(mutex_);
    tasks_.at(id).until = {};
  }

  Status insert(const Task& task) override {
    std::lock_guard lock(mutex_);
    if (auto error = failures_.take()) return fail(*error);
    tasks_[task.id].task = task;
    tell();
    return {};
  }
  Result<std::optional<ClaimedTask>> claim(const std::string&, const WantedTask& wanted,
                                           Duration ttl) override {
    std::lock_guard lock(mutex_);
    std::vector<TaskInLine> line;
    for (const auto& [id, one] : tasks_) {
      if (!has_ended(one.task)) line.push_back(in_line(one.task, clock_.steady() < one.until));
    }
    const TaskInLine* const next = next_in_line(line, wanted);
    if (next == nullptr) return std::nullopt;
    Stored& one = tasks_.at(next->id);
    one.until = clock_.steady() + ttl;
    one.token = ++tokens_;
    return ClaimedTask{one.task, one.token};
  }
  Result<bool> renew(const std::string& id, std::int64_t token, Duration ttl) override {
    std::lock_guard lock(mutex_);
    Stored& one = tasks_.at(id);
    if (!holds(one, token)) return not_held();
    one.until = clock_.steady() + ttl;
    return one.task.cancel_requested;
  }
  Status store(const Task& task, std::int64_t token) override {
    std::lock_guard lock(mutex_);
    if (auto error = failures_.take()) return fail(*error);
    Stored& one = tasks_.at(task.id);
    if (!holds(one, token) || has_ended(one.task)) return not_held();
    const bool cancelled = one.task.cancel_requested;
    one.task = task;
    one.task.cancel_requested = cancelled;
    if (has_ended(task)) tell();
    return {};
  }
  void release(const std::string& id, std::int64_t token) override {
    std::lock_guard lock(mutex_);
    Stored& one = tasks_.at(id);
    if (!holds(one, token)) return;
    one.until = {};
    tell();
  }
  Result<Task> get(const std::string& id) override {
    std::lock_guard lock(mutex_);
    const auto known = tasks_.find(id);
    if (known == tasks_.end()) return fail(ErrorKind::not_found, "there is no task " + id);
    return known->second.task;
  }
  Result<std::vector<Task>> list(int limit) override {
    std::lock_guard lock(mutex_);
    if (auto error = list_failures_.take()) return fail(*error);
    std::vector<Task> newest_first;
    for (auto at = tasks_.rbegin(); at != tasks_.rend(); ++at) {
      if (static_cast<int>(newest_first.size()) < limit) newest_first.push_back(at->second.task);
    }
    return newest_first;
  }
  Result<Task> request_cancel(const std::string& id) override {
    std::lock_guard lock(mutex_);
    const auto known = tasks_.find(id);
    if (known == tasks_.end()) return fail(ErrorKind::not_found, "there is no task " + id);
    auto& [task, token, until] = known->second;
    if (has_ended(task)) return task;
    task.cancel_requested = true;
    if (task.state == Task::State::queued && clock_.steady() >= until) {
      task.state = Task::State::cancelled;
      task.finished_at = clock_.now();
    }
    tell();
    return task;
  }
  std::unique_ptr<Watch> watch(Told told) override { return watches_.add(std::move(told)); }

 private:
  struct Stored {
    Task task;
    std::int64_t token = 0;
    SteadyTime until{};
  };
  bool holds(const Stored& one, std::int64_t token) const {
    return !has_ended(one.task) && one.token == token && clock_.steady() < one.until;
  }
  void tell() {
    if (!silent_) watches_.tell();
  }
  static tl::unexpected<Error> not_held() {
    return fail(ErrorKind::conflict, "it is held no more");
  }

  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Stored> tasks_;
  WatchList watches_;
  std::atomic<bool> silent_ = false;
  std::int64_t tokens_ = 0;
  Failures failures_, list_failures_;
};

// Rows by event id, so that recording twice shows as one. A row whose id is refused fails its call.
template <typename Row>
class FakeProjection {
 public:
  void fail_next(int n, Error error) {
    std::lock_guard lock(mutex_);
    failures_.next(n, std::move(error));
  }
  void refuse(const std::string& id) {
    std::lock_guard lock(mutex_);
    refused_ = id;
  }
  std::map<std::string, Row> rows() const {
    std::lock_guard lock(mutex_);
    return rows_;
  }
  Through through() const {
    std::lock_guard lock(mutex_);
    return through_;
  }
  int calls() const {
    std::lock_guard lock(mutex_);
    return calls_;
  }

 protected:
  Result<std::optional<Timestamp>> when_recorded(const TenantId& tenant, std::string_view source,
                                                 std::string_view id) const {
    std::lock_guard lock(mutex_);
    const auto row = rows_.find(std::string(id));
    if (row == rows_.end() || row->second.tenant != tenant || row->second.source != source) {
      return std::nullopt;
    }
    return row->second.processed_at;
  }
  Status store(std::span<const Row> events, const Through& through) {
    std::lock_guard lock(mutex_);
    ++calls_;
    if (auto error = failures_.take()) return fail(*error);
    for (const Row& row : events) {
      if (row.id == refused_) return fail(ErrorKind::invalid, "the fake refuses " + row.id);
    }
    for (const Row& row : events) rows_.try_emplace(row.id, row);
    for (const auto& [partition, next] : through) through_[partition] = next;
    return {};
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Row> rows_;
  Through through_;
  std::string refused_;
  int calls_ = 0;
  Failures failures_;
};

class FakeAnalyticsStore final : public AnalyticsStore, public FakeProjection<AnalyticsEvent> {
 public:
  Status record(std::span<const AnalyticsEvent> events, const Through& through) override {
    return store(events, through);
  }
  Result<AnalyticsSummary> summary(const TenantId&, std::string_view) override {
    return fail(ErrorKind::not_found, "the fake keeps no summaries");
  }
  Result<std::vector<AnalyticsEvent>> recent(const TenantId&, std::string_view, int) override {
    return fail(ErrorKind::not_found, "the fake keeps no summaries");
  }
  Result<std::optional<Timestamp>> recorded(const TenantId& tenant, std::string_view source,
                                            std::string_view id) override {
    return when_recorded(tenant, source, id);
  }
};

class FakeChemicalStore final : public ChemicalStore, public FakeProjection<ChemicalEvent> {
 public:
  Status record(std::span<const ChemicalEvent> events, const Through& through) override {
    return store(events, through);
  }
  Result<ResearcherSummary> summary(const TenantId&, std::string_view) override {
    return fail(ErrorKind::not_found, "the fake keeps no summaries");
  }
  Result<std::vector<ChemicalEvent>> recent(const TenantId&, std::string_view, int) override {
    return fail(ErrorKind::not_found, "the fake keeps no summaries");
  }
  Result<std::optional<Timestamp>> recorded(const TenantId& tenant, std::string_view source,
                                            std::string_view id) override {
    return when_recorded(tenant, source, id);
  }
};

class FakeUsageStore final : public UsageStore, public FakeProjection<UsageIncrement> {
 public:
  void set_stored(std::map<TenantId, Stored> all) { stored_ = std::move(all); }
  // Runs with each count of what is stored; its error is the count's. Set before it is used.
  std::function<Status()> before_stored = [] { return Status(); };

  Status record(std::span<const UsageIncrement> increments, const Through& through,
                Timestamp) override {
    return store(increments, through);
  }
  Result<UsageAmounts> used(const TenantId&, Timestamp) override { return UsageAmounts{}; }
  Result<std::vector<UsageTotal>> totals(const UsageQuery&, int) override {
    return std::vector<UsageTotal>{};
  }
  Result<std::vector<UsageSum>> sums(const UsageQuery&, int) override {
    return std::vector<UsageSum>{};
  }
  Result<std::map<TenantId, Stored>> stored(const std::function<bool()>& go_on) override {
    MESH_TRY(before_stored());
    if (!go_on()) return fail(ErrorKind::unavailable, "ended");
    return stored_;
  }

 private:
  std::map<TenantId, Stored> stored_;
};

}  // namespace mesh::test
