#include "common/engines/kafka/kafka_log.h"

#include <algorithm>

#include "common/engines/kafka/examine.h"
#include "common/engines/kafka/log_impl.h"

namespace mesh::kafka {
namespace {

// Between two looks at which topics there are, and whether a broker answers.
constexpr Duration kLookAround{2'000};

}  // namespace

Result<std::unique_ptr<KafkaLog>> KafkaLog::open(KafkaOptions options, Clock& clock) {
  auto log = std::make_unique<KafkaLogImpl>(std::move(options), clock);
  MESH_TRY(log->open());
  return log;
}

Status KafkaLogImpl::open() {
  cluster_ = MESH_TRY(Cluster::open(options_, clock_));
  topics_ = std::make_unique<Topics>(*cluster_);
  groups_ = std::make_unique<Groups>(*cluster_);
  readers_ = MESH_TRY(Readers::open(*cluster_));
  watches_ = MESH_TRY(Watches::open(*cluster_));
  producer_ = MESH_TRY(Producer::open(*cluster_));
  looking_ = std::make_unique<Periodic>(
      "kafka-look", clock_, kLookAround, [this] { look_around(); }, Periodic::Rest::keeps);
  looking_->hurry();
  return {};
}

void KafkaLogImpl::look_around() {
  // The first time is within open(), which waits for no broker.
  if (std::exchange(opening_, false)) return;
  // trouble() tells what fails
  if (cluster_->refresh()) topics_->look_again();
  // Also of what another thread has found meanwhile.
  const auto additions = cluster_->additions();
  if (std::exchange(seen_additions_, additions) != additions) watches_->tell_all();
  readers_->tidy();
  groups_->tidy();
}

void KafkaLogImpl::append(std::vector<Record> records, AppendDone done) {
  producer_->append(std::move(records), std::move(done));
}

Result<ReadResult> KafkaLogImpl::read(const TopicPartition& partition, std::int64_t from,
                                      const ReadLimits& limits) {
  return readers_->read(partition, from, limits);
}

Result<Watermarks> KafkaLogImpl::watermarks(const TopicPartition& partition) {
  MESH_TRY(cluster_->check(partition));
  const auto starts = MESH_TRY(cluster_->offsets({partition}, RD_KAFKA_OFFSET_BEGINNING));
  const auto ends = MESH_TRY(cluster_->offsets({partition}, RD_KAFKA_OFFSET_END));
  return Watermarks{starts.at(partition).value_or(0), ends.at(partition).value_or(0)};
}

Result<std::int64_t> KafkaLogImpl::offset_at(const TopicPartition& partition, Timestamp time) {
  MESH_TRY(cluster_->check(partition));
  const auto since = std::max<std::int64_t>(0, time.time_since_epoch().count());
  const auto found = MESH_TRY(cluster_->offsets({partition}, since));
  if (const auto offset = found.at(partition)) return *offset;
  const auto ends = MESH_TRY(cluster_->offsets({partition}, RD_KAFKA_OFFSET_END));
  return ends.at(partition).value_or(0);
}

Status KafkaLogImpl::import(std::vector<StoredRecord> records) {
  std::lock_guard lock(importing_);
  if (!import_) import_ = MESH_TRY(Import::open(*cluster_));
  auto done = import_->run(records);
  // Its producer takes nothing more.
  if (!done) import_.reset();
  return done;
}

std::unique_ptr<Watch> KafkaLogImpl::watch(const std::map<TopicPartition, std::int64_t>& offsets,
                                           Told told) {
  return watches_->watch(offsets, std::move(told));
}

Status KafkaLogImpl::ensure_topic(const TopicSpec& spec) {
  const bool made = MESH_TRY(topics_->ensure(spec));
  if (made) watches_->tell_all();
  return {};
}

Status KafkaLogImpl::ensure_group(const std::string& group,
                                  const std::vector<std::string>& topics) {
  return groups_->ensure(group, topics);
}

Result<std::unique_ptr<LogConsumer>> KafkaLogImpl::open_consumer(
    const std::string& group, const std::vector<std::string>& topics, const std::string& member) {
  MESH_TRY(groups_->ensure(group, topics));
  auto consumer = std::make_unique<KafkaConsumer>(
      *cluster_, group, std::set<std::string>(topics.begin(), topics.end()));
  MESH_TRY(consumer->open(member));
  std::lock_guard lock(mutex_);
  if (closed_) return fail(ErrorKind::cancelled, "the log is closed");
  auto* raw = consumer.get();
  members_.insert(raw);
  consumer->at_end([this, raw] {
    std::lock_guard again(mutex_);
    members_.erase(raw);
  });
  return consumer;
}

Result<std::vector<GroupInfo>> KafkaLogImpl::groups() { return groups_->list(); }

Status KafkaLogImpl::seek_group(const std::string& group,
                                const std::map<TopicPartition, std::int64_t>& offsets) {
  return groups_->seek(group, offsets);
}

// DeleteRecords takes all before an offset; a tombstone takes a key out of entity topics, and only
// once the broker compacts.
Result<std::int64_t> KafkaLogImpl::erase(const TopicPartition& partition,
                                         std::span<const std::int64_t>) {
  return fail(ErrorKind::unprocessable,
              "Kafka takes no single record out of " + partition.topic + "/" +
                  std::to_string(partition.partition) +
                  ": it goes with the retention of its topic, or once its key is overtaken where "
                  "the topic is compacted");
}

std::vector<ServerFinding> KafkaLogImpl::examine() {
  if (trouble()) return {};
  return kafka::examine(*cluster_, *topics_);
}

void KafkaLogImpl::close() {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
    for (auto* member : members_) member->cancel();
  }
  if (looking_) looking_->stop();
  if (watches_) watches_->close();
  if (producer_) producer_->close();
}

bool KafkaLogImpl::shared_out() const {
  struct Share {
    std::set<TopicPartition> wanted, had;
    std::size_t sum = 0, least = SIZE_MAX, most = 0;
  };
  std::map<std::string, Share> groups;
  std::lock_guard lock(mutex_);
  for (const auto* member : members_) {
    if (!member->at_rest()) return false;
    const auto assigned = member->assigned();
    if (!assigned) continue;
    auto& share = groups[member->group()];
    for (const auto& topic : member->topics()) {
      for (int i = 0; i < cluster_->known_partitions(topic).value_or(0); ++i) {
        share.wanted.insert({topic, i});
      }
    }
    share.had.insert(assigned->begin(), assigned->end());
    share.sum += assigned->size();
    share.least = std::min(share.least, assigned->size());
    share.most = std::max(share.most, assigned->size());
  }
  return std::ranges::all_of(groups, [](const auto& entry) {
    const Share& share = entry.second;
    return share.had == share.wanted && share.sum == share.had.size() &&
           share.most - share.least <= 1;
  });
}

}  // namespace mesh::kafka
