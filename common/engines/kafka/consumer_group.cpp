// The thread that takes part in the group.
#include <algorithm>

#include "common/base/thread.h"
#include "common/engines/kafka/consumer.h"
#include "common/telemetry/log.h"

namespace mesh::kafka {
namespace {

constexpr int kServeMilliseconds = 50;
// Between two looks at whether commits that nobody waits for were answered.
constexpr Duration kLookForAnswers{20};

TopicPartition name_of(const Cluster& cluster, const rd_kafka_topic_partition_t& partition) {
  return {cluster.plain_name(partition.topic).value_or(partition.topic), partition.partition};
}

Settings settings_of(const KafkaOptions& options, const std::string& group,
                     const std::string& member) {
  const auto session = std::to_string(options.session.count());
  // How long the coordinator waits for members that do not answer in a rebalance. Ours always do,
  // since their thread waits for nobody.
  const auto rebalance = std::max<Duration::rep>(2 * options.session.count(), 30'000);
  return {
      {"client.id", member.empty() ? "mesh" : member},
      {"group.id", options.prefix + group},
      {"partition.assignment.strategy", "cooperative-sticky"},
      {"session.timeout.ms", session},
      {"heartbeat.interval.ms", std::to_string(options.heartbeat.count())},
      {"max.poll.interval.ms", std::to_string(rebalance)},
      {"auto.offset.reset", "earliest"},
      {"fetch.wait.max.ms", "100"},
      // Beyond one of these librdkafka fetches nothing for a second.
      {"queued.min.messages", "100000"},
      {"queued.max.messages.kbytes", "8192"},
  };
}

}  // namespace

Status KafkaConsumer::open(const std::string& member) {
  handle_ = MESH_TRY(make_handle(cluster_.options(), RD_KAFKA_CONSUMER,
                                 settings_of(cluster_.options(), group_, member),
                                 [this](rd_kafka_conf_t* conf) {
                                   rd_kafka_conf_set_opaque(conf, this);
                                   rd_kafka_conf_set_rebalance_cb(conf, &on_rebalance);
                                 }));
  rd_kafka_poll_set_consumer(handle_.get());
  records_.reset(rd_kafka_queue_new(handle_.get()));
  const Attendance attendance(*this);  // to join may take longer than a member may be silent
  subscribe();
  serving_ = std::thread([this] { serve(); });
  const auto until = cluster_.deadline() + 2 * cluster_.options().session;
  std::unique_lock lock(mutex_);
  if (!clock_.wait_until(lock, changed_, until, [&] { return joined_; })) {
    if (group_error_) return fail(*group_error_);
    return fail(error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, "join group '" + group_ + "'"));
  }
  lock.unlock();
  (void)follow();
  return {};
}

void KafkaConsumer::subscribe() {
  const auto list = make_list(topics_.size());
  for (const auto& topic : topics_) {
    rd_kafka_topic_partition_list_add(list.get(), cluster_.wire_name(topic).c_str(),
                                      RD_KAFKA_PARTITION_UA);
  }
  (void)rd_kafka_subscribe(handle_.get(), list.get());
}

void KafkaConsumer::serve() {
  name_thread("kafka-member");
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (ending_) break;
    }
    leave_if_silent();
    const Message message(rd_kafka_consumer_poll(handle_.get(), kServeMilliseconds));
    if (!message || message->err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const char* detail = rd_kafka_message_errstr(message.get());
    const auto error = error_of(message->err, "take part in group '" + group_ + "'",
                                detail == nullptr ? "" : detail);
    log::debug("a member of a Kafka group was told of an error",
               {{"group", group_}, {"cause", error.cause}});
    std::lock_guard lock(mutex_);
    group_error_ = error;
  }
  leave();
}

bool KafkaConsumer::is_silent() const {
  return !gone_ && !polling_ && joined_ && clock_.steady() >= alive_until_;
}

void KafkaConsumer::leave_if_silent() {
  std::lock_guard lock(mutex_);
  if (!is_silent()) return;
  gone_ = true;
  joined_ = false;
  log::warn("a member of a Kafka group neither polled nor kept itself alive, and leaves the group",
            {{"group", group_}});
  // Under the mutex, so that a poll that comes back joins behind it.
  (void)rd_kafka_unsubscribe(handle_.get());
}

