// Stores in memory with knobs: parked events, the outbox, tasks, projections.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "common/ports/outbox.h"
#include "common/ports/projection_store.h"
#include "common/ports/retry_store.h"
#include "common/ports/task_store.h"
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

  Status park(const std::string& pipeline, std::span<const ParkedEvent> events) override {
    std::lock_guard lock(mutex_);
    if (auto error = failures_.take()) return fail(*error);
    for (const auto& event : events) {
      events_[pipeline].insert_or_assign(event.record.position, event);
    }
    return {};
  }
  Status remove(const std::string& pipeline, std::span<const Position> positions) override {
    std::lock_guard lock(mutex_);
    if (auto error = failures_.take()) return fail(*error);
    for (const auto& position : positions) events_[pipeline].erase(position);
    return {};
  }
  Result<std::vector<ParkedEvent>> load(const std::string& pipeline) override {
    return parked(pipeline);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::map<Position, ParkedEvent>> events_;
  Failures failures_;
};

class FakeOutbox final : public Outbox {
 public:
  // A commit that adds the records.
  void add(std::vector<Record> records) {
    std::function<void()> notify;
    {
      std::lock_guard lock(mutex_);
      for (auto& record : records) entries_.push_back({++sequence_, std::move(record)});
      notify = notify_;
    }
    if (notify) notify();
  }
  void fail_reads(int n) {
    std::lock_guard lock(mutex_);
    read_failures_.next(n);
  }
  void fail_acknowledges(int n) {
    std::lock_guard lock(mutex_);
    acknowledge_failures_.next(n);
  }
  void hold_acknowledges() {
    std::lock_guard lock(mutex_);
    hold_ = true;
  }
  void release_acknowledges() {
    std::vector<std::pair<std::int64_t, std::function<void(Status)>>> held;
    {
      std::lock_guard lock(mutex_);
      hold_ = false;
      held.swap(held_);
    }
    for (auto& [sequence, done] : held) acknowledge(sequence, std::move(done));
  }
  int reads() const {
    std::lock_guard lock(mutex_);
    return reads_;
  }

  Result<std::vector<OutboxEntry>> pending(std::int64_t after, int limit) override {
    std::lock_guard lock(mutex_);
    ++reads_;
    if (auto error = read_failures_.take()) return fail(*error);
    std::vector<OutboxEntry> found;
    for (const auto& entry : entries_) {
      if (entry.sequence > after && static_cast<int>(found.size()) < limit) found.push_back(entry);
    }
    return found;
  }
  void acknowledge(std::int64_t sequence, std::function<void(Status)> done) override {
    std::optional<Error> error;
    {
      std::lock_guard lock(mutex_);
      if (hold_) {
        held_.emplace_back(sequence, std::move(done));
        return;
      }
      error = acknowledge_failures_.take();
      if (!error) std::erase_if(entries_, [&](const auto& e) { return e.sequence <= sequence; });
    }
    done(error ? Status{fail(*error)} : Status{});
  }
  std::int64_t size() const override {
    std::lock_guard lock(mutex_);
    return static_cast<std::int64_t>(entries_.size());
  }
  void on_added(std::function<void()> notify) override {
    std::lock_guard lock(mutex_);
    notify_ = std::move(notify);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<OutboxEntry> entries_;
  std::int64_t sequence_ = 0;
  int reads_ = 0;
  bool hold_ = false;
  std::vector<std::pair<std::int64_t, std::function<void(Status)>>> held_;
  std::function<void()> notify_;
  Failures read_failures_, acknowledge_failures_;
};

class FakeTaskStore final : public TaskStore {
 public:
  void fail_puts(int n) {
    std::lock_guard lock(mutex_);
    failures_.next(n);
  }
  int puts() const {
    std::lock_guard lock(mutex_);
    return puts_;
  }

  Status put(const Task& task) override {
    std::lock_guard lock(mutex_);
    ++puts_;
    if (auto error = failures_.take()) return fail(*error);
    const auto known = tasks_.find(task.id);
    const bool cancelled = known != tasks_.end() && known->second.cancel_requested;
    Task& stored = tasks_.insert_or_assign(task.id, task).first->second;
    stored.cancel_requested = stored.cancel_requested || cancelled;
    return {};
  }
  Result<Task> get(const std::string& id) override {
    std::lock_guard lock(mutex_);
    const auto known = tasks_.find(id);
    if (known == tasks_.end()) return fail(ErrorKind::not_found, "there is no task " + id);
    return known->second;
  }
  Result<std::vector<Task>> list(int limit) override {
    std::lock_guard lock(mutex_);
    std::vector<Task> newest_first;
    for (auto at = tasks_.rbegin(); at != tasks_.rend(); ++at) {
      if (static_cast<int>(newest_first.size()) < limit) newest_first.push_back(at->second);
    }
    return newest_first;
  }
  Status request_cancel(const std::string& id) override {
    std::lock_guard lock(mutex_);
    const auto known = tasks_.find(id);
    if (known == tasks_.end()) return fail(ErrorKind::not_found, "there is no task " + id);
    known->second.cancel_requested = true;
    return {};
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Task> tasks_;  // by id: UUIDv7, so by time
  int puts_ = 0;
  Failures failures_;
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
};

}  // namespace mesh::test
