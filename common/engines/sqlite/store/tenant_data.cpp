#include "common/engines/sqlite/store/tenant_data.h"

#include <map>
#include <set>

#include "common/base/unicode.h"
#include "common/domain/user.h"
#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/store/activity_table.h"
#include "common/engines/sqlite/store/email_keys.h"
#include "common/engines/sqlite/store/record_codec.h"
#include "common/engines/sqlite/store/schema.h"

namespace mesh::sqlite {
namespace {

constexpr int kAnalytics = static_cast<int>(ActivityTable::Kind::analytics);

Result<std::int64_t> number(Result<Statement> rows) {
  const auto found =
      MESH_TRY(first_row(std::move(rows), [](const Statement& row) { return row.integer(0); }));
  return found.value_or(0);
}

Result<std::int64_t> count_users(Database& db, const ErasureTarget& target) {
  if (!target.subject) {
    return number(
        query(db, "SELECT count(*) FROM users WHERE tenant=" MESH_TENANT_NUMBER, target.tenant));
  }
  const auto id = user_id_of(target);
  if (!id) return 0;
  return number(query(db, "SELECT count(*) FROM users WHERE tenant=" MESH_TENANT_NUMBER " AND id=?",
                      target.tenant, *id));
}

Result<std::int64_t> erase_users(Database& db, const ErasureTarget& target, int limit) {
  const auto only = user_id_of(target);
  if (target.subject && !only) return 0;
  const auto tenant = MESH_TRY(tenant_number(db, target.tenant));
  std::vector<std::pair<std::int64_t, std::string>> users;
  MESH_TRY(
      each_row(only ? query(db, "SELECT id,email FROM users WHERE tenant=? AND id=? LIMIT ?",
                            tenant, *only, limit)
                    : query(db, "SELECT id,email FROM users WHERE tenant=? LIMIT ?", tenant, limit),
               [&](const Statement& row) -> Status {
                 users.emplace_back(row.integer(0), email_key(row.text(1)));
                 return {};
               }));
  for (const auto& [id, key] : users) {
    MESH_TRY(execute(db, "DELETE FROM users WHERE tenant=? AND id=?", tenant, id));
    MESH_TRY(release_email(db, tenant, id, key));
  }
  return static_cast<std::int64_t>(users.size());
}

// The names of the target's subjects as `s`. Parameters: the tenant, and of one user the kind and
// its name.
#define MESH_SUBJECTS "FROM activity_subjects s WHERE s.tenant=" MESH_TENANT_NUMBER
#define MESH_SUBJECT MESH_SUBJECTS " AND s.kind=? AND s.name=?"
#define MESH_WITHOUT_EVENTS " AND NOT EXISTS(SELECT 1 FROM activity a WHERE a.subject=s.number)"

Result<std::int64_t> count_activity(Database& db, const ErasureTarget& target) {
  const std::string subject = to_nfc(target.subject.value_or(""));
  const auto events = MESH_TRY(number(
      target.subject
          ? query(db,
                  "SELECT count(*) FROM activity WHERE subject IN (SELECT s.number " MESH_SUBJECT
                  ")",
                  target.tenant, kAnalytics, subject)
          : query(db, "SELECT count(*) FROM activity WHERE tenant=" MESH_TENANT_NUMBER,
                  target.tenant)));
  const auto names = MESH_TRY(
      number(target.subject
                 ? query(db, "SELECT count(*) " MESH_SUBJECT MESH_WITHOUT_EVENTS, target.tenant,
                         kAnalytics, subject)
                 : query(db, "SELECT count(*) " MESH_SUBJECTS MESH_WITHOUT_EVENTS, target.tenant)));
  return events + names;
}

Status erase_subject(Database& db, std::int64_t subject) {
  MESH_TRY(execute(db, "DELETE FROM activity_counts WHERE subject=?", subject));
  return execute(db, "DELETE FROM activity_subjects WHERE number=?", subject);
}

// Of events whose ids were taken already, and which made no row.
Result<std::int64_t> erase_bare_subjects(Database& db, const ErasureTarget& target,
                                         const std::string& subject, int limit) {
  std::vector<std::int64_t> bare;
  MESH_TRY(each_row(target.subject
                        ? query(db, "SELECT s.number " MESH_SUBJECT MESH_WITHOUT_EVENTS " LIMIT ?",
                                target.tenant, kAnalytics, subject, limit)
                        : query(db, "SELECT s.number " MESH_SUBJECTS MESH_WITHOUT_EVENTS " LIMIT ?",
                                target.tenant, limit),
                    [&](const Statement& row) -> Status {
                      bare.push_back(row.integer(0));
                      return {};
                    }));
  for (const std::int64_t one : bare) MESH_TRY(erase_subject(db, one));
  return static_cast<std::int64_t>(bare.size());
}

// Events first, each with what it counted for; a subject goes with its last event.
Result<std::int64_t> erase_activity(Database& db, const ErasureTarget& target, int limit) {
  const std::string subject = to_nfc(target.subject.value_or(""));
  std::vector<std::int64_t> positions;
  std::map<std::pair<std::int64_t, std::string>, std::int64_t> counted;
  std::set<std::int64_t> subjects;
  MESH_TRY(each_row(
      target.subject
          ? query(db,
                  "SELECT position,subject,label FROM activity WHERE subject IN"
                  " (SELECT s.number " MESH_SUBJECT ") LIMIT ?",
                  target.tenant, kAnalytics, subject, limit)
          : query(db,
                  "SELECT position,subject,label FROM activity WHERE tenant=" MESH_TENANT_NUMBER
                  " LIMIT ?",
                  target.tenant, limit),
      [&](const Statement& row) -> Status {
        positions.push_back(row.integer(0));
        subjects.insert(row.integer(1));
        ++counted[{row.integer(1), std::string(row.text(2))}];
        return {};
      }));
  if (positions.empty()) return erase_bare_subjects(db, target, subject, limit);
  for (const std::int64_t position : positions) {
    MESH_TRY(execute(db, "DELETE FROM activity WHERE position=?", position));
  }
  for (const auto& [of, events] : counted) {
    MESH_TRY(execute(db, "UPDATE activity_counts SET events=events-? WHERE subject=? AND label=?",
                     events, of.first, of.second));
    MESH_TRY(execute(db, "DELETE FROM activity_counts WHERE subject=? AND label=? AND events<=0",
                     of.first, of.second));
  }
  for (const std::int64_t one : subjects) {
    const auto left =
        MESH_TRY(number(query(db, "SELECT EXISTS(SELECT 1 FROM activity WHERE subject=?)", one)));
    if (left == 0) MESH_TRY(erase_subject(db, one));
  }
  return static_cast<std::int64_t>(positions.size());
}

// Of a user those that hold it.
Result<std::int64_t> count_idempotency(Database& db, const ErasureTarget& target) {
  if (target.subject) {
    const auto id = user_id_of(target);
    if (!id) return 0;
    return number(query(
        db, "SELECT count(*) FROM idempotency WHERE tenant=" MESH_TENANT_NUMBER " AND user_id=?",
        target.tenant, *id));
  }
  return number(query(db, "SELECT count(*) FROM idempotency WHERE tenant=" MESH_TENANT_NUMBER,
                      target.tenant));
}

Result<std::int64_t> erase_idempotency(Database& db, const ErasureTarget& target, int limit) {
  const auto only = user_id_of(target);
  if (target.subject && !only) return 0;
  MESH_TRY(only ? execute(db,
                          "DELETE FROM idempotency WHERE position IN (SELECT position FROM"
                          " idempotency WHERE tenant=" MESH_TENANT_NUMBER " AND user_id=? LIMIT ?)",
                          target.tenant, *only, limit)
                : execute(db,
                          "DELETE FROM idempotency WHERE position IN (SELECT position FROM"
                          " idempotency WHERE tenant=" MESH_TENANT_NUMBER " LIMIT ?)",
                          target.tenant, limit));
  return db.changes();
}

Result<std::int64_t> count_usage(Database& db, const ErasureTarget& target) {
  return number(
      query(db, "SELECT count(*) FROM usage WHERE tenant=" MESH_TENANT_NUMBER, target.tenant));
}

Result<std::int64_t> count_keys(Database& db, const ErasureTarget& target) {
  return number(query(db, "SELECT count(*) FROM tenant_keys WHERE tenant=?", target.tenant));
}

// Those of a table whose records are the target's, until `use` answers false. Whose it is stands
// within the record, so that the whole table is read; both are short while the mesh keeps up.
Status each_record(Database& db, std::string_view sql, const ErasureTarget& target,
                   const std::function<bool(const Statement&)>& use) {
  auto rows = MESH_TRY(query(db, sql));
  while (true) {
    const auto row = MESH_TRY(rows.step());
    if (!row) return {};
    auto record = MESH_TRY(decode_record(rows.text(0)));
    const StoredRecord stored{{std::move(record.topic), 0, 0},
                              {},
                              std::move(record.key),
                              std::move(record.value),
                              std::move(record.headers)};
    if (concerns(target, stored) && !use(rows)) return {};
  }
}
constexpr std::string_view kOutboxRecords = "SELECT record,sequence FROM outbox ORDER BY sequence";
constexpr std::string_view kRetryRecords =
    "SELECT record,pipeline,topic,partition,\"offset\" FROM retries";

Result<std::int64_t> count_records(Database& db, std::string_view sql,
                                   const ErasureTarget& target) {
  std::int64_t records = 0;
  MESH_TRY(each_record(db, sql, target, [&](const Statement&) {
    ++records;
    return true;
  }));
  return records;
}

}  // namespace

Result<std::vector<KeptPart>> SqliteTenantData::count(const ErasureTarget& target) {
  return read_snapshot(readers_, [&](Database& db) -> Result<std::vector<KeptPart>> {
    const auto users = MESH_TRY(count_users(db, target));
    const auto waiting = MESH_TRY(count_records(db, kOutboxRecords, target));
    const auto activity = MESH_TRY(count_activity(db, target));
    const auto parked = MESH_TRY(count_records(db, kRetryRecords, target));
    const auto answers = MESH_TRY(count_idempotency(db, target));
    std::vector<KeptPart> parts{{"store/users", users},
                                {"store/outbox", waiting},
                                {"store/activity", activity},
                                {"store/retries", parked},
                                {"store/idempotency", answers}};
    if (target.subject) return parts;
    const auto totals = MESH_TRY(count_usage(db, target));
    const auto keys = MESH_TRY(count_keys(db, target));
    parts.push_back({"store/usage", totals, std::string(kUsageRemains)});
    parts.push_back({"store/keys", keys});
    return parts;
  });
}

Result<std::int64_t> SqliteTenantData::erase(const ErasureTarget& target, std::string_view place,
                                             int limit) {
  Result<std::int64_t> erased;
  if (place == "store/users") {
    erased = run(erase_users, target, limit);
  } else if (place == "store/outbox") {
    erased = erase_outbox(target, limit);
  } else if (place == "store/activity") {
    erased = run(erase_activity, target, limit);
  } else if (place == "store/retries") {
    erased = erase_retries(target, limit);
  } else if (place == "store/idempotency") {
    erased = run(erase_idempotency, target, limit);
  } else {
    return not_erasable(target, place);
  }
  if (erased && *erased < limit) committer_.empty_wal();
  return erased;
}

Result<std::int64_t> SqliteTenantData::run(Removal removal, const ErasureTarget& target,
                                           int limit) {
  std::int64_t removed = 0;
  MESH_TRY(committer_.run([&](Database& db) -> Status {
    removed = MESH_TRY(removal(db, target, limit));
    return {};
  }));
  return removed;
}

// Looked for outside of the committer, which others wait for. What is found is still the same when
// it is removed: no number is given twice.
Result<std::int64_t> SqliteTenantData::erase_outbox(const ErasureTarget& target, int limit) {
  std::vector<std::int64_t> sequences;
  MESH_TRY(read_from(readers_, [&](Database& db) {
    return each_record(db, kOutboxRecords, target, [&](const Statement& row) {
      sequences.push_back(row.integer(1));
      return sequences.size() < static_cast<std::size_t>(limit);
    });
  }));
  return outbox_.remove(sequences);
}

// Likewise: a position is one record's for ever.
Result<std::int64_t> SqliteTenantData::erase_retries(const ErasureTarget& target, int limit) {
  std::vector<std::pair<std::string, Position>> parked;
  MESH_TRY(read_from(readers_, [&](Database& db) {
    return each_record(db, kRetryRecords, target, [&](const Statement& row) {
      parked.emplace_back(
          row.text(1), Position{std::string(row.text(2)), static_cast<std::int32_t>(row.integer(3)),
                                row.integer(4)});
      return parked.size() < static_cast<std::size_t>(limit);
    });
  }));
  std::int64_t removed = 0;
  MESH_TRY(committer_.run([&](Database& db) -> Status {
    removed = 0;
    for (const auto& [pipeline, at] : parked) {
      MESH_TRY(execute(db,
                       "DELETE FROM retries WHERE pipeline=? AND topic=? AND partition=?"
                       " AND \"offset\"=?",
                       pipeline, at.topic, at.partition, at.offset));
      removed += db.changes();
    }
    return {};
  }));
  return removed;
}

}  // namespace mesh::sqlite
