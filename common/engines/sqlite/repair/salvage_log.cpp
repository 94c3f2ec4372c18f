#include "common/engines/sqlite/repair/salvage_log.h"

#include <algorithm>
#include <map>
#include <set>

#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/domain/event.h"
#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/log/codec.h"
#include "common/engines/sqlite/log/schema.h"
#include "common/engines/sqlite/repair/report.h"
#include "common/engines/sqlite/repair/salvage.h"

namespace mesh::sqlite {
namespace {

// Offsets that a repair leaves out behind a partition whose end is unreadable: no offset that may
// have been given out is given out again.
constexpr std::int64_t kBehindUnknownEnd = 100'000;
constexpr int kMaxLastRows = 1'000;  // looked at for the end of a partition
// Offsets of a partition that are tried one by one in the bytes of damaged pages.
constexpr std::int64_t kMaxRawTries = 1'000'000;
constexpr std::size_t kMaxGaps = 1'000;  // told one by one; those behind are told as one

struct Part {
  std::int64_t id = 0, start = 0, gaps_to = 0, tail_end = 0, tail_total = 0, tail_time = 0;
  std::string topic;
  std::int64_t number = 0;
  std::int64_t read_to = 0;  // as groups have committed

  std::string name() const { return topic + "/" + std::to_string(number); }
};

// What the damaged bytes still say: keys begin with the tenant.
std::string tenant_of(std::string_view body) {
  BodyHead head;
  if (!decode_head(body, head)) return {};
  const auto tenant = TenantId::parse(tenant_of_key(head.key));
  return tenant ? tenant->str() : std::string();
}

class LogSalvage {
 public:
  LogSalvage(Salvage& salvage, FileReport& report) : salvage_(salvage), report_(report) {}

  Status run() {
    MESH_TRY(copy_plain("topics", 4));
    MESH_TRY(copy_plain("partitions", 12));
    MESH_TRY(copy_plain("group_offsets", 3));
    auto parts = MESH_TRY(partitions());
    for (auto& part : parts) MESH_TRY(records(part));
    return {};
  }

 private:
  struct Lost {
    std::int64_t first, last;
    bool unreadable;
    std::set<std::string> tenants;
  };

  // Small tables on which all others depend.
  Status copy_plain(const std::string& table, int columns) {
    auto rows = MESH_TRY(salvage_.checked().prepare("SELECT * FROM " + table));
    std::string insert = "INSERT INTO " + table + " VALUES(?";
    for (int i = 1; i < columns; ++i) insert += ",?";
    insert += ")";
    for (;;) {
      auto row = MESH_TRY(rows.step());
      if (!row) return {};
      MESH_TRY(salvage_.copy(rows, columns, insert));
    }
  }

  Result<std::vector<Part>> partitions() {
    std::vector<Part> parts;
    auto rows = MESH_TRY(salvage_.checked().prepare(
        "SELECT id, start, gaps_to, tail_end, tail_total, tail_time, topic, number,"
        " (SELECT coalesce(max(next), 0) FROM group_offsets WHERE partition = partitions.id)"
        " FROM partitions ORDER BY topic, number"));
    for (;;) {
      auto row = MESH_TRY(rows.step());
      if (!row) return parts;
      parts.push_back({rows.integer(0), rows.integer(1), rows.integer(2), rows.integer(3),
                       rows.integer(4), rows.integer(5), std::string(rows.text(6)), rows.integer(7),
                       rows.integer(8)});
    }
  }

