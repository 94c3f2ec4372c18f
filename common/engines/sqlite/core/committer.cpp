#include "common/engines/sqlite/core/committer.h"

#include <sqlite3.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/fair_queue.h"
#include "common/base/thread.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/core/held_files.h"
#include "common/telemetry/log.h"

namespace mesh::sqlite {
namespace {

constexpr auto kCheckpointInterval = std::chrono::milliseconds(100);
// The background checkpoints never catch up with a busy writer, so past this size the writer makes
// one itself, which lets the WAL start over.
constexpr int kWriterCheckpointPages = 4'000;
// Readers with old snapshots keep even that from finishing; past this size the writer waits for
// them (their reads are short), which bounds the WAL.
constexpr int kBlockingCheckpointPages = 32'000;

// How long, in milliseconds, emptying the WAL waits for readers, and a writer for it; it is tried
// again.
constexpr int kEmptyingPatience = 100;

// What a key may spend in a turn: some thirty single events. Small, so that a group has room for
// many keys.
constexpr std::size_t kQuantumBytes = 16 << 10;

struct Submitted {
  std::size_t bytes;
  Committer::Job job;
  Committer::Done done;
  Status status;
};

bool is_io_error(int code) { return (code & 0xff) == SQLITE_IOERR; }

// Reads that fail spoil nothing; neither does a write for want of space.
bool is_fatal(sqlite3* db, int code) {
  if (!is_io_error(code)) return false;
  if (code == SQLITE_IOERR_READ || code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_NOMEM) {
    return false;
  }
  const int os = sqlite3_system_errno(db);
  return code == SQLITE_IOERR_FSYNC || !(os == ENOSPC || os == EDQUOT || os == EFBIG);
}

// Closing the last connection would checkpoint and delete the WAL; after an I/O error it is the
// evidence, and recovery's.
void leave_wal_alone(Database& db) {
  sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

Status run_job(const Committer::Job& job, Database& db) {
  try {
    return job(db);
  } catch (const std::exception& e) {
    return fail(ErrorKind::internal, "the storage failed", e.what());
  }
}

}  // namespace

struct Committer::Impl {
  Impl(std::unique_ptr<Database> db, std::string file, Options opts)
      : writer(std::move(db)),
        path(std::move(file)),
        options(std::move(opts)),
        queue(kQuantumBytes, options.max_pending_bytes) {
    // Tells after each commit how long the WAL is. SQLite's own use of the hook, automatic
    // checkpoints within a commit, is off (Database::open).
    sqlite3_wal_hook(
        writer->handle(),
        [](void* self, sqlite3*, const char*, int pages) {
          static_cast<Impl*>(self)->wal_pages = pages;
          return SQLITE_OK;
        },
        this);
    const auto name = std::filesystem::path(path).stem().string();
    commit_thread = std::thread([this, name] {
      name_thread((name + "-commit").c_str());
      commit_loop();
    });
    checkpoint_thread = std::thread([this, name] {
      name_thread((name + "-ckpt").c_str());
      checkpoint_loop();
    });
  }

  ~Impl() {
    if (dead) leave_wal_alone(*writer);
  }

  void commit_loop();
  void take_group(std::vector<Submitted>& group);
  void run_group(std::vector<Submitted>& group);
  Status attempt(std::vector<Submitted>& group, bool savepoints, bool& again);
  Status finish_attempt(Status status, bool committing = false);
  void checkpoint_by_writer();
  void checkpoint_loop();
  void fatal(const Error& error);

  // Constant after construction, or used by the commit thread only.
  std::unique_ptr<Database> writer;
  const std::string path;
  const Options options;
  int wal_pages = 0;

  std::mutex mutex;
  std::condition_variable wake_commit, wake_checkpoint;
  FairQueue<Submitted> queue;                           // from here on guarded by mutex
  std::vector<std::function<void()>> begun, committed;  // set before the first submit, as is
  std::vector<Committer::Job> ending;
  bool stopping = false;
  bool stopped = false;   // no group will run any more
  bool dirty = false;     // commits since the last checkpoint
  bool to_empty = false;  // the next checkpoint leaves an empty WAL
  std::optional<Error> dead;

