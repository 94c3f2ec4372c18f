#include "common/domain/stored_rows.h"

#include <algorithm>

namespace mesh {
namespace {

enum Kind { kAnalytics = 0, kChemical = 1 };  // stored

Timestamp time_of(const Cell& cell) { return Timestamp(Duration(integer(cell))); }

}  // namespace

std::optional<std::size_t> StoredTable::find(std::string_view column) const {
  const auto it = std::ranges::find(columns, column, &StoredColumn::name);
  if (it == columns.end()) return {};
  return static_cast<std::size_t>(it - columns.begin());
}

std::span<const StoredTable> stored_tables() {
  using enum StoredColumn::Type;
  static const std::string kNone;
  static const StoredTable kAll[] = {
      // last_user: the highest id of a user that was ever given out. No record: it was removed, or
      // there never was one.
      {stored::kTenants,
       {{"id", text}, {"last_user", integer}, {"version", integer}, {"record", maybe_text}},
       1,
       {kNone}},
      {stored::kUsers,
       {{"tenant", text},
        {"id", integer},
        {"version", integer},
        {"email", text},
        {"email_key", text},
        {"name", text}},
       2,
       {kNone, 0}},
      // Answers and notes of work that began (code 0). user_id: whose data the answer holds, 0:
      // nobody's.
      {stored::kIdempotency,
       {{"tenant", text},
        {"key", bytes},
        {"fingerprint", bytes},
        {"code", integer},
        {"body", bytes},
        {"headers", text},
        {"created_at", integer},
        {"user_id", integer}},
       2,
       {kNone, kNone}},
      {stored::kTasks,
       {{"id", text},
        {"kind", text},
        {"state", text},
        {"spec", text},
        {"checkpoint", text},
        {"result", text},
        {"done", integer},
        {"total", integer},
        {"error", text},
        {"cancel_requested", integer},
        {"created_at", integer},
        {"started_at", integer},
        {"finished_at", integer},
        {"started_by", text}},
       1,
       {kNone}},
      {stored::kOutbox,
       {{"sequence", integer},
        {"topic", text},
        {"key", bytes},
        {"value", maybe_bytes},
        {"headers", bytes}},
       1,
       {0}},
      {stored::kActivity,
       {{"position", integer},
        {"kind", integer},
        {"tenant", text},
        {"source", bytes},
        {"event_id", bytes},
        {"subject", bytes},
        {"label", bytes},
        {"timestamp", bytes},
        {"processed_at", integer},
        {"event_time", integer},
        {"data", text},
        {"properties", text}},
       1,
       {0}},
      {stored::kUsage,
       {{"tenant", text},
        {"grain", integer},
        {"start", integer},
        {"kind", integer},
        {"amount", integer}},
       4,
       {kNone, 0, 0, 0}},
      {stored::kUsageIds,
       {{"tenant", text}, {"event_id", bytes}, {"recorded_at", integer}},
       2,
       {kNone, kNone}},
      {stored::kKeys, {{"id", text}, {"tenant", text}, {"wrapped", bytes}}, 1, {kNone}},
      {stored::kOffsets,
       {{"kind", integer}, {"topic", text}, {"partition", integer}, {"next", integer}},
       3,
       {-1, kNone, 0}},
      {stored::kRetries,
       {{"pipeline", text},
        {"topic", text},
        {"partition", integer},
        {"offset", integer},
        {"time", integer},
        {"key", bytes},
        {"value", maybe_bytes},
        {"headers", bytes},
        {"attempts", integer},
        {"next_attempt", integer},
        {"cause_class", text},
        {"cause", bytes},
        {"history", text}},
       4,
       {kNone, kNone, 0, 0}},
  };
  return kAll;
}

const StoredTable& stored_table(std::string_view name) {
  return *std::ranges::find(stored_tables(), name, &StoredTable::name);
}

Result<StoredActivity> activity_of(std::span<const StoredRow> rows) {
  StoredActivity all;
  for (const StoredRow& row : rows) {
    const auto tenant = TenantId::parse(text(row[2]));
    if (!tenant) return fail(ErrorKind::corrupt, "a recorded event: " + tenant.error().message);
    const auto &source = text(row[3]), &id = text(row[4]), &subject = text(row[5]),
               &label = text(row[6]), &timestamp = text(row[7]);
    // Stored texts, which go on as they are.
    Json data = raw_json(text(row[10]));
    const Timestamp processed_at = time_of(row[8]), time = time_of(row[9]);
    if (integer(row[1]) == kAnalytics) {
      all.analytics.push_back(
          {id, source, *tenant, subject, label, timestamp, std::move(data), processed_at, time});
    } else {
      all.chemical.push_back({id, source, *tenant, label, subject, timestamp, std::move(data),
                              raw_json(text(row[11])), processed_at, time});
    }
  }
  return all;
}

}  // namespace mesh