  Status records(const Part& part) {
    const std::string table = "r" + std::to_string(part.id);
    const std::string insert = "INSERT INTO " + table + " VALUES(?,?,?,?,?)";
    auto end_of_part = MESH_TRY(end_of(part, table));
    const auto [high, end_known] = end_of_part;
    std::vector<Lost> lost;
    const auto lose = [&](std::int64_t first, std::int64_t last, bool unreadable,
                          std::string tenant) {
      if (lost.size() == kMaxGaps) {
        lost.back().unreadable = true;
      } else if (lost.empty() || lost.back().last + 1 != first ||
                 lost.back().unreadable != unreadable) {
        lost.push_back({first, last, unreadable, {}});
      }
      lost.back().last = last;
      if (!tenant.empty()) lost.back().tenants.insert(std::move(tenant));
    };
    std::int64_t next = part.start, total = 0, time = 0;
    // A gap below gaps_to is upkeep's work; above it, rows are gone without an unreadable page.
    const auto missing_to = [&](std::int64_t offset) {
      const auto from = std::max(next, part.gaps_to);
      if (from < offset && (lost.empty() || lost.back().last + 1 < offset)) {
        lose(lost.empty() ? from : std::max(from, lost.back().last + 1), offset - 1, true, {});
      }
    };
    const std::string select =
        "SELECT o,t,total,sum,body FROM " + table + " WHERE o>=? AND o<=? ORDER BY o";
    const auto take = [&](const Statement& row) -> Status {
      const auto offset = row.integer(0);
      missing_to(offset);
      next = offset + 1;
      if (!is_whole(part, row)) {
        lose(offset, offset, false, tenant_of(row.text(4)));
        return {};
      }
      ++report_.rows;
      total = row.integer(2) + static_cast<std::int64_t>(row.text(4).size());
      time = row.integer(1);
      return salvage_.copy(row, 5, insert);
    };
    // A page that is damaged may still hold records that are whole: each is looked for by itself,
    // and its own checksum tells.
    Status failed;
    std::int64_t tries = 0;
    const auto from_page = [&](std::int64_t first, std::int64_t last) {
      for (auto offset = first; offset <= last && failed; ++offset) {
        if (++tries > kMaxRawTries) {
          lose(offset, last, true, {});
          next = last + 1;
          return;
        }
        auto one = salvage_.raw().prepare(select);
        if (!one) break;
        auto row = one->bind(1, offset).bind(2, offset).step();
        if (row && *row && one->integer(0) == offset) {
          failed = take(*one);
        } else {
          lose(offset, offset, true, {});
          next = offset + 1;
        }
      }
    };
    if (auto s = walk(salvage_.checked(),
                      {select, part.start, high, [](Statement&) {}, 0, take, from_page});
        !s)
      return s;
    if (!failed) return failed;
    missing_to(high + 1);
    if (!end_known) {
      report_.damages.push_back({part.name() + " from record " + std::to_string(high + 1),
                                 "the end is unreadable",
                                 {},
                                 "what was appended there since any pipeline read it",
                                 false});
    }
    for (const auto& gap : lost) describe(part, gap);
    if (lost.empty() && end_known) return {};
    const auto end = high + 1 + (end_known ? 0 : kBehindUnknownEnd);
    return close_gaps(part, end, std::max(total, part.tail_total), std::max(time, part.tail_time));
  }

  static bool is_whole(const Part& part, const Statement& row) {
    const RowPlace place{part.id, row.integer(0), row.integer(1), row.integer(2)};
    StoredRecord record;
    return row_checksum(stable_hash(row.text(4)), place) == row.integer(3) &&
           decode_body(row.text(4), record);
  }

  // The highest offset that may be there, and whether it is certain that none is above.
  Result<std::pair<std::int64_t, bool>> end_of(const Part& part, const std::string& table) {
    // Each of them says that so many offsets were given out, whatever can still be read.
    const auto given = std::max({part.tail_end, part.read_to, part.start}) - 1;
    if (const auto high = highest_key(salvage_.checked(), table, "o", given); high != kUnknownEnd) {
      return std::pair{high, true};
    }
    auto high = given;
    const auto readable = [&](const Statement& row) -> Status {
      high = std::max(high, row.integer(0));
      return {};
    };
    MESH_TRY(walk(salvage_.checked(),
                  {"SELECT o FROM " + table + " WHERE o>=? AND o<=? ORDER BY o", part.start,
                   kUnknownEnd, [](Statement&) {}, 0, readable, [](auto, auto) {}}));
    // In the bytes of the damaged last page: the last record that is whole, and those that follow
    // it without a gap.
    auto rows =
        salvage_.raw().prepare("SELECT o,t,total,sum,body FROM " + table + " ORDER BY o DESC");
    if (!rows) return std::pair{high, false};
    std::set<std::int64_t> seen;
    for (int i = 0; i < kMaxLastRows; ++i) {
      auto row = rows->step();
      if (!row || !*row) break;
      seen.insert(rows->integer(0));
      if (!is_whole(part, *rows)) continue;
      high = std::max(high, rows->integer(0));
      break;
    }
    while (seen.contains(high + 1)) ++high;
    return std::pair{high, !seen.empty() && *seen.rbegin() == high};
  }

