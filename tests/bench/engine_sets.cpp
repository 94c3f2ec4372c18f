#include "tests/bench/engine_sets.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace mesh::bench {

std::unique_ptr<EngineServers> EngineServers::start() {
  if (!test::KafkaServer::installed()) throw std::runtime_error(test::KafkaServer::kMissing);
  if (!test::PostgresServer::installed()) throw std::runtime_error(test::PostgresServer::kMissing);
  if (!test::RedisServer::installed()) throw std::runtime_error(test::RedisServer::kMissing);
  return std::unique_ptr<EngineServers>(new EngineServers());
}

EngineServers::EngineServers() {
  std::ofstream(dir_.file("postgres.password")) << test::PostgresServer::kPassword << "\n";
}

std::string EngineServers::config(const EngineSet& set) const {
  const std::string wide = "{rate: 1000000, per: 1s, burst: 1000000}";
  const std::string name = set.name;
  std::string yaml = "telemetry: {log: {level: warn}}\nrate_limits: {search: " + wide +
                     ", publish: " + wide + ", users: " + wide + "}\n";
  yaml += "log: {engine: " + std::string(set.kafka ? "kafka" : "sqlite") +
          ", partitions: " + std::to_string(kPartitions) + "}\n";
  if (set.publisher) {
    // It asks no index, so there is none; but the processes of one mesh share all engines.
    yaml += "roles: [publisher, admin]\nvectors: {engine: qdrant}\nauth: {operator_token_file: " +
            folder(set) + "/operator.token}\n";
  }
  if (set.kafka) {
    yaml += "kafka: {brokers: ['" + kafka_.address() + "'], prefix: '" + name + "-'}\n";
  }
  if (set.postgres) {
    yaml += "store: {engine: postgres}\npostgres: {dsn: \"" + postgres_.dsn() +
            "\", password_file: " + dir_.file("postgres.password") + ", schema: mesh_" + name +
            "}\n";
  }
  if (set.redis) {
    yaml += "limiter: {engine: redis}\nredis: {url: 'redis://127.0.0.1:" +
            std::to_string(redis_.port()) + "', prefix: '" + name + ":'}\n";
  }
  return yaml;
}

std::string EngineServers::folder(const EngineSet& set) const {
  const std::string folder = dir_.file(set.name);
  if (std::filesystem::create_directory(folder)) {
    std::ofstream(folder + "/operator.token") << std::string(64, 't') << "\n";
  }
  return folder;
}

}  // namespace mesh::bench
