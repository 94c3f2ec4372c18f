// The inside of SqliteLog; seen by this folder only.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/engines/sqlite/log/group.h"
#include "common/engines/sqlite/log/sqlite_log.h"
#include "common/engines/sqlite/log/wait_room.h"

namespace mesh::sqlite {

// Where a partition's next record goes.
struct Tail {
  std::int64_t end = 0;    // its offset
  std::int64_t total = 0;  // body bytes of all records before it, removed ones too
  std::int64_t time = 0;   // the last record's; times never decrease
};

struct Partition {
  Partition(std::int64_t row_id, TopicPartition tp);

  const std::int64_t id;  // its records are in table r<id>
  const TopicPartition name;
  const std::string insert_sql, read_sql;

  // The committer's thread only. `staged` is ahead of `durable` within a transaction.
  Tail staged, durable;
  bool touched = false;
  std::optional<Statement> insert;

  Bell bell;  // the committed start and end
  // Written by the committer (total) and by upkeep and erasures; read by anyone.
  std::atomic<std::int64_t> total{0};
  std::atomic<std::int64_t> removed_records{0}, removed_bytes{0};
  // Below this offset records may be missing because upkeep or an erasure removed them; from there
  // on a gap is damage. Raised before the removal is committed.
  std::atomic<std::int64_t> gaps_to{0};
  // Retention reaches to here; what is still there before it is held back. Written by upkeep.
  std::atomic<std::int64_t> due_to{0};
  std::atomic<std::uint64_t> passed_over{0};  // since the log was opened; written by upkeep
  // Upkeep only: compaction has been through below clean_to; when the first of the removals that it
  // left there falls due (milliseconds; 0: none). What records below seen_to overtook is gone.
  std::int64_t clean_to = 0, tombstone_due = 0, seen_to = 0;
  // Upkeep only, of a dead-letter topic: those below letters_to that nobody has settled, rising.
  std::vector<std::int64_t> letters;
  std::int64_t letters_to = 0;
};

// What one transaction takes out of a partition.
struct Removed {
  std::int64_t records = 0, bytes = 0;
};
// Writes it into the partition's row, in that transaction; the counts of `p` rise behind it.
Status note_removed(Database& db, const Partition& p, Removed removed, std::int64_t start,
                    std::int64_t gaps_to);

struct Topic {
  TopicSpec spec;  // retention guarded by SqliteLogImpl::topics_mutex_; the rest constant
  std::vector<std::unique_ptr<Partition>> partitions;
  std::atomic<std::uint32_t> round_robin{0};

  Partition& for_key(std::string_view key, std::uint64_t hash_of_key);
};

// A commit's or a seek's new offset, on its way through the committer.
struct OffsetChange {
  Partition* partition;
  GroupOffset* offset;
  std::int64_t next;
  std::int64_t epoch;  // of the position it stems from; of a seek: its own
  std::int64_t term;   // since which its committer has the partition
};

class SqliteLogImpl final : public SqliteLog {
 public:
  SqliteLogImpl(const std::string& path, LogOptions options, Clock& clock,
                std::unique_ptr<Database> writer);
  ~SqliteLogImpl() override;
  Status load(Database& db);
  void start();

  void append(std::vector<Record> records, AppendDone done) override;
  Result<ReadResult> read(const TopicPartition& partition, std::int64_t from,
                          const ReadLimits& limits) override;
  bool reads_again_cheaply() const override { return true; }
  Result<Watermarks> watermarks(const TopicPartition& partition) override;
  Result<std::int64_t> offset_at(const TopicPartition& partition, Timestamp time) override;
  std::unique_ptr<Watch> watch(const std::map<TopicPartition, std::int64_t>& offsets,
                               Told told) override;

  Status ensure_topic(const TopicSpec& spec) override;
  Result<std::vector<TopicInfo>> topics() override;
  Status ensure_group(const std::string& group,
                      const std::vector<std::string>& topic_names) override;
  Result<std::unique_ptr<LogConsumer>> open_consumer(const std::string& group,
                                                     const std::vector<std::string>& topic_names,
                                                     const std::string& member) override;
  Result<std::vector<GroupInfo>> groups() override;
  bool seeks_active_groups() const override { return true; }
  Status seek_group(const std::string& group,
                    const std::map<TopicPartition, std::int64_t>& offsets) override;
  Status delete_group(const std::string& group) override;
  bool erases_records() const override { return true; }
  Result<std::int64_t> erase(const TopicPartition& partition,
                             std::span<const std::int64_t> offsets) override;
  Status begin(const std::vector<TopicSpec>& specs) override;
  Status import(std::vector<StoredRecord> records) override;
  Status finish(const TopicSpec& spec) override { return ensure_topic(spec); }
  Status upkeep() override;
  void close() override;

