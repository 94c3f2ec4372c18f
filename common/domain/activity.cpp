#include "common/domain/activity.h"

#include "common/base/time.h"

namespace mesh {
namespace {

// A member that was never set is null; the contract says object, so that readers need not ask.
Json object_or_empty(const Json& value) {
  return value.is_object() || is_raw(value) ? value : Json::object();
}

}  // namespace

Json to_json(const AnalyticsEvent& event, bool with_user) {
  Json json = {{"id", event.id}};
  if (with_user) json["user_id"] = event.user_id;
  json["event_type"] = event.event_type;
  json["timestamp"] = event.timestamp;
  json["metadata"] = object_or_empty(event.metadata);
  json["processed_at"] = format_rfc3339(event.processed_at);
  return json;
}

Json to_json(const ChemicalEvent& event, bool with_researcher) {
  Json json = {{"id", event.id}, {"molecule_id", event.molecule_id}};
  if (with_researcher) json["researcher"] = event.researcher;
  json["data"] = object_or_empty(event.data);
  json["timestamp"] = event.timestamp;
  json["llm_properties"] = object_or_empty(event.llm_properties);
  json["processed_at"] = format_rfc3339(event.processed_at);
  return json;
}

Json to_json(const AnalyticsSummary& summary) {
  Json types = Json::object();
  for (const auto& [type, count] : summary.event_types) types[type] = count;
  Json recent = Json::array();
  // Without the user, whom the summary names once.
  for (const auto& event : summary.recent_events) recent.push_back(to_json(event, false));
  return {{"user_id", summary.user_id},
          {"total_events", summary.total_events},
          {"event_types", std::move(types)},
          {"recent_events", std::move(recent)}};
}

Json to_json(const ResearcherSummary& summary) {
  Json recent = Json::array();
  for (const auto& event : summary.recent_experiments) recent.push_back(to_json(event, false));
  return {{"researcher", summary.researcher},
          {"total_experiments", summary.total_experiments},
          // The store keeps a count for each molecule, so the list is whole and its length is the
          // count.
          {"unique_molecules", summary.molecules.size()},
          {"molecules_list", summary.molecules},
          {"recent_experiments", std::move(recent)}};
}

}  // namespace mesh
