// The pieces of the Kafka log, in the order in which they need each other.
#pragma once

#include <memory>
#include <mutex>
#include <set>

#include "common/base/periodic.h"
#include "common/engines/kafka/cluster.h"
#include "common/engines/kafka/consumer.h"
#include "common/engines/kafka/groups.h"
#include "common/engines/kafka/import.h"
#include "common/engines/kafka/kafka_log.h"
#include "common/engines/kafka/producer.h"
#include "common/engines/kafka/readers.h"
#include "common/engines/kafka/topics.h"
#include "common/engines/kafka/watches.h"

namespace mesh::kafka {

class KafkaLogImpl final : public KafkaLog {
 public:
  KafkaLogImpl(KafkaOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {}
  ~KafkaLogImpl() override { close(); }
  Status open();

  void append(std::vector<Record> records, AppendDone done) override;
  Result<ReadResult> read(const TopicPartition& partition, std::int64_t from,
                          const ReadLimits& limits) override;
  bool reads_again_cheaply() const override { return false; }
  Result<Watermarks> watermarks(const TopicPartition& partition) override;
  Result<std::int64_t> offset_at(const TopicPartition& partition, Timestamp time) override;
  std::unique_ptr<Watch> watch(const std::map<TopicPartition, std::int64_t>& offsets,
                               Told told) override;

  Status ensure_topic(const TopicSpec& spec) override;
  Result<std::vector<TopicInfo>> topics() override { return topics_->list(); }
  Status ensure_group(const std::string& group, const std::vector<std::string>& topics) override;
  Result<std::unique_ptr<LogConsumer>> open_consumer(const std::string& group,
                                                     const std::vector<std::string>& topics,
                                                     const std::string& member) override;
  Result<std::vector<GroupInfo>> groups() override;
  bool seeks_active_groups() const override { return false; }
  Status seek_group(const std::string& group,
                    const std::map<TopicPartition, std::int64_t>& offsets) override;
  Status delete_group(const std::string& group) override { return groups_->remove(group); }
  bool erases_records() const override { return false; }
  Result<std::int64_t> erase(const TopicPartition& partition,
                             std::span<const std::int64_t> offsets) override;

  Status begin(const std::vector<TopicSpec>& specs) override {
    return topics_->begin_import(specs);
  }
  Status import(std::vector<StoredRecord> records) override;
  Status finish(const TopicSpec& spec) override { return topics_->finish_import(spec); }

  std::optional<Error> trouble() const override { return cluster_->trouble(); }
  std::vector<std::string> differences() const override { return topics_->differences(); }
  std::vector<ServerFinding> examine() override;
  void close() override;

  // For tests: whether the members that this log has opened share out their groups' partitions
  // among them, all of them and evenly. Another's members count for nobody.
  bool shared_out() const;

 private:
  void look_around();

  const KafkaOptions options_;
  Clock& clock_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Topics> topics_;
  std::unique_ptr<Groups> groups_;
  std::unique_ptr<Readers> readers_;
  std::unique_ptr<Watches> watches_;
  std::unique_ptr<Producer> producer_;
  std::mutex importing_;
  std::unique_ptr<Import> import_;  // made by the first import(); guarded by importing_
  mutable std::mutex mutex_;
  std::set<KafkaConsumer*> members_;  // this and the following guarded by mutex_
  bool closed_ = false;
  bool opening_ = true;  // this and the next of looking_ alone
  std::uint64_t seen_additions_ = 0;
  std::unique_ptr<Periodic> looking_;  // last: it uses all of the above
};

}  // namespace mesh::kafka
