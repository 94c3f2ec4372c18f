// Where a load goes, and connections to there.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <string>

#include "common/base/fd.h"

namespace mesh::load {

struct Place {
  sockaddr_storage address{};
  socklen_t size = 0;
  std::string name;  // as it was given
};

// "host:port", the host a name, an IPv4 address or an IPv6 address in brackets; of a name the first
// address where somebody listens. Blocks; throws std::runtime_error where there is none.
Place resolve(const std::string& address);

// At most so long a connection, or its handshake in TLS, is waited for.
inline constexpr std::chrono::seconds kConnectTime{5};

// A socket with TCP_NODELAY. Waits for the connection, at most kConnectTime; throws
// std::runtime_error where there is none.
Fd connect_to(const Place& place);
// Begins to connect and does not block; what becomes of it shows when it is written or read.
Fd begin_to_connect(const Place& place);

}  // namespace mesh::load
