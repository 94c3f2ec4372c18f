// Rate limits of requests: the tenant's policy of a scope, and the limiter that keeps count. Quotas
// of what requests use are taken here too.
#pragma once

#include <atomic>

#include "common/base/clock.h"
#include "common/http/server.h"
#include "common/ports/rate_limiter.h"
#include "daemon/services/quotas.h"
#include "daemon/services/tenant_directory.h"

namespace mesh::services {

// Where the limiter, or the tenant's policy, is out of reach, requests are `allow`ed or denied
// (`unavailable`) as configured, counted and logged. Any thread.
class Admission {
 public:
  // How long a limiter that asks a server is waited for.
  static constexpr Duration kTimeout{1'000};

  // `quotas`: null where none are kept.
  Admission(RateLimiter& limiter, TenantDirectory& tenants, bool allow_when_unavailable,
            Clock& clock, Metrics& metrics, QuotaKeeper* quotas = nullptr);

  // Takes `cost` units of the scope: http::Hooks::admit. Nothing is admitted without a decision:
  // for a scope without a policy, and for what was allowed without a look at the limit. A cost that
  // the policy can never admit is `too_large`. Does not block.
  std::optional<http::Hooks::Admitted> take(const TenantId& tenant, const std::string& scope,
                                            std::int64_t cost, const RateLimiter::Later& later);
  // What came later: http::Hooks::decided.
  http::Hooks::Admitted decided(const TenantId& tenant, const std::string& scope,
                                Result<RateDecision> decision);
  // Takes what a request costs beyond the unit that the chain took; a denial is the error
  // `rate_limited` with its time. An operator who acts for a tenant uses up nothing. Blocks for at
  // most kTimeout: only for routes with a pool.
  Status charge(const Principal& principal, const std::string& scope, std::int64_t cost);
  // QuotaKeeper::take: of what a request uses, once that is known.
  Result<QuotaKeeper::Taken> spend(const Principal& principal, const QuotaKeeper::Cost& cost);

 private:
  http::Hooks::Admitted judge(const TenantId& tenant, const std::string& scope,
                              const RatePolicy& limits, const Result<RateDecision>& decision);
  http::Hooks::Admitted unavailable(const TenantId& tenant, const std::string& scope,
                                    const Error& cause);
  void warn(const TenantId& tenant, const std::string& scope, const Error& cause);

  RateLimiter& limiter_;
  TenantDirectory& tenants_;
  const bool allow_when_unavailable_;
  QuotaKeeper* const quotas_;
  Clock& clock_;
  Counter& allowed_;
  Counter& denied_;
  Counter& unavailable_;
  std::atomic<SteadyTime> warn_again_{SteadyTime::min()};
};

}  // namespace mesh::services
