// What a request needs to know of its tenant, from the tenant's record or the defaults, and whether
// there is such a tenant; cached.
#pragma once

#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "common/base/clock.h"
#include "common/http/message.h"
#include "common/ports/rate_limiter.h"
#include "common/ports/tenant_store.h"
#include "common/telemetry/usage.h"

namespace mesh::services {

// Any thread. A change made through another process is seen after kStaleAfter.
class TenantDirectory {
 public:
  static constexpr Duration kStaleAfter{5'000};
  static constexpr std::size_t kMaxCached = 100'000;

  // `usage`: where given, whose requests were answered since the start counts as used.
  TenantDirectory(TenantStore& store, std::map<std::string, RatePolicy> defaults, Clock& clock,
                  const Usage* usage = nullptr);

  // The tenant's own policy of the scope, else the default; nothing for a scope that has neither.
  struct Policy {
    RatePolicy policy;
    bool own = false;
  };
  Result<std::optional<Policy>> rate_policy(const TenantId& tenant, const std::string& scope);
  Result<bool> allows_unknown_types(const TenantId& tenant);

  // For what an operator asks of a tenant. A tenant needs no record: it exists by it or by use,
  // once a user was created or an event accepted for it, or a request of its own was answered. A
  // name without either is more likely a slip than a tenant: `not_found`, with what to do.
  Status require(const TenantId& tenant);
  // The same of a filter: the empty name is every tenant; `invalid` for what is no tenant's id.
  Status require_if_named(std::string_view tenant);
  // An event of the tenant is accepted. Does not block.
  void note_use(const TenantId& tenant);

  // New defaults (SIGHUP).
  void set_defaults(std::map<std::string, RatePolicy> defaults);
  std::map<std::string, RatePolicy> defaults() const;
  // Call after a change of the tenant's record.
  void forget(const TenantId& tenant);

 private:
  struct Entry {
    std::shared_ptr<const Tenant> tenant;  // null: there is no record
    SteadyTime read_at;
  };
  Result<std::shared_ptr<const Tenant>> find(const TenantId& tenant);
  bool remembered(const TenantId& tenant) const;
  void remember(const TenantId& tenant);

  TenantStore& store_;
  Clock& clock_;
  const Usage* const usage_;
  mutable std::shared_mutex mutex_;
  std::map<std::string, RatePolicy> defaults_;      // guarded by mutex_
  std::unordered_map<std::string, Entry> entries_;  // guarded by mutex_
  std::uint64_t changes_ = 0;                       // guarded by mutex_; calls of forget
  std::unordered_set<std::string> known_;           // guarded by mutex_; tenants that exist
};

// An operator who names a tenant that does not exist is told so, and gets no empty answer. A POST
// for a tenant is how one without a record begins; the holder of a tenant's credential is no guess.
Status check_tenant(TenantDirectory& directory, const Principal& principal,
                    const http::Request& request);

}  // namespace mesh::services
