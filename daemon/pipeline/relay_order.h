// Keeps the newest state of an entity the last one in the log though two relays appended.
//
// A lease does not fence the log: a relay that stood still between the look at its lease and its
// append, or within it, puts old states behind those that the next holder has appended meanwhile;
// and the last record of a key is what compaction keeps and a rebuild sees. So whoever finds its
// lease lost heals the keys of what it appended and the outbox has not acknowledged. Whoever holds
// the lease sees by the offsets that its own appends get whether another appended in between, and
// heals the keys of that, too: the other may have ended before it could.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/ports/event_log.h"

namespace mesh::pipeline {

// Any thread.
class RelayOrder {
 public:
  RelayOrder(EventLog& log, LogAdmin& admin) : log_(log), admin_(admin) {}

  // A lease begins: what others appended before it is none of its own appends' neighbours.
  void begin_lease();
  // A batch that is about to be appended; names it.
  std::int64_t add(const std::vector<Record>& records);
  void appended(std::int64_t batch, const std::vector<Position>& positions);
  // Nothing of it is in the log, nor will be.
  void drop(std::int64_t batch);
  // The outbox acknowledged it, which it does for the holder only: so this batch and those before
  // it were appended under the lease, and what another relay appends of their keys comes behind.
  void proven(std::int64_t batch);

  // `holds`: the lease.
  bool needs_healing(bool holds) const;
  // Appends newest states again that have older ones behind them. Blocks; what failed is still to
  // be healed.
  Status heal(Clock& clock, bool holds);

 private:
  struct Batch {
    std::set<std::pair<std::string, std::string>> keys;  // topic, key
    std::map<TopicPartition, std::int64_t> next;         // behind its records, as far as known
  };
  struct Range {
    TopicPartition partition;
    std::int64_t from, to;
  };
  Status heal_unproven(Clock& clock);
  Status heal_foreign(Clock& clock);

  EventLog& log_;
  LogAdmin& admin_;
  mutable std::mutex mutex_;
  std::int64_t last_batch_ = 0;  // this and the rest guarded by mutex_
  std::map<std::int64_t, Batch> unproven_;
  std::map<TopicPartition, std::int64_t> proven_to_;  // below it others appended nothing unseen
  std::map<TopicPartition, std::int64_t> own_end_;    // behind the last own append of this lease
  std::vector<Range> foreign_;                        // what others appended since
};

}  // namespace mesh::pipeline
