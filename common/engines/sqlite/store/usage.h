// The totals of usage in SQLite.
#pragma once

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/ports/usage_store.h"

namespace mesh::sqlite {

class SqliteUsage final : public UsageStore {
 public:
  SqliteUsage(Committer& committer, ReaderPool& readers)
      : committer_(committer), readers_(readers) {}
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

  Committer& committer_;
  ReaderPool& readers_;
};

}  // namespace mesh::sqlite