void KafkaConsumer::on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code,
                                 rd_kafka_topic_partition_list_t* list, void* opaque) {
  auto& self = *static_cast<KafkaConsumer*>(opaque);
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    self.assign(*list);
  } else {
    self.revoke(*list);
  }
}

// False where the member ends meanwhile.
bool KafkaConsumer::begin_at_committed(rd_kafka_topic_partition_list_t& list) {
  if (list.cnt == 0) return true;
  for (;;) {
    const auto code =
        rd_kafka_committed(handle_.get(), &list, milliseconds(cluster_.options().request_timeout));
    bool known = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    std::vector<TopicPartition> fresh;
    for (int i = 0; known && i < list.cnt; ++i) {
      known = list.elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR;
      if (list.elems[i].offset < 0) fresh.push_back(name_of(cluster_, list.elems[i]));
    }
    if (known) {
      if (const auto starts = cluster_.offsets(fresh, RD_KAFKA_OFFSET_BEGINNING)) {
        for (int i = 0; i < list.cnt; ++i) {
          auto& one = list.elems[i];
          if (one.offset < 0) one.offset = starts->at(name_of(cluster_, one)).value_or(0);
        }
        return true;
      }
    }
    std::unique_lock lock(mutex_);
    (void)clock_.wait_until(lock, changed_, clock_.steady() + Duration(100),
                            [&] { return ending_; });
    if (ending_) return false;
  }
}

void KafkaConsumer::assign(rd_kafka_topic_partition_list_t& list) {
  if (begin_at_committed(list)) {
    for (int i = 0; i < list.cnt; ++i) {
      const auto& one = list.elems[i];
      // Before its records come: they belong to poll(), not to this thread.
      const QueueHandle queue(
          rd_kafka_queue_get_partition(handle_.get(), one.topic, one.partition));
      rd_kafka_queue_forward(queue.get(), records_.get());
    }
    std::lock_guard lock(mutex_);
    for (int i = 0; i < list.cnt; ++i) {
      held_[name_of(cluster_, list.elems[i])] = {list.elems[i].offset, ++terms_};
    }
    if (list.cnt > 0) ++version_;
    joined_ = true;
  }
  const ErrorHandle error(rd_kafka_incremental_assign(handle_.get(), &list));
  if (error) {
    log::error("a Kafka group's assignment was refused by the library",
               {{"group", group_}, {"cause", rd_kafka_error_string(error.get())}});
  }
  changed_.notify_all();
  rd_kafka_queue_yield(records_.get());
}

void KafkaConsumer::revoke(const rd_kafka_topic_partition_list_t& list) {
  {
    std::unique_lock lock(mutex_);
    for (int i = 0; i < list.cnt; ++i) held_.erase(name_of(cluster_, list.elems[i]));
    ++version_;
    rd_kafka_queue_yield(records_.get());
    // A member that goes takes what is unanswered with it.
    while (!ending_ && (committing_ > 0 || taking_)) {
      count_answers();
      (void)clock_.wait_until(lock, changed_, clock_.steady() + kLookForAnswers,
                              [&] { return ending_ || (committing_ == 0 && !taking_); });
    }
  }
  const ErrorHandle error(rd_kafka_incremental_unassign(handle_.get(), &list));
  if (error) {
    log::error("a Kafka group's revocation was refused by the library",
               {{"group", group_}, {"cause", rd_kafka_error_string(error.get())}});
  }
  rd_kafka_queue_yield(records_.get());
}

// Not rd_kafka_consumer_close, which waits for ever where an assignment comes meanwhile: without a
// word from here the group finds out after a session.
void KafkaConsumer::leave() {
  const QueueHandle queue(rd_kafka_queue_new(handle_.get()));
  const ErrorHandle error(rd_kafka_consumer_close_queue(handle_.get(), queue.get()));
  const auto until = clock_.steady() + cluster_.options().request_timeout;
  while (!error && !rd_kafka_consumer_closed(handle_.get()) && clock_.steady() < until) {
    rd_kafka_queue_poll_callback(queue.get(), kServeMilliseconds);
  }
}

}  // namespace mesh::kafka
