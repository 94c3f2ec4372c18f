// The ReadCache that processes share.
//
// A subject is the hash <prefix>cache:<mesh>:<tenant>:<name>; ids of meshes and tenants hold no
// colon, so no two share a key. It has a field for each answer, and one for the ticket of all who
// compute answers. As memcached's leases (R. Nishtala et al., "Scaling Memcache at Facebook", NSDI
// 2013): to forget a subject is to remove its hash, and with it the ticket, so that what was
// computed before cannot be kept after. A version counter would have to outlive the answers, and
// could be evicted.
//
// No answer lives longer than the time to live. So for as long after each new connection nothing is
// taken from the server: whoever was to forget something may have been cut off from it, too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/domain/server_finding.h"
#include "common/engines/redis/server_options.h"
#include "common/ports/read_cache.h"

namespace mesh::redis {

struct CacheOptions {
  // Its time-out is the longest that a call takes: once, since without a connection all are at
  // once.
  ServerOptions server;
  std::string mesh;  // the id of the mesh: another one on the same server finds none of its answers
  // Longer saves more; whoever could not reach the server to forget leaves old answers so long.
  Duration ttl{10'000};
  // What this process has in the server, about. Beyond it nothing new is kept for a while.
  std::uint64_t max_bytes = 64ull << 20;
  // For metrics; any thread, may be empty. The second: a forget() did not reach the server.
  std::function<void(bool hit)> on_find;
  std::function<void()> on_unforgotten;
};

class RedisCache : public ReadCache {
 public:
  // Why there is no connection; nothing while there is one. Any thread; does not block.
  virtual std::optional<Error> trouble() const = 0;
  // For an operator: whether the user may run what the cache runs, on a key that it removes again.
  // Blocks as find() does. Nothing where trouble() says why not.
  virtual std::vector<ServerFinding> examine() = 0;
};

// As open_limiter. `clock` must outlive the cache.
Result<std::unique_ptr<RedisCache>> open_cache(CacheOptions options, Clock& clock);

}  // namespace mesh::redis
