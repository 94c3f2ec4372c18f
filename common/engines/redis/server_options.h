// How a Redis server is reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh::redis {

struct ServerOptions {
  std::string host = "127.0.0.1";  // a name, or an address; IPv6 without brackets
  std::uint16_t port = 6379;
  bool tls = false;
  std::string ca_file;   // PEM, of the authorities that sign the server; empty: the system's
  std::string user;      // empty: Redis's default user
  std::string password;  // empty: no AUTH is sent
  int database = 0;
  std::string prefix = "mesh:";  // what every key begins with
  // For a connection to be made, TLS and all, for each step of its greeting, and for the answer to
  // a command.
  Duration timeout{1'000};
  // Commands without an answer yet, some 500 bytes each; beyond it: `unavailable`.
  std::size_t max_pending = 10'000;
  // Between two attempts to connect; max_attempts means nothing, since none is the last.
  BackoffPolicy reconnect{Duration{100}, Duration{5'000}};
};

// "127.0.0.1:6379", "[::1]:6379".
std::string server_name(const ServerOptions& options);
// What is told when no answer of `server`, so named, came in time.
tl::unexpected<Error> no_answer(const std::string& server);

}  // namespace mesh::redis
