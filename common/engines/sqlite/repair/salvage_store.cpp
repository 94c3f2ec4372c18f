#include "common/engines/sqlite/repair/salvage_store.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/strings.h"
#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/repair/report.h"
#include "common/engines/sqlite/repair/salvage.h"
#include "common/engines/sqlite/repair/salvage_tables.h"
#include "common/engines/sqlite/store/record_codec.h"
#include "common/engines/sqlite/store/schema.h"
#include "common/engines/sqlite/store/stored_json.h"

namespace mesh::sqlite {
namespace {

constexpr std::size_t kMaxNamed = 20;

class StoreSalvage {
 public:
  StoreSalvage(Salvage& salvage, FileReport& report) : salvage_(salvage), report_(report) {}

  Status run() {
    auto version = MESH_TRY(first_row(query(salvage_.checked(), "PRAGMA user_version"),
                                      [](const Statement& row) { return row.integer(0); }));
    for (SalvagedTable table : salvaged_tables()) {
      if (table.since > version.value_or(0)) continue;
      if (auto fewer = older_columns(table)) table.columns = *fewer;
      MESH_TRY(table.key.empty() ? from_both_ends(table) : by_key(table));
    }
    MESH_TRY(users());
    if (version.value_or(0) >= kUsageSince) MESH_TRY(usage());
    return derived();
  }

 private:
  // Of a table to which the file's version had not yet added all columns; the copy has the file's
  // schema.
  std::optional<int> older_columns(const SalvagedTable& table) {
    auto count =
        salvage_.checked().prepare("SELECT count(*) FROM pragma_table_info('" + table.name + "')");
    if (!count) return std::nullopt;
    auto row = count->step();
    if (!row || !*row) return std::nullopt;
    const auto columns = static_cast<int>(count->integer(0));
    return columns > 0 && columns < table.columns ? std::optional(columns) : std::nullopt;
  }

  static std::string insert_into(const std::string& table, int columns,
                                 const std::string& instead = "") {
    std::string sql = "INSERT" + instead + " INTO " + table + " VALUES(?";
    for (int i = 1; i < columns; ++i) sql += ",?";
    return sql + ")";
  }

  static bool row_is_whole(const SalvagedTable& table, const Statement& row, int shift) {
    if (table.record >= 0 && !decode_record(row.text(table.record + shift))) return false;
    return std::ranges::all_of(table.json, [&](int column) {
      const auto text = row.text(column + shift);
      return row.is_null(column + shift) || text.empty() || parse_stored(text).has_value();
    });
  }

  // A row that the copy has already under another key is damage of the key.
  Status keep(const Statement& row, int columns, const std::string& insert, std::int64_t& lost) {
    auto copied = salvage_.copy(row, columns, insert);
    if (!copied && copied.error().kind == ErrorKind::conflict) {
      ++lost;
      return {};
    }
    if (copied) ++report_.rows;
    return copied;
  }

  static std::string first_columns(const Statement& row, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text.append(row.text(i)).push_back('\0');
    return text;
  }

  void tell(const SalvagedTable& table, std::int64_t lost, bool more) {
    if (lost == 0 && !more) return;
    const auto number = more ? std::string("some ") : "up to " + std::to_string(lost) + " ";
    report_.damages.push_back(
        {"table " + table.name,
         "rows are unreadable or damaged",
         {},
         table.lossless ? table.loss : number + table.what + ": " + table.loss,
         table.lossless});
  }

  Status by_key(const SalvagedTable& table) {
    const bool rowid = table.key == "rowid";
    const auto given = table.name == "outbox" ? outbox_given() : 0;
    const auto high = highest_key(salvage_.checked(), table.name, table.key, given);
    std::int64_t lost = 0;
    // A row of retries is replaced under a new rowid, so of two with one key the later counts.
    const std::string insert = insert_into(table.name, table.columns, rowid ? " OR REPLACE" : "");
    // The walk wants the key first; where it is no column, it is read beside them.
    KeyWalk rows{"",
                 0,
                 high,
                 [](Statement&) {},
                 0,
                 {},
                 [&](std::int64_t first, std::int64_t last) { lost += last - first + 1; }};
    rows.select = std::string("SELECT ") + (rowid ? "rowid,*" : "*") + " FROM " + table.name +
                  " WHERE " + table.key + ">=? AND " + table.key + "<=? ORDER BY " + table.key;
    rows.row = [&](const Statement& row) -> Status {
      if (!row_is_whole(table, row, rowid ? 1 : 0)) {
        ++lost;
        return {};
      }
      if (!rowid) return keep(row, table.columns, insert, lost);
      ++report_.rows;
      return copy_shifted(row, table.columns, insert);
    };
    MESH_TRY(walk(salvage_.checked(), rows));
    tell(table, lost, high == kUnknownEnd);
    if (table.name == "tenant_numbers") report_.users_lost = lost > 0 || high == kUnknownEnd;
    if (given == 0) return {};
    return salvage_.in_target(
        "DELETE FROM sqlite_sequence; INSERT INTO sqlite_sequence VALUES('outbox'," +
        std::to_string(given) + ")");
  }

