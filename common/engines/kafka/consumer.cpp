#include "common/engines/kafka/consumer.h"

#include <algorithm>

#include "common/engines/kafka/record.h"

namespace mesh::kafka {
namespace {

std::string text_of(const TopicPartition& name) {
  return name.topic + "/" + std::to_string(name.partition);
}

}  // namespace

KafkaConsumer::KafkaConsumer(Cluster& cluster, std::string group, std::set<std::string> topics)
    : cluster_(cluster),
      clock_(cluster.clock()),
      group_(std::move(group)),
      topics_(std::move(topics)),
      commit_wait_(milliseconds(cluster.options().request_timeout)) {}

KafkaConsumer::~KafkaConsumer() {
  if (at_end_) at_end_();
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (serving_.joinable()) serving_.join();
  held_back_.message.reset();
  records_.reset();
  unanswered_.clear();
  // What is not closed by now would be closed here, and might never be.
  if (handle_) rd_kafka_destroy_flags(handle_.release(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

KafkaConsumer::Attendance::Attendance(KafkaConsumer& consumer) : consumer_(consumer) {
  std::lock_guard lock(consumer_.mutex_);
  consumer_.polling_ = true;
  if (std::exchange(consumer_.gone_, false)) consumer_.subscribe();
}

KafkaConsumer::Attendance::~Attendance() {
  std::lock_guard lock(consumer_.mutex_);
  consumer_.polling_ = false;
  consumer_.alive_until_ = consumer_.clock_.steady() + consumer_.cluster_.options().max_pause;
}

bool KafkaConsumer::follow() {
  std::lock_guard lock(mutex_);
  if (followed_ == version_) return false;
  followed_ = version_;
  std::erase_if(slots_, [&](const auto& entry) {
    const auto& [name, slot] = entry;
    const auto it = held_.find(name);
    if (it != held_.end() && it->second.term == slot.term) return false;
    changes_.gained.erase(name);
    begun_anew_.insert(name);
    if (slot.told) changes_.lost.push_back(name);
    return true;
  });
  for (const auto& [name, held] : held_) {
    const auto [it, fresh] = slots_.try_emplace(name, Slot{held.begins, held.term});
    if (!fresh) continue;
    std::erase(changes_.lost, name);
    changes_.gained[name] = held.begins;
  }
  return true;
}

// What was polled before changes() told where to begin is polled again.
Status KafkaConsumer::rewind() {
  for (auto& [name, slot] : slots_) {
    if (!slot.rewind) continue;
    if (held_back_.message && held_back_.term == slot.term) held_back_.message.reset();
    const TopicHandle topic(
        rd_kafka_topic_new(handle_.get(), cluster_.wire_name(name.topic).c_str(), nullptr));
    const auto code = rd_kafka_seek(topic.get(), name.partition, slot.position,
                                    milliseconds(cluster_.options().request_timeout));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      std::lock_guard lock(mutex_);
      // Of one that is another's by now nobody reads.
      if (!held_.contains(name) || held_.at(name).term != slot.term) continue;
      return fail(error_of(code, "go back in a partition"));
    }
    slot.rewind = false;
  }
  return {};
}

// `later`: it is kept, and nothing more fits.
KafkaConsumer::Taken KafkaConsumer::take(Message message, const ReadLimits& limits,
                                         std::vector<StoredRecord>& out, std::size_t& bytes) {
  const auto topic = cluster_.plain_name(rd_kafka_topic_name(message->rkt));
  if (!topic) return Taken::none;
  const TopicPartition name{*topic, message->partition};
  std::lock_guard lock(mutex_);
  const auto held = held_.find(name);
  if (held == held_.end()) return Taken::none;  // another's by now
  const auto slot = slots_.find(name);
  if (slot == slots_.end() || slot->second.term != held->second.term) {
    // The first of a partition that the caller's side does not know yet.
    held_back_ = {std::move(message), held->second.term};
    return Taken::later;
  }
  if (message->offset < slot->second.position) return Taken::none;
  auto record = record_of(*message, *topic);
  const auto size = size_of(record);
  if (!out.empty() && bytes + size > limits.max_bytes) {
    held_back_ = {std::move(message), held->second.term};
    return Taken::later;
  }
  bytes += size;
  slot->second.position = message->offset + 1;
  out.push_back(std::move(record));
  return Taken::one;
}

bool KafkaConsumer::is_held(const HeldBack& kept) const {
  std::lock_guard lock(mutex_);
  return std::ranges::any_of(held_,
                             [&](const auto& entry) { return entry.second.term == kept.term; });
}

bool KafkaConsumer::looks_again() const {
  std::lock_guard lock(mutex_);
  return followed_ != version_ || woken_ || cancelled_;
}

Status KafkaConsumer::gather(const ReadLimits& limits, SteadyTime until,
                             std::vector<StoredRecord>& out) {
  // Until a record is in its slot, a rebalance waits: a record of before it must not pass for one
  // of behind it.
  struct Taking {
    explicit Taking(KafkaConsumer& c) : consumer(c) { set(true); }
    ~Taking() { set(false); }
    void set(bool taking) {
      {
        std::lock_guard lock(consumer.mutex_);
        consumer.taking_ = taking;
      }
      consumer.changed_.notify_all();
    }
    KafkaConsumer& consumer;
  } taking(*this);
  std::size_t bytes = 0;
  while (out.size() < std::max<std::size_t>(limits.max_records, 1) && !looks_again()) {
    Message message;
    if (held_back_.message) {
      auto kept = std::exchange(held_back_, {});
      // Of a partition that begins anew it would pass for the first, and what is before it for
      // done.
      if (!is_held(kept)) continue;
      message = std::move(kept.message);
    } else {
      const auto left = std::chrono::duration_cast<Duration>(until - clock_.steady());
      const int wait = out.empty() ? std::clamp(milliseconds(left), 0, 60'000) : 0;
      message.reset(rd_kafka_consume_queue(records_.get(), wait));
    }
    if (!message) return {};
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (passes(message->err)) continue;
      failed_ = error_of(message->err, "read what the group has to read");
      return {};
    }
    if (take(std::move(message), limits, out, bytes) == Taken::later) return {};
  }
  return {};
}

Result<std::vector<StoredRecord>> KafkaConsumer::poll(const ReadLimits& limits, Duration timeout) {
  const auto until = clock_.steady() + timeout;
  Attendance attendance(*this);
  bool changed = false;
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (cancelled_) return fail(ErrorKind::cancelled, "the log is closed");
      if (std::exchange(woken_, false)) return std::vector<StoredRecord>{};
    }
    if (failed_) return fail(*std::exchange(failed_, std::nullopt));
    if (follow()) changed = true;
    MESH_TRY(rewind());
    std::vector<StoredRecord> records;
    MESH_TRY(gather(limits, changed ? clock_.steady() : until, records));
    if (!records.empty() || (changed && !failed_)) return records;
    if (failed_) continue;
    if (clock_.steady() >= until) return records;
  }
}

Assignment KafkaConsumer::changes() {
  (void)follow();
  for (const auto& [name, next] : changes_.gained) {
    Slot& slot = slots_.at(name);
    slot.rewind = slot.rewind || slot.position != next;
    slot.position = next;
    slot.told = true;
  }
  begun_anew_.clear();
  return std::exchange(changes_, {});
}

void KafkaConsumer::keep_alive() {
  std::lock_guard lock(mutex_);
  alive_until_ = clock_.steady() + cluster_.options().max_pause;
}

std::map<TopicPartition, std::int64_t> KafkaConsumer::position() const {
  std::map<TopicPartition, std::int64_t> positions;
  for (const auto& [name, slot] : slots_) positions.emplace(name, slot.position);
  return positions;
}

void KafkaConsumer::wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  rd_kafka_queue_yield(records_.get());
}

