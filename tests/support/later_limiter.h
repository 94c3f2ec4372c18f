// A limiter that asks a server: what it decides comes later, from a thread of its own.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "common/ports/rate_limiter.h"

namespace mesh::test {

class LaterLimiter final : public RateLimiter {
 public:
  using Decide = std::function<Result<RateDecision>(const TenantId& tenant, std::string_view scope,
                                                    const RatePolicy& policy, std::int64_t cost)>;
  // `decide` is the server. `times`: how often each decision is told; more than once is a bug.
  explicit LaterLimiter(Decide decide, int times = 1)
      : decide_(std::move(decide)), times_(times), thread_([this] { run(); }) {}
  ~LaterLimiter() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    thread_.join();
  }

  // The server is silent until released.
  void hold() {
    std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  // The connection to the server is lost: what was asked is never answered.
  void drop() {
    std::deque<Asked> dropped;
    std::lock_guard lock(mutex_);
    std::swap(dropped, asked_);
  }
  // Waits until `n` calls lie unanswered.
  void await_asked(std::size_t n) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_.size() >= n; });
  }
  // Waits until all that was asked is answered.
  void await_answers() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_.empty() && !telling_; });
  }

  std::optional<Result<RateDecision>> take(const TenantId& tenant, std::string_view scope,
                                           const RatePolicy& policy, std::int64_t cost,
                                           const Later& later) override {
    std::lock_guard lock(mutex_);
    asked_.push_back({tenant, std::string(scope), policy, cost, later()});
    changed_.notify_all();
    return std::nullopt;
  }
  Result<RateDecision> peek(const TenantId& tenant, std::string_view scope,
                            const RatePolicy& policy) override {
    return decide_(tenant, scope, policy, 0);
  }
  Status reset(const TenantId&, std::string_view) override { return {}; }

 private:
  struct Asked {
    TenantId tenant;
    std::string scope;
    RatePolicy policy;
    std::int64_t cost;
    Done done;
  };

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stopping_ || (!held_ && !asked_.empty()); });
      if (stopping_) return;
      Asked next = std::move(asked_.front());
      asked_.pop_front();
      telling_ = true;
      lock.unlock();
      const auto decision = decide_(next.tenant, next.scope, next.policy, next.cost);
      for (int i = 0; i < times_; ++i) next.done(decision);
      next.done = nullptr;
      lock.lock();
      telling_ = false;
      changed_.notify_all();
    }
  }

  const Decide decide_;
  const int times_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Asked> asked_;  // this and the following guarded by mutex_
  bool held_ = false;
  bool telling_ = false;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace mesh::test
