#include "common/engines/redis/server_options.h"

namespace mesh::redis {

std::string server_name(const ServerOptions& options) {
  const bool v6 = options.host.find(':') != std::string::npos;
  return (v6 ? "[" + options.host + "]" : options.host) + ":" + std::to_string(options.port);
}

tl::unexpected<Error> no_answer(const std::string& server) {
  return fail(ErrorKind::unavailable, "the Redis server does not answer in time; see redis.url",
              "redis " + server + ": no answer in time");
}

}  // namespace mesh::redis
