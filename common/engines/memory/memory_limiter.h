// The in-process RateLimiter: GCRA in sharded hash maps; idle keys are swept.
#pragma once

#include <cstddef>
#include <memory>

#include "common/base/clock.h"
#include "common/ports/rate_limiter.h"

namespace mesh::memory {

struct LimiterOptions {
  // Pairs of tenant and scope that are not full again yet; some 150 bytes each. Beyond it a new
  // pair gets `unavailable` until old ones have recovered.
  std::size_t max_keys = 1 << 20;
};

// Time is clock.steady(). State is lost with the process: every caller then starts full.
class MemoryLimiter : public RateLimiter {
 public:
  // Decides at once, and so needs no completion.
  virtual Result<RateDecision> take(const TenantId& tenant, std::string_view scope,
                                    const RatePolicy& policy, std::int64_t cost) = 0;
  std::optional<Result<RateDecision>> take(const TenantId& tenant, std::string_view scope,
                                           const RatePolicy& policy, std::int64_t cost,
                                           const Later&) final {
    return take(tenant, scope, policy, cost);
  }
  // How many pairs are held now, idle ones that were not swept yet included; for metrics.
  virtual std::size_t keys() const = 0;
};

std::unique_ptr<MemoryLimiter> make_limiter(Clock& clock, LimiterOptions options = {});

}  // namespace mesh::memory
