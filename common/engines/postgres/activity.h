// The analytics and chemical projections as rows: events of a subject (a user, a researcher) under
// a label (the event type, the molecule), kept once per source and id and counted per label.
#pragma once

#include "common/engines/postgres/pool.h"
#include "common/ports/projection_store.h"

namespace mesh::postgres {

enum ActivityKind { kAnalytics = 0, kChemical = 1 };  // of activity; stored
// activity_subjects.name_key of a subject.
std::string subject_key(std::string_view name);

// Of projection_offsets: analytics, chemical, usage.
inline constexpr int kUsageOffsets = 2;
// Within the transaction of the effects.
Query offsets_query(int kind, const Through& through);

class Analytics final : public AnalyticsStore {
 public:
  explicit Analytics(Pool& pool) : pool_(pool) {}
  Status record(std::span<const AnalyticsEvent> events, const Through& through) override;
  Result<AnalyticsSummary> summary(const TenantId& tenant, std::string_view user_id) override;
  Result<std::vector<AnalyticsEvent>> recent(const TenantId& tenant, std::string_view user_id,
                                             int limit) override;
  Result<std::optional<Timestamp>> recorded(const TenantId& tenant, std::string_view source,
                                            std::string_view event_id) override;

 private:
  Pool& pool_;
};

class Chemical final : public ChemicalStore {
 public:
  explicit Chemical(Pool& pool) : pool_(pool) {}
  Status record(std::span<const ChemicalEvent> events, const Through& through) override;
  Result<ResearcherSummary> summary(const TenantId& tenant, std::string_view researcher) override;
  Result<std::vector<ChemicalEvent>> recent(const TenantId& tenant, std::string_view researcher,
                                            int limit) override;
  Result<std::optional<Timestamp>> recorded(const TenantId& tenant, std::string_view source,
                                            std::string_view event_id) override;

 private:
  Pool& pool_;
};

}  // namespace mesh::postgres
