#include "common/engines/sqlite/store/email_keys.h"

#include <map>

#include "common/base/strings.h"
#include "common/base/unicode.h"
#include "common/domain/user.h"
#include "common/engines/sqlite/core/query.h"

namespace mesh::sqlite {
namespace {

struct Rekeyed {
  std::int64_t tenant, id;
  std::string key;
};

Status fold_emails(Database& db) {
  // Read first and changed then: a scan of a table that is being changed may meet a row twice.
  std::vector<Rekeyed> changed;
  MESH_TRY(each_row(query(db, "SELECT tenant,id,email,email_key FROM users"),
                    [&](const Statement& row) -> Status {
                      std::string key = email_key(row.text(2));
                      if (key != row.text(3)) {
                        changed.push_back({row.integer(0), row.integer(1), std::move(key)});
                      }
                      return {};
                    }));
  // Whoever has a key that is its own fold keeps it, so the order decides among the others only.
  for (const auto& [tenant, id, key] : changed) {
    Status put =
        execute(db, "UPDATE users SET email_key=? WHERE tenant=? AND id=?", key, tenant, id);
    // The address is another user's: nobody is lost, this one keeps its old key (see the header).
    if (!put && put.error().kind == ErrorKind::conflict) put = note_alike(db, tenant, id, key);
    if (!put) return put;
  }
  return {};
}

struct Folded {
  std::string label;
  std::int64_t events;
};
using Folds = std::map<std::string, Folded, std::less<>>;  // by the label as it is written

// Counts of one label of a subject written in two ways become one. The subject's rows are read
// once, however many of its labels change.
Status fold_labels_of(Database& db, std::int64_t subject, const Folds& folds) {
  std::vector<std::pair<std::int64_t, const std::string*>> rows;
  MESH_TRY(each_row(query(db, "SELECT position,label FROM activity WHERE subject=?", subject),
                    [&](const Statement& row) -> Status {
                      const auto fold = folds.find(row.text(1));
                      if (fold != folds.end()) {
                        rows.emplace_back(row.integer(0), &fold->second.label);
                      }
                      return {};
                    }));
  for (const auto& [position, label] : rows) {
    MESH_TRY(execute(db, "UPDATE activity SET label=? WHERE position=?", *label, position));
  }
  for (const auto& [label, folded] : folds) {
    Status done = execute(db,
                          "INSERT INTO activity_counts(subject,label,events) VALUES(?,?,?)"
                          " ON CONFLICT DO UPDATE SET events=events+excluded.events",
                          subject, folded.label, folded.events);
    if (done) {
      done = execute(db, "DELETE FROM activity_counts WHERE subject=? AND label=?", subject, label);
    }
    if (!done) return done;
  }
  return {};
}

Status fold_labels(Database& db) {
  std::map<std::int64_t, Folds> changed;  // by subject
  Status read = each_row(
      query(db, "SELECT subject,label,events FROM activity_counts"),
      [&](const Statement& row) -> Status {
        std::string label = to_nfc(row.text(1));
        if (label == row.text(1)) return {};
        changed[row.integer(0)].emplace(row.text(1), Folded{std::move(label), row.integer(2)});
        return {};
      });
  for (const auto& [subject, folds] : changed) {
    if (!read) break;
    read = fold_labels_of(db, subject, folds);
  }
  return read;
}

// A subject whose name is another's in NFC hands its events and counts over.
Status merge_subject(Database& db, std::int64_t from, std::int64_t into) {
  Status done = execute(db, "UPDATE activity SET subject=? WHERE subject=?", into, from);
  if (done) {
    done = execute(db,
                   "INSERT INTO activity_counts(subject,label,events)"
                   " SELECT ?,label,events FROM activity_counts WHERE subject=?"
                   " ON CONFLICT DO UPDATE SET events=events+excluded.events",
                   into, from);
  }
  if (done) done = execute(db, "DELETE FROM activity_counts WHERE subject=?", from);
  if (done) done = execute(db, "DELETE FROM activity_subjects WHERE number=?", from);
  return done;
}

Status fold_subjects(Database& db) {
  struct Subject {
    std::int64_t number, tenant, kind;
    std::string folded;
  };
  std::vector<Subject> changed;
  MESH_TRY(each_row(
      query(db, "SELECT number,tenant,kind,name FROM activity_subjects"),
      [&](const Statement& row) -> Status {
        std::string folded = to_nfc(row.text(3));
        if (folded != row.text(3)) {
          changed.push_back({row.integer(0), row.integer(1), row.integer(2), std::move(folded)});
        }
        return {};
      }));
  for (const auto& [number, tenant, kind, folded] : changed) {
    // Asked for each by itself: two names may have one form while neither is written in it.
    auto other = MESH_TRY(first_row(
        query(db, "SELECT number FROM activity_subjects WHERE tenant=? AND kind=? AND name=?",
              tenant, kind, folded),
        [](const Statement& row) { return row.integer(0); }));
    MESH_TRY(
        other ? merge_subject(db, number, *other)
              : execute(db, "UPDATE activity_subjects SET name=? WHERE number=?", folded, number));
  }
  return {};
}

}  // namespace

std::string old_email_key(std::string_view email) { return to_lower(trim(email)); }

Status fold_keys(Database& db) {
  MESH_TRY(fold_emails(db));
  MESH_TRY(fold_subjects(db));
  return fold_labels(db);
}

Status note_alike(Database& db, std::int64_t tenant, std::int64_t id, std::string_view key) {
  return execute(db, "INSERT OR REPLACE INTO users_alike(tenant,email_key,id) VALUES(?,?,?)",
                 tenant, key, id);
}

Status release_email(Database& db, std::int64_t tenant, std::int64_t id, std::string_view key) {
  // The user may itself have been one of those who waited for the key.
  MESH_TRY(execute(db, "DELETE FROM users_alike WHERE tenant=? AND email_key=? AND id=?", tenant,
                   key, id));
  // Only where nobody holds the key any more; the join leaves out users that are gone.
  auto next = MESH_TRY(first_row(
      query(db,
            "SELECT a.id FROM users_alike a JOIN users u ON u.tenant=a.tenant AND u.id=a.id"
            " WHERE a.tenant=?1 AND a.email_key=?2 AND NOT EXISTS"
            " (SELECT 1 FROM users WHERE tenant=?1 AND email_key=?2) ORDER BY a.id LIMIT 1",
            tenant, key),
      [](const Statement& row) { return row.integer(0); }));
  if (!next) return {};
  MESH_TRY(execute(db, "UPDATE users SET email_key=? WHERE tenant=? AND id=?", key, tenant, *next));
  return execute(db, "DELETE FROM users_alike WHERE tenant=? AND email_key=? AND id=?", tenant, key,
                 *next);
}

Result<std::vector<AlikeUsers>> alike_users(Database& db, int limit) {
  std::vector<AlikeUsers> users;
  MESH_TRY(each_row(query(db,
                          "SELECT t.id,a.id,u.id FROM users_alike a"
                          " JOIN tenant_numbers t ON t.number=a.tenant"
                          " JOIN users u ON u.tenant=a.tenant AND u.email_key=a.email_key"
                          " JOIN users own ON own.tenant=a.tenant AND own.id=a.id"
                          " ORDER BY t.id,a.id LIMIT ?",
                          limit),
                    [&](const Statement& row) -> Status {
                      users.push_back({std::string(row.text(0)), row.integer(1), row.integer(2)});
                      return {};
                    }));
  return users;
}

}  // namespace mesh::sqlite
