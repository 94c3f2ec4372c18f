// Looking for damage in a data folder that no meshd uses, and repairing it.
//
// A repair copies what is whole into a new file; what the copy leaves out is what it loses. So
// looking is the same walk without the copy: what it reports is what a repair would lose.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/domain/event.h"
#include "common/engines/sqlite/database.h"

namespace mesh::sqlite {

struct Damage {
  std::string place;                 // "analytics.events/3 records 17..19", "table users"
  std::string what;                  // what is wrong there
  std::vector<std::string> tenants;  // whose it is, as far as the bytes tell
  std::string loss;                  // what a repair loses; "nothing: …" where it loses nothing
};

struct FileReport {
  std::string file;             // "log.db"
  std::int64_t rows = 0;        // that are whole
  bool hopeless = false;        // missing, or so damaged that nothing can be copied
  bool users_lost = false;      // of store.db: rows of users or tenants may be gone
  std::vector<Damage> damages;  // empty: the file is whole
};

// `source` is the path of the file to look at; `target`, where not empty, the file to make.
// Errors are what keeps from looking: a file that cannot be opened or written, a newer schema.
Result<FileReport> salvage_log(const std::string& source, const std::string& target);
Result<FileReport> salvage_store(const std::string& source, const std::string& target);
// The same, with nothing in it: what takes the place of a file of which nothing can be copied.
Status make_empty_log(const std::string& path);
Status make_empty_store(const std::string& path);
// False for a file that no start came to its end with: it is new.
bool log_was_used(const std::string& path);
// Points can be built anew from the log, so a repair keeps none of the file.
Result<FileReport> inspect_points(const std::string& source);

// Hands out the records of a topic of a whole log, each partition's in order.
using UseRecord = std::function<Status(const StoredRecord&)>;
Status each_record(const std::string& path, std::string_view topic, const UseRecord& use);

// After a repair of either, makes the log and the store say the same of users and tenants: what the
// store holds and the log (by `records`, a reader of its topics) or the outbox does not say last is
// put into the outbox, a removal too; users and tenants that the store lost are taken from the log,
// those of other producers left alone. Of two users with one e-mail the one whom the store has
// keeps it, else the later one; the other is removed, or stays as the store has it, in the log too.
// Nothing is there twice if it is called again.
struct Lost {
  bool users = false;  // rows of users or tenants may be gone from the store
  bool log = false;    // the log is a new one: what the store parked, and tasks that are not
                       // finished, have offsets of the old one
};
struct Agreement {
  std::int64_t written = 0;  // events in the outbox
  std::int64_t taken = 0;    // users and tenants from the log
};
using Records = std::function<Status(std::string_view topic, const UseRecord& use)>;
Result<Agreement> agree(const std::string& store, const Records& records, Lost lost, Timestamp now);

// A damaged write-ahead log (see verify_wal): copies `path` into the folder `scratch` with every
// frame that is whole, up to the last commit, and answers the copy's path. A page whose frame was
// damaged is there in its state before or after. The copy's pages are mended (mend_pages).
Result<std::string> copy_without_damaged_frames(const std::string& path,
                                                const std::string& scratch);

// --- for the functions above -------------------------------------------------------------------

// The pages of `path` whose sums are wrong, used or not, but for those that its log holds anew.
struct BadPages {
  std::int64_t count = 0, first = 0;
  bool mendable = false;  // a copy that is mended says more
};
BadPages bad_pages(const std::string& path);
// Seals the pages of which the sum alone is damaged, and brings a file that was cut off to the
// length that it tells, which SQLite wants: what is missing is then damaged pages. For a file
// without a log.
Status mend_pages(const std::string& path);
// Where nothing else was found, so that all rows are whole.
void tell_bad_pages(const BadPages& bad, const std::string& loss, FileReport& report);

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

std::string join(const std::vector<std::string>& words, std::string_view separator);
// "17..19" or "17".
std::string range_text(std::int64_t first, std::int64_t last);

}  // namespace mesh::sqlite