void KafkaConsumer::cancel() {
  {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  if (records_) rd_kafka_queue_yield(records_.get());
}

std::optional<std::set<TopicPartition>> KafkaConsumer::assigned() const {
  std::lock_guard lock(mutex_);
  if (gone_ || is_silent()) return std::nullopt;
  std::set<TopicPartition> names;
  for (const auto& [name, held] : held_) names.insert(name);
  return names;
}

bool KafkaConsumer::at_rest() const {
  std::lock_guard lock(mutex_);
  return gone_ ? held_.empty() : joined_ && !is_silent();
}

Status KafkaConsumer::may_commit(const std::map<TopicPartition, std::int64_t>& next) const {
  for (const auto& [name, offset] : next) {
    const auto slot = slots_.find(name);
    const auto held = held_.find(name);
    if (gone_ || slot == slots_.end() || held == held_.end() ||
        held->second.term != slot->second.term) {
      return fail(ErrorKind::conflict, "of group '" + group_ + "' " + text_of(name) +
                                           " is another member's: its offset is not committed");
    }
    if (begun_anew_.contains(name)) {
      return fail(ErrorKind::conflict, "group '" + group_ + "' begins anew in " + text_of(name) +
                                           ": nobody knows whether the offset is of before");
    }
  }
  return {};
}

Result<PartitionList> KafkaConsumer::commit_list(
    const std::map<TopicPartition, std::int64_t>& next) const {
  auto list = make_list(next.size());
  for (const auto& [name, offset] : next) {
    const auto count = cluster_.known_partitions(name.topic);
    if (!topics_.contains(name.topic) || name.partition < 0 ||
        name.partition >= count.value_or(0)) {
      return fail(ErrorKind::invalid, "group '" + group_ + "' does not read " + text_of(name));
    }
    if (offset < 0) {
      return fail(ErrorKind::invalid,
                  "offset " + std::to_string(offset) + " lies outside of " + text_of(name));
    }
    rd_kafka_topic_partition_list_add(list.get(), cluster_.wire_name(name.topic).c_str(),
                                      name.partition)
        ->offset = offset;
  }
  return list;
}

// Of commits that nobody waits for any more; under mutex_.
void KafkaConsumer::count_answers() {
  const auto answered = std::erase_if(unanswered_, [](const QueueHandle& answer) {
    return EventHandle(rd_kafka_queue_poll(answer.get(), 0)) != nullptr;
  });
  committing_ -= static_cast<int>(answered);
}

// A commit is of the member's own generation, whatever it was polled in, and the coordinator does
// not look whose the partition is. So a rebalance waits for commits on their way, and each attempt
// looks anew.
Status KafkaConsumer::commit(const std::map<TopicPartition, std::int64_t>& next) {
  if (next.empty()) return {};
  const auto list = MESH_TRY(commit_list(next));
  const auto until = cluster_.deadline() + cluster_.options().session;
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      count_answers();
      MESH_TRY(may_commit(next));
      ++committing_;
    }
    for (int i = 0; i < list->cnt; ++i) list->elems[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
    QueueHandle answer(rd_kafka_queue_new(handle_.get()));
    auto code = rd_kafka_commit_queue(handle_.get(), list.get(), answer.get(), nullptr, nullptr);
    const bool is_sent = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    // librdkafka itself waits for a coordinator without a limit.
    const EventHandle event(is_sent ? rd_kafka_queue_poll(answer.get(), commit_wait_) : nullptr);
    if (event) code = rd_kafka_event_error(event.get());
    std::unique_lock lock(mutex_);
    if (is_sent && !event) {
      unanswered_.push_back(std::move(answer));
      return fail(
          error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, "commit offsets of group '" + group_ + "'"));
    }
    --committing_;
    changed_.notify_all();
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    const auto error = error_of(code, "commit offsets of group '" + group_ + "'");
    // In the middle of a rebalance, which this member may come out of with what it has; or out of
    // the group, which its thread is told in a moment.
    const bool in_between = error.kind == ErrorKind::conflict || passes(code);
    if (!in_between || clock_.steady() >= until) return fail(error);
    (void)clock_.wait_until(lock, changed_, clock_.steady() + Duration(20),
                            [&] { return cancelled_; });
    if (cancelled_) return fail(error);
  }
}

}  // namespace mesh::kafka
