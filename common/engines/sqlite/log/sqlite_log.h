// The embedded EventLog: one SQLite file. Format and guarantees: docs/architecture.md.
#pragma once

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/engines/sqlite/database.h"
#include "common/ports/event_log.h"

namespace mesh::sqlite {

struct LogOptions {
  std::size_t max_pending_bytes = 64 << 20;
  Duration upkeep_interval{30'000};  // of retention and compaction, by the clock; 0: only upkeep()
  // Compaction of entity topics, as Kafka does it: whatever groups have read, but nothing younger
  // than the lag, so that a consumer less than that behind sees every event.
  Duration compaction_lag{60'000};
  Duration tombstone_age{24 * 3'600'000};  // how long a tombstone outlives what it deleted
  // The share of records not yet compacted at which a partition's turn comes: lower keeps the file
  // smaller and scans more often.
  double dirty_ratio = 0.5;
  std::function<void(const Error&)> on_fatal;
  std::function<void(double seconds, int jobs)> on_commit;
};

// `dir`/log.db. The caller holds the DirectoryLock of `dir`. Consumers are destroyed before it.
class SqliteLog : public EventLog, public LogAdmin {
 public:
  static Result<std::unique_ptr<SqliteLog>> open(const std::string& dir, LogOptions options,
                                                 Clock& clock);
  // One round of retention and compaction, now; the upkeep thread calls the same. Blocks; its
  // transactions are small, so that appends are not held up.
  virtual Status upkeep() = 0;
  // Tells every watch, wakes every poll; finishes what was appended; appends fail from now on.
  // Callable twice.
  virtual void close() = 0;
};

}  // namespace mesh::sqlite