  void describe(const Part& part, const Lost& gap) {
    Damage damage;
    const auto count = gap.last - gap.first + 1;
    damage.place =
        part.name() + " record" + (count == 1 ? " " : "s ") + range_text(gap.first, gap.last);
    damage.what = gap.unreadable ? "unreadable or missing" : "the checksum is wrong";
    damage.tenants.assign(gap.tenants.begin(), gap.tenants.end());
    damage.loss = (gap.unreadable && count > 1 ? "up to " : "") + std::to_string(count) +
                  (count == 1 ? " event" : " events");
    if (!damage.tenants.empty()) {
      damage.loss += std::string(" of tenant") + (damage.tenants.size() == 1 ? " " : "s ") +
                     join(damage.tenants, ", ");
    }
    if (part.topic == "user.events") {
      damage.loss += "; what store.db says of these users is written again";
    }
    report_.damages.push_back(std::move(damage));
  }

  // The gap is recorded as upkeep records what it removes, so that readers pass it.
  Status close_gaps(const Part& part, std::int64_t end, std::int64_t total, std::int64_t time) {
    const std::string table = "r" + std::to_string(part.id);
    return salvage_.in_target(
        "UPDATE partitions SET gaps_to=" + std::to_string(end) +
        ", tail_end=" + std::to_string(end) + ", tail_total=" + std::to_string(total) +
        ", tail_time=" + std::to_string(time) + ", removed_records=" + std::to_string(end) +
        "-(SELECT count(*) FROM " + table + ")" + ", removed_bytes=" + std::to_string(total) +
        "-(SELECT coalesce(sum(length(body)),0) FROM " + table +
        ") WHERE id=" + std::to_string(part.id));
  }

  Salvage& salvage_;
  FileReport& report_;
};

}  // namespace

Result<FileReport> salvage_log(const std::string& source, const std::string& target) {
  return salvage_file(
      "log.db", source, target,
      "every event, dead letter, parked event and group's position; users and tenants are written "
      "into"
      " a new log from store.db",
      [](Salvage& salvage, FileReport& report) { return LogSalvage(salvage, report).run(); });
}

Status make_empty_log(const std::string& path) { return make_file(path, prepare_log); }

bool log_was_used(const std::string& path) {
  auto db = Database::open(path, Database::Mode::read_only);
  // In doubt it was used: a start then refuses to begin anew in this folder.
  if (!db) return true;
  // Partitions' tables are made behind everything else of a first start.
  auto tables = (*db)->prepare("SELECT 1 FROM sqlite_schema WHERE name GLOB 'r[0-9]*' LIMIT 1");
  if (!tables) return true;
  const auto row = tables->step();
  return !row || *row;
}

Status each_record(const std::string& path, std::string_view topic, const UseRecord& use) {
  auto db = MESH_TRY(Database::open(path, Database::Mode::read_only));
  std::vector<std::pair<std::int64_t, std::int32_t>> partitions;
  auto parts =
      MESH_TRY(db->prepare("SELECT id, number FROM partitions WHERE topic=? ORDER BY number"));
  parts.bind_text(1, topic);
  for (;;) {
    auto row = MESH_TRY(parts.step());
    if (!row) break;
    partitions.emplace_back(parts.integer(0), static_cast<std::int32_t>(parts.integer(1)));
  }
  for (const auto& [id, number] : partitions) {
    auto rows =
        MESH_TRY(db->prepare("SELECT o,t,body FROM r" + std::to_string(id) + " ORDER BY o"));
    for (;;) {
      auto row = MESH_TRY(rows.step());
      if (!row) break;
      StoredRecord record;
      record.position = {std::string(topic), number, rows.integer(0)};
      record.time = Timestamp(Duration(rows.integer(1)));
      if (!decode_body(rows.text(2), record))
        return fail(damaged_file("log.db", "a record", to_string(record.position)));
      MESH_TRY(use(record));
    }
  }
  return {};
}

}  // namespace mesh::sqlite
