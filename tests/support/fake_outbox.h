// An outbox in memory, with knobs.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/ports/outbox.h"
#include "tests/support/failures.h"
#include "tests/support/fake_leases.h"

namespace mesh::test {

// As that of a server, whose transactions run side by side: a sequence is given out before its
// transaction commits, so that an entry may show up behind others of higher sequences.
class FakeOutbox final : public Outbox {
 public:
  FakeOutbox(FakeLeaseStore& leases, Clock& clock) : leases_(leases), clock_(clock) {}

  // A commit that adds the records.
  void add(std::vector<Record> records) {
    std::lock_guard lock(mutex_);
    for (auto& record : records) entries_.emplace(++sequence_, std::move(record));
    added();
  }
  // A transaction that was given its sequence, and commits later.
  std::int64_t begin() {
    std::lock_guard lock(mutex_);
    return ++sequence_;
  }
  void commit(std::int64_t sequence, Record record) {
    std::lock_guard lock(mutex_);
    entries_.emplace(sequence, std::move(record));
    added();
  }
  void fail_reads(int n) {
    std::lock_guard lock(mutex_);
    read_failures_.next(n);
  }
  // The next read waits within its call, as where the process was stopped there.
  void stop_in_read(std::shared_future<void> go) {
    std::lock_guard lock(mutex_);
    go_ = std::move(go);
  }
  void fail_acknowledges(int n) {
    std::lock_guard lock(mutex_);
    acknowledge_failures_.next(n);
  }
  void hold_acknowledges() {
    std::lock_guard lock(mutex_);
    hold_ = true;
  }
  std::size_t held() const {
    std::lock_guard lock(mutex_);
    return held_.size();
  }
  void release_acknowledges() {
    std::vector<std::function<void()>> held;
    {
      std::lock_guard lock(mutex_);
      hold_ = false;
      held.swap(held_);
    }
    for (auto& acknowledge : held) acknowledge();
  }
  int reads() const {
    std::lock_guard lock(mutex_);
    return reads_;
  }
  // Acknowledgements for leases that were lost.
  int refused() const {
    std::lock_guard lock(mutex_);
    return refused_;
  }
  int readers() const {
    std::lock_guard lock(mutex_);
    return readers_;
  }

  std::unique_ptr<OutboxReader> open(const Lease& lease) override {
    std::lock_guard lock(mutex_);
    ++readers_;
    return std::make_unique<Reader>(*this, lease);
  }
  Result<bool> holds(std::int64_t first, std::int64_t last) override {
    std::lock_guard lock(mutex_);
    const auto at = entries_.lower_bound(first);
    return at != entries_.end() && at->first <= last;
  }
  std::int64_t size() const override {
    std::lock_guard lock(mutex_);
    return static_cast<std::int64_t>(entries_.size());
  }

 private:
  class Reader final : public OutboxReader {
   public:
    Reader(FakeOutbox& outbox, Lease lease) : outbox_(outbox), lease_(std::move(lease)) {}
    Result<std::vector<OutboxEntry>> next(int limit) override {
      std::unique_lock lock(outbox_.mutex_);
      ++outbox_.reads_;
      if (const auto go = std::exchange(outbox_.go_, {}); go.valid()) {
        lock.unlock();
        go.wait();
        lock.lock();
      }
      if (auto error = outbox_.read_failures_.take()) return fail(*error);
      std::vector<OutboxEntry> found;
      seen_ = outbox_.additions_;
      for (const auto& [sequence, record] : outbox_.entries_) {
        if (static_cast<int>(found.size()) == limit) {
          seen_.reset();
          break;
        }
        if (given_.contains(sequence) || acknowledged_.contains(sequence)) continue;
        given_.insert(sequence);
        found.push_back({sequence, record});
      }
      return found;
    }
    void rewind() override {
      given_.clear();
      seen_.reset();
    }
    void acknowledge(std::vector<std::int64_t> sequences,
                     std::function<void(Status)> done) override {
      for (const auto sequence : sequences) {
        given_.erase(sequence);
        acknowledged_.insert(sequence);
      }
      outbox_.acknowledge(lease_, std::move(sequences), std::move(done));
    }
    bool wait(Duration timeout) override {
      std::unique_lock lock(outbox_.mutex_);
      const auto more = [&] { return seen_ != outbox_.additions_; };
      outbox_.clock_.wait_until(lock, outbox_.changed_, outbox_.clock_.steady() + timeout,
                                [&] { return woken_ || more(); });
      woken_ = false;
      return more();
    }
    void wake() override {
      std::lock_guard lock(outbox_.mutex_);
      woken_ = true;
      outbox_.changed_.notify_all();
    }

   private:
    FakeOutbox& outbox_;
    const Lease lease_;
    std::set<std::int64_t> given_, acknowledged_;
    std::optional<int> seen_;
    bool woken_ = false;
  };

  void added() {  // called locked
    ++additions_;
    changed_.notify_all();
  }
  void acknowledge(const Lease& lease, std::vector<std::int64_t> sequences,
                   std::function<void(Status)> done) {
    std::optional<Error> error;
    {
      std::lock_guard lock(mutex_);
      if (hold_) {
        held_.push_back([=, this] { acknowledge(lease, sequences, done); });
        return;
      }
      error = acknowledge_failures_.take();
      if (const auto lease_held = leases_.check(lease); !error && !lease_held) {
        error = lease_held.error();
        ++refused_;
      }
      if (!error) {
        for (const auto sequence : sequences) entries_.erase(sequence);
      }
    }
    done(error ? Status{fail(*error)} : Status{});
  }

  FakeLeaseStore& leases_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int64_t, Record> entries_;  // this and the rest guarded by mutex_
  std::int64_t sequence_ = 0;
  int additions_ = 0;
  int reads_ = 0;
  std::shared_future<void> go_;
  bool hold_ = false;
  std::vector<std::function<void()>> held_;
  int refused_ = 0;
  int readers_ = 0;
  Failures read_failures_, acknowledge_failures_;
};

}  // namespace mesh::test
