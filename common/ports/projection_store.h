// What the analytics and chemical pipelines keep, and the subscriber reads.
//
// Recording is idempotent by (tenant, source, event id), since an id is unique within its source
// only: an event recorded before changes nothing. The rows and the positions `through` are one
// transaction. Names of users, researchers, molecules and event types are compared, and answered,
// in NFC.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/domain/activity.h"
#include "common/domain/event.h"

namespace mesh {

using Through = std::map<TopicPartition, std::int64_t>;  // offsets to go on from

// Any thread; record blocks until durable, reads are quick.
class AnalyticsStore {
 public:
  virtual ~AnalyticsStore() = default;
  virtual Status record(std::span<const AnalyticsEvent> events, const Through& through) = 0;
  // Of one state of the store. `not_found` for a user without events.
  virtual Result<AnalyticsSummary> summary(const TenantId& tenant, std::string_view user_id) = 0;
  // Newest first: by the events' time, of one millisecond by order of recording. `not_found` for a
  // user without events.
  virtual Result<std::vector<AnalyticsEvent>> recent(const TenantId& tenant,
                                                     std::string_view user_id, int limit) = 0;
  // When the event was recorded (processed_at); nothing where it was not. Chemical, too.
  virtual Result<std::optional<Timestamp>> recorded(const TenantId& tenant, std::string_view source,
                                                    std::string_view event_id) = 0;
};

class ChemicalStore {
 public:
  virtual ~ChemicalStore() = default;
  virtual Status record(std::span<const ChemicalEvent> events, const Through& through) = 0;
  // As for analytics, of a researcher; recent, too.
  virtual Result<ResearcherSummary> summary(const TenantId& tenant,
                                            std::string_view researcher) = 0;
  virtual Result<std::vector<ChemicalEvent>> recent(const TenantId& tenant,
                                                    std::string_view researcher, int limit) = 0;
  virtual Result<std::optional<Timestamp>> recorded(const TenantId& tenant, std::string_view source,
                                                    std::string_view event_id) = 0;
};

}  // namespace mesh
