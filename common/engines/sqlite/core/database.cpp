#include "common/engines/sqlite/core/database.h"

#include <sqlite3.h>

#include <cstring>

#include <cerrno>
#include <filesystem>
#include <map>
#include <mutex>
#include <utility>

#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/vfs/page_sums.h"

namespace mesh::sqlite {
namespace {

constexpr std::uintmax_t kSmallestPage = 512;
constexpr std::size_t kMaxCachedStatements = 1024;  // beyond it statements are made per use

bool is_full(sqlite3* db, int code) {
  if ((code & 0xff) == SQLITE_FULL) return true;
  if ((code & 0xff) != SQLITE_IOERR || db == nullptr) return false;
  const int os = sqlite3_system_errno(db);  // quota and file size limits come as I/O errors
  return os == ENOSPC || os == EDQUOT || os == EFBIG;
}

}  // namespace

Error error_of(sqlite3* db, int code) {
  const char* path = db != nullptr ? sqlite3_db_filename(db, "main") : nullptr;
  const std::string file = path != nullptr ? path : "";
  const std::string name = std::filesystem::path(file).filename().string();
  std::string cause = file + ": " + sqlite3_errstr(code) + " (" + std::to_string(code) + ")";
  if (db != nullptr && sqlite3_errcode(db) != SQLITE_OK) {
    cause += std::string(", ") + sqlite3_errmsg(db);
  }
  if (is_full(db, code)) {
    return Error{ErrorKind::unavailable, "the disk is full: free some space", cause, {}, {}};
  }
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      // Callers that know which key it was say so instead.
      return Error{ErrorKind::conflict, "this is there already", cause, {}, {}};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return damaged_file(name, cause);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error{ErrorKind::unavailable, name + " is locked by another program", cause, {}, {}};
    case SQLITE_NOMEM:
      return Error{ErrorKind::unavailable, "out of memory", cause, {}, {}};
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return Error{ErrorKind::unavailable, name + " cannot be opened for this", cause, {}, {}};
    case SQLITE_IOERR:
      return Error{
          ErrorKind::unavailable, name + ": the disk failed to read or write", cause, {}, {}};
    case SQLITE_TOOBIG:
      return Error{ErrorKind::too_large, "too large to store", cause, {}, {}};
    default:
      return Error{ErrorKind::internal, "the storage failed", cause, {}, {}};
  }
}

// Statements by text. Addresses in a map are stable, so a lent statement keeps a pointer to its
// entry's mark.
struct Database::Cache {
  struct Entry {
    sqlite3_stmt* stmt;
    bool busy;
  };
  std::map<std::string, Entry, std::less<>> entries;
};

Statement::Statement(Statement&& other) noexcept
    : db_(other.db_),
      stmt_(std::exchange(other.stmt_, nullptr)),
      busy_(std::exchange(other.busy_, nullptr)),
      bind_code_(other.bind_code_) {}

Statement::~Statement() {
  if (stmt_ == nullptr) return;
  // It is not in the cache: a text that was in use already, or one too many.
  if (busy_ == nullptr) {
    sqlite3_finalize(stmt_);
    return;
  }
  sqlite3_reset(stmt_);
  // Texts are bound without a copy, and end with their owners.
  sqlite3_clear_bindings(stmt_);
  *busy_ = false;
}

Statement& Statement::note(int code) {
  if (code != SQLITE_OK && bind_code_ == SQLITE_OK) bind_code_ = code;
  return *this;
}

Statement& Statement::bind(int index, std::int64_t value) {
  return note(sqlite3_bind_int64(stmt_, index, value));
}
Statement& Statement::bind(int index, double value) {
  return note(sqlite3_bind_double(stmt_, index, value));
}
Statement& Statement::bind_text(int index, std::string_view value) {
  // A null pointer would bind NULL; an empty view may hold one.
  const char* data = value.data() != nullptr ? value.data() : "";
  return note(sqlite3_bind_text64(stmt_, index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8));
}
Statement& Statement::bind_blob(int index, std::string_view value) {
  const char* data = value.data() != nullptr ? value.data() : "";
  return note(sqlite3_bind_blob64(stmt_, index, data, value.size(), SQLITE_STATIC));
}
Statement& Statement::bind_null(int index) { return note(sqlite3_bind_null(stmt_, index)); }

Result<bool> Statement::step() {
  if (bind_code_ != SQLITE_OK) return fail(error_of(db_->db_, std::exchange(bind_code_, 0)));
  const int code = db_->note(sqlite3_step(stmt_));
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    auto error = error_of(db_->db_, code);
    sqlite3_reset(stmt_);
    return fail(std::move(error));
  }
  // By the kind of statement and not by what it changed: to run a group again is always right.
  if (!db_->wrote_ && sqlite3_stmt_readonly(stmt_) == 0) db_->wrote_ = true;
  return code == SQLITE_ROW;
}

