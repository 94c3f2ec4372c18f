#include "daemon/services/admission.h"

#include <condition_variable>
#include <mutex>

#include "common/telemetry/log.h"

namespace mesh::services {
namespace {

using Admitted = http::Hooks::Admitted;

constexpr Duration kWarnEvery{10'000};

Counter& decisions(Metrics& metrics, const char* decision) {
  return metrics.counter("mesh_rate_limit_decisions_total", "Decisions of the rate limiter.",
                         {{"decision", decision}});
}

Admitted unlimited() { return std::optional<http::Hooks::Admission>(); }

// A blocking call waits here. The limiter may come when the call has gone.
struct Waiting {
  std::mutex mutex;
  std::condition_variable came;
  std::optional<Result<RateDecision>> decision;  // guarded by mutex; the first that came
};

}  // namespace

Admission::Admission(RateLimiter& limiter, TenantDirectory& tenants, bool allow_when_unavailable,
                     Clock& clock, Metrics& metrics, QuotaKeeper* quotas)
    : limiter_(limiter),
      tenants_(tenants),
      allow_when_unavailable_(allow_when_unavailable),
      quotas_(quotas),
      clock_(clock),
      allowed_(decisions(metrics, "allowed")),
      denied_(decisions(metrics, "denied")),
      unavailable_(decisions(metrics, "unavailable")) {}

std::optional<Admitted> Admission::take(const TenantId& tenant, const std::string& scope,
                                        std::int64_t cost, const RateLimiter::Later& later) {
  auto policy = tenants_.rate_policy(tenant, scope);
  if (!policy) return unavailable(tenant, scope, policy.error());
  if (!*policy) return unlimited();
  const RatePolicy& limits = (*policy)->policy;
  // A full bucket holds one unit and the burst: no wait would ever help.
  if (cost > limits.burst + 1) {
    return fail(ErrorKind::too_large, std::to_string(cost) +
                                          " units at once are over the limit of " +
                                          std::to_string(limits.burst + 1) + " of scope " + scope +
                                          "; send fewer at a time");
  }
  const auto decision = limiter_.take(tenant, scope, limits, cost, later);
  if (!decision) return std::nullopt;
  return judge(tenant, scope, limits, *decision);
}

Admitted Admission::decided(const TenantId& tenant, const std::string& scope,
                            Result<RateDecision> decision) {
  // Looked up again: a reload or an operator may have changed the policy while the limiter was
  // asked.
  auto policy = tenants_.rate_policy(tenant, scope);
  if (!policy) return unavailable(tenant, scope, policy.error());
  if (!*policy) return unlimited();  // it was taken away meanwhile
  return judge(tenant, scope, (*policy)->policy, decision);
}

Admitted Admission::judge(const TenantId& tenant, const std::string& scope,
                          const RatePolicy& limits, const Result<RateDecision>& decision) {
  if (!decision) return unavailable(tenant, scope, decision.error());
  (decision->allowed ? allowed_ : denied_).add();
  return http::Hooks::Admission{limits, *decision};
}

Admitted Admission::unavailable(const TenantId& tenant, const std::string& scope,
                                const Error& cause) {
  unavailable_.add();
  warn(tenant, scope, cause);
  if (allow_when_unavailable_) return unlimited();
  return fail(ErrorKind::unavailable, "rate limits cannot be checked now");
}

// An outage would fill the log with a line for each request; the metric counts them all.
void Admission::warn(const TenantId& tenant, const std::string& scope, const Error& cause) {
  const SteadyTime now = clock_.steady();
  SteadyTime from = warn_again_.load();
  if (now < from || !warn_again_.compare_exchange_strong(from, now + kWarnEvery)) return;
  log::warn("rate limits are unavailable", {{"tenant", tenant.str()},
                                            {"scope", scope},
                                            {"allowed", allow_when_unavailable_ ? "yes" : "no"},
                                            {"cause", cause.to_string()}});
}

Status Admission::charge(const Principal& principal, const std::string& scope, std::int64_t cost) {
  if (cost <= 0 || principal.kind == Principal::Kind::operator_for_tenant) return {};
  const TenantId& tenant = *principal.tenant;
  auto policy = tenants_.rate_policy(tenant, scope);
  // The chain took one unit of the same request, so at most `burst` can be left.
  if (policy && *policy && cost > (*policy)->policy.burst) {
    return fail(ErrorKind::too_large, std::to_string(cost + 1) +
                                          " units at once are over the limit of " +
                                          std::to_string((*policy)->policy.burst + 1) +
                                          " of scope " + scope + "; send fewer at a time");
  }
  const auto waiting = std::make_shared<Waiting>();
  // `later` runs within take alone and may refer to what is here; what it makes may be called when
  // this call has given up, and keeps `waiting` alive.
  auto taken = take(tenant, scope, cost, [&waiting]() -> RateLimiter::Done {
    return [waiting](Result<RateDecision> decision) {
      std::lock_guard lock(waiting->mutex);
      if (!waiting->decision) waiting->decision = std::move(decision);
      waiting->came.notify_all();
    };
  });
  if (!taken) {
    std::unique_lock lock(waiting->mutex);
    clock_.wait_until(lock, waiting->came, clock_.steady() + kTimeout,
                      [&] { return waiting->decision.has_value(); });
    // Set, so that a decision that comes late finds one and changes nothing.
    if (!waiting->decision) {
      waiting->decision = fail(ErrorKind::unavailable, "the rate limiter did not answer in time");
    }
    taken = decided(tenant, scope, *waiting->decision);
  }
  if (!*taken) return fail(taken->error());
  const auto& admission = **taken;
  if (!admission || admission->decision.allowed) return {};
  // Rounded up: a client that waits for exactly so long must not come too early.
  const auto wait = std::chrono::ceil<Duration>(admission->decision.retry_after);
  Error error{
      ErrorKind::rate_limited, "the rate limit of scope " + scope + " is used up", {}, {}, wait};
  error.used_up = UsedUp{scope, 0, {}};
  return fail(std::move(error));
}

Result<QuotaKeeper::Taken> Admission::spend(const Principal& principal,
                                            const QuotaKeeper::Cost& cost) {
  return quotas_ != nullptr ? quotas_->take(principal, cost) : QuotaKeeper::Taken();
}

}  // namespace mesh::services
