#include "daemon/services/admission.h"

#include "common/telemetry/log.h"

namespace mesh::services {
namespace {

Counter& decisions(Metrics& metrics, const char* decision) {
  return metrics.counter("mesh_rate_limit_decisions_total", "Decisions of the rate limiter.",
                         {{"decision", decision}});
}

}  // namespace

Admission::Admission(RateLimiter& limiter, TenantDirectory& tenants, bool allow_when_unavailable,
                     Metrics& metrics)
    : limiter_(limiter),
      tenants_(tenants),
      allow_when_unavailable_(allow_when_unavailable),
      allowed_(decisions(metrics, "allowed")),
      denied_(decisions(metrics, "denied")),
      unavailable_(decisions(metrics, "unavailable")) {}

Result<std::optional<http::Hooks::Admission>> Admission::take(const TenantId& tenant,
                                                              const std::string& scope,
                                                              std::int64_t cost) {
  auto policy = tenants_.rate_policy(tenant, scope);
  if (!policy) return fail(policy.error());
  if (!*policy) return std::nullopt;
  const RatePolicy& limits = (*policy)->policy;
  if (cost > limits.burst + 1) {
    return fail(ErrorKind::too_large, std::to_string(cost) +
                                          " units at once are over the limit of " +
                                          std::to_string(limits.burst + 1) + " of scope " + scope +
                                          "; send fewer at a time");
  }
  auto decision = limiter_.take(tenant, scope, limits, cost);
  if (!decision) {
    unavailable_.add();
    log::warn("rate limiter is unavailable", {{"tenant", tenant.str()},
                                              {"scope", scope},
                                              {"allowed", allow_when_unavailable_ ? "yes" : "no"},
                                              {"cause", decision.error().to_string()}});
    if (!allow_when_unavailable_)
      return fail(ErrorKind::unavailable, "rate limits cannot be checked now");
    return std::nullopt;
  }
  (decision->allowed ? allowed_ : denied_).add();
  return std::optional(http::Hooks::Admission{limits, *decision});
}

Status Admission::charge(const Principal& principal, const std::string& scope, std::int64_t cost) {
  if (cost <= 0 || principal.kind == Principal::Kind::operator_for_tenant) return {};
  const TenantId& tenant = *principal.tenant;
  auto policy = tenants_.rate_policy(tenant, scope);
  if (!policy) return fail(policy.error());
  // The chain took one unit of the same request, so at most `burst` can be left.
  if (*policy && cost > (*policy)->policy.burst) {
    return fail(ErrorKind::too_large, std::to_string(cost + 1) +
                                          " units at once are over the limit of " +
                                          std::to_string((*policy)->policy.burst + 1) +
                                          " of scope " + scope + "; send fewer at a time");
  }
  auto taken = take(tenant, scope, cost);
  if (!taken) return fail(taken.error());
  if (!*taken || (*taken)->decision.allowed) return {};
  const auto wait = std::chrono::ceil<Duration>((*taken)->decision.retry_after);
  return fail(
      {ErrorKind::rate_limited, "the rate limit of scope " + scope + " is used up", {}, {}, wait});
}

}  // namespace mesh::services
