// The analytics and chemical projections in SQLite.
#pragma once

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/engines/sqlite/store/activity_table.h"

namespace mesh::sqlite {

class SqliteAnalytics final : public AnalyticsStore {
 public:
  SqliteAnalytics(Committer& committer, ReaderPool& readers)
      : table_(ActivityTable::Kind::analytics, committer, readers) {}
  Status record(std::span<const AnalyticsEvent> events, const Through& through) override;
  Result<AnalyticsSummary> summary(const TenantId& tenant, std::string_view user_id) override;
  Result<std::vector<AnalyticsEvent>> recent(const TenantId& tenant, std::string_view user_id,
                                             int limit) override;
  Result<std::optional<Timestamp>> recorded(const TenantId& tenant, std::string_view source,
                                            std::string_view event_id) override {
    return table_.recorded(tenant, source, event_id);
  }

 private:
  ActivityTable table_;
};

class SqliteChemical final : public ChemicalStore {
 public:
  SqliteChemical(Committer& committer, ReaderPool& readers)
      : table_(ActivityTable::Kind::chemical, committer, readers) {}
  Status record(std::span<const ChemicalEvent> events, const Through& through) override;
  Result<ResearcherSummary> summary(const TenantId& tenant, std::string_view researcher) override;
  Result<std::vector<ChemicalEvent>> recent(const TenantId& tenant, std::string_view researcher,
                                            int limit) override;
  Result<std::optional<Timestamp>> recorded(const TenantId& tenant, std::string_view source,
                                            std::string_view event_id) override {
    return table_.recorded(tenant, source, event_id);
  }

 private:
  ActivityTable table_;
};

}  // namespace mesh::sqlite
