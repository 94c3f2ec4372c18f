// What looking at a database file and repairing it have in common (report.h says what they find):
// the source, the copy, and walks past what cannot be read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/repair/report.h"

namespace mesh::sqlite {

// A damaged write-ahead log (see verify_wal): copies `path` into the folder `scratch` with every
// frame that is whole, up to the last commit, and answers the copy's path. A page whose frame was
// damaged is there in its state before or after. The copy's pages are mended (mend_pages).
Result<std::string> copy_without_damaged_frames(const std::string& path,
                                                const std::string& scratch);

// A source and, maybe, the copy that is being made of it.
class Salvage {
 public:
  // `source` must be readable as far as its schema; the copy gets the same.
  static Result<std::unique_ptr<Salvage>> open(const std::string& source,
                                               const std::string& target);
  Database& checked() { return *checked_; }  // damaged pages are errors
  Database& raw() { return *raw_; }  // their bytes as they are, for rows with a sum of their own
  Database* target() { return target_.get(); }
  // Runs SQL in the copy; nothing without one. Rows are copied in one transaction.
  Status in_target(std::string_view sql);
  // Copies the columns of a source's row to the same columns of the copy's table; `conflict` where
  // the copy has the key already.
  Status copy(const Statement& row, int columns, std::string_view insert);
  Status finish();  // commits and closes the copy

 private:
  std::unique_ptr<Database> checked_, raw_, target_;
};

// Walks the rows of an integer key in order: `select` has the key as its first column and, as its
// last two parameters, the bounds low <= key <= high; `prefix` binds what stands before these.
// Where pages are unreadable, each key is tried by itself; `lost` gets the ranges that no try could
// read. `high` is the highest key that may be there, or kUnknownEnd.
inline constexpr std::int64_t kUnknownEnd = INT64_MAX - 1;
struct KeyWalk {
  std::string select;
  std::int64_t low = 0, high = 0;
  std::function<void(Statement&)> prefix = [](Statement&) {};
  int parameters = 0;  // that `prefix` binds
  std::function<Status(const Statement&)> row;
  std::function<void(std::int64_t first, std::int64_t last)> lost;
};
Status walk(Database& db, const KeyWalk& walk);

// The highest key, at least `given`; kUnknownEnd where the end of the table is unreadable.
std::int64_t highest_key(Database& db, const std::string& table, const std::string& key,
                         std::int64_t given);

// Looks at a file, or salvages it into `target`, by `run`; `whole_loss` is what it costs where the
// file is missing or its structure cannot be read. The source stays as it is; what can be mended is
// looked at in a copy, in a folder "check.tmp" beside it.
Result<FileReport> salvage_file(const std::string& name, const std::string& source,
                                const std::string& target, const std::string& whole_loss,
                                const std::function<Status(Salvage&, FileReport&)>& run);

// A new file of the schema that `prepare` makes, without a write-ahead log beside it.
Status make_file(const std::string& path, const std::function<Status(Database&)>& prepare);
// False for a file of no bytes, too: SQLite takes it for a new one.
bool has_bytes(const std::string& path);

}  // namespace mesh::sqlite