Status Statement::run() {
  for (;;) {
    auto row = step();
    if (!row) return fail(std::move(row).error());
    if (!*row) break;
  }
  reset();
  return {};
}

void Statement::reset() { sqlite3_reset(stmt_); }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(stmt_, column); }
double Statement::real(int column) const { return sqlite3_column_double(stmt_, column); }
std::string_view Statement::text(int column) const {
  // As a blob, so that nothing is converted; of a text these are its bytes, NULs among them.
  const void* data = sqlite3_column_blob(stmt_, column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(stmt_, column))};
}
bool Statement::is_null(int column) const {
  return sqlite3_column_type(stmt_, column) == SQLITE_NULL;
}

void Statement::copy_column(int column, Statement& to, int index) const {
  to.note(sqlite3_bind_value(to.stmt_, index, sqlite3_column_value(stmt_, column)));
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Mode mode) {
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (mode == Mode::read_write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                              : SQLITE_OPEN_READONLY);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags,
                                   mode == Mode::read_raw ? nullptr : page_sums_vfs());
  // Before the look at the result: SQLite gives a handle to close for most failures, too.
  std::unique_ptr<Database> db(new Database(handle));
  if (code != SQLITE_OK) {
    const int number = handle == nullptr ? 0 : sqlite3_system_errno(handle);
    const std::string why = number == 0 ? sqlite3_errstr(code) : std::strerror(number);
    return fail(ErrorKind::unavailable,
                path + " cannot be opened: " + why +
                    "; check the owner and the mode of the file and its folder");
  }
  // SQLite takes so small a file for an empty one.
  std::error_code missing;
  if (const auto size = std::filesystem::file_size(path, missing);
      !missing && size > 0 && size < kSmallestPage) {
    return fail(error_of(handle, SQLITE_CORRUPT));
  }
  // Before the first page is made: what pages reserve is fixed with the file.
  if (mode == Mode::read_write) reserve_page_sums(handle);
  // For other programs that look into the file, and for readers that a RESTART checkpoint waits
  // for.
  sqlite3_busy_timeout(handle, 5000);
  // journal_size_limit: the WAL file shrinks to it when it starts over, so a burst does not stay on
  // the disk. cell_size_check: damaged pages are found when they are read, not by what they break.
  std::string pragmas =
      "PRAGMA cell_size_check=ON; PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=0;"
      "PRAGMA temp_store=MEMORY;";
  if (mode == Mode::read_write) {
    pragmas +=
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864;"
        "PRAGMA cache_size=-16384; PRAGMA secure_delete=ON;";
  }
  MESH_TRY(db->execute(pragmas));
  // What the pragmas did is of no job.
  db->wrote_ = false;
  return db;
}

Database::Database(sqlite3* db) : db_(db), cache_(std::make_unique<Cache>()) {}

Database::~Database() {
  // A statement that is left over would keep the connection open behind the close.
  for (auto& [sql, entry] : cache_->entries) sqlite3_finalize(entry.stmt);
  sqlite3_close_v2(db_);
}

int Database::note(int code) {
  // These may have undone the transaction, or part of it; other errors leave it as it was.
  const int primary = code & 0xff;
  if (primary == SQLITE_IOERR || primary == SQLITE_FULL || primary == SQLITE_NOMEM) failure_ = code;
  return code;
}

Result<Statement> Database::prepare(std::string_view sql) {
  auto it = cache_->entries.find(sql);
  if (it != cache_->entries.end() && !it->second.busy) {
    it->second.busy = true;
    return Statement(this, it->second.stmt, &it->second.busy);
  }
  const bool keep = it == cache_->entries.end() && cache_->entries.size() < kMaxCachedStatements;
  sqlite3_stmt* stmt = nullptr;
  const int code = note(sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                                           keep ? SQLITE_PREPARE_PERSISTENT : 0, &stmt, nullptr));
  if (code != SQLITE_OK) {
    auto error = error_of(db_, code);
    error.cause += " in: " + std::string(sql);
    return fail(std::move(error));
  }
  if (!keep) return Statement(this, stmt, nullptr);
  it = cache_->entries.emplace(std::string(sql), Cache::Entry{stmt, true}).first;
  return Statement(this, stmt, &it->second.busy);
}

Status Database::execute(std::string_view sql) {
  const int code = note(sqlite3_exec(db_, std::string(sql).c_str(), nullptr, nullptr, nullptr));
  wrote_ = true;  // it may hold several statements: some may have written before one failed
  if (code == SQLITE_OK) return {};
  auto error = error_of(db_, code);
  error.cause += " in: " + std::string(sql.substr(0, 200));
  return fail(std::move(error));
}

std::int64_t Database::changes() const { return sqlite3_changes64(db_); }
std::int64_t Database::last_insert_rowid() const { return sqlite3_last_insert_rowid(db_); }

std::size_t memory_in_use() { return static_cast<std::size_t>(sqlite3_memory_used()); }

}  // namespace mesh::sqlite
