#include "common/engines/kafka/producer.h"

#include <algorithm>

#include "common/base/ids.h"
#include "common/base/thread.h"
#include "common/domain/catalogue.h"
#include "common/engines/kafka/record.h"
#include "common/telemetry/log.h"

namespace mesh::kafka {
namespace {

constexpr std::size_t kOverhead = 256;      // of a record on its way, roughly
constexpr std::size_t kQuantum = 64 << 10;  // of a tenant's turn
constexpr Duration kLookForExpired{100};
constexpr int kPollMilliseconds = 100;
constexpr std::int16_t kProduceRequest = 0;

// Whether clients write the topic themselves. What the mesh writes has had its turn elsewhere
// (users' changes in the store, dead letters in a pipeline), and it holds up everybody's if it
// waits.
bool takes_turns(const std::string& topic) {
  if (is_dead_letter_topic(topic)) return false;
  const auto known = topics();
  const auto it = std::ranges::find(known, topic, &TopicDef::name);
  return it == known.end() || it->kind == TopicKind::activity;
}

// Until some of it is answered, or another producer is made.
bool is_no_room(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__QUEUE_FULL || code == RD_KAFKA_RESP_ERR__FATAL;
}

}  // namespace

struct Producer::Batch {
  std::vector<Record> records;  // empty once they are with librdkafka
  AppendDone done;
  std::string key;  // whose turn it takes; empty: the mesh's own
  std::size_t cost = 0;
  SteadyTime expires{};
  SteadyTime handed{};  // to librdkafka
  std::vector<Sent> sent;
  std::vector<Position> positions;
  std::atomic<std::size_t> unanswered{0};
  // The reports' thread alone, once it is sent; before, whoever hands it over.
  std::optional<Error> error;
  bool may_be_there = false;    // some of it
  std::shared_ptr<Batch> self;  // while it is with librdkafka
};

Result<std::unique_ptr<Producer>> Producer::open(Cluster& cluster) {
  std::unique_ptr<Producer> producer(new Producer(cluster));
  producer->handle_ = MESH_TRY(producer->make());
  producer->start();
  return producer;
}

Producer::~Producer() { close(); }

Producer::Producer(Cluster& cluster)
    : cluster_(cluster),
      options_(cluster.options()),
      clock_(cluster.clock()),
      queue_(kQuantum, options_.max_pending_bytes) {}

// The producer's id is asked for as soon as it is made, so that the first append needs not wait.
Result<Handle> Producer::make() {
  const auto timeout = std::to_string(options_.append_timeout.count());
  const Settings settings{
      {"enable.idempotence", "true"},
      {"message.timeout.ms", timeout},
      {"request.timeout.ms", std::to_string(options_.request_timeout.count())},
      {"message.max.bytes", std::to_string(options_.max_record_bytes + (64 << 10))},
      {"queue.buffering.max.messages", "10000000"},
      {"linger.ms", kLingerMilliseconds},
      {"retry.backoff.ms", "50"},
  };
  return make_handle(options_, RD_KAFKA_PRODUCER, settings, [this](rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_dr_msg_cb(conf, &on_delivery);
    rd_kafka_conf_set_error_cb(conf, &on_error);
    rd_kafka_conf_interceptor_add_on_new(conf, "mesh", &on_new, this);
  });
}

rd_kafka_resp_err_t Producer::on_new(rd_kafka_t* handle, const rd_kafka_conf_t*, void* self, char*,
                                     std::size_t) {
  return rd_kafka_interceptor_add_on_request_sent(handle, "mesh", &on_request, self);
}

// On a thread of librdkafka's.
rd_kafka_resp_err_t Producer::on_request(rd_kafka_t*, int, const char*, std::int32_t,
                                         std::int16_t request, std::int16_t, std::int32_t,
                                         std::size_t, void* self) {
  auto& producer = *static_cast<Producer*>(self);
  if (request == kProduceRequest) producer.sent_ = producer.clock_.steady();
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void Producer::start() {
  turns_ = std::thread([this] { take_turns(); });
  reports_ = std::thread([this] { report(); });
}

void Producer::append(std::vector<Record> records, AppendDone done) {
  if (records.empty()) return done(std::vector<Position>{});
  auto batch = std::make_shared<Batch>();
  const auto tenant = tenant_of_key(records.front().key);
  bool of_tenant = true;
  for (const auto& record : records) {
    const auto size = size_of(record);
    if (size > options_.max_record_bytes) {
      return done(fail(ErrorKind::too_large,
                       "a record of " + std::to_string(size) + " bytes is too large for the log: " +
                           std::to_string(options_.max_record_bytes) + " are the most"));
    }
    batch->cost += size + kOverhead;
    of_tenant = of_tenant && tenant_of_key(record.key) == tenant && takes_turns(record.topic);
  }
  if (const auto trouble = no_broker()) return done(fail(*trouble));
  if (of_tenant) batch->key = tenant;
  batch->records = std::move(records);
  batch->done = std::move(done);
  batch->expires = clock_.steady() + options_.turn_timeout;
  if (!send_at_once(batch)) wait_for_turn(std::move(batch));
}

// To wake the thread of the turns costs about as much as to hand a record over, so one that would
// not wait there goes from here. Never waits: the caller may be the thread of the reports.
bool Producer::send_at_once(const std::shared_ptr<Batch>& batch) {
  Batch& own = *batch;
  if (own.records.size() != 1) return false;
  const auto partitions = cluster_.known_partitions(own.records.front().topic);
  if (!partitions) return false;
  {
    std::lock_guard lock(mutex_);
    // Behind what waits or is being handed over, so that what one caller appends keeps its order.
    const bool others = handing_over_ || !queue_.empty();
    if (closing_ || others || in_flight_ >= options_.max_in_flight_bytes) return false;
    in_flight_ += own.cost;
  }
  place(own, 0, *partitions);
  expect(batch, 1);
  auto records = std::exchange(own.records, {});
  const auto code = try_produce(records.front(), own.sent.front());
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  // Its report is not coming.
  own.self.reset();
  if (is_no_room(code)) {
    own.records = std::move(records);
    own.sent.clear();
    own.positions.clear();
    leave(own);
    return false;
  }
  own.error = error_of(code, "take the write");
  finish(own);
  return true;
}

void Producer::wait_for_turn(std::shared_ptr<Batch> batch) {
  const auto& key = batch->key;
  const auto cost = batch->cost;
  std::string refused;
  bool first = false;  // where others wait, the turns are awake, or wait for room
  {
    std::lock_guard lock(mutex_);
    first = queue_.empty();
    if (closing_) {
      refused = "the log is shutting down";
    } else if (key.empty()) {
      queue_.push(key, batch, cost);  // whoever submits the mesh's own work bounds it
    } else if (!queue_.try_push(key, std::shared_ptr<Batch>(batch), cost)) {
      refused = "too many writes are waiting for the Kafka brokers: slow down";
    }
  }
  if (!refused.empty()) return batch->done(fail(ErrorKind::unavailable, refused));
  if (first) changed_.notify_all();
}

// Whoever would wait for its turn and for the brokers' word is told at once where none has answered
// for a while. An acknowledgement of meanwhile counts for more than what the cluster says.
std::optional<Error> Producer::no_broker() const {
  const auto since = cluster_.away_since();
  if (!since || acknowledged_.load() >= *since) return std::nullopt;
  return cluster_.trouble();
}

Producer::Batches Producer::expired() {
  Batches gone;
  const auto now = clock_.steady();
  if (now < look_for_expired_) return gone;
  look_for_expired_ = now + kLookForExpired;
  queue_.erase_if([&](const std::shared_ptr<Batch>& batch) {
    if (batch->expires > now) return false;
    gone.push_back(batch);
    return true;
  });
  return gone;
}

void Producer::take_turns() {
  name_thread("kafka-turns");
  std::unique_lock lock(mutex_);
  while (!turns_end_) {
    const auto may_send = [&] {
      return turns_end_ || (!queue_.empty() && in_flight_ < options_.max_in_flight_bytes);
    };
    const auto until = queue_.empty() ? SteadyTime::max() : clock_.steady() + kLookForExpired;
    if (until == SteadyTime::max()) {
      changed_.wait(lock, [&] { return turns_end_ || !queue_.empty(); });
    } else {
      (void)clock_.wait_until(lock, changed_, until, may_send);
    }
    auto gone = expired();
    std::optional<std::shared_ptr<Batch>> next;
    if (in_flight_ < options_.max_in_flight_bytes) next = queue_.pop();
    if (next) in_flight_ += (*next)->cost;
    handing_over_ = next.has_value();
    lock.unlock();
    for (auto& batch : gone) {
      batch->done(
          fail(ErrorKind::unavailable, "the Kafka brokers take no more writes now: try again"));
    }
    if (next) send(*next);
    lock.lock();
    handing_over_ = false;
  }
}

// All of its topics are looked at before any of its records goes.
Status Producer::place(Batch& batch) {
  batch.positions.reserve(batch.records.size());
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    place(batch, i, MESH_TRY(cluster_.partitions(batch.records[i].topic)));
  }
  return {};
}

void Producer::place(Batch& batch, std::size_t index, int partitions) {
  const Record& record = batch.records[index];
  const std::uint64_t number = record.key.empty() ? keyless_.fetch_add(1) : stable_hash(record.key);
  const auto partition = static_cast<std::int32_t>(number % static_cast<std::uint64_t>(partitions));
  batch.positions.push_back({record.topic, partition, -1});
}

void Producer::expect(const std::shared_ptr<Batch>& batch, std::size_t answers) {
  Batch& own = *batch;
  own.sent.reserve(own.records.size());
  for (std::size_t i = 0; i < own.records.size(); ++i) own.sent.push_back({&own, i});
  own.unanswered = answers;
  own.self = batch;
  own.handed = clock_.steady();
}

void Producer::send(const std::shared_ptr<Batch>& batch) {
  Batch& own = *batch;
  if (auto placed = place(own); !placed) {
    own.error = placed.error();
    return finish(own);
  }
  // One more, so that it is not over before all is handed over.
  expect(batch, own.records.size() + 1);
  const auto records = std::move(own.records);
  for (std::size_t handed = 0; handed < records.size(); ++handed) {
    const auto code = hand_over(records[handed], own.sent[handed]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    own.unanswered -= records.size() - handed;
    std::lock_guard lock(mutex_);
    own.error = error_of(code, "take the write");
    break;
  }
  count_down(own);
}

rd_kafka_resp_err_t Producer::try_produce(const Record& record, Sent& sent) {
  const int partition = sent.batch->positions[sent.index].partition;
  std::shared_lock lock(handle_mutex_);
  return produce(handle_.get(), record, cluster_.wire_name(record.topic), partition, &sent);
}

rd_kafka_resp_err_t Producer::hand_over(const Record& record, Sent& sent) {
  const auto until = clock_.steady() + options_.turn_timeout;
  for (;;) {
    const auto code = try_produce(record, sent);
    if (!is_no_room(code) || clock_.steady() >= until || turns_end()) return code;
    cluster_.pause(Duration(10));  // until there is room, or another producer
  }
}

bool Producer::turns_end() {
  std::lock_guard lock(mutex_);
  return turns_end_;
}

void Producer::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  static_cast<Producer*>(opaque)->settle(*static_cast<Sent*>(message->_private), *message);
}

void Producer::on_error(rd_kafka_t*, int code, const char*, void* opaque) {
  if (code == RD_KAFKA_RESP_ERR__FATAL) static_cast<Producer*>(opaque)->fatal_ = true;
}

void Producer::settle(Sent& sent, const rd_kafka_message_t& message) {
  Batch& batch = *sent.batch;
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    batch.positions[sent.index].offset = message.offset;
    batch.may_be_there = true;
    acknowledged_ = clock_.steady();
  } else {
    if (may_be_there(batch, message)) batch.may_be_there = true;
    std::lock_guard lock(mutex_);
    if (!batch.error) batch.error = error_of(message.err, "take the write");
  }
  count_down(batch);
}

