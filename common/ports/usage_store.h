// The totals of usage: what the pipeline "metering" keeps, and quotas, bills and operators read.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/domain/usage.h"
#include "common/ports/projection_store.h"

namespace mesh {

struct UsageQuery {
  UsageGrain grain = UsageGrain::day;
  Timestamp since{}, until{};      // of what began at or after `since`, and before `until`
  std::optional<TenantId> tenant;  // only this one's
};

// Any thread; record blocks until durable, reads are quick.
class UsageStore {
 public:
  virtual ~UsageStore() = default;
  // Adds each increment to the totals of its minute, hour and day, once by (tenant, id) within
  // kUsageIdsKept of `now`; one that was recorded before changes nothing. Totals and the positions
  // `through` are one transaction. What is older than kept() goes, some at each call.
  virtual Status record(std::span<const UsageIncrement> increments, const Through& through,
                        Timestamp now) = 0;
  // For quotas: what the tenant used from the start of the UTC day of `since` until now, so of
  // this day for a time of today, of this month for its first day. A row per day and kind is read.
  // It is behind the tenant's requests by a minute, and by what the pipeline has not read yet.
  virtual Result<UsageAmounts> used(const TenantId& tenant, Timestamp since) = 0;
  // By start, then tenant; those that used nothing are left out. `invalid` where there are more
  // than `limit`.
  virtual Result<std::vector<UsageTotal>> totals(const UsageQuery& query, int limit) = 0;
  // How many users each tenant has now; those without any are left out. Reads all users' keys: for
  // once an hour.
  virtual Result<std::vector<std::pair<TenantId, std::int64_t>>> stored_users() = 0;
};

}  // namespace mesh