  // The highest sequence given out, so that none is given out again.
  std::int64_t outbox_given() {
    auto rows = salvage_.checked().prepare("SELECT seq FROM sqlite_sequence WHERE name='outbox'");
    if (!rows) return 0;
    auto row = rows->step();
    return row && *row ? rows->integer(0) : 0;
  }

  // Leaves the first column out.
  Status copy_shifted(const Statement& row, int columns, const std::string& insert) {
    if (salvage_.target() == nullptr) return {};
    auto into = MESH_TRY(salvage_.target()->prepare(insert));
    for (int i = 0; i < columns; ++i) row.copy_column(i + 1, into, i + 1);
    return into.run();
  }

  // No row is remembered, however many there are: the scan from the other end ends where the first
  // one did. Of two rows with one key side by side one is lost; the copy refuses others.
  Status from_both_ends(const SalvagedTable& table) {
    const std::string insert = insert_into(table.name, table.columns);
    const auto keys = 1 + static_cast<int>(std::ranges::count(table.order, ','));
    const std::string select = "SELECT * FROM " + table.name;
    std::string bounds = "?";
    for (int i = 1; i < keys; ++i) bounds += ",?";
    auto rest = MESH_TRY(salvage_.checked().prepare(select + " WHERE (" + table.order + ")>(" +
                                                    bounds + ") ORDER BY " + table.reverse));
    std::int64_t lost = 0;
    std::string last;  // key that was read
    // True: to the end; false: up to damage.
    const auto scan = [&](Statement& rows, bool first) -> Result<bool> {
      for (;;) {
        auto row = rows.step();
        if (!row && row.error().kind != ErrorKind::corrupt) return fail(row.error());
        if (!row || !*row) return row.has_value();
        std::string key = first_columns(rows, keys);
        for (int i = 0; first && i < keys; ++i) rows.copy_column(i, rest, i + 1);
        if (key == std::exchange(last, key) || !row_is_whole(table, rows, 0)) {
          ++lost;
        } else {
          MESH_TRY(keep(rows, table.columns, insert, lost));
        }
      }
    };
    auto all = MESH_TRY(salvage_.checked().prepare(select + " ORDER BY " + table.order));
    const bool whole = MESH_TRY(scan(all, true));
    if (!whole && !last.empty()) {
      (void)MESH_TRY(scan(rest, false));
    } else if (!whole) {
      auto back = MESH_TRY(salvage_.checked().prepare(select + " ORDER BY " + table.reverse));
      (void)MESH_TRY(scan(back, false));
    }
    tell(table, lost, !whole);
    return {};
  }