// A leader that steps down answers that it is none, and librdkafka says "not persisted" of what it
// gives up then; but the next leader may have it. So that holds of what was never sent alone.
bool Producer::may_be_there(const Batch& batch, const rd_kafka_message_t& message) const {
  if (rd_kafka_message_status(&message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED) return true;
  const bool given_up = message.err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ||
                        message.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE;
  return given_up && sent_.load() >= batch.handed;
}

void Producer::count_down(Batch& batch) {
  if (--batch.unanswered == 0) finish(batch);
}

void Producer::leave(const Batch& batch) {
  bool awaited = false;  // by the turns, for room, or by close()
  {
    std::lock_guard lock(mutex_);
    awaited = closing_ || in_flight_ >= options_.max_in_flight_bytes;
    in_flight_ -= batch.cost;
  }
  if (awaited) changed_.notify_all();
}

void Producer::finish(Batch& batch) {
  const auto self = std::move(batch.self);
  leave(batch);
  if (!batch.error) return batch.done(std::move(batch.positions));
  auto& error = *batch.error;
  if (batch.may_be_there) {
    return batch.done(
        fail_uncertain("the Kafka brokers did not acknowledge the write", error.cause));
  }
  const bool is_told = error.kind == ErrorKind::too_large || error.kind == ErrorKind::not_found ||
                       error.kind == ErrorKind::invalid;
  if (!is_told) error.kind = ErrorKind::unavailable;
  batch.done(fail(std::move(error)));
}

void Producer::report() {
  name_thread("kafka-reports");
  for (;;) {
    rd_kafka_poll(handle_.get(), kPollMilliseconds);
    if (fatal_) replace();
    std::lock_guard lock(mutex_);
    if (reports_end_) return;
  }
}

// After a fatal error a producer takes nothing more; what it has may be in the log.
void Producer::replace() {
  char reason[256] = "";
  const auto code = rd_kafka_fatal_error(handle_.get(), reason, sizeof(reason));
  log::warn("the Kafka producer is made anew",
            {{"cause", std::string(rd_kafka_err2name(code)) + ": " + reason}});
  auto fresh = make();
  if (!fresh) return;  // tried again by the next round
  Handle old;
  {
    std::unique_lock lock(handle_mutex_);
    old = std::exchange(handle_, std::move(*fresh));
    fatal_ = false;
  }
  // Nobody gives it more by now, so that every report comes.
  rd_kafka_purge(old.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  while (rd_kafka_outq_len(old.get()) > 0) rd_kafka_poll(old.get(), kPollMilliseconds);
}

void Producer::close() {
  {
    std::unique_lock lock(mutex_);
    if (closing_) return;
    closing_ = true;
    (void)clock_.wait_until(lock, changed_, clock_.steady() + options_.append_timeout,
                            [&] { return queue_.empty() && in_flight_ == 0; });
  }
  if (!reports_.joinable()) return;
  // What is left gets its answer here. The turns end first, or they would hand over more.
  end(turns_, turns_end_);
  Batches left;
  while (auto batch = queue_.pop()) left.push_back(std::move(*batch));
  {
    std::shared_lock lock(handle_mutex_);
    rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  }
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return in_flight_ == 0; });
  }
  end(reports_, reports_end_);
  for (auto& batch : left) {
    batch->done(fail(ErrorKind::unavailable, "the log is shutting down"));
  }
}

void Producer::end(std::thread& thread, bool& ends) {
  {
    std::lock_guard lock(mutex_);
    ends = true;
  }
  changed_.notify_all();
  thread.join();
}

}  // namespace mesh::kafka
