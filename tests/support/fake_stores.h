// Stores in memory with knobs: parked events, tasks, projections.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

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
  Result<std::vector<ParkedEvent>> load(const std::string& pipeline,
                                        const std::set<TopicPartition>& partitions) override {
    std::lock_guard lock(mutex_);
    ++loads_;
    if (auto error = load_failures_.take()) return fail(*error);
    std::vector<ParkedEvent> found;
    for (const auto& [position, event] : events_[pipeline]) {
      if (partitions.contains({position.topic, position.partition})) found.push_back(event);
    }
    return found;
  }
  void fail_loads(int n) {
    std::lock_guard lock(mutex_);
    load_failures_.next(n);
  }
  int loads() {
    std::lock_guard lock(mutex_);
    return loads_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::map<Position, ParkedEvent>> events_;
  int loads_ = 0;
  Failures failures_, load_failures_;
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
