// A member of a consumer group of Kafka.
//
// A thread of its own takes part in the group: it answers the coordinator and follows what is
// assigned, whether or not anybody polls. So the group shares out its partitions at once, and a
// member that is silent for too long leaves by itself. Records go past this thread, into a queue
// that poll() takes them from one by one: librdkafka 2.0.2 loses records of batches around a
// rebalance.
//
// What the group assigns (held_) and what the caller knows of it (slots_) are two: the second
// follows the first in poll() and changes() only.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/engines/kafka/cluster.h"
#include "common/ports/event_log.h"

namespace mesh::kafka {

class KafkaConsumer final : public LogConsumer {
 public:
  // Names as callers see them; the topics exist.
  KafkaConsumer(Cluster& cluster, std::string group, std::set<std::string> topics);
  ~KafkaConsumer() override;

  // Joins the group; once, before all else. Blocks until the group has given it its share, which
  // may be none.
  Status open(const std::string& member);
  // Called by the destructor, first.
  void at_end(std::function<void()> told) { at_end_ = std::move(told); }

  Result<std::vector<StoredRecord>> poll(const ReadLimits& limits, Duration timeout) override;
  Status commit(const std::map<TopicPartition, std::int64_t>& next) override;
  Assignment changes() override;
  void keep_alive() override;
  std::map<TopicPartition, std::int64_t> position() const override;
  void wake() override;

  // Any thread. The log is closed: polls are `cancelled` from now on.
  void cancel();
  const std::string& group() const { return group_; }
  const std::set<std::string>& topics() const { return topics_; }
  // What the group has assigned to it; nothing where it has left, or leaves in a moment.
  std::optional<std::set<TopicPartition>> assigned() const;
  // Whether it has come, or has left, altogether.
  bool at_rest() const;

 private:
  struct Held {
    std::int64_t begins = 0;  // what the group had committed when it was assigned
    std::uint64_t term = 0;   // tells assignments of one partition apart
  };
  struct Slot {
    std::int64_t position = 0;  // the next poll goes on from here
    std::uint64_t term = 0;     // of the assignment that it follows
    bool told = false;          // by changes()
    bool rewind = false;        // what was polled of it is void, and comes again
  };
  struct HeldBack {
    Message message;
    std::uint64_t term = 0;
  };
  // While it lasts, the member polls and is not taken for gone.
  class Attendance {
   public:
    explicit Attendance(KafkaConsumer& consumer);
    ~Attendance();

   private:
    KafkaConsumer& consumer_;
  };

  // consumer_group.cpp: the thread that takes part in the group.
  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t* list, void* opaque);
  void serve();
  bool is_silent() const;  // for too long; under mutex_
  void leave_if_silent();
  void assign(rd_kafka_topic_partition_list_t& list);
  bool begin_at_committed(rd_kafka_topic_partition_list_t& list);
  void revoke(const rd_kafka_topic_partition_list_t& list);
  void leave();
  void subscribe();

  // consumer.cpp: the caller's side.
  bool follow();
  Status rewind();
  Status gather(const ReadLimits& limits, SteadyTime until, std::vector<StoredRecord>& out);
  bool is_held(const HeldBack& kept) const;  // in the assignment that it is of
  bool looks_again() const;                  // whether poll() has something else to do than to wait
  enum class Taken { one, none, later };
  Taken take(Message message, const ReadLimits& limits, std::vector<StoredRecord>& out,
             std::size_t& bytes);
  Status may_commit(const std::map<TopicPartition, std::int64_t>& next) const;  // under mutex_
  void count_answers();                                                         // under mutex_
  Result<PartitionList> commit_list(const std::map<TopicPartition, std::int64_t>& next) const;

  Cluster& cluster_;
  Clock& clock_;
  const std::string group_;
  const std::set<std::string> topics_;
  const int commit_wait_;  // milliseconds
  std::function<void()> at_end_;
  Handle handle_;
  QueueHandle records_;

  // The caller's thread alone.
  std::map<TopicPartition, Slot> slots_;
  std::uint64_t followed_ = 0;  // the version that the slots follow
  Assignment changes_;          // not yet told
  // In other hands since changes(): what was polled of them before is void.
  std::set<TopicPartition> begun_anew_;
  HeldBack held_back_;           // taken from the queue, and beyond the limits of the last poll
  std::optional<Error> failed_;  // came behind records

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<TopicPartition, Held> held_;  // this and the following guarded by mutex_
  std::uint64_t version_ = 0;            // rises with every change of held_
  std::uint64_t terms_ = 0;
  bool joined_ = false;  // it was given its share since it asked for one
  bool gone_ = false;    // it was silent for too long, and left
  bool polling_ = false;
  bool taking_ = false;  // a record is on its way from the queue into a slot
  int committing_ = 0;   // commits on their way, those of unanswered_ among them
  std::vector<QueueHandle> unanswered_;
  bool woken_ = false;
  bool cancelled_ = false;
  bool ending_ = false;
  SteadyTime alive_until_{};
  std::optional<Error> group_error_;  // the last that the group answered

  std::thread serving_;  // last: it uses all of the above
};

}  // namespace mesh::kafka
