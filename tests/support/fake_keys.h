// Keys of tenants in memory, with knobs.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "common/ports/key_store.h"
#include "tests/support/failures.h"

namespace mesh::test {

class FakeKeyStore final : public KeyStore {
 public:
  // Runs with each drop. Set before it is used.
  std::function<void()> on_drop = [] {};
  std::function<void()> on_rewrap = [] {};  // the same of rewrap

  void fail_next(int n) {
    std::lock_guard lock(mutex_);
    failures_.next(n);
  }
  void fail_next(int n, Error error) {
    std::lock_guard lock(mutex_);
    failures_.next(n, std::move(error));
  }
  // While it is on, calls wait, as for a store that stands still.
  void hold(bool on) {
    std::lock_guard lock(mutex_);
    held_ = on;
    released_.notify_all();
  }
  int asked() const {
    std::lock_guard lock(mutex_);
    return asked_;
  }
  // As another program would.
  void put(const TenantKey& key) {
    std::lock_guard lock(mutex_);
    keys_.insert_or_assign(key.tenant, key);
  }

  Result<TenantKey> get_or_insert(const TenantKey& made) override {
    std::unique_lock lock(mutex_);
    if (auto error = enter(lock)) return fail(*error);
    return keys_.emplace(made.tenant, made).first->second;
  }
  Result<std::optional<TenantKey>> find(const TenantId& tenant) override {
    std::unique_lock lock(mutex_);
    if (auto error = enter(lock)) return fail(*error);
    const auto at = keys_.find(tenant);
    return at == keys_.end() ? std::optional<TenantKey>() : at->second;
  }
  Result<std::optional<TenantKey>> find_by_id(std::string_view id) override {
    std::unique_lock lock(mutex_);
    if (auto error = enter(lock)) return fail(*error);
    for (const auto& [tenant, key] : keys_) {
      if (key.id == id) return std::optional(key);
    }
    return std::optional<TenantKey>();
  }
  Result<std::optional<TenantKey>> any() override {
    std::unique_lock lock(mutex_);
    if (auto error = enter(lock)) return fail(*error);
    return keys_.empty() ? std::optional<TenantKey>() : keys_.begin()->second;
  }
  Result<std::vector<TenantKey>> list(std::string_view after, int limit) override {
    std::unique_lock lock(mutex_);
    if (auto error = enter(lock)) return fail(*error);
    std::vector<TenantKey> found;
    for (const auto& [tenant, key] : keys_) {
      if (tenant.str() > after && static_cast<int>(found.size()) < limit) found.push_back(key);
    }
    return found;
  }
  Result<std::int64_t> rewrap(const std::vector<Rewrapping>& all) override {
    on_rewrap();
    std::unique_lock lock(mutex_);
    if (auto error = enter(lock)) return fail(*error);
    std::int64_t changed = 0;
    for (const auto& [key, wrapped] : all) {
      const auto at = keys_.find(key.tenant);
      if (at == keys_.end() || at->second.id != key.id || at->second.wrapped != key.wrapped) {
        continue;
      }
      at->second.wrapped = wrapped;
      ++changed;
    }
    return changed;
  }
  Result<std::int64_t> drop(const TenantId& tenant) override {
    on_drop();
    std::unique_lock lock(mutex_);
    if (auto error = enter(lock)) return fail(*error);
    return static_cast<std::int64_t>(keys_.erase(tenant));
  }

 private:
  std::optional<Error> enter(std::unique_lock<std::mutex>& lock) {
    ++asked_;
    released_.wait(lock, [this] { return !held_; });
    return failures_.take();
  }

  mutable std::mutex mutex_;
  std::condition_variable released_;
  std::map<TenantId, TenantKey> keys_;  // this and the following guarded by mutex_
  Failures failures_;
  int asked_ = 0;
  bool held_ = false;
};

}  // namespace mesh::test
