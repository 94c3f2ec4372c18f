// The embedded EventLog: one SQLite file. Format and guarantees: docs/architecture.md.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/engines/sqlite/core/database.h"
#include "common/ports/event_log.h"
#include "common/ports/log_import.h"

namespace mesh::sqlite {

struct LogOptions {
  std::size_t max_pending_bytes = 64 << 20;
  Duration upkeep_interval{30'000};  // of retention and compaction, by the clock; 0: only upkeep()
  // Beyond this many bytes a topic loses its oldest records though a group has not committed them,
  // or nobody has settled them: counted and logged. Empty: never, the disk is the bound.
  std::optional<std::uint64_t> hard_max_bytes;
  // Compaction of entity topics, by Kafka's rules (min.compaction.lag.ms, max.compaction.lag.ms,
  // delete.retention.ms). Nothing younger than the least lag goes, so that a consumer less than
  // that behind sees every event. What a newer record of its key overtook is gone after the
  // greatest lag, which must be more than the least one and an interval of upkeep.
  Duration min_compaction_lag{60'000};
  Duration max_compaction_lag{600'000};
  // How long a removal (is_removal, or a record without a value) outlives what it removed; it also
  // waits until every group that reads the topic has committed it.
  Duration delete_retention{24 * 3'600'000};
  // The share of records not yet compacted at which a partition's turn comes before the greatest
  // lag: lower keeps the file smaller and scans more often.
  double dirty_ratio = 0.5;
  // How long a member of a group that neither polls nor keeps itself alive has its partitions
  // before others may take them over. Shorter than its longest batch and what it does is done
  // twice.
  Duration session{5 * 60'000};
  std::function<void(const Error&)> on_fatal;
  std::function<void(double seconds, int jobs)> on_commit;
};

// `dir`/log.db. The caller holds the DirectoryLock of `dir`. Consumers are destroyed before it. An
// import asks for a log without an upkeep_interval: retention goes by the times of records.
class SqliteLog : public EventLog, public LogAdmin, public LogImport {
 public:
  // Makes the file where it is missing. `corrupt` where its write-ahead log, its structure or the
  // last record of a partition is damaged, `conflict` for a newer program's file, `unavailable`
  // where it cannot be opened.
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
