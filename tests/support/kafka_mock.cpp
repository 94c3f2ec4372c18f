#include "tests/support/kafka_mock.h"

#include <stdexcept>

namespace mesh::test {

KafkaMock::KafkaMock(int brokers) {
  char text[256];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "client.id", "mock", text, sizeof(text));
  rd_kafka_conf_set(conf, "log_level", "3", text, sizeof(text));  // it misses brokers of its own
  handle_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text)));
  cluster_ = handle_ ? rd_kafka_mock_cluster_new(handle_.get(), brokers) : nullptr;
  if (cluster_ == nullptr) throw std::runtime_error("no mock cluster of Kafka");
}

void KafkaMock::make_topic(const std::string& name, int partitions) {
  rd_kafka_mock_topic_create(cluster_, name.c_str(), partitions, 1);
}

void KafkaMock::answer(std::int16_t request, const std::vector<rd_kafka_resp_err_t>& codes) {
  rd_kafka_mock_push_request_errors_array(cluster_, request, codes.size(), codes.data());
}

void KafkaMock::forget_answers(std::int16_t request) {
  rd_kafka_mock_clear_request_errors(cluster_, request);
}

}  // namespace mesh::test
