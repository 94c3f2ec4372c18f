#include "common/engines/kafka/watches.h"

#include <algorithm>

#include "common/base/thread.h"

namespace mesh::kafka {
namespace {

// How long a partition is fetched on after its last watch: whoever follows one watches it again.
constexpr Duration kLinger{10'000};
// A watch so far ahead of what was fetched begins anew, instead of passing over all between.
constexpr std::int64_t kAhead = 1'000;
// Likewise so many records that nobody waited for end it: they were fetched for nothing.
constexpr std::int64_t kUnwanted = 1'000;
constexpr int kWatchMilliseconds = 200;

}  // namespace

struct Watches::Waiter {
  std::map<TopicPartition, std::int64_t> offsets;
  Told told;  // empty once it was called
};

struct Watches::Tail {
  TopicHandle topic;
  std::int64_t next = 0;      // behind the last record that came
  std::int64_t end = 0;       // the log reaches so far, at least
  std::int64_t unwanted = 0;  // came while nobody waited
  std::set<Waiter*> waiters;
  SteadyTime idle_since{};
};

class Watches::Registered final : public Watch {
 public:
  Registered(Watches& room, std::map<TopicPartition, std::int64_t> offsets, Told told)
      : room_(room), waiter_{std::move(offsets), std::move(told)} {}
  ~Registered() override {
    std::lock_guard lock(room_.mutex_);
    room_.remove(waiter_);
  }
  Waiter& waiter() { return waiter_; }

