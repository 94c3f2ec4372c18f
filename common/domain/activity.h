// Analytics and chemical events: what projections keep and what the subscriber answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/domain/tenant.h"

namespace mesh {

// Data of analytics.recorded: {"user_id","event_type","timestamp"?,"metadata"?{…}}.
struct AnalyticsEvent {
  std::string id;      // the event's
  std::string source;  // the event's; id is unique within it. Not in the public form
  TenantId tenant;
  std::string user_id;
  std::string event_type;
  std::string timestamp;  // as the client wrote it; else the event's time
  Json metadata;          // object, or the raw_json of one: as the client wrote it
  Timestamp processed_at{};
  Timestamp time{};  // the event's; the newest come first by it
};

// Data of chemical.recorded: {"molecule_id","researcher","data"{…},"timestamp"?}.
struct ChemicalEvent {
  std::string id;
  std::string source;  // as above
  TenantId tenant;
  std::string molecule_id;
  std::string researcher;
  std::string timestamp;
  Json data;            // object, or raw_json as above
  Json llm_properties;  // object; what the PropertyExtractor made of it
  Timestamp processed_at{};
  Timestamp time{};  // as above
};

struct AnalyticsSummary {
  std::string user_id;
  std::int64_t total_events = 0;
  std::vector<std::pair<std::string, std::int64_t>> event_types;  // by name
  std::vector<AnalyticsEvent> recent_events;                      // newest first, at most 10
};

struct ResearcherSummary {
  std::string researcher;
  std::int64_t total_experiments = 0;
  std::vector<std::string> molecules;             // distinct, by name
  std::vector<ChemicalEvent> recent_experiments;  // newest first, at most 10
};

// The public forms, with the field names of the contract:
// {"id","user_id","event_type","timestamp","metadata","processed_at"}
Json to_json(const AnalyticsEvent& event, bool with_user = true);
// {"id","molecule_id","researcher","data","timestamp","llm_properties","processed_at"}
Json to_json(const ChemicalEvent& event, bool with_researcher = true);
// {"user_id","total_events","event_types":{…},"recent_events":[…]}
Json to_json(const AnalyticsSummary& summary);
// {"researcher","total_experiments","unique_molecules","molecules_list","recent_experiments":[…]}
Json to_json(const ResearcherSummary& summary);

}  // namespace mesh
