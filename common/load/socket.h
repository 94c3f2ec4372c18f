// Where a load goes, and connections to there.
#pragma once

#include <sys/socket.h>

#include <string>

namespace mesh::load {

struct Place {
  sockaddr_storage address{};
  socklen_t size = 0;
  std::string name;  // as it was given
};

// "host:port", the host a name, an IPv4 address or an IPv6 address in brackets; of a name the first
// address where somebody listens. Blocks; throws std::runtime_error where there is none.
Place resolve(const std::string& address);

// A socket with TCP_NODELAY. Waits for the connection, at most some seconds; throws
// std::runtime_error where there is none.
int connect_to(const Place& place);
// Begins to connect and does not block; what becomes of it shows when it is written or read.
int begin_to_connect(const Place& place);

}  // namespace mesh::load
