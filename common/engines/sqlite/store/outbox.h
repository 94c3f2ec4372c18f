// The outbox in SQLite, and the way for other stores to write events into it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "common/domain/event.h"
#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/engines/sqlite/store/leases.h"
#include "common/ports/outbox.h"

namespace mesh::sqlite {

// What a change answers, and how many events it added.
template <typename T>
struct Change {
  T value;
  int events = 0;
};

// Adds the event's record to the transaction under way; answers its sequence.
Result<std::int64_t> add_to_outbox(Database& db, const Event& event);

class SqliteOutbox final : public Outbox {
 public:
  // `waiting`: the entries in the file now.
  SqliteOutbox(Committer& committer, ReaderPool& readers, MemoryLeases& leases,
               std::int64_t waiting, Clock& clock);

  // Adds the event's record to the transaction of the job that calls it.
  Result<std::int64_t> add(Database& db, const Event& event);

  // Submits a change that may add events, in the turn of `key`: `work` is
  // Result<Change<T>>(Database&), `done` gets a Result<T>. Counting waits for the commit, since a
  // job may run twice or be undone.
  template <typename T, typename Work, typename Done>
  void submit(std::string_view key, std::size_t bytes, Work work, Done done) {
    submit_with_result<Change<T>>(committer_, key, bytes, std::move(work),
                                  [this, done = std::move(done)](Result<Change<T>> change) mutable {
                                    if (!change) return done(fail(std::move(change.error())));
                                    waiting_ += change->events;
                                    done(Result<T>(std::move(change->value)));
                                  });
  }

  // Removes entries, in order, whoever has read them; how many were there. Blocks until durable.
  Result<std::int64_t> remove(const std::vector<std::int64_t>& sequences);

  std::unique_ptr<OutboxReader> open(const Lease& lease) override;
  Result<bool> holds(std::int64_t first, std::int64_t last) override;
  std::int64_t size() const override { return waiting_; }

 private:
  class Reader;
  void committed();

  Committer& committer_;
  ReaderPool& readers_;
  MemoryLeases& leases_;
  Clock& clock_;
  std::atomic<std::int64_t> waiting_;
  bool added_ = false;  // since the last commit; the committer's thread only
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t additions_ = 0;  // commits that added entries; guarded by mutex_
};

}  // namespace mesh::sqlite