 private:
  Watches& room_;
  Waiter waiter_;
};

Result<std::unique_ptr<Watches>> Watches::open(Cluster& cluster) {
  auto handle = MESH_TRY(make_handle(cluster.options(), RD_KAFKA_CONSUMER,
                                     {
                                         {"auto.offset.reset", "error"},
                                         // How long a partition that begins may wait for a fetch
                                         // under way.
                                         {"fetch.wait.max.ms", "100"},
                                         {"queued.min.messages", "100"},
                                         {"queued.max.messages.kbytes", "256"},
                                         {"fetch.message.max.bytes", "65536"},
                                     }));
  return std::make_unique<Watches>(cluster, std::move(handle));
}

Watches::Watches(Cluster& cluster, Handle handle)
    : cluster_(cluster),
      handle_(std::move(handle)),
      queue_(rd_kafka_queue_new(handle_.get())),
      thread_([this] { run(); }) {}

Watches::~Watches() { close(); }

std::unique_ptr<Watch> Watches::watch(const std::map<TopicPartition, std::int64_t>& offsets,
                                      Told told) {
  auto registered = std::make_unique<Registered>(*this, offsets, std::move(told));
  Waiter& waiter = registered->waiter();
  std::lock_guard lock(mutex_);
  waiters_.insert(&waiter);
  bool there = closed_;
  for (const auto& [partition, offset] : offsets) {
    if (there) break;
    const auto count = cluster_.known_partitions(partition.topic);
    if (!count || partition.partition < 0 || partition.partition >= *count) continue;
    Tail& tail = tail_at(partition, std::max<std::int64_t>(offset, 0));
    tail.waiters.insert(&waiter);
    tail.unwanted = 0;
    there = tail.end > offset;
  }
  if (there) tell(waiter);
  return registered;
}

Watches::Tail& Watches::tail_at(const TopicPartition& partition, std::int64_t offset) {
  const auto [it, fresh] = tails_.try_emplace(partition);
  Tail& tail = it->second;
  if (fresh) {
    tail.topic.reset(
        rd_kafka_topic_new(handle_.get(), cluster_.wire_name(partition.topic).c_str(), nullptr));
    start(partition, tail, offset);
  } else if (offset > tail.next + kAhead || (offset < tail.next && tail.end <= offset)) {
    // What lies far behind the offset need not be read; what lies before a tail that has seen
    // nothing yet would never be told.
    rd_kafka_consume_stop(tail.topic.get(), partition.partition);
    start(partition, tail, offset);
  }
  return tail;
}

void Watches::start(const TopicPartition& partition, Tail& tail, std::int64_t offset) {
  tail.next = offset;
  (void)rd_kafka_consume_start_queue(tail.topic.get(), partition.partition, offset, queue_.get());
}

// Under mutex_.
void Watches::tell(Waiter& waiter) {
  remove(waiter);
  if (waiter.told) std::exchange(waiter.told, nullptr)();
}

// Under mutex_.
void Watches::remove(Waiter& waiter) {
  waiters_.erase(&waiter);
  for (const auto& [partition, offset] : waiter.offsets) {
    const auto it = tails_.find(partition);
    if (it == tails_.end()) continue;
    it->second.waiters.erase(&waiter);
    if (it->second.waiters.empty()) it->second.idle_since = cluster_.clock().steady();
  }
}

void Watches::tell_all() {
  std::lock_guard lock(mutex_);
  while (!waiters_.empty()) tell(**waiters_.begin());
}

void Watches::run() {
  name_thread("kafka-watches");
  for (;;) {
    const Message message(rd_kafka_consume_queue(queue_.get(), kWatchMilliseconds));
    {
      std::lock_guard lock(mutex_);
      if (closed_) return;
      if (message) take(*message);
      if (!message) drop_idle_tails();
    }
    if (message && message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && message->rkt) {
      if (auto name = cluster_.plain_name(rd_kafka_topic_name(message->rkt))) {
        begin_again({*name, message->partition});
      }
    }
  }
}

// Under mutex_.
void Watches::take(const rd_kafka_message_t& message) {
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR || message.rkt == nullptr) return;
  const auto name = cluster_.plain_name(rd_kafka_topic_name(message.rkt));
  if (!name) return;
  const TopicPartition partition{*name, message.partition};
  const auto it = tails_.find(partition);
  if (it == tails_.end()) return;
  Tail& tail = it->second;
  tail.next = std::max(tail.next, message.offset + 1);
  tail.end = std::max(tail.end, message.offset + 1);
  for (auto waiter = tail.waiters.begin(); waiter != tail.waiters.end();) {
    Waiter& one = **waiter++;
    if (one.offsets.at(partition) < tail.end) tell(one);
  }
  if (!tail.waiters.empty() || ++tail.unwanted < kUnwanted) return;
  rd_kafka_consume_stop(tail.topic.get(), partition.partition);
  tails_.erase(it);
}

// Its place lies before the start, where retention took what was there, or beyond the end.
void Watches::begin_again(const TopicPartition& partition) {
  const auto starts = cluster_.offsets({partition}, RD_KAFKA_OFFSET_BEGINNING);
  const auto ends = cluster_.offsets({partition}, RD_KAFKA_OFFSET_END);
  std::lock_guard lock(mutex_);
  const auto it = tails_.find(partition);
  if (it == tails_.end()) return;
  Tail& tail = it->second;
  rd_kafka_consume_stop(tail.topic.get(), partition.partition);
  if (!starts || !ends) return start(partition, tail, tail.next);
  const auto end = ends->at(partition).value_or(0);
  start(partition, tail, end);
  tail.end = end;
  for (auto waiter = tail.waiters.begin(); waiter != tail.waiters.end();) {
    Waiter& one = **waiter++;
    if (one.offsets.at(partition) < end) tell(one);
  }
}

// Under mutex_.
void Watches::drop_idle_tails() {
  const auto now = cluster_.clock().steady();
  std::erase_if(tails_, [&](auto& entry) {
    auto& [partition, tail] = entry;
    if (!tail.waiters.empty() || now - tail.idle_since < kLinger) return false;
    rd_kafka_consume_stop(tail.topic.get(), partition.partition);
    return true;
  });
}

void Watches::close() {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
  }
  rd_kafka_queue_yield(queue_.get());
  thread_.join();
  tell_all();
  std::lock_guard lock(mutex_);
  for (auto& [partition, tail] : tails_) {
    rd_kafka_consume_stop(tail.topic.get(), partition.partition);
  }
  tails_.clear();
}

}  // namespace mesh::kafka
