#include "common/engines/kafka/readers.h"

#include <algorithm>

#include "common/engines/kafka/record.h"

namespace mesh::kafka {
namespace {

constexpr std::size_t kMostFeeds = 32;
constexpr Duration kIdle{10'000};

}  // namespace

// One partition on its way here. Under its mutex.
class Readers::Feed {
 public:
  Feed(Cluster& cluster, rd_kafka_t* handle, TopicPartition partition)
      : cluster_(cluster), handle_(handle), partition_(std::move(partition)) {}
  ~Feed() { stop(); }

  Result<ReadResult> read(std::int64_t from, const ReadLimits& limits) {
    ReadResult result;
    result.next = from;
    if (queue_ && next_ != from) stop();
    const bool goes_on = queue_ != nullptr;
    if (!goes_on) {
      // Known to be there, or not, before anything is fetched: a fetch at the end would wait.
      const auto ends = MESH_TRY(cluster_.offsets({partition_}, RD_KAFKA_OFFSET_END));
      if (from >= ends.at(partition_).value_or(0)) {
        result.at_end = true;
        return result;
      }
      MESH_TRY(start(from));
    }
    auto taken = take(limits, goes_on, result);
    if (!taken || result.at_end) stop();
    if (!taken) return fail(taken.error());
    return result;
  }

  std::mutex& mutex() { return mutex_; }
  SteadyTime used() const { return used_; }

 private:
  Status start(std::int64_t from) {
    topic_.reset(
        rd_kafka_topic_new(handle_, cluster_.wire_name(partition_.topic).c_str(), nullptr));
    queue_.reset(rd_kafka_queue_new(handle_));
    if (!topic_ ||
        rd_kafka_consume_start_queue(topic_.get(), partition_.partition, from, queue_.get()) != 0) {
      queue_.reset();
      return fail(error_of(rd_kafka_last_error(), "read a partition"));
    }
    next_ = from;
    return {};
  }

  void stop() {
    held_.reset();
    if (!queue_) return;
    rd_kafka_consume_stop(topic_.get(), partition_.partition);
    queue_.reset();
    topic_.reset();
  }

  // Whether there is nothing from here on. An end that lies in the queue since an earlier read may
  // be behind by now.
  Result<bool> is_end(std::int64_t next, bool goes_on) {
    if (!goes_on) return true;
    const auto ends = MESH_TRY(cluster_.offsets({partition_}, RD_KAFKA_OFFSET_END));
    return next >= ends.at(partition_).value_or(0);
  }

  Status take(const ReadLimits& limits, bool goes_on, ReadResult& result) {
    const auto until = cluster_.deadline();
    std::size_t bytes = 0;
    while (result.records.size() < std::max<std::size_t>(limits.max_records, 1)) {
      Message message = held_ ? std::move(held_) : next_message(until);
      used_ = cluster_.clock().steady();
      if (!message) {
        if (!result.records.empty()) return {};
        return fail(error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, "read a partition"));
      }
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        result.next = std::max(result.next, message->offset);
        result.at_end = MESH_TRY(is_end(result.next, goes_on));
        if (result.at_end) return {};
        continue;
      }
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (!result.records.empty()) return {};
        if (passes(message->err) && cluster_.clock().steady() < until) continue;
        return fail(error_of(message->err, "read a partition"));
      }
      auto record = record_of(*message, partition_.topic);
      const auto size = size_of(record);
      if (!result.records.empty() && bytes + size > limits.max_bytes) {
        held_ = std::move(message);
        return {};
      }
      bytes += size;
      next_ = result.next = record.position.offset + 1;
      result.records.push_back(std::move(record));
    }
    return {};
  }

  Message next_message(SteadyTime until) {
    const auto left = std::chrono::duration_cast<Duration>(until - cluster_.clock().steady());
    return Message(rd_kafka_consume_queue(queue_.get(), std::max(1, milliseconds(left))));
  }

  Cluster& cluster_;
  rd_kafka_t* const handle_;
  const TopicPartition partition_;
  std::mutex mutex_;
  std::atomic<SteadyTime> used_{SteadyTime{}};
  TopicHandle topic_;
  QueueHandle queue_;  // none: nothing is fetched
  std::int64_t next_ = 0;
  Message held_;  // taken from the queue, and beyond the limits of the last read
};

Result<std::unique_ptr<Readers>> Readers::open(Cluster& cluster) {
  auto handle = MESH_TRY(make_handle(cluster.options(), RD_KAFKA_CONSUMER,
                                     {
                                         {"enable.partition.eof", "true"},
                                         {"auto.offset.reset", "earliest"},
                                         // A partition that begins waits for a fetch under way.
                                         {"fetch.wait.max.ms", "20"},
                                         // Beyond one of these librdkafka fetches nothing for a
                                         // second, so one fetch must not come to it.
                                         {"queued.min.messages", "100000"},
                                         {"queued.max.messages.kbytes", "8192"},
                                     }));
  return std::make_unique<Readers>(cluster, std::move(handle));
}

Readers::Readers(Cluster& cluster, Handle handle) : cluster_(cluster), handle_(std::move(handle)) {}

Readers::~Readers() { feeds_.clear(); }

std::shared_ptr<Readers::Feed> Readers::feed_of(const TopicPartition& partition) {
  std::lock_guard lock(mutex_);
  auto& feed = feeds_[partition];
  if (!feed) feed = std::make_shared<Feed>(cluster_, handle_.get(), partition);
  return feed;
}

Result<ReadResult> Readers::read(const TopicPartition& partition, std::int64_t from,
                                 const ReadLimits& limits) {
  MESH_TRY(cluster_.check(partition));
  const auto feed = feed_of(partition);
  std::lock_guard lock(feed->mutex());
  return feed->read(std::max<std::int64_t>(from, 0), limits);
}

void Readers::tidy() {
  std::vector<std::shared_ptr<Feed>> gone;  // dropped outside of the mutex
  const auto now = cluster_.clock().steady();
  std::lock_guard lock(mutex_);
  std::vector<std::pair<SteadyTime, TopicPartition>> by_age;
  for (const auto& [partition, feed] : feeds_) by_age.emplace_back(feed->used(), partition);
  std::ranges::sort(by_age);
  for (std::size_t i = 0; i < by_age.size(); ++i) {
    const bool too_many = by_age.size() - i > kMostFeeds;
    if (!too_many && now - by_age[i].first < kIdle) break;
    const auto it = feeds_.find(by_age[i].second);
    // One that is read now is kept.
    if (it->second.use_count() == 1) {
      gone.push_back(std::move(it->second));
      feeds_.erase(it);
    }
  }
}

}  // namespace mesh::kafka
