#include "common/engines/sqlite/store/activity_table.h"

#include <map>

#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/store/schema.h"

namespace mesh::sqlite {
namespace {

constexpr int kOverviewEvents = 10;
constexpr std::size_t kUuidText = 36;
constexpr std::size_t kUuidBytes = 16;
constexpr std::string_view kHex = "0123456789abcdef";

bool is_dash_place(std::size_t place) {
  return place == 8 || place == 13 || place == 18 || place == 23;
}

// An event id as stored: 'u' and 16 bytes for a UUID in its usual form, else 't' and the text.
// UUIDs are nearly all there are, stand in the table and in its index, and shrink to half.
std::string pack_id(std::string_view id) {
  std::string packed(1, 'u');
  int high = -1;
  for (std::size_t i = 0; i < id.size() && id.size() == kUuidText; ++i) {
    if (is_dash_place(i)) {
      if (id[i] != '-') break;
      continue;
    }
    const auto digit = kHex.find(id[i]);
    if (digit == std::string_view::npos) break;
    if (high < 0) {
      high = static_cast<int>(digit);
    } else {
      packed.push_back(static_cast<char>(high * 16 + static_cast<int>(digit)));
      high = -1;
    }
  }
  // Only the usual form, in lower case, comes back as it was; every other id is kept as text.
  if (packed.size() == 1 + kUuidBytes) return packed;
  packed.assign(1, 't');
  packed.append(id);
  return packed;
}

}  // namespace

std::string unpack_id(std::string_view packed) {
  const bool uuid = packed.starts_with('u');
  packed.remove_prefix(std::min<std::size_t>(1, packed.size()));
  if (!uuid) return std::string(packed);
  std::string id;
  id.reserve(kUuidText);
  for (const char c : packed) {
    if (is_dash_place(id.size())) id.push_back('-');
    const auto byte = static_cast<unsigned char>(c);
    id.push_back(kHex[byte >> 4]);
    id.push_back(kHex[byte & 15]);
  }
  return id;
}

Status ActivityTable::record(std::span<const ActivityRow> rows, const Through& through) {
  if (rows.empty() && through.empty()) return {};
  return committer_.run([&](Database& db) -> Status {
    // Rows and offsets are one transaction: what a crash leaves is counted, or will be read again.
    MESH_TRY(insert(db, rows));
    return move_offsets(db, kind_, through);
  });
}

Status ActivityTable::insert(Database& db, std::span<const ActivityRow> rows) {
  // Batches repeat their tenants, users and types: each is looked up once and counted once.
  std::map<std::string_view, std::int64_t> tenants;
  std::map<std::pair<std::int64_t, std::string_view>, std::int64_t> subjects;
  std::map<std::pair<std::int64_t, std::string_view>, std::int64_t> counts;
  auto statement = MESH_TRY(db.prepare(
      "INSERT INTO activity(tenant,kind,source,event_id,subject,label,timestamp,processed_at,data,"
      "properties,event_time) VALUES(?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"));
  for (const ActivityRow& row : rows) {
    auto [tenant, new_tenant] = tenants.try_emplace(row.tenant.str());
    if (new_tenant) {
      tenant->second = MESH_TRY(tenant_number(db, row.tenant));
    }
    auto [subject, new_subject] =
        subjects.try_emplace({tenant->second, std::string_view(row.subject)});
    if (new_subject) {
      subject->second = MESH_TRY(subject_number(db, tenant->second, row.subject));
    }
    const std::string id = pack_id(row.id);
    int index = 0;
    const auto bind = [&](const auto&... values) { (bind_value(statement, ++index, values), ...); };
    bind(tenant->second, kind_, row.source, Blob{id}, subject->second, row.label, row.timestamp,
         row.processed_at, row.data, row.properties, row.time);
    MESH_TRY(statement.run());
    // An event that was recorded before changes no row, and must not count twice.
    if (db.changes() > 0) ++counts[{subject->second, row.label}];
  }
  for (const auto& [key, events] : counts) {
    MESH_TRY(execute(db,
                     "INSERT INTO activity_counts(subject,label,events) VALUES(?,?,?)"
                     " ON CONFLICT DO UPDATE SET events=events+excluded.events",
                     key.first, key.second, events));
  }
  return {};
}

Status move_offsets(Database& db, int kind, const Through& through) {
  for (const auto& [at, next] : through) {
    MESH_TRY(execute(db,
                     "INSERT INTO projection_offsets(kind,topic,partition,next)"
                     " VALUES(?,?,?,?)"
                     // A replay goes over offsets that lie far behind.
                     " ON CONFLICT DO UPDATE SET next=max(next,excluded.next)",
                     kind, at.topic, at.partition, next));
  }
  return {};
}

Result<std::int64_t> ActivityTable::subject_number(Database& db, std::int64_t tenant,
                                                   const std::string& name) {
  auto known = MESH_TRY(first_row(
      query(db, "SELECT number FROM activity_subjects WHERE tenant=? AND kind=? AND name=?", tenant,
            kind_, name),
      [](const Statement& row) { return row.integer(0); }));
  if (known) return *known;
  MESH_TRY(execute(db, "INSERT INTO activity_subjects(tenant,kind,name) VALUES(?,?,?)", tenant,
                   kind_, name));
  return db.last_insert_rowid();
}

Result<ActivityOverview> ActivityTable::overview(const TenantId& tenant, std::string_view subject) {
  // One snapshot, so that the counts and the newest events agree.
  return read_snapshot(readers_, [&](Database& db) -> Result<ActivityOverview> {
    ActivityOverview overview;
    MESH_TRY(each_row(
        query(db,
              "SELECT c.label,c.events FROM activity_subjects s"
              " JOIN activity_counts c ON c.subject=s.number"
              " WHERE s.tenant=" MESH_TENANT_NUMBER " AND s.kind=? AND s.name=? ORDER BY c.label",
              tenant, kind_, subject),
        [&](const Statement& row) -> Status {
          overview.labels.emplace_back(row.text(0), row.integer(1));
          overview.total += row.integer(1);
          return {};
        }));
    overview.recent = MESH_TRY(newest(db, tenant, subject, kOverviewEvents));
    return overview;
  });
}

Result<std::vector<ActivityRow>> ActivityTable::recent(const TenantId& tenant,
                                                       std::string_view subject, int limit) {
  return read_from(readers_, [&](Database& db) { return newest(db, tenant, subject, limit); });
}

Result<std::optional<Timestamp>> ActivityTable::recorded(const TenantId& tenant,
                                                         std::string_view source,
                                                         std::string_view event_id) {
  const std::string id = pack_id(event_id);
  return read_from(readers_, [&](Database& db) {
    return first_row(query(db,
                           "SELECT processed_at FROM activity WHERE tenant=" MESH_TENANT_NUMBER
                           " AND kind=? AND source=? AND event_id=?",
                           tenant, kind_, source, Blob{id}),
                     [](const Statement& row) { return timestamp(row, 0); });
  });
}

Result<std::vector<ActivityRow>> ActivityTable::newest(Database& db, const TenantId& tenant,
                                                       std::string_view subject, int limit) {
  std::vector<ActivityRow> rows;
  MESH_TRY(each_row(
      query(
          db,
          "SELECT "
          "a.event_id,a.source,a.label,a.timestamp,a.processed_at,a.event_time,a.data,a.properties"
          " FROM activity_subjects s JOIN activity a ON a.subject=s.number"
          " WHERE s.tenant=" MESH_TENANT_NUMBER " AND s.kind=? AND s.name=?"
          " ORDER BY a.event_time DESC,a.position DESC LIMIT ?",
          tenant, kind_, subject, limit),
      [&](const Statement& row) -> Status {
        rows.push_back({unpack_id(row.text(0)), std::string(row.text(1)), tenant,
                        std::string(subject), std::string(row.text(2)), std::string(row.text(3)),
                        timestamp(row, 4), timestamp(row, 5), std::string(row.text(6)),
                        std::string(row.text(7))});
        return {};
      }));
  // A subject without a row was never seen, and neither was one of another tenant: both answer
  // alike.
  if (rows.empty()) {
    return fail(ErrorKind::not_found,
                "no events of " + std::string(subject) + " in tenant " + tenant.str());
  }
  return rows;
}

}  // namespace mesh::sqlite
