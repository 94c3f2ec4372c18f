// Rate limits per (tenant, scope).
#pragma once

#include <string_view>

#include "common/base/error.h"
#include "common/domain/rate_policy.h"
#include "common/domain/tenant.h"

namespace mesh {

// Any thread; quick (memory) or one round trip (redis).
class RateLimiter {
 public:
  virtual ~RateLimiter() = default;
  // Consumes `cost` units or, when denied, nothing.
  virtual Result<RateDecision> take(const TenantId& tenant, std::string_view scope,
                                    const RatePolicy& policy, std::int64_t cost) = 0;
  // The state without consuming or writing anything.
  virtual Result<RateDecision> peek(const TenantId& tenant, std::string_view scope,
                                    const RatePolicy& policy) = 0;
  virtual Status reset(const TenantId& tenant, std::string_view scope) = 0;  // full again
};

}  // namespace mesh
