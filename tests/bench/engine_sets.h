// The engines that meshd can stand on beside the embedded ones, each with a server of the
// benchmark's own on this machine.
#pragma once

#include <memory>
#include <string>

#include "tests/support/kafka_server.h"
#include "tests/support/postgres_server.h"
#include "tests/support/redis_server.h"

namespace mesh::bench {

// What a daemon has in the place of the embedded engine.
struct EngineSet {
  const char* name;
  bool kafka = false;      // its log
  bool postgres = false;   // its store
  bool redis = false;      // its rate limits
  bool publisher = false;  // it takes publishes and does nothing else
};
// The embedded engines first, what the others are compared with.
inline constexpr EngineSet kEngineSets[] = {
    {.name = "embedded"},
    {.name = "kafka", .kafka = true},
    {.name = "publisher", .kafka = true, .postgres = true, .publisher = true},
    {.name = "postgres", .postgres = true},
    {.name = "redis", .redis = true},
    {.name = "all", .kafka = true, .postgres = true, .redis = true},
};
inline constexpr int kPartitions = 8;  // of every topic, whatever the log

class EngineServers {
 public:
  // Blocks until all of them answer. Throws std::runtime_error where one is not installed or does
  // not start.
  static std::unique_ptr<EngineServers> start();

  // YAML of a daemon on them. Every request is counted by the limiter, the embedded one too, and
  // none is refused.
  std::string config(const EngineSet& set) const;
  // Its data_dir; made, with an operator's token.
  std::string folder(const EngineSet& set) const;
  std::string kafka_address() const { return kafka_.address(); }

 private:
  EngineServers();

  const test::TempDir dir_;
  const test::KafkaServer kafka_;
  const test::PostgresServer postgres_{test::PostgresServer::Disk::synced};
  const test::RedisServer redis_;
};

}  // namespace mesh::bench
