// Rate limits of requests: the tenant's policy of a scope, and the limiter that keeps count.
#pragma once

#include "common/http/server.h"
#include "common/ports/rate_limiter.h"
#include "daemon/services/tenant_directory.h"

namespace mesh::services {

// Takes `cost` units of the scope. An unreachable limiter is `allow`ed or denied (`unavailable`) as
// configured, counted and logged. Nothing for a scope without a policy, and for what was allowed
// without a look at the limit. A cost that the policy can never admit is `too_large`.
class Admission {
 public:
  Admission(RateLimiter& limiter, TenantDirectory& tenants, bool allow_when_unavailable,
            Metrics& metrics);
  Result<std::optional<http::Hooks::Admission>> take(const TenantId& tenant,
                                                     const std::string& scope, std::int64_t cost);
  // Takes what a request costs beyond the unit that the chain took; a denial is the error
  // `rate_limited` with its time. An operator who acts for a tenant uses up nothing.
  Status charge(const Principal& principal, const std::string& scope, std::int64_t cost);

 private:
  RateLimiter& limiter_;
  TenantDirectory& tenants_;
  const bool allow_when_unavailable_;
  Counter& allowed_;
  Counter& denied_;
  Counter& unavailable_;
};

}  // namespace mesh::services