  // A snapshot held up what the checkpoint thread is now moving: too much for the writer, which
  // would keep commits waiting for it.
  std::atomic<bool> catching_up{false};
  std::atomic<bool> alone{false};  // there is no checkpoint thread
  std::mutex stop_mutex;
  std::thread commit_thread, checkpoint_thread;  // last: they use all of the above
};

Committer::Committer(std::unique_ptr<Database> writer, std::string path, Options options)
    : impl_(new Impl(std::move(writer), std::move(path), std::move(options))) {}

Committer::~Committer() { stop(); }

void Committer::submit(std::string_view key, std::size_t bytes, Job job, Done done) {
  Submitted task{bytes, std::move(job), std::move(done), {}};
  {
    std::lock_guard lock(impl_->mutex);
    auto& queue = impl_->queue;
    // Only a thread that found nothing sleeps; while anything waits it is awake, and needs no
    // signal.
    const bool idle = queue.empty();
    if (impl_->dead) {
      task.status = fail(*impl_->dead);
    } else if (impl_->stopping) {
      task.status = fail(ErrorKind::unavailable, "the storage is shutting down");
    } else if (key.empty()) {
      queue.push(key, std::move(task), bytes);
    } else if (!queue.try_push(key, std::move(task), bytes)) {
      task.status =
          fail(ErrorKind::unavailable, "too many writes are waiting for the disk: slow down");
    }
    if (task.status) {
      if (idle) impl_->wake_commit.notify_one();
      return;
    }
  }
  task.done(std::move(task.status));
}

Status Committer::run(Job job) {
  // It would wait for itself.
  if (std::this_thread::get_id() == impl_->commit_thread.get_id()) {
    return fail(ErrorKind::internal, "the storage failed", "Committer::run on the commit thread");
  }
  std::promise<Status> result;
  submit(0, std::move(job), [&](Status status) { result.set_value(std::move(status)); });
  return result.get_future().get();
}

void Committer::on_begin(std::function<void()> reset) {
  std::lock_guard lock(impl_->mutex);
  impl_->begun.push_back(std::move(reset));
}

void Committer::before_commit(Job write) {
  std::lock_guard lock(impl_->mutex);
  impl_->ending.push_back(std::move(write));
}

void Committer::on_committed(std::function<void()> notify) {
  std::lock_guard lock(impl_->mutex);
  impl_->committed.push_back(std::move(notify));
}

void Committer::empty_wal() {
  std::lock_guard lock(impl_->mutex);
  impl_->to_empty = impl_->dirty = true;
  impl_->wake_checkpoint.notify_one();
}

void Committer::stop() {
  std::lock_guard only(impl_->stop_mutex);
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    impl_->wake_commit.notify_all();
  }
  // First this one, which finishes what waits; the checkpoints go on meanwhile, or the WAL would
  // grow.
  if (impl_->commit_thread.joinable()) impl_->commit_thread.join();
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopped = true;
    impl_->wake_checkpoint.notify_all();
  }
  if (impl_->checkpoint_thread.joinable()) impl_->checkpoint_thread.join();
}

void Committer::Impl::commit_loop() {
  std::vector<Submitted> group;
  std::unique_lock lock(mutex);
  for (;;) {
    wake_commit.wait(lock, [&] { return stopping || !queue.empty(); });
    if (queue.empty()) return;
    take_group(group);
    // Read for each group: a group that fails so may be followed by others that were let in before.
    const auto refused = dead;
    lock.unlock();

    if (refused) {
      for (auto& task : group) task.status = fail(*refused);
    } else {
      run_group(group);
    }
    for (auto& task : group) {
      // Before `done`, which may hand over what the job refers to.
      task.job = nullptr;
      task.done(std::move(task.status));
    }
    group.clear();
    // Behind the answers, so that nobody of this group waits for it.
    if (wal_pages > kWriterCheckpointPages) checkpoint_by_writer();
    lock.lock();
  }
}

void Committer::Impl::take_group(std::vector<Submitted>& group) {
  std::size_t bytes = 0;
  do {
    group.push_back(std::move(*queue.pop()));
    bytes += group.back().bytes;
  } while (!queue.empty() && bytes < options.max_group_bytes &&
           group.size() < static_cast<std::size_t>(options.max_group));
}

void Committer::Impl::run_group(std::vector<Submitted>& group) {
  const auto start = std::chrono::steady_clock::now();
  bool again = false;
  auto status = attempt(group, false, again);
  // Nearly no group comes here; so a savepoint for each job, two more statements, is paid by those
  // alone.
  if (again) status = attempt(group, true, again);
  if (!status) {
    for (auto& task : group) task.status = fail(status.error());
    return;
  }
  if (options.on_commit) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    options.on_commit(took.count(), static_cast<int>(group.size()));
  }
  for (const auto& notify : committed) notify();
  std::lock_guard lock(mutex);
  dirty = true;
  wake_checkpoint.notify_one();
}

