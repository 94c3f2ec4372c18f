// TLS over a socket that hiredis has connected: hiredis 0.14 (Debian 12) has none of its own.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "common/base/error.h"
#include "common/engines/redis/server_options.h"

struct ssl_st;

namespace mesh::redis {

// One thread at a time. Errors are `unavailable`; after one it is of no use.
class Tls {
 public:
  // The handshake, on a socket that does not block; waits until the deadline of the steady clock.
  // The server has to prove its name.
  static Result<Tls> connect(int fd, const ServerOptions& options, const std::string& server,
                             SteadyTime deadline);

  // How many bytes went; 0: there is no room.
  Result<std::size_t> write(std::string_view bytes);
  // How many came; 0: none now.
  Result<std::size_t> read(std::span<char> into);

 private:
  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  Tls(std::unique_ptr<ssl_st, Free> ssl, std::string server)
      : ssl_(std::move(ssl)), server_(std::move(server)) {}
  Result<std::size_t> moved(int result, std::size_t bytes) const;

  std::unique_ptr<ssl_st, Free> ssl_;
  std::string server_;  // for causes
};

}  // namespace mesh::redis
