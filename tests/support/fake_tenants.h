// Records of tenants in memory, in a store that fails or hangs when the test says so.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/ports/tenant_store.h"

namespace mesh::test {

class FakeTenants final : public TenantStore {
 public:
  // As another process does it: nobody here is told.
  void put(Tenant tenant) {
    std::lock_guard lock(mutex_);
    records_.insert_or_assign(tenant.id.str(), std::move(tenant));
  }
  void fail_with(std::optional<ErrorKind> kind) {
    std::lock_guard lock(mutex_);
    failure_ = kind;
  }
  // The record cannot be read, nor any list that holds it.
  void damage(const std::string& id) {
    std::lock_guard lock(mutex_);
    damaged_.insert(id);
  }
  // Calls wait until the end of it.
  void hang(bool hangs) {
    std::lock_guard lock(mutex_);
    hangs_ = hangs;
    changed_.notify_all();
  }
  void await_hanging() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return hanging_ > 0; });
  }
  std::atomic<int> calls{0};  // that ask the store
  std::atomic<int> lists{0};  // of them, of all records

  Result<ChangedTenant> create(Tenant tenant) override {
    put(tenant);
    return ChangedTenant{std::move(tenant), 0};
  }
  Result<ChangedTenant> update(Tenant tenant) override { return create(std::move(tenant)); }
  Result<ChangedTenant> remove(const TenantId& id,
                               const std::optional<std::vector<std::int64_t>>&) override {
    std::lock_guard lock(mutex_);
    if (records_.erase(id.str()) == 0) return fail(ErrorKind::not_found, "no such tenant");
    return ChangedTenant{{.id = id, .name = id.str(), .rate_limits = {}}, 0};
  }
  Result<Tenant> get(const TenantId& id) override {
    std::unique_lock lock(mutex_);
    MESH_TRY(ask(lock));
    if (damaged_.contains(id.str())) return fail(ErrorKind::corrupt, "the record is damaged");
    const auto it = records_.find(id.str());
    if (it == records_.end()) return fail(ErrorKind::not_found, "no such tenant");
    return it->second;
  }
  Result<std::vector<Tenant>> list(std::string_view after, int limit) override {
    std::unique_lock lock(mutex_);
    ++lists;
    MESH_TRY(ask(lock));
    std::vector<Tenant> page;
    for (auto it = records_.upper_bound(std::string(after));
         it != records_.end() && static_cast<int>(page.size()) < limit; ++it) {
      if (damaged_.contains(it->first)) return fail(ErrorKind::corrupt, "a record is damaged");
      page.push_back(it->second);
    }
    return page;
  }
  Result<bool> known(const TenantId& id) override {
    std::unique_lock lock(mutex_);
    MESH_TRY(ask(lock));
    return records_.contains(id.str()) || used_.contains(id.str());
  }
  void note_use(const TenantId& id) override {
    std::lock_guard lock(mutex_);
    used_.insert(id.str());
  }

 private:
  Status ask(std::unique_lock<std::mutex>& lock) {
    ++calls;
    ++hanging_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !hangs_; });
    --hanging_;
    if (failure_) return fail(*failure_, "the store is down");
    return {};
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Tenant> records_;  // this and the following guarded by mutex_
  std::set<std::string> used_, damaged_;
  std::optional<ErrorKind> failure_;
  bool hangs_ = false;
  int hanging_ = 0;  // or just passing
};

}  // namespace mesh::test
