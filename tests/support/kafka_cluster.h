// Kafka brokers of a test's own, which make one cluster in KRaft mode: a process each, in a
// temporary folder, on free ports of loopback.
#pragma once

#include <sys/types.h>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace mesh::test {

// The folder of Kafka's jars, which need not be there.
std::string kafka_libs();

class KafkaCluster {
 public:
  struct Options {
    std::map<std::string, std::string> properties;  // further lines of each server.properties
    // What the listener of clients speaks: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL.
    std::string security = "PLAINTEXT";
    std::vector<std::string> format_options;  // of the making of their storage
  };
  // Starts so many; blocks until each answers. Throws std::runtime_error where one does not.
  explicit KafkaCluster(std::size_t brokers, Options options);
  ~KafkaCluster();
  KafkaCluster(const KafkaCluster&) = delete;
  KafkaCluster& operator=(const KafkaCluster&) = delete;

  // Brokers are counted from 0.
  void start(std::size_t broker);  // again, with what it had, on the same port
  void kill(std::size_t broker);   // SIGKILL, and waits
  void pause(std::size_t broker);
  void resume(std::size_t broker);
  std::string address(std::size_t broker) const;  // "127.0.0.1:port"
  int port(std::size_t broker) const { return brokers_.at(broker).port; }
  // The folder of its log's files.
  std::string data(std::size_t broker) const { return brokers_.at(broker).dir.file("data"); }

 private:
  struct Broker {
    const TempDir dir;
    int port = 0, controller_port = 0;
    pid_t pid = -1;
  };

  bool try_start();
  void write_properties(std::size_t broker);
  void format(std::size_t broker);
  static bool await(Broker& broker);
  static pid_t run(const Broker& broker, const std::vector<std::string>& words);

  const Options options_;
  std::deque<Broker> brokers_;
};

}  // namespace mesh::test
