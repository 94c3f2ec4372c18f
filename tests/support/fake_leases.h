// Leases in memory, with knobs.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/ports/lease_store.h"

namespace mesh::test {

class FakeLeaseStore final : public LeaseStore {
 public:
  explicit FakeLeaseStore(Clock& clock) : clock_(clock) {}
  // The store cannot be reached by this holder.
  void cut_off(const std::string& holder) {
    std::lock_guard lock(mutex_);
    cut_off_ = holder;
  }
  void fail_lists(int n) {
    std::lock_guard lock(mutex_);
    failing_lists_ = n;
  }
  // Runs once, before the next renewal.
  void before_renewal(std::function<void()> hook) {
    std::lock_guard lock(mutex_);
    before_renewal_ = std::move(hook);
  }
  int releases() {
    std::lock_guard lock(mutex_);
    return releases_;
  }
  // Whose the lease is; empty: nobody's.
  std::string holder(const std::string& name) {
    std::lock_guard lock(mutex_);
    const auto at = held_.find(name);
    return at != held_.end() && clock_.steady() < at->second.until ? at->second.holder : "";
  }
  Status check(const Lease& lease) {
    std::lock_guard lock(mutex_);
    return find(lease) != held_.end() ? Status{} : lost();
  }

  Result<std::optional<Lease>> acquire(const std::string& name, const std::string& holder,
                                       Duration ttl) override {
    std::lock_guard lock(mutex_);
    if (holder == cut_off_) return unreachable();
    const auto at = held_.find(name);
    if (at != held_.end() && clock_.steady() < at->second.until) return std::optional<Lease>();
    held_[name] = {++tokens_, holder, clock_.steady() + ttl, clock_.now() + ttl};
    return std::optional(Lease{name, tokens_});
  }
  Status renew(const Lease& lease, Duration ttl) override {
    std::unique_lock lock(mutex_);
    if (auto hook = std::exchange(before_renewal_, nullptr)) {
      lock.unlock();
      hook();
      lock.lock();
    }
    const auto at = find(lease);
    if (at != held_.end() && at->second.holder == cut_off_) return unreachable();
    if (at == held_.end()) return lost();
    at->second.until = clock_.steady() + ttl;
    at->second.shown = clock_.now() + ttl;
    return {};
  }
  Status release(const Lease& lease) override {
    std::lock_guard lock(mutex_);
    ++releases_;
    if (const auto at = find(lease); at != held_.end()) held_.erase(at);
    return {};
  }
  Result<std::vector<LeaseInfo>> list() override {
    std::lock_guard lock(mutex_);
    if (failing_lists_ > 0) {
      --failing_lists_;
      return unreachable();
    }
    std::vector<LeaseInfo> all;
    for (const auto& [name, held] : held_) {
      if (clock_.steady() < held.until) all.push_back({name, held.holder, held.shown});
    }
    return all;
  }

 private:
  struct Held {
    std::int64_t token = 0;
    std::string holder;
    SteadyTime until{};
    Timestamp shown{};
  };
  static tl::unexpected<Error> unreachable() {
    return fail(ErrorKind::unavailable, "the fake cannot be reached");
  }
  static tl::unexpected<Error> lost() { return fail(ErrorKind::conflict, "the lease was lost"); }
  std::map<std::string, Held>::iterator find(const Lease& lease) {
    const auto at = held_.find(lease.name);
    const bool held =
        at != held_.end() && at->second.token == lease.token && clock_.steady() < at->second.until;
    return held ? at : held_.end();
  }

  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Held> held_;
  std::int64_t tokens_ = 0;
  int releases_ = 0, failing_lists_ = 0;
  std::string cut_off_;
  std::function<void()> before_renewal_;
};

}  // namespace mesh::test
