// SQLite: RAII holders, and the committer that groups transactions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace mesh::sqlite {

class Database;

// A prepared statement, borrowed from its Database's cache; reset when it goes. Columns count from
// 0, parameters from 1. One thread at a time, the database's.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  ~Statement();
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, double value);
  Statement& bind_text(int index, std::string_view value);  // not copied: must outlive the step
  Statement& bind_blob(int index, std::string_view value);  // not copied
  Statement& bind_null(int index);
  // True: a row is there. False: done. Errors by kind: constraint → conflict, full disk →
  // unavailable, damaged file → corrupt, else internal.
  Result<bool> step();
  Status run();  // steps to the end
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;  // until the next step; also for blobs
  bool is_null(int column) const;

 private:
  friend class Database;
  Statement(Database* db, sqlite3_stmt* stmt) : db_(db), stmt_(stmt) {}
  Database* db_;
  sqlite3_stmt* stmt_;
};

// One connection; one thread at a time.
class Database {
 public:
  enum class Mode { read_write, read_only };
  // WAL, synchronous=FULL, foreign keys, busy time-out 5 s, manual checkpoints.
  static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode);
  ~Database();
  Result<Statement> prepare(std::string_view sql);  // cached by text
  Status execute(std::string_view sql);             // one or more statements
  std::int64_t changes() const;
  std::int64_t last_insert_rowid() const;
  sqlite3* handle() const { return db_; }

 private:
  friend class Statement;
  explicit Database(sqlite3* db);
  sqlite3* db_;
  struct Cache;
  std::unique_ptr<Cache> cache_;
};

// The writer of one database file: a thread that runs submitted jobs in groups, each group one
// transaction, each job in a savepoint of its own, so that a job that fails undoes only itself.
// `done` of every job is called after the group's commit is durable (or with the job's own error,
// or the commit's). A thread of its own checkpoints the WAL. After an I/O error of a commit the
// file cannot be trusted: `on_fatal` is called (the process ends) and nothing more is accepted.
class Committer {
 public:
  struct Options {
    std::size_t max_pending_bytes = 64 << 20;  // beyond it submit fails with `unavailable`
    int max_group = 4096;                      // jobs per transaction
    std::function<void(const Error&)> on_fatal;
    std::function<void(double seconds, int jobs)> on_commit;  // for metrics
  };
  using Job = std::function<Status(Database&)>;
  using Done = std::function<void(Status)>;

  Committer(std::unique_ptr<Database> writer, std::string path, Options options);
  ~Committer();  // finishes what was submitted

  // Any thread; never blocks. `bytes` is the job's share of max_pending_bytes. `done` is called
  // exactly once, from the committer's thread or, when refused, from this one.
  void submit(std::size_t bytes, Job job, Done done);
  // Blocks until durable. Not from the committer's own thread.
  Status run(Job job);
  // Called after each durable commit, before the group's `done`s; from the committer's thread.
  void on_committed(std::function<void()> notify);
  std::size_t pending_bytes() const;
  void stop();  // finishes what was submitted; later submits fail; callable twice

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Read connections, handed out one per call and given back by the handle; opened as needed, at most
// `max` kept. Any thread.
class ReaderPool {
 public:
  ReaderPool(std::string path, int max);
  ~ReaderPool();
  class Lease {
   public:
    Lease(ReaderPool* pool, std::unique_ptr<Database> db);
    Lease(Lease&&) noexcept;
    ~Lease();
    Database& operator*() const { return *db_; }
    Database* operator->() const { return db_.get(); }

   private:
    ReaderPool* pool_;
    std::unique_ptr<Database> db_;
  };
  Result<Lease> lease();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// `<dir>/LOCK`, held by flock for the life of the object. `conflict` with the holder's pid when
// another process has it; `unavailable` for a folder that cannot be made or written.
class DirectoryLock {
 public:
  static Result<std::unique_ptr<DirectoryLock>> acquire(const std::string& dir);
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace mesh::sqlite
