// What a store keeps of tenants, row by row, in memory.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "common/ports/key_store.h"
#include "common/ports/tenant_data.h"
#include "tests/support/failures.h"

namespace mesh::test {

class FakeTenantData final : public TenantData {
 public:
  explicit FakeTenantData(KeyStore& keys) : keys_(keys) {}

  static constexpr const char* kPlaces[] = {"store/users",   "store/outbox",      "store/activity",
                                            "store/retries", "store/idempotency", "store/usage"};

  void add(const std::string& place, const std::string& tenant, const std::string& subject = {}) {
    std::lock_guard lock(mutex_);
    rows_[place].push_back({tenant, subject});
  }
  // How many rows there are, of whatever place.
  std::int64_t rows(const std::string& tenant) {
    std::lock_guard lock(mutex_);
    std::int64_t all = 0;
    for (const auto& [place, rows] : rows_) all += std::ranges::count(rows, tenant, &Row::tenant);
    return all;
  }
  void fail_next(int n) {
    std::lock_guard lock(mutex_);
    failures_.next(n);
  }

  Result<std::vector<KeptPart>> count(const ErasureTarget& target) override {
    std::lock_guard lock(mutex_);
    if (auto error = failures_.take()) return fail(*error);
    std::vector<KeptPart> parts;
    for (const std::string place : kPlaces) {
      if (target.subject && !tells_users_apart(place)) continue;
      parts.push_back(
          {place,
           std::ranges::count_if(rows_[place], [&](const Row& row) { return is_of(target, row); }),
           place == "store/usage" ? "totals of what was billed" : ""});
    }
    if (!target.subject) {
      const auto key = MESH_TRY(keys_.find(target.tenant));
      parts.push_back({"store/keys", key ? 1 : 0});
    }
    return parts;
  }
  Result<std::int64_t> erase(const ErasureTarget& target, std::string_view place,
                             int limit) override {
    std::lock_guard lock(mutex_);
    if (auto error = failures_.take()) return fail(*error);
    if (place == "store/usage") return fail(ErrorKind::invalid, "it remains");
    auto& rows = rows_[std::string(place)];
    std::int64_t gone = 0;
    std::erase_if(rows, [&](const Row& row) {
      const bool goes = gone < limit && is_of(target, row);
      gone += goes;
      return goes;
    });
    return gone;
  }

 private:
  struct Row {
    std::string tenant, subject;
  };
  static bool tells_users_apart(const std::string& place) { return place != "store/usage"; }
  static bool is_of(const ErasureTarget& target, const Row& row) {
    return row.tenant == target.tenant.str() && (!target.subject || row.subject == *target.subject);
  }

  KeyStore& keys_;
  std::mutex mutex_;
  std::map<std::string, std::vector<Row>> rows_;  // by place
  Failures failures_;
};

}  // namespace mesh::test
