#include "tests/bench/bare_producer.h"

#include <stdexcept>

#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/engines/kafka/client.h"
#include "common/engines/kafka/record.h"
#include "tests/bench/engine_sets.h"
#include "tests/bench/requests.h"

namespace mesh::bench {
namespace {

constexpr const char* kTopic = "records";
constexpr std::uint64_t kRecords = 10'000;  // made beforehand, sent again and again
constexpr load::Seconds kWarmUp{0.3};       // as load::Plan's
constexpr int kPollMilliseconds = 100;

kafka::KafkaOptions options(const std::string& broker) {
  kafka::KafkaOptions options;
  options.brokers = {broker};
  options.prefix = "bare-";
  return options;
}

[[noreturn]] void give_up(const Error& error) {
  throw std::runtime_error("bare producer: " + error.to_string());
}

std::vector<Record> records_of(const std::string& tenant) {
  const Timestamp now = system_clock().now();
  std::vector<Record> records;
  for (std::uint64_t n = 0; n < kRecords; ++n) {
    const std::string data = event_body(n);
    const Event event{.id = new_uuid_v7(now),
                      .type = "analytics.recorded",
                      .source = "/mesh/publisher",
                      .time = now,
                      .tenant = *TenantId::parse(tenant),
                      .subject = Json::parse(data)["user_id"],
                      .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
                      .data = data,
                      .extensions = {}};
    records.push_back(to_record(event));
  }
  return records;
}

// Of one thread: the delivery reports run in its polls.
class Loop {
 public:
  Loop(const std::vector<Record>& records, std::string topic)
      : records_(records), topic_(std::move(topic)) {}

  void run(rd_kafka_t* producer, int in_flight, load::Seconds time) {
    std::vector<Slot> slots(static_cast<std::size_t>(in_flight), Slot{this, {}});
    from_ =
        load::SteadyClock::now() + std::chrono::duration_cast<load::SteadyClock::duration>(kWarmUp);
    until_ = from_ + std::chrono::duration_cast<load::SteadyClock::duration>(time);
    for (auto& slot : slots) send(producer, slot);
    while (under_way_ > 0) rd_kafka_poll(producer, kPollMilliseconds);
    outcome_.seconds = time.count();
  }

  static void on_delivery(rd_kafka_t* producer, const rd_kafka_message_t* message, void*) {
    auto& slot = *static_cast<Slot*>(message->_private);
    slot.loop->settle(producer, slot, message->err);
  }
  const load::Outcome& outcome() const { return outcome_; }
  rd_kafka_resp_err_t error() const { return error_; }

 private:
  struct Slot {
    Loop* loop;
    load::SteadyClock::time_point sent;
  };

  void send(rd_kafka_t* producer, Slot& slot) {
    const Record& record = records_[next_++ % records_.size()];
    const auto partition = static_cast<int>(stable_hash(record.key) % kPartitions);
    slot.sent = load::SteadyClock::now();
    const auto code = kafka::produce(producer, record, topic_, partition, &slot);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ++under_way_;
    } else {
      error_ = code;
    }
  }

  void settle(rd_kafka_t* producer, Slot& slot, rd_kafka_resp_err_t code) {
    --under_way_;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) error_ = code;
    const auto now = load::SteadyClock::now();
    ++outcome_.all;
    if (now >= from_ && now < until_) {
      ++outcome_.answered;
      const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - slot.sent);
      outcome_.latency.add(static_cast<std::uint64_t>(took.count()));
    }
    if (now < until_ && error_ == RD_KAFKA_RESP_ERR_NO_ERROR) send(producer, slot);
  }

  const std::vector<Record>& records_;
  const std::string topic_;
  load::SteadyClock::time_point from_{}, until_{};
  std::uint64_t next_ = 0;
  int under_way_ = 0;
  rd_kafka_resp_err_t error_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  load::Outcome outcome_;
};

}  // namespace

BareProducer::BareProducer(const std::string& broker) : options_(options(broker)) {
  auto log = kafka::KafkaLog::open(options_, system_clock());
  if (!log) give_up(log.error());
  log_ = std::move(*log);
  const auto made = log_->ensure_topic({kTopic, TopicKind::activity, kPartitions, {}, {}});
  if (!made) give_up(made.error());
}

Measured BareProducer::run(const std::string& tenant, int in_flight, load::Seconds time,
                           Linger linger) {
  const auto records = records_of(tenant);
  Loop loop(records, options_.prefix + kTopic);
  kafka::Settings settings{{"enable.idempotence", "true"}};
  std::string what = "bare producer, " + std::to_string(in_flight);
  if (linger == Linger::engine) {
    settings.push_back({"linger.ms", kafka::kLingerMilliseconds});
  } else {
    what += ", librdkafka's own linger.ms";
  }
  const auto producer = kafka::make_handle(
      options_, RD_KAFKA_PRODUCER, settings,
      [](rd_kafka_conf_t* conf) { rd_kafka_conf_set_dr_msg_cb(conf, &Loop::on_delivery); });
  if (!producer) give_up(producer.error());
  Measured outcome = measure_own(what, [&] {
    loop.run(producer->get(), in_flight, time);
    return loop.outcome();
  });
  if (loop.error() != RD_KAFKA_RESP_ERR_NO_ERROR) {
    give_up(kafka::error_of(loop.error(), "take a record"));
  }
  return outcome;
}

}  // namespace mesh::bench
