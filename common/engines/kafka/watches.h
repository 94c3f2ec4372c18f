// EventLog::watch over Kafka: a fetch that waits at the broker for each partition that somebody
// watches.
//
// Polling the ends would ask every broker all the time. What is fetched is thrown away, but for
// that it came: whoever is told reads.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "common/base/watch.h"
#include "common/engines/kafka/cluster.h"

namespace mesh::kafka {

class Watches {
 public:
  static Result<std::unique_ptr<Watches>> open(Cluster& cluster);
  Watches(Cluster& cluster, Handle handle);
  ~Watches();

  // Does not block, but for what the told functions take.
  std::unique_ptr<Watch> watch(const std::map<TopicPartition, std::int64_t>& offsets, Told told);
  // There is more to look at than what they name.
  void tell_all();
  // Tells all, and those that come later at once. Callable twice.
  void close();

 private:
  struct Waiter;
  struct Tail;
  class Registered;

  void run();
  void take(const rd_kafka_message_t& message);
  void begin_again(const TopicPartition& partition);
  Tail& tail_at(const TopicPartition& partition, std::int64_t offset);
  void start(const TopicPartition& partition, Tail& tail, std::int64_t offset);
  void drop_idle_tails();
  void remove(Waiter& waiter);
  void tell(Waiter& waiter);

  Cluster& cluster_;
  const Handle handle_;
  const QueueHandle queue_;  // of all tails

  std::mutex mutex_;
  std::map<TopicPartition, Tail> tails_;  // this and the following guarded by mutex_
  std::set<Waiter*> waiters_;
  bool closed_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace mesh::kafka
