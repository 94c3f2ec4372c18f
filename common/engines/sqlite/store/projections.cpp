#include "common/engines/sqlite/store/projections.h"

#include "common/base/unicode.h"
#include "common/engines/sqlite/store/stored_json.h"

namespace mesh::sqlite {
namespace {

ActivityRow to_row(const AnalyticsEvent& event) {
  return {event.id,
          event.source,
          event.tenant,
          // Both, since counts are by what a name is and not by how a producer spelt it; the data
          // keeps the spelling.
          to_nfc(event.user_id),
          to_nfc(event.event_type),
          event.timestamp,
          event.processed_at,
          event.time,
          dump(event.metadata),
          {}};
}

ActivityRow to_row(const ChemicalEvent& event) {
  return {event.id,
          event.source,
          event.tenant,
          to_nfc(event.researcher),
          to_nfc(event.molecule_id),
          event.timestamp,
          event.processed_at,
          event.time,
          dump(event.data),
          dump(event.llm_properties)};
}

// As it was written; what is no JSON is damage.
Result<Json> as_written(const std::string& text) {
  // Read only to know that it is whole: rows of projections have no checksum of their own.
  auto read = parse_stored(text);
  return read ? raw_json(text) : std::move(read);
}

Status read_row(ActivityRow row, std::vector<AnalyticsEvent>& out) {
  auto metadata = MESH_TRY(as_written(row.data));
  out.push_back({std::move(row.id), std::move(row.source), std::move(row.tenant),
                 std::move(row.subject), std::move(row.label), std::move(row.timestamp),
                 std::move(metadata), row.processed_at, row.time});
  return {};
}

Status read_row(ActivityRow row, std::vector<ChemicalEvent>& out) {
  auto data = MESH_TRY(as_written(row.data));
  auto properties = MESH_TRY(as_written(row.properties));
  out.push_back({std::move(row.id), std::move(row.source), std::move(row.tenant),
                 std::move(row.label), std::move(row.subject), std::move(row.timestamp),
                 std::move(data), std::move(properties), row.processed_at, row.time});
  return {};
}

template <typename Event>
std::vector<ActivityRow> to_rows(std::span<const Event> events) {
  std::vector<ActivityRow> rows;
  rows.reserve(events.size());
  for (const Event& event : events) rows.push_back(to_row(event));
  return rows;
}

template <typename Event>
Result<std::vector<Event>> to_events(Result<std::vector<ActivityRow>> rows) {
  if (!rows) return fail(std::move(rows.error()));
  std::vector<Event> events;
  events.reserve(rows->size());
  for (ActivityRow& row : *rows) MESH_TRY(read_row(std::move(row), events));
  return events;
}

}  // namespace

Status SqliteAnalytics::record(std::span<const AnalyticsEvent> events, const Through& through) {
  return table_.record(to_rows(events), through);
}

Result<AnalyticsSummary> SqliteAnalytics::summary(const TenantId& tenant,
                                                  std::string_view user_id) {
  auto overview = MESH_TRY(table_.overview(tenant, to_nfc(user_id)));
  auto recent = MESH_TRY(to_events<AnalyticsEvent>(std::move(overview.recent)));
  // The name as it was asked for, as a client expects it back.
  return AnalyticsSummary{std::string(user_id), overview.total, std::move(overview.labels),
                          std::move(recent)};
}

Result<std::vector<AnalyticsEvent>> SqliteAnalytics::recent(const TenantId& tenant,
                                                            std::string_view user_id, int limit) {
  return to_events<AnalyticsEvent>(table_.recent(tenant, to_nfc(user_id), limit));
}

Status SqliteChemical::record(std::span<const ChemicalEvent> events, const Through& through) {
  return table_.record(to_rows(events), through);
}

Result<ResearcherSummary> SqliteChemical::summary(const TenantId& tenant,
                                                  std::string_view researcher) {
  auto overview = MESH_TRY(table_.overview(tenant, to_nfc(researcher)));
  auto recent = MESH_TRY(to_events<ChemicalEvent>(std::move(overview.recent)));
  std::vector<std::string> molecules;
  molecules.reserve(overview.labels.size());
  for (auto& [molecule, experiments] : overview.labels) molecules.push_back(std::move(molecule));
  return ResearcherSummary{std::string(researcher), overview.total, std::move(molecules),
                           std::move(recent)};
}

Result<std::vector<ChemicalEvent>> SqliteChemical::recent(const TenantId& tenant,
                                                          std::string_view researcher, int limit) {
  return to_events<ChemicalEvent>(table_.recent(tenant, to_nfc(researcher), limit));
}

}  // namespace mesh::sqlite
