// The totals of usage: what the pipeline "metering" keeps, and quotas, bills and operators read.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
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

// What the store holds of a tenant now. Bytes are those of texts in UTF-8: of users the addresses
// and names, of the events that summaries are made of the data and what was extracted from it. So
// they are the same in every engine; rows, indexes, the log and the search index take more.
struct Stored {
  std::int64_t users = 0;
  std::int64_t bytes = 0;
  bool operator==(const Stored&) const = default;
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
  // All that each tenant used in that time of each kind, of levels the most: by tenant, then kind.
  // What is read is as much as it is of totals, and more than `limit` sums are refused likewise.
  virtual Result<std::vector<UsageSum>> sums(const UsageQuery& query, int limit) = 0;
  // Tenants of which nothing is there are left out. Reads all users and events, in parts, as no
  // reader may keep the store from tidying up for long: for once an hour. `go_on` is asked before
  // each part; where it says no, `unavailable`.
  virtual Result<std::map<TenantId, Stored>> stored(const std::function<bool()>& go_on) = 0;
};

}  // namespace mesh