 private:
  friend class SqliteConsumer;

  struct Batch;
  void submit(std::unique_ptr<Batch> batch, std::string_view tenant);
  Status insert_batch(Database& db, Batch& batch);
  void finish_batch(Batch& batch, Status status);
  void begin_transaction();
  void publish();

  Result<Topic*> find_topic(std::string_view name);
  Result<Partition*> find(const TopicPartition& name);
  Status update_retention(Topic& topic, const TopicSpec& spec);
  // Appends what is there to `out`; the offset to go on from.
  Result<std::int64_t> read_into(Partition& partition, std::int64_t from, const ReadLimits& limits,
                                 std::vector<StoredRecord>& out, std::size_t& bytes);
  Status run_then(Committer::Job job, const std::function<void(const Status&)>& after);
  // `conflict`, and none is committed, where one of them comes too late.
  Status commit_offsets(const std::string& name, std::vector<OffsetChange> changes);
  void nudge_members(Group& group);  // to look at their partitions; under groups_mutex_
  // Those of the topics, each with the group's durable offset; under admin_mutex_.
  Result<std::vector<Partition*>> known_to(const std::string& group,
                                           const std::vector<std::string>& topic_names);

  void upkeep_loop();
  // retention.cpp
  Status expire(Topic& topic, const TopicSpec& spec);
  // Where each partition would begin if only the newest max_bytes of the topic stayed.
  Result<std::vector<std::int64_t>> cuts_by_size(Topic& topic, std::uint64_t max_bytes);
  // Body bytes of all records before `offset`, removed ones too.
  Result<std::int64_t> total_before(Partition& partition, std::int64_t offset);
  Status look_at_letters(Partition& partition);
  std::int64_t committed_by_all(const Partition& partition);  // the maximum where none reads it
  Status pass_over(Partition& partition, std::int64_t offset);
  Status expire_below(Partition& partition, std::int64_t offset);
  // compaction.cpp
  Status compact(Partition& partition);
  Result<bool> compaction_is_due(Partition& partition, std::int64_t to);
  Result<bool> compact_pass(Partition& partition);  // whether another one has to follow
  // Visits verified records of [from, to) in order, until `visit` answers false.
  struct ScannedRow {
    std::int64_t offset, time;
    std::string_view key;
    bool tombstone;
    std::string_view body;
  };
  Status scan(Partition& partition, std::int64_t from, std::int64_t to,
              const std::function<bool(const ScannedRow&)>& visit);
  Result<std::int64_t> count(Partition& partition, std::int64_t from, std::int64_t to);
  // removal.cpp
  // Removes records, all below `below`, and their bytes from the file; how many were there. Under
  // upkeep_mutex_.
  Result<std::int64_t> remove(Partition& partition, std::span<const std::int64_t> offsets,
                              std::int64_t below);
  // The first record at or beyond `offset`: its offset, time and total before it.
  struct RowInfo {
    std::int64_t offset, time, total_before;
  };
  Result<std::optional<RowInfo>> row_at(Partition& partition, std::int64_t offset);

  const LogOptions options_;
  Clock& clock_;
  Committer committer_;
  ReaderPool readers_;
  WaitRoom waits_;

  std::shared_mutex topics_mutex_;
  std::map<std::string, std::unique_ptr<Topic>, std::less<>> topics_;  // only ever grows
  std::map<std::int64_t, Partition*> partitions_;                      // by id
  std::mutex groups_mutex_;
  std::map<std::string, std::shared_ptr<Group>> groups_;
  std::mutex admin_mutex_;   // one change of topics or groups at a time
  std::mutex upkeep_mutex_;  // one round of upkeep, or erasure, at a time

  // The committer's thread only.
  std::vector<Partition*> touched_;
  std::vector<Bell*> grown_;
  std::int64_t transaction_time_ = 0;

  std::mutex close_mutex_;
  std::condition_variable close_cv_;
  std::atomic<bool> closed_{false};
  std::thread upkeep_thread_;  // last: it uses all of the above
};

// `conflict`, of a commit that comes too late.
Error not_its_own(const std::string& group, const TopicPartition& partition);
// `corrupt`, naming the record.
Error damaged(const Partition& partition, std::int64_t offset, std::string cause);
std::int64_t to_millis(Timestamp time);

}  // namespace mesh::sqlite
