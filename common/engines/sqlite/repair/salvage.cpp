#include "common/engines/sqlite/repair/salvage.h"

#include "common/engines/sqlite/core/wal_check.h"
#include "common/engines/sqlite/repair/bad_pages.h"
#include "common/engines/sqlite/repair/report.h"

#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "common/engines/sqlite/vfs/page_sums.h"

namespace mesh::sqlite {
namespace {

// How many keys in a row are tried one by one before the walk gives up on the rest.
constexpr std::int64_t kMaxTries = 100'000;
constexpr std::int64_t kMaxTriesAtEnd = 10'000;  // where it is not known how far the keys go

bool is_damage(const Error& error) { return error.kind == ErrorKind::corrupt; }

struct Scratch {
  std::filesystem::path folder, file;
  ~Scratch() {
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(file.string() + suffix, ignored);
    }
    std::filesystem::remove(folder, ignored);  // others' copies keep it
  }
};

}  // namespace

Result<std::unique_ptr<Salvage>> Salvage::open(const std::string& source,
                                               const std::string& target) {
  auto salvage = std::make_unique<Salvage>();
  // Two connections: one that refuses damaged pages, and one that shows them for rows with a sum of
  // their own.
  auto checked = MESH_TRY(Database::open(source, Database::Mode::read_only));
  auto raw = MESH_TRY(Database::open(source, Database::Mode::read_raw));
  salvage->checked_ = std::move(checked);
  salvage->raw_ = std::move(raw);
  std::vector<std::string> schema;
  auto rows = MESH_TRY(salvage->checked_->prepare(
      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY "
      "rowid"));
  for (;;) {
    auto row = MESH_TRY(rows.step());
    if (!row) break;
    schema.emplace_back(rows.text(0));
  }
  auto version = MESH_TRY(salvage->checked_->prepare("PRAGMA user_version"));
  (void)MESH_TRY(version.step());
  if (target.empty()) return salvage;

  salvage->target_ = MESH_TRY(Database::open(target, Database::Mode::read_write));
  // Rows come in the order of the tables, and some whose parents are lost.
  std::string sql = "PRAGMA foreign_keys=OFF; BEGIN;";
  for (const auto& statement : schema) sql += statement + ";";
  sql += "PRAGMA user_version=" + std::to_string(version.integer(0));
  MESH_TRY(salvage->target_->execute(sql));
  return salvage;
}

Status Salvage::in_target(std::string_view sql) {
  return target_ ? target_->execute(sql) : Status{};
}

Status Salvage::copy(const Statement& row, int columns, std::string_view insert) {
  if (!target_) return {};
  auto into = MESH_TRY(target_->prepare(insert));
  for (int i = 0; i < columns; ++i) row.copy_column(i, into, i + 1);
  return into.run();
}

Status Salvage::finish() {
  if (!target_) return {};
  MESH_TRY(target_->execute("COMMIT"));
  // Its WAL goes with the last connection, which leaves one file that holds everything.
  auto moved = target_->execute("PRAGMA wal_checkpoint(TRUNCATE)");
  target_.reset();
  return moved;
}

Result<std::string> copy_without_damaged_frames(const std::string& path,
                                                const std::string& scratch) {
  const std::filesystem::path from = path;
  const std::string copy = (std::filesystem::path(scratch) / from.filename()).string();
  std::error_code error;
  std::filesystem::create_directories(scratch, error);
  std::filesystem::copy_file(from, copy, std::filesystem::copy_options::overwrite_existing, error);
  if (error) {
    return fail(ErrorKind::unavailable, from.filename().string() + " cannot be copied to " +
                                            scratch + ": " + error.message() +
                                            "; it needs as much room as the file");
  }
  std::fstream out(copy, std::ios::in | std::ios::out | std::ios::binary);
  char reserved = kPageSumBytes;  // where page 1 is nowhere whole
  if (char there; out.seekg(20).get(there)) reserved = there;
  out.clear();
  each_whole_frame(path, [&](std::uint32_t number, std::string_view page) {
    if (number == 1) reserved = page[20];
  });
  each_whole_frame(path, [&](std::uint32_t number, std::string_view page) {
    std::string sealed(page);
    if (reserved == kPageSumBytes) seal_page(sealed.data(), sealed.size(), number);
    out.seekp(static_cast<std::streamoff>(number - 1) * static_cast<std::streamoff>(sealed.size()));
    out.write(sealed.data(), static_cast<std::streamsize>(sealed.size()));
  });
  out.close();
  if (!out) return fail(ErrorKind::unavailable, copy + " cannot be written");
  MESH_TRY(mend_pages(copy));
  return copy;
}

