// The durable log of events: topics of partitions of records, read by position or by group.
#pragma once

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/watch.h"
#include "common/domain/catalogue.h"
#include "common/domain/event.h"

namespace mesh {

// Called exactly once, from a thread of the engine's: positions in the order of the records, or
// the error. On `uncertain` any of the records may be in the log, or come into it yet; on every
// other error none is, nor will be. Must not block or throw.
using AppendDone = std::function<void(Result<std::vector<Position>>)>;

struct ReadLimits {
  std::size_t max_records = 500;
  std::size_t max_bytes = 4 << 20;  // of keys, values and headers; one record always fits
  bool keys_only = false;           // values and headers may be left out, where that is cheaper
};

// What one read gave. Without a record it need not be the end: an engine's fetch may run into its
// time-out, or pass gaps only. Whoever wants all goes on from `next` until at_end.
struct ReadResult {
  std::vector<StoredRecord> records;  // in order; gaps (compacted, expired) are skipped
  std::int64_t next = 0;              // behind the records, and the gaps that were passed
  bool at_end = false;                // when it was read, there was nothing from `next` on
};

struct Watermarks {
  std::int64_t start = 0;  // the first offset that may still exist
  std::int64_t end = 0;    // the offset the next record will get
};

// Appends and reads. Any thread.
class EventLog {
 public:
  virtual ~EventLog() = default;

  // Appends the records in order; `done` is called once all are durable (survive power loss). An
  // engine may take them one by one and fail in between, or lose its own answer: whoever is told
  // `uncertain` appends all again, under the same event ids, since consumers count an id once.
  // Records of one key go to one partition: stable_hash(key) % partitions. Never blocks:
  // beyond the engine's bound of waiting bytes `done` gets `unavailable` at once, as it does when
  // the disk is full. `not_found` for a topic that does not exist.
  virtual void append(std::vector<Record> records, AppendDone done) = 0;

  // Records from offset `from` on; a `from` below the start reads from the start. Waits for no
  // record that is not there, but maybe for the engine. `corrupt` for damaged bytes.
  virtual Result<ReadResult> read(const TopicPartition& partition, std::int64_t from,
                                  const ReadLimits& limits) = 0;

  virtual Result<Watermarks> watermarks(const TopicPartition& partition) = 0;

  // The first offset whose record was taken at or after `time`; the end where there is none.
  virtual Result<std::int64_t> offset_at(const TopicPartition& partition, Timestamp time) = 0;

  // Tells, by notification and without polling, as soon as some partition has a record at or beyond
  // its offset (at once where it has one already), a topic was made, or the log was closed. It may
  // tell more often than that: who is told reads. A partition that does not exist has no records.
  // Waiting holds no thread. Dropped before the log.
  virtual std::unique_ptr<Watch> watch(const std::map<TopicPartition, std::int64_t>& offsets,
                                       Told told) = 0;
};

// The blocking form of append, for tools, tests and threads of their own.
inline Result<std::vector<Position>> append_and_wait(EventLog& log, std::vector<Record> records) {
  std::promise<Result<std::vector<Position>>> done;
  log.append(std::move(records), [&](auto result) { done.set_value(std::move(result)); });
  return done.get_future().get();
}

// One member of a consumer group. One thread at a time; wake() from any thread.
class LogConsumer {
 public:
  virtual ~LogConsumer() = default;  // leaves the group
  // The next records of the assigned partitions, in order within each; waits up to `timeout` for
  // the first. Empty on a timeout or after wake(). The position moves on in memory only.
  virtual Result<std::vector<StoredRecord>> poll(const ReadLimits& limits, Duration timeout) = 0;
  // Makes `next` (the offsets to go on from) the group's, durably; partitions not named stay.
  virtual Status commit(const std::map<TopicPartition, std::int64_t>& next) = 0;
  // Moves the in-memory position; the next poll reads from there.
  virtual Status seek(const TopicPartition& partition, std::int64_t offset) = 0;
  // Follows seek_group: the partitions that it moved since the last call and where each goes on. A
  // poll follows it too, when it begins; a move may also come while it reads, so whoever finds one
  // behind a poll seeks there and reads again.
  virtual std::map<TopicPartition, std::int64_t> moved() = 0;
  // The assigned partitions and where each goes on.
  virtual std::map<TopicPartition, std::int64_t> position() const = 0;
  // Ends a poll that waits, and the next one at once if none does.
  virtual void wake() = 0;
};

struct TopicSpec {
  std::string name;
  TopicKind kind = TopicKind::activity;
  int partitions = 8;  // of a new topic; one that exists keeps its own
  // Of activity topics. Neither takes away what a group that reads the topic has not committed, nor
  // a dead letter that nobody has settled.
  std::optional<Duration> max_age;         // empty: for ever
  std::optional<std::uint64_t> max_bytes;  // per topic; empty: any
};

struct TopicInfo {
  TopicSpec spec;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::vector<Watermarks> partitions;
  // Beyond max_age or max_bytes, and kept: not committed by every group, or not settled.
  std::uint64_t held = 0;
  // Gone before they were committed or settled, since a hard bound of the engine had to win; since
  // the log was opened.
  std::uint64_t passed_over = 0;
};

struct GroupInfo {
  std::string name;
  bool active = false;                               // a consumer is open in this process
  std::map<TopicPartition, std::int64_t> committed;  // or where it begins
  std::uint64_t holds = 0;        // records of TopicInfo::held that this group has not committed
  std::uint64_t passed_over = 0;  // as TopicInfo::passed_over: records that it will not see
};

// Topics, groups and upkeep. Any thread; calls may block for a commit.
class LogAdmin {
 public:
  virtual ~LogAdmin() = default;
  // Makes the topic or, where it exists, updates its retention; its partitions stay as they are.
  // Another kind is a `conflict`.
  virtual Status ensure_topic(const TopicSpec& spec) = 0;
  virtual Result<std::vector<TopicInfo>> topics() = 0;
  // Makes the group known, durably, as a reader of all partitions of the topics: from now on
  // retention keeps for it what it has not committed. It begins at the start; what it has committed
  // stays. `not_found` for a topic that does not exist.
  virtual Status ensure_group(const std::string& group, const std::vector<std::string>& topics) = 0;
  // A consumer of all partitions of the topics, of a group as ensure_group makes it. `conflict`
  // while another consumer of this group is open in this process.
  virtual Result<std::unique_ptr<LogConsumer>> open_consumer(
      const std::string& group, const std::vector<std::string>& topics) = 0;
  virtual Result<std::vector<GroupInfo>> groups() = 0;
  // Sets committed offsets. An open consumer of the group goes on from there at its next poll and
  // its commits of positions that it took before are ignored: see LogConsumer::moved.
  virtual Status seek_group(const std::string& group,
                            const std::map<TopicPartition, std::int64_t>& offsets) = 0;
  // Nothing is kept for it any more. `conflict` while active.
  virtual Status delete_group(const std::string& group) = 0;
};

}  // namespace mesh
