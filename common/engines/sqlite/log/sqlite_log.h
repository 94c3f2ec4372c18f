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
  Duration upkeep_interval{30'000};  // retention and compaction; driven by the clock
  std::function<void(const Error&)> on_fatal;
  std::function<void(double seconds, int jobs)> on_commit;
};

// `dir`/log.db. The caller holds the DirectoryLock of `dir`.
class SqliteLog : public EventLog, public LogAdmin {
 public:
  static Result<std::unique_ptr<SqliteLog>> open(const std::string& dir, LogOptions options,
                                                 Clock& clock);
  // One round of retention and compaction, now; the upkeep thread calls the same.
  virtual Status upkeep() = 0;
  // Wakes every wait and poll; appends fail from now on. Callable twice.
  virtual void close() = 0;
};

}  // namespace mesh::sqlite
