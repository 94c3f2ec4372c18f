// The RateLimiter that processes share: GCRA in Redis, by its clock. Tested with 7.0; older ones
// need scripts that replicate by their effects, as 5 and later do.
//
// A pair of tenant and scope is the key <prefix><tenant>:<scope>. Its value is the theoretical
// arrival time, "<seconds>.<six digits of microseconds>" since 1970, and it expires when that has
// come: a key that is not there is full. Tenant ids hold no colon, so no two pairs share a key.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/domain/server_finding.h"
#include "common/engines/redis/server_options.h"
#include "common/ports/rate_limiter.h"

namespace mesh::redis {

// Every error of the server is `unavailable`. take() answers an error at once where there is no
// connection, or too much is pending; else its completion is called from the connection's thread,
// and must not block. peek() and reset() must not be called from a completion. The destructor
// completes what is pending and may block for two time-outs, or as long as a name is resolved.
class RedisLimiter : public RateLimiter {
 public:
  // Why there is no connection; nothing while there is one. Any thread; does not block.
  virtual std::optional<Error> trouble() const = 0;
  // For an operator; blocks for some time-outs at most, and must not be called from a completion.
  // Nothing where trouble() says why not.
  virtual std::vector<ServerFinding> examine() = 0;
};

// Returns before there is a connection, and whether or not there will be one: until then calls are
// `unavailable`. `clock`, which must outlive the limiter, measures time-outs and waits between
// attempts; limits go by the server's clock. `unavailable` where the system refuses a descriptor.
Result<std::unique_ptr<RedisLimiter>> open_limiter(ServerOptions options, Clock& clock);

}  // namespace mesh::redis
