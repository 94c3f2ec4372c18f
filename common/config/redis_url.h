// redis://[user[:password]@]host[:port][/database], rediss:// for TLS, as redis.url has it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/config/config.h"

namespace mesh::config {

struct RedisUrl {
  bool tls = false;
  std::string host;  // IPv6 without its brackets
  std::uint16_t port = 6379;
  std::string user;  // empty: Redis's default user
  Secret password;
  int database = 0;
};

// User and password are percent-encoded. `invalid` with what is wrong, which repeats neither.
Result<RedisUrl> parse_redis_url(std::string_view url);

}  // namespace mesh::config
