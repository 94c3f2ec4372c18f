// The servers of a large installation, each a process of the test's own, and daemons on them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tests/e2e/daemon.h"
#include "tests/support/cable.h"
#include "tests/support/kafka_server.h"
#include "tests/support/postgres_server.h"
#include "tests/support/qdrant_server.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {

class Stack {
 public:
  // Between daemons and servers.
  struct Cables {
    test::Cable kafka, postgres, redis, qdrant;
  };
  enum class Wiring { direct, cables };

  // Which server is not here, and what brings it; nothing where all are.
  static std::optional<std::string> missing();
  explicit Stack(Wiring wiring = Wiring::direct);

  // A process on these servers, of a data folder of its own, with all roles unless some are named
  // ("[users, admin]"). Not started. `more` is YAML that is added.
  std::unique_ptr<Daemon> daemon(const std::string& name, const std::string& roles = {},
                                 const std::string& more = {});

  const std::unique_ptr<Cables> cables;  // null where it is wired directly
  test::KafkaServer kafka;
  test::PostgresServer postgres;
  test::RedisServer redis;
  test::QdrantServer qdrant;

 private:
  const test::TempDir dir_;
  const std::string schema_ = postgres.new_schema();
  const std::string prefix_ = test::own_prefix();
};

}  // namespace mesh::e2e
