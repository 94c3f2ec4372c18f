// What a store keeps of tenants, in memory: numbers of rows, as the test says.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/ports/tenant_data.h"
#include "tests/support/failures.h"

namespace mesh::test {

class FakeTenantData final : public TenantData {
 public:
  // A part of the store, in the order of their naming. Without a subject those of the tenant that
  // are no user's, who count for the tenant as well.
  void put(const ErasureTarget& target, const std::string& place, std::int64_t rows) {
    std::lock_guard lock(mutex_);
    part(place).rows[key_of(target)] = rows;
  }
  void let_remain(const std::string& place, const std::string& why) {
    std::lock_guard lock(mutex_);
    part(place).remains = why;
  }
  void fail_erasures(int n) {
    std::lock_guard lock(mutex_);
    failures_.next(n);
  }
  // The limits that erase() was called with.
  std::vector<int> limits() const {
    std::lock_guard lock(mutex_);
    return limits_;
  }

  Result<std::vector<KeptPart>> count(const ErasureTarget& target) override {
    std::lock_guard lock(mutex_);
    std::vector<KeptPart> parts;
    for (const auto& [place, part] : parts_) {
      std::int64_t rows = 0;
      for (const auto& [key, held] : part.rows) rows += is_of(target, key) ? held : 0;
      parts.push_back({place, rows, part.remains});
    }
    return parts;
  }
  Result<std::int64_t> erase(const ErasureTarget& target, std::string_view place,
                             int limit) override {
    std::lock_guard lock(mutex_);
    limits_.push_back(limit);
    if (auto error = failures_.take()) return fail(*error);
    const auto found = std::ranges::find(parts_, place, &std::pair<std::string, Part>::first);
    if (found == parts_.end() || !found->second.remains.empty()) return not_erasable(target, place);
    std::int64_t erased = 0;
    for (auto& [key, held] : found->second.rows) {
      if (!is_of(target, key)) continue;
      const auto some = std::min(held, limit - erased);
      held -= some;
      erased += some;
    }
    return erased;
  }

 private:
  using Key = std::pair<std::string, std::optional<std::string>>;  // tenant, subject
  struct Part {
    std::map<Key, std::int64_t> rows;
    std::string remains;
  };
  static Key key_of(const ErasureTarget& target) { return {target.tenant.str(), target.subject}; }
  static bool is_of(const ErasureTarget& target, const Key& key) {
    return key.first == target.tenant.str() && (!target.subject || key.second == target.subject);
  }
  Part& part(const std::string& place) {
    const auto found = std::ranges::find(parts_, place, &std::pair<std::string, Part>::first);
    return found != parts_.end() ? found->second : parts_.emplace_back(place, Part{}).second;
  }

  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, Part>> parts_;  // this and the rest guarded by mutex_
  std::vector<int> limits_;
  Failures failures_;
};

}  // namespace mesh::test