namespace {

// The walk's rows with keys from `low` to `high`.
Result<Statement> rows_between(Database& db, const KeyWalk& walk, std::int64_t low,
                               std::int64_t high) {
  auto rows = db.prepare(walk.select);
  if (!rows) return rows;
  walk.prefix(*rows);
  rows->bind(walk.parameters + 1, low).bind(walk.parameters + 2, high);
  return rows;
}

enum class Step { row, end, damage };
Result<Step> step(Statement& rows) {
  auto row = rows.step();
  if (row) return *row ? Step::row : Step::end;
  if (!is_damage(row.error())) return fail(row.error());
  return Step::damage;
}
Result<Step> first_step(Database& db, const KeyWalk& walk, std::int64_t low, std::int64_t high) {
  auto rows = MESH_TRY(rows_between(db, walk, low, high));
  return step(rows);
}

// Hands out rows from `next` on, which moves along. True: damage was met, false: the end.
Result<bool> read_on(Database& db, const KeyWalk& walk, std::int64_t& next) {
  auto rows = MESH_TRY(rows_between(db, walk, next, walk.high));
  for (;;) {
    auto stepped = MESH_TRY(step(rows));
    if (stepped != Step::row) return stepped == Step::damage;
    const auto key = rows.integer(0);
    if (key < next) return true;  // a damaged order
    MESH_TRY(walk.row(rows));
    next = key + 1;
  }
}

// For damage that keys far apart lie behind: looks twice as far each time, then goes back to the
// first key from which on rows can be read (or walk.high + 1).
Result<std::int64_t> readable_behind(Database& db, const KeyWalk& walk, std::int64_t bad) {
  const auto reads = [&](std::int64_t key) -> Result<bool> {
    if (key > walk.high) return true;
    auto stepped = MESH_TRY(first_step(db, walk, key, walk.high));
    return stepped != Step::damage;
  };
  std::int64_t good = bad;
  for (std::int64_t far = 1; good == bad;) {
    const std::int64_t left = walk.high - bad;
    const std::int64_t key = far > left ? walk.high + 1 : bad + far;
    far = std::min(far, left / 2 + 1) * 2;
    auto read = MESH_TRY(reads(key));
    if (read) good = key;
  }
  while (good - bad > 1) {
    const std::int64_t middle = bad + (good - bad) / 2;
    const bool read = MESH_TRY(reads(middle));
    (read ? good : bad) = middle;
  }
  return good;
}

}  // namespace

Status walk(Database& db, const KeyWalk& given) {
  // A damaged number may say any end.
  KeyWalk walk = given;
  walk.high = std::min(walk.high, kUnknownEnd);
  const bool open_end = walk.high == kUnknownEnd;
  for (std::int64_t next = walk.low; next <= walk.high;) {
    auto damaged = MESH_TRY(read_on(db, walk, next));
    if (!damaged) return {};
    // Key by key, since rows of other pages may stand between.
    std::optional<std::int64_t> first;
    const auto lost_below = [&](std::int64_t end) {
      if (first) walk.lost(*first, end - 1);
      first.reset();
    };
    std::int64_t tries = 0;
    const auto most = open_end ? kMaxTriesAtEnd : kMaxTries;
    for (; tries < most && next <= walk.high; ++tries, ++next) {
      auto stepped = MESH_TRY(first_step(db, walk, next, next));
      if (stepped == Step::damage) {
        if (!first) first = next;
        continue;
      }
      lost_below(next);
      if (stepped == Step::row) break;
    }
    const bool found = tries < most && next <= walk.high;
    if (found) continue;
    if (next > walk.high || open_end) {
      lost_below(next);
      return {};
    }
    // Beyond that many keys each one is too dear; those between that could be read are lost with
    // the rest.
    auto behind = MESH_TRY(readable_behind(db, walk, next));
    walk.lost(first.value_or(next), behind - 1);
    next = behind;
  }
  return {};
}

std::int64_t highest_key(Database& db, const std::string& table, const std::string& key,
                         std::int64_t given) {
  auto last = db.prepare("SELECT " + key + " FROM " + table + " ORDER BY " + key + " DESC LIMIT 1");
  if (!last) return kUnknownEnd;
  auto row = last->step();
  if (!row) return kUnknownEnd;
  return *row ? std::max(given, last->integer(0)) : given;
}

Result<FileReport> salvage_file(const std::string& name, const std::string& source,
                                const std::string& target, const std::string& whole_loss,
                                const std::function<Status(Salvage&, FileReport&)>& run) {
  FileReport report;
  report.file = name;
  const auto hopeless = [&](const char* what) {
    report.rows = 0;
    report.hopeless = true;
    report.damages = {{"file", what, {}, whole_loss, false}};
    return report;
  };
  if (!has_bytes(source)) return hopeless("missing or empty");
  const auto pages = bad_pages(source);
  const std::filesystem::path path = source;
  std::optional<Scratch> scratch;
  if (pages.mendable) {
    const auto folder = path.parent_path() / "check.tmp";
    scratch.emplace(folder, folder / path.filename());
    (void)MESH_TRY(copy_without_damaged_frames(source, folder.string()));
  }
  auto salvage = Salvage::open(scratch ? scratch->file.string() : source, target);
  const Status done = salvage ? run(**salvage, report) : fail(salvage.error());
  if (!done && done.error().kind != ErrorKind::corrupt) return fail(done.error());
  if (!done) return hopeless("so damaged that nothing in it can be found");
  MESH_TRY((*salvage)->finish());
  tell_bad_pages(pages, "nothing: all rows are whole", report);
  return report;
}

Status make_file(const std::string& path, const std::function<Status(Database&)>& prepare) {
  auto db = MESH_TRY(Database::open(path, Database::Mode::read_write));
  MESH_TRY(prepare(*db));
  return db->execute("PRAGMA wal_checkpoint(TRUNCATE)");
}

bool has_bytes(const std::string& path) {
  std::error_code missing;
  const auto size = std::filesystem::file_size(path, missing);
  return !missing && size > 0;
}

}  // namespace mesh::sqlite
