// The durable log of events: topics of partitions of records, read by position or by group.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/watch.h"
#include "common/domain/catalogue.h"
#include "common/domain/event.h"

namespace mesh {

using Offsets = std::map<TopicPartition, std::int64_t>;  // one of each partition

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
  // Whether read() gives records that a consumer had before at little cost, wherever they stand;
  // constant. Where it does not, whoever reads ahead of its work keeps what it read.
  virtual bool reads_again_cheaply() const = 0;

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

// What changed of a member's partitions since it last asked.
struct Assignment {
  // Those that begin: where each goes on, the offset that the group has committed. All of them at
  // first. One that it has already was moved by seek_group, or was another's in between: whatever
  // the member did of it and has not committed is void.
  std::map<TopicPartition, std::int64_t> gained;
  std::vector<TopicPartition> lost;  // another member's from now on
  bool empty() const { return gained.empty() && lost.empty(); }
};

// One member of a consumer group, which shares the partitions out evenly among its members, each to
// one of them; when one comes or goes, as few as possible change hands. One thread at a time;
// wake() from any thread.
//
// A member is there from its opening on, and holds its share though it never polls. One that
// neither polled nor kept itself alive for the session of the engine is taken for gone as soon as
// others poll: its partitions are theirs, its commits are refused, and its next poll makes it a
// member again, with partitions that begin anew.
class LogConsumer {
 public:
  virtual ~LogConsumer() = default;  // leaves the group
  // The next records of its partitions, in order within each; waits up to `timeout` for the first.
  // Empty on a timeout, after wake(), or when its partitions changed: see changes(). The position
  // moves on in memory only. At least one record where there is one, whatever the limits.
  virtual Result<std::vector<StoredRecord>> poll(const ReadLimits& limits, Duration timeout) = 0;
  // Makes `next` (the offsets to go on from) the group's, durably; partitions not named stay.
  // `conflict`, and none of it is committed, where one of them is not this member's any more, or
  // begins anew since it was polled: look at changes(). `invalid` where the group does not read
  // one.
  virtual Status commit(const std::map<TopicPartition, std::int64_t>& next) = 0;
  // Cheap while nothing changed. Partitions also change while a poll reads or between polls: what
  // the last poll gave of those that are named here is void, and the next one goes on from where
  // `gained` says.
  virtual Assignment changes() = 0;
  // "I am not gone", from a pause between two polls. Does not bring back a member taken for gone.
  virtual void keep_alive() = 0;
  // Its partitions and where each goes on, as of the last call of poll() or changes().
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
  // Beyond max_age or max_bytes, and kept: not committed by every group, or not settled. What was
  // erased there counts until it is passed.
  std::uint64_t held = 0;
  // Gone before they were committed or settled, since a hard bound of the engine had to win; since
  // the log was opened.
  std::uint64_t passed_over = 0;
};

struct GroupInfo {
  std::string name;
  bool active = false;                               // a consumer is open
  std::vector<std::string> members;                  // those not taken for gone, by their names
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
  // A member of a group as ensure_group makes it, which reads its share of the partitions of the
  // topics. `member` names the process that it works for, among GroupInfo::members.
  virtual Result<std::unique_ptr<LogConsumer>> open_consumer(const std::string& group,
                                                             const std::vector<std::string>& topics,
                                                             const std::string& member) = 0;
  virtual Result<std::vector<GroupInfo>> groups() = 0;
  // Whether seek_group moves a group that has members; constant.
  virtual bool seeks_active_groups() const = 0;
  // Sets committed offsets. The members that have these partitions go on from there, and what they
  // polled before can be committed no more: see LogConsumer::changes. Where groups that have
  // members are not moved, `conflict` for one, and its offsets stay.
  virtual Status seek_group(const std::string& group,
                            const std::map<TopicPartition, std::int64_t>& offsets) = 0;
  // Nothing is kept for it any more. `conflict` while active.
  virtual Status delete_group(const std::string& group) = 0;
  // Whether erase() takes single records out of the log; constant.
  virtual bool erases_records() const = 0;
  // Takes these records out, durably, whatever groups have not committed and whatever letters are
  // not settled: they are gaps from then on. Offsets where nothing is do not matter. How many went.
  // Those that it took before an error are gone. It may wait for upkeep under way. `not_found` for
  // a partition that does not exist, `unprocessable` where the engine takes no single record out.
  virtual Result<std::int64_t> erase(const TopicPartition& partition,
                                     std::span<const std::int64_t> offsets) = 0;
};

}  // namespace mesh
