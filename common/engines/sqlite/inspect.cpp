#include "common/engines/sqlite/inspect.h"

#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "common/engines/sqlite/page_sums.h"

namespace mesh::sqlite {
namespace {

// How many keys in a row are tried one by one before the walk gives up on the rest.
constexpr std::int64_t kMaxTries = 100'000;
constexpr std::int64_t kMaxTriesAtEnd = 10'000;  // where it is not known how far the keys go

bool is_damage(const Error& error) { return error.kind == ErrorKind::corrupt; }

}  // namespace

Result<std::unique_ptr<Salvage>> Salvage::open(const std::string& source,
                                               const std::string& target) {
  auto salvage = std::make_unique<Salvage>();
  auto checked = Database::open(source, Database::Mode::read_only);
  if (!checked) return fail(checked.error());
  auto raw = Database::open(source, Database::Mode::read_raw);
  if (!raw) return fail(raw.error());
  salvage->checked_ = std::move(*checked);
  salvage->raw_ = std::move(*raw);
  std::vector<std::string> schema;
  auto rows = salvage->checked_->prepare(
      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid");
  if (!rows) return fail(rows.error());
  for (;;) {
    auto row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) break;
    schema.emplace_back(rows->text(0));
  }
  auto version = salvage->checked_->prepare("PRAGMA user_version");
  if (!version) return fail(version.error());
  if (auto row = version->step(); !row) return fail(row.error());
  if (target.empty()) return salvage;

  auto made = Database::open(target, Database::Mode::read_write);
  if (!made) return fail(made.error());
  salvage->target_ = std::move(*made);
  std::string sql = "PRAGMA foreign_keys=OFF; BEGIN;";
  for (const auto& statement : schema) sql += statement + ";";
  sql += "PRAGMA user_version=" + std::to_string(version->integer(0));
  if (auto s = salvage->target_->execute(sql); !s) return fail(s.error());
  return salvage;
}

Status Salvage::in_target(std::string_view sql) {
  return target_ ? target_->execute(sql) : Status{};
}

Status Salvage::copy(const Statement& row, int columns, std::string_view insert) {
  if (!target_) return {};
  auto into = target_->prepare(insert);
  if (!into) return fail(into.error());
  for (int i = 0; i < columns; ++i) row.copy_column(i, *into, i + 1);
  return into->run();
}

Status Salvage::finish() {
  if (!target_) return {};
  if (auto s = target_->execute("COMMIT"); !s) return s;
  // Its WAL goes with the last connection, which leaves one file that holds everything.
  auto moved = target_->execute("PRAGMA wal_checkpoint(TRUNCATE)");
  target_.reset();
  return moved;
}

Result<std::string> copy_without_damaged_frames(const std::string& path, const std::string& scratch) {
  const std::filesystem::path from = path;
  const std::string copy = (std::filesystem::path(scratch) / from.filename()).string();
  std::error_code error;
  std::filesystem::create_directories(scratch, error);
  std::filesystem::copy_file(from, copy, std::filesystem::copy_options::overwrite_existing, error);
  if (error) {
    return fail(ErrorKind::unavailable, from.filename().string() + " cannot be copied to " + scratch + ": " +
                                            error.message() + "; it needs as much room as the file");
  }
  std::fstream out(copy, std::ios::in | std::ios::out | std::ios::binary);
  char reserved = kPageSumBytes;  // where page 1 is nowhere whole
  if (char there; out.seekg(20).get(there)) reserved = there;
  each_whole_frame(path, [&](std::uint32_t number, std::string_view page) {
    if (number == 1) reserved = page[20];
  });
  each_whole_frame(path, [&](std::uint32_t number, std::string_view page) {
    std::string sealed(page);
    if (reserved == kPageSumBytes) seal_page(sealed.data(), sealed.size(), number);
    out.clear();
    out.seekp(static_cast<std::streamoff>(number - 1) * static_cast<std::streamoff>(sealed.size()));
    out.write(sealed.data(), static_cast<std::streamsize>(sealed.size()));
  });
  out.close();
  if (!out) return fail(ErrorKind::unavailable, copy + " cannot be written");
  return copy;
}

Status walk(Database& db, const KeyWalk& walk) {
  const auto query = [&](std::int64_t low, std::int64_t high) -> Result<Statement> {
    auto rows = db.prepare(walk.select);
    if (!rows) return rows;
    walk.prefix(*rows);
    rows->bind(walk.parameters + 1, low).bind(walk.parameters + 2, high);
    return rows;
  };
  const auto max_tries = walk.high == kUnknownEnd ? kMaxTriesAtEnd : kMaxTries;
  // Whether anything at or behind `key` can be read at once.
  const auto readable = [&](std::int64_t key) -> Result<bool> {
    auto rows = query(key, walk.high);
    if (!rows) return fail(rows.error());
    auto row = rows->step();
    if (!row && !is_damage(row.error())) return fail(row.error());
    return row.has_value();
  };
  std::int64_t next = walk.low;
  while (next <= walk.high) {
    {
      auto rows = query(next, walk.high);
      if (!rows) return fail(rows.error());
      for (;;) {
        auto row = rows->step();
        if (!row && !is_damage(row.error())) return fail(row.error());
        if (!row) break;
        if (!*row) return {};
        const auto key = rows->integer(0);
        if (key < next) break;  // a damaged order
        if (auto s = walk.row(*rows); !s) return s;
        next = key + 1;
      }
    }
    std::optional<std::int64_t> first;
    const auto flush = [&](std::int64_t end) {
      if (first) walk.lost(*first, end - 1);
      first.reset();
    };
    for (std::int64_t tries = 0;; ++tries) {
      if (next > walk.high || (tries == max_tries && walk.high == kUnknownEnd)) {
        flush(next);
        return {};
      }
      if (tries == max_tries) {
        // The keys behind are far away: twice as far each time, then back to the first one.
        std::int64_t bad = next, good = next;
        for (std::int64_t step = 1; good == next; step *= 2) {
          const std::int64_t key = step > walk.high - next ? walk.high + 1 : next + step;
          auto reads = key > walk.high ? Result<bool>(true) : readable(key);
          if (!reads) return fail(reads.error());
          *reads ? good = key : bad = key;
        }
        while (good - bad > 1) {
          const std::int64_t middle = bad + (good - bad) / 2;
          auto reads = readable(middle);
          if (!reads) return fail(reads.error());
          *reads ? good = middle : bad = middle;
        }
        walk.lost(first.value_or(next), good - 1);
        next = good;
        break;
      }
      auto one = query(next, next);
      if (!one) return fail(one.error());
      auto row = one->step();
      if (!row && !is_damage(row.error())) return fail(row.error());
      if (!row) {
        if (!first) first = next;
      } else {
        flush(next);
        if (*row) break;
      }
      ++next;
    }
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

std::string join(const std::vector<std::string>& words, std::string_view separator) {
  std::string text;
  for (const auto& word : words) text.append(text.empty() ? "" : separator).append(word);
  return text;
}

std::string range_text(std::int64_t first, std::int64_t last) {
  return std::to_string(first) + (first == last ? "" : ".." + std::to_string(last));
}

}  // namespace mesh::sqlite
