// SQLite: connections and statements, RAII holders of both.
// SQLiteCpp throws, caches no statements, and does not say which results spoil a transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace mesh::sqlite {

class Database;

// What SQLite's result `code` on `db` means to us: constraint → conflict; full disk, quota, busy →
// unavailable; damaged file → corrupt, with the file's name and what to do; else internal.
Error error_of(sqlite3* db, int code);

// A prepared statement, borrowed from its Database's cache; reset when it goes. Columns count from
// 0, parameters from 1. One thread at a time, the database's.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, double value);
  Statement& bind_text(int index, std::string_view value);  // not copied: must outlive the step
  Statement& bind_blob(int index, std::string_view value);  // not copied
  Statement& bind_null(int index);
  // True: a row is there. False: done. Errors as error_of says; a failed bind is told here too.
  Result<bool> step();
  Status run();  // steps to the end and resets: bind and run again
  void reset();  // back to before the first step; what was bound stays
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;  // until the next step; also for blobs
  bool is_null(int column) const;
  // Binds a column's value, of whatever type, to a parameter of another statement.
  void copy_column(int column, Statement& to, int index) const;

 private:
  friend class Database;
  Statement(Database* db, sqlite3_stmt* stmt, bool* busy) : db_(db), stmt_(stmt), busy_(busy) {}
  Statement& note(int code);  // keeps the first failed bind for step()
  Database* db_;
  sqlite3_stmt* stmt_;
  bool* busy_;  // the cache's mark that it is lent; null: not cached, finalized when it goes
  int bind_code_ = 0;
};

// One connection; one thread at a time.
class Database {
 public:
  enum class Mode { read_write, read_only, read_raw };  // raw: damaged pages as they are
  // WAL, synchronous=FULL, foreign keys, busy time-out 5 s, manual checkpoints, cell checks, what
  // is removed is overwritten (secure_delete), a checksum per page (page_sums.h).
  // read_write makes the file where it is missing. `unavailable` where it cannot be opened or read,
  // `corrupt` for one that is shorter than a page, or whose header is damaged.
  static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode);
  ~Database();
  // Cached by text; a text whose statement is lent gets another one. Must not outlive the database.
  Result<Statement> prepare(std::string_view sql);
  Status execute(std::string_view sql);  // one or more statements
  std::int64_t changes() const;
  std::int64_t last_insert_rowid() const;
  sqlite3* handle() const { return db_; }

 private:
  friend class Statement;
  friend class Committer;
  explicit Database(sqlite3* db);
  int note(int code);  // keeps what the committer must know of a step's result; returns it
  sqlite3* db_;
  struct Cache;
  std::unique_ptr<Cache> cache_;
  bool wrote_ = false;  // a statement that may have changed the file succeeded
  int failure_ = 0;     // the last result that spoils the transaction: I/O error, full, no memory
};

// What SQLite holds of the heap, all connections of the process: page caches, which are bounded per
// connection, and prepared statements.
std::size_t memory_in_use();

}  // namespace mesh::sqlite