// One try at the whole group. `again`: a job failed after it had written, so the group was rolled
// back and has to be run with savepoints.
Status Committer::Impl::attempt(std::vector<Submitted>& group, bool savepoints, bool& again) {
  auto& db = *writer;
  db.failure_ = 0;
  const auto control = [&](std::string_view sql) -> Status {
    auto statement = MESH_TRY(db.prepare(sql));
    return statement.run();
  };
  // The lock at once: a transaction that only begins to read could not get it later, were another
  // program writing.
  if (auto s = control("BEGIN IMMEDIATE"); !s) return finish_attempt(std::move(s));
  for (const auto& reset : begun) reset();
  for (auto& task : group) {
    if (savepoints) {
      if (auto s = control("SAVEPOINT job"); !s) return finish_attempt(std::move(s));
    }
    db.wrote_ = false;
    task.status = run_job(task.job, db);
    // A full disk or an I/O error may have rolled the transaction back by itself; what follows
    // would then be written outside of one.
    if (db.failure_ != 0 || sqlite3_get_autocommit(db.handle()) != 0) {
      auto error = task.status ? error_of(db.handle(), db.failure_) : task.status.error();
      return finish_attempt(fail(std::move(error)));
    }
    if (savepoints) {
      if (!task.status) {
        if (auto s = control("ROLLBACK TO job"); !s) return finish_attempt(std::move(s));
      }
      if (auto s = control("RELEASE job"); !s) return finish_attempt(std::move(s));
    } else if (!task.status && db.wrote_) {
      again = true;
      return control("ROLLBACK");
    }
  }
  for (const auto& write : ending) {
    if (auto s = run_job(write, db); !s) return finish_attempt(std::move(s));
  }
  return finish_attempt(control("COMMIT"), true);
}

// Ends the transaction of a failed attempt, and the committer where the file is not to be trusted.
Status Committer::Impl::finish_attempt(Status status, bool committing) {
  if (status) return status;
  auto& db = *writer;
  const bool lost = db.failure_ != 0 && is_fatal(db.handle(), db.failure_);
  if (sqlite3_get_autocommit(db.handle()) == 0) {
    sqlite3_exec(db.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  if (lost) {
    fatal(status.error());
    // The whole group stands in the WAL, though not surely on the disk, and a restart may find it.
    if (committing) return fail_uncertain("the storage failed in a commit", dead->cause);
    return fail(*dead);
  }
  return status;
}

void Committer::Impl::fatal(const Error& error) {
  Error told{ErrorKind::unavailable,
             "the storage failed and takes no more writes: restart meshd",
             error.to_string(),
             {},
             {}};
  {
    std::lock_guard lock(mutex);
    // The checkpoint thread and the commit thread may both meet it.
    if (dead) return;
    dead = told;
  }
  log::error("a write or fsync failed; no more writes are taken",
             {{"file", path}, {"error", error.to_string()}});
  if (options.on_fatal) options.on_fatal(told);
}

void Committer::Impl::checkpoint_by_writer() {
  if (!alone && is_held(path)) catching_up = true;
  if (catching_up) return;
  // RESTART waits for readers of the WAL, so that the next commit begins at its start again;
  // PASSIVE moves what it can and waits for none.
  const int mode =
      wal_pages > kBlockingCheckpointPages ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
  int left = 0, moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(writer->handle(), nullptr, mode, &left, &moved);
  if (is_fatal(writer->handle(), code)) fatal(error_of(writer->handle(), code));
}

void Committer::Impl::checkpoint_loop() {
  auto db = Database::open(path, Database::Mode::read_write);
  if (!db) {
    log::warn("no background checkpoints", {{"file", path}, {"error", db.error().to_string()}});
    alone = true;
    catching_up = false;
    return;  // the writer's own remain
  }
  // A connection that has read nothing has no WAL open, and its checkpoints do nothing in silence.
  (void)(*db)->execute("SELECT count(*) FROM sqlite_schema");
  sqlite3_busy_timeout((*db)->handle(), kEmptyingPatience);
  std::unique_lock lock(mutex);
  while (!stopped && !dead) {
    wake_checkpoint.wait(lock, [&] { return stopped || dirty; });
    // A pause before each, so that one checkpoint moves the pages of many commits.
    if (wake_checkpoint.wait_for(lock, kCheckpointInterval, [&] { return stopped; })) break;
    // Before the work: a commit meanwhile sets it again.
    dirty = false;
    // Emptying keeps commits waiting while it tries, which is in vain while a snapshot is held.
    const bool empty = to_empty && !is_held(path);
    if (empty) to_empty = false;
    lock.unlock();
    int frames = 0, moved = 0;
    const int code = sqlite3_wal_checkpoint_v2(
        (*db)->handle(), nullptr, empty ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
        &frames, &moved);
    if (is_fatal((*db)->handle(), code)) {
      fatal(error_of((*db)->handle(), code));
    } else if (code != SQLITE_OK && code != SQLITE_BUSY) {
      log::warn("checkpoint failed, will be tried again",
                {{"file", path}, {"error", error_of((*db)->handle(), code).to_string()}});
    }
    const bool caught_up = code == SQLITE_OK && frames - moved <= kWriterCheckpointPages;
    if (caught_up && !is_held(path)) catching_up = false;
    lock.lock();
    if (moved < frames) dirty = true;  // a reader or the writer was in the way
    if (empty && code == SQLITE_BUSY) to_empty = true;
    if (to_empty) dirty = true;
  }
  if (dead) leave_wal_alone(**db);
}

}  // namespace mesh::sqlite
