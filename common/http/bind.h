// Listening sockets.
#pragma once

#include <sys/socket.h>

#include <string>

#include "common/base/error.h"
#include "common/base/fd.h"

namespace mesh::http {

struct BoundSocket {
  Fd fd;                // non-blocking, listening
  std::string address;  // "127.0.0.1:8081", "[::1]:8081"
};

// "host:port", "[v6]:port"; an empty host means every interface. `invalid` for an address that
// cannot be read and a host that is not known, `unavailable` for one that cannot be had: it is in
// use, or not this machine's. May block, to ask for a name.
Result<BoundSocket> bind_listener(const std::string& address);

// "127.0.0.1:51234", "[::1]:51234".
std::string format_address(const sockaddr_storage& address);

}  // namespace mesh::http
