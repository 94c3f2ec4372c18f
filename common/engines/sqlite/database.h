// SQLite: RAII holders, and the committer that groups transactions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
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
  static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode);
  // Every later open of this process goes through this registered VFS ("": SQLite's own); for
  // tests that inject faults.
  static void use_vfs(std::string name);
  ~Database();
  Result<Statement> prepare(std::string_view sql);  // cached by text
  Status execute(std::string_view sql);             // one or more statements
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

// From one version of a schema to the next: statements, then what SQL alone cannot do (or nothing).
struct SchemaStep {
  std::string_view sql;
  Status (*rows)(Database& db) = nullptr;
};
// Brings the schema to version steps.size(): runs the steps beyond PRAGMA user_version, each in a
// transaction together with its number. `conflict` for a file that a newer program wrote.
Status migrate(Database& db, std::span<const SchemaStep> steps);

// Looks for damage inside `path`'s write-ahead log before it is opened. SQLite takes the first bad
// frame for the end of the log, which would silently undo commits that were acknowledged behind
// it; `corrupt` where synced commits follow a bad frame. Only while nobody has the file open.
Status verify_wal(const std::string& path);
// Calls `use` with the number and the bytes of each page in the log whose frame is whole, up to the
// last commit, in order; answers how many of the frames up to there are damaged.
int each_whole_frame(const std::string& path,
                     const std::function<void(std::uint32_t number, std::string_view page)>& use);

// The writer of one database file: a thread that runs submitted jobs in groups, each group one
// transaction. Jobs carry a key, the tenant whose they are; jobs of one key run in the order of
// submission, and keys take turns (common/base/fair_queue.h), so a job waits for the group under
// way and a share of the next, however much other tenants have waiting. A job that fails undoes
// only itself: a group is first run without savepoints, and only when a job fails after it wrote
// something, the group is rolled back and run again with a savepoint for each job. So jobs must
// bear being run twice: what they leave outside the database (captured results, memory) is set,
// never added to.
//
// `done` of every job is called after the group's commit is durable (or with the job's own error,
// or the commit's), outside all locks. A full disk fails the group with `unavailable`, and later
// groups are tried anew. A thread of its own checkpoints the WAL. After an I/O error of a write or
// fsync the file cannot be trusted (the kernel may drop the dirty pages and report success the next
// time): `on_fatal` is called once (the process ends) and nothing more is accepted.
class Committer {
 public:
  struct Options {
    std::size_t max_pending_bytes = 64 << 20;  // that wait, as FairQueue bounds them: beyond it
                                               // submit fails with `unavailable`, for the key
                                               // that has too much waiting
    int max_group = 4096;                      // jobs per transaction
    std::size_t max_group_bytes = 1 << 20;     // a group ends with the job that reaches it. More
                                               // lets a single write wait longer beside a flood
    std::function<void(const Error&)> on_fatal;
    std::function<void(double seconds, int jobs)> on_commit;  // for metrics
  };
  using Job = std::function<Status(Database&)>;
  using Done = std::function<void(Status)>;

  Committer(std::unique_ptr<Database> writer, std::string path, Options options);
  ~Committer();  // finishes what was submitted

  // Any thread; never blocks. `bytes` is the job's cost: its share of max_pending_bytes (a single
  // job always fits) and of its key's turn. `done` is called exactly once, from the committer's
  // thread or, when refused, from this one.
  void submit(std::string_view key, std::size_t bytes, Job job, Done done);
  // The mesh's own work, with a turn like any tenant's. Whoever submits it bounds it: it is never
  // refused for what waits.
  void submit(std::size_t bytes, Job job, Done done) {
    submit({}, bytes, std::move(job), std::move(done));
  }
  // Blocks until durable. Not from the committer's own thread.
  Status run(Job job);
  // Called at each begin of a transaction, also when a group is run again: what jobs of an undone
  // transaction left in memory goes back to the committed state. From the committer's thread. Set
  // before the first submit.
  void on_begin(std::function<void()> reset);
  // Called before each commit: writes once what the group's jobs would have written each. A failure
  // is the group's. From the committer's thread. Set before the first submit.
  void before_commit(Job write);
  // Called after each durable commit, before the group's `done`s; from the committer's thread. Any
  // number of callbacks; set before the first submit.
  void on_committed(std::function<void()> notify);
  // Soon every page goes into the database file and the WAL becomes empty, so that none of its
  // frames shows what was removed. Any thread; does not block.
  void empty_wal();
  std::size_t pending_bytes() const;  // submitted and not done
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
