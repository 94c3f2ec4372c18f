// The totals of usage as rows.
#pragma once

#include "common/engines/postgres/pool.h"
#include "common/ports/usage_store.h"

namespace mesh::postgres {

class Usage final : public UsageStore {
 public:
  explicit Usage(Pool& pool) : pool_(pool) {}
  Status record(std::span<const UsageIncrement> increments, const Through& through,
                Timestamp now) override;
  Result<UsageAmounts> used(const TenantId& tenant, Timestamp since) override;
  Result<std::vector<UsageTotal>> totals(const UsageQuery& query, int limit) override;
  Result<std::vector<UsageSum>> sums(const UsageQuery& query, int limit) override;
  Result<std::map<TenantId, Stored>> stored(const std::function<bool()>& go_on) override;

 private:
  // Of stored().
  Status add_users(const std::function<bool()>& go_on, std::map<TenantId, Stored>& all);
  Status add_events(const std::function<bool()>& go_on, std::map<TenantId, Stored>& all);

  Pool& pool_;
};

}  // namespace mesh::postgres
