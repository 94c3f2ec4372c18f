// One Kafka broker of a test's own.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/support/kafka_cluster.h"

namespace mesh::test {

class KafkaServer {
 public:
  // Its jars are there, and a Java to run them.
  static bool installed();
  static constexpr const char* kMissing =
      "no Kafka broker here; ./scripts/bootstrap --kafka fetches one";
  // One for all tests of an executable, made by whoever asks first; it ends with the executable.
  static KafkaServer& shared();

  // As KafkaCluster, each.
  explicit KafkaServer(std::map<std::string, std::string> properties = {},
                       std::string security = "PLAINTEXT",
                       std::vector<std::string> format_options = {})
      : cluster_(1, {std::move(properties), std::move(security), std::move(format_options)}) {}

  void start() { cluster_.start(0); }
  void kill() { cluster_.kill(0); }
  void pause() { cluster_.pause(0); }
  void resume() { cluster_.resume(0); }
  std::string address() const { return cluster_.address(0); }
  int port() const { return cluster_.port(0); }
  std::string data() const { return cluster_.data(0); }

 private:
  KafkaCluster cluster_;
};

}  // namespace mesh::test
