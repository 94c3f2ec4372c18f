// Appends: the tenants' turns, then one idempotent producer, whose delivery reports answer.
//
// An append waits in a FairQueue while max_in_flight_bytes are with librdkafka, whose own queue is
// first come, first served; a single record that need not wait goes from its caller's thread.
// Kafka's transactions are not used: they would make an append of several partitions one, for two
// more round trips; instead whoever is told `uncertain` appends again under the same event ids.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "common/base/fair_queue.h"
#include "common/engines/kafka/cluster.h"

namespace mesh::kafka {

class Producer {
 public:
  static Result<std::unique_ptr<Producer>> open(Cluster& cluster);
  ~Producer();

  // As EventLog::append. `done` is called from a thread of the producer's, or from this one.
  void append(std::vector<Record> records, AppendDone done);
  // See KafkaLog::close.
  void close();

 private:
  struct Batch;
  // One record on its way: what librdkafka keeps for us.
  struct Sent {
    Batch* batch;
    std::size_t index;
  };
  using Batches = std::vector<std::shared_ptr<Batch>>;

  explicit Producer(Cluster& cluster);
  Result<Handle> make();
  void start();
  bool send_at_once(const std::shared_ptr<Batch>& batch);
  void wait_for_turn(std::shared_ptr<Batch> batch);
  void take_turns();
  std::optional<Error> no_broker() const;
  Batches expired();  // under mutex_
  void send(const std::shared_ptr<Batch>& batch);
  Status place(Batch& batch);
  void place(Batch& batch, std::size_t index, int partitions);  // one record of it
  void expect(const std::shared_ptr<Batch>& batch, std::size_t answers);
  rd_kafka_resp_err_t try_produce(const Record& record, Sent& sent);
  rd_kafka_resp_err_t hand_over(const Record& record, Sent& sent);
  bool turns_end();
  void report();
  void replace();
  static rd_kafka_resp_err_t on_new(rd_kafka_t* handle, const rd_kafka_conf_t*, void* self, char*,
                                    std::size_t);
  static rd_kafka_resp_err_t on_request(rd_kafka_t*, int, const char*, std::int32_t,
                                        std::int16_t request, std::int16_t, std::int32_t,
                                        std::size_t, void* self);
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque);
  static void on_error(rd_kafka_t*, int code, const char* reason, void* opaque);
  void settle(Sent& sent, const rd_kafka_message_t& message);
  bool may_be_there(const Batch& batch, const rd_kafka_message_t& message) const;
  void count_down(Batch& batch);  // one record of it has its answer
  void finish(Batch& batch);
  void leave(const Batch& batch);             // it is no longer with librdkafka
  void end(std::thread& thread, bool& ends);  // sets it, and waits for the thread

  Cluster& cluster_;
  const KafkaOptions& options_;
  Clock& clock_;
  std::atomic<std::uint64_t> keyless_{0};               // so that records without a key go round
  std::atomic<SteadyTime> sent_{SteadyTime{}};          // when records last went to a broker
  std::atomic<SteadyTime> acknowledged_{SteadyTime{}};  // when the brokers last took a record

  std::shared_mutex handle_mutex_;  // exclusive while the handle is replaced
  Handle handle_;                   // guarded by handle_mutex_; the reports' thread alone writes it
  std::atomic<bool> fatal_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  FairQueue<std::shared_ptr<Batch>> queue_;  // this and the following guarded by mutex_
  std::uint64_t in_flight_ = 0;
  bool handing_over_ = false;  // what the turns took from the queue
  SteadyTime look_for_expired_{};
  bool closing_ = false;  // nothing more is taken
  bool turns_end_ = false, reports_end_ = false;

  std::thread turns_, reports_;  // last: they use all of the above
};

}  // namespace mesh::kafka
