// Group commit: the jobs that wait together are one transaction and one fsync.
// SQLite has no such thing; RocksDB, which groups writes itself, has no SQL.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/engines/sqlite/core/database.h"

namespace mesh::sqlite {

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
// time): `on_fatal` is called once (the process ends) and nothing more is accepted. A group whose
// commit failed so is `uncertain`: a restart finds all of it or nothing.
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
  void stop();  // finishes what was submitted; later submits fail; callable twice

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::sqlite
