// A Kafka broker of a test's own: one process in KRaft mode, in a temporary folder, on free ports
// of loopback.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "tests/support/temp_dir.h"

namespace mesh::test {

class KafkaServer {
 public:
  // Its jars are there, and a Java to run them.
  static bool installed();
  static constexpr const char* kMissing =
      "no Kafka broker here; ./scripts/bootstrap --kafka fetches one";
  // One for all tests of an executable, made by whoever asks first; it ends with the executable.
  static KafkaServer& shared();

  // Starts it, with these further lines of its server.properties; blocks until it answers.
  // `security` is what the listener of clients speaks: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL.
  explicit KafkaServer(std::map<std::string, std::string> properties = {},
                       std::string security = "PLAINTEXT",
                       std::vector<std::string> format_options = {});
  ~KafkaServer();
  KafkaServer(const KafkaServer&) = delete;
  KafkaServer& operator=(const KafkaServer&) = delete;

  void start();  // again, with what it had, on the same port
  void kill();   // SIGKILL, and waits
  void pause();
  void resume();

  std::string address() const;  // "127.0.0.1:port"

 private:
  void write_properties();
  pid_t run(const std::vector<std::string>& words) const;
  bool try_start();
  bool answers() const;

  const TempDir dir_;
  const std::map<std::string, std::string> properties_;
  const std::string security_;
  int port_ = 0, controller_port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace mesh::test
