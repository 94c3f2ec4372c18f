#include "tests/support/kafka_server.h"

#include <filesystem>

#include "tests/support/server_process.h"

namespace mesh::test {

bool KafkaServer::installed() {
  std::error_code ignored;
  const std::filesystem::directory_iterator folder(kafka_libs(), ignored);
  for (const auto& file : folder) {
    if (file.path().filename().string().starts_with("kafka_"))
      return !program_in_path("java").empty();
  }
  return false;
}

KafkaServer& KafkaServer::shared() {
  static KafkaServer server;
  return server;
}

}  // namespace mesh::test
