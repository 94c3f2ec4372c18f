// librdkafka's own cluster of brokers within the process, which fails as it is told to. It knows
// records and groups, but makes no topics and describes nothing.
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/engines/kafka/handles_internal.h"

namespace mesh::test {

class KafkaMock {
 public:
  static constexpr std::int16_t kProduce = 0, kFetch = 1, kOffsetCommit = 8, kInitProducerId = 22;

  explicit KafkaMock(int brokers = 1);
  ~KafkaMock() { rd_kafka_mock_cluster_destroy(cluster_); }
  KafkaMock(const KafkaMock&) = delete;
  KafkaMock& operator=(const KafkaMock&) = delete;

  std::string address() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
  void make_topic(const std::string& name, int partitions);
  // The next requests of that kind are answered so, one each.
  void answer(std::int16_t request, const std::vector<rd_kafka_resp_err_t>& codes);
  void forget_answers(std::int16_t request);
  void down() { rd_kafka_mock_broker_set_down(cluster_, 1); }
  void up() { rd_kafka_mock_broker_set_up(cluster_, 1); }
  void answer_late(int milliseconds) { rd_kafka_mock_broker_set_rtt(cluster_, 1, milliseconds); }

 private:
  kafka::Handle handle_;
  rd_kafka_mock_cluster_t* cluster_;
};

}  // namespace mesh::test