  // By tenant, so that the lost ones can be named.
  Status users() {
    struct Tenant {
      std::int64_t number, last_user;
      std::string id;
    };
    std::vector<Tenant> known;
    KeyWalk numbers{
        "SELECT number,last_user,id FROM tenant_numbers WHERE number>=? AND number<=? ORDER BY "
        "number",
        0,
        highest_key(salvage_.checked(), "tenant_numbers", "number", 0),
        [](Statement&) {},
        0,
        {},
        [](std::int64_t, std::int64_t) {}};
    numbers.row = [&](const Statement& row) -> Status {
      known.push_back({row.integer(0), row.integer(1), std::string(row.text(2))});
      return {};
    };
    MESH_TRY(walk(salvage_.checked(), numbers));
    for (const auto& tenant : known) {
      std::vector<std::string> lost;
      std::int64_t count = 0;
      KeyWalk rows{
          "SELECT id,tenant,version,email,email_key,name FROM users WHERE tenant=? AND id>=? AND "
          "id<=? ORDER BY id",
          1,
          // Ids beyond it were never given out, so that the walk ends there.
          tenant.last_user,
          [&](Statement& s) { s.bind(1, tenant.number); },
          1,
          {},
          {}};
      rows.lost = [&](std::int64_t first, std::int64_t last) {
        count += last - first + 1;
        if (lost.size() < kMaxNamed) lost.push_back(range_text(first, last));
      };
      rows.row = [&](const Statement& row) -> Status {
        std::int64_t twice = 0;  // an address that a user before has
        auto kept = keep(
            row, 6, "INSERT INTO users(id,tenant,version,email,email_key,name) VALUES(?,?,?,?,?,?)",
            twice);
        if (twice > 0) rows.lost(row.integer(0), row.integer(0));
        return kept;
      };
      MESH_TRY(walk(salvage_.checked(), rows));
      if (count == 0) continue;
      report_.users_lost = true;
      report_.damages.push_back({"table users",
                                 "rows are unreadable",
                                 {tenant.id},
                                 "up to " + std::to_string(count) + " users of tenant " +
                                     tenant.id + ": " + join(lost, ", ") +
                                     "; those that the log holds are taken from it",
                                 false});
    }
    return {};
  }

  // A lost tenant's number may be given to another, who must not have used what that one did.
  static constexpr std::int64_t kUsageSince = 6;
  Status usage() {
    return salvage_.in_target(
        "DELETE FROM usage WHERE tenant NOT IN (SELECT number FROM tenant_numbers);"
        "DELETE FROM usage_ids WHERE tenant NOT IN (SELECT number FROM tenant_numbers)");
  }

  // Counts are what the rows say; rows of lost subjects would keep a replay from counting them
  // again. A lost tenant's number may be given to another, who must not find rows of it.
  Status derived() {
    if (auto s = salvage_.in_target(
            "DELETE FROM activity_subjects WHERE tenant NOT IN (SELECT number FROM tenant_numbers);"
            "DELETE FROM idempotency WHERE tenant NOT IN (SELECT number FROM tenant_numbers);"
            "DELETE FROM activity WHERE subject NOT IN (SELECT number FROM activity_subjects);"
            "INSERT INTO activity_counts SELECT subject,label,count(*) FROM activity GROUP BY "
            "subject,label");
        !s) {
      return s;
    }
    auto counts =
        MESH_TRY(salvage_.checked().prepare("SELECT count(*), sum(events) FROM activity_counts"));
    auto row = counts.step();
    if (row) return {};
    if (row.error().kind != ErrorKind::corrupt) return fail(row.error());
    report_.damages.push_back({"table activity_counts",
                               "rows are unreadable",
                               {},
                               "nothing: they are counted again from the events",
                               true});
    return {};
  }

  Salvage& salvage_;
  FileReport& report_;
};

// Indexes are made anew with the copy, so their damage loses nothing; what else SQLite finds is
// named.
Status add_index_damage(Database& db, FileReport& report) {
  auto check = MESH_TRY(db.prepare("PRAGMA integrity_check(20)"));
  for (;;) {
    auto row = check.step();
    if (!row) return row.error().kind == ErrorKind::corrupt ? Status{} : Status(fail(row.error()));
    if (!*row) return {};
    if (check.text(0) == "ok") continue;
    if (!report.damages.empty()) return {};  // told already
    report.damages.push_back({"indexes or free pages",
                              std::string(check.text(0)),
                              {},
                              "nothing: they are made again",
                              true});
  }
}

}  // namespace

Status make_empty_store(const std::string& path) { return make_file(path, prepare_schema); }

Result<FileReport> salvage_store(const std::string& source, const std::string& target) {
  return salvage_file(
      "store.db", source, target,
      "keys of tenants, with what the log holds encrypted with them, tasks, parked events, "
      "remembered idempotency keys, and changes that were not yet in the"
      " log; users and tenants are taken from the log, and " +
          replay_counts() + " count again what it still holds",
      [](Salvage& salvage, FileReport& report) -> Status {
        MESH_TRY(StoreSalvage(salvage, report).run());
        return add_index_damage(salvage.checked(), report);
      });
}

}  // namespace mesh::sqlite
