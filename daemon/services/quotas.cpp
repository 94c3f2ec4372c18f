#include "daemon/services/quotas.h"

#include <algorithm>

#include "common/base/time.h"
#include "common/telemetry/log.h"

namespace mesh::services {
namespace {

// A level has no end at which to come again.
constexpr Duration kAskAgain{std::chrono::hours{1}};

// Where a quota of a period is counted, whether or not it was one then.
std::optional<Use> use_of(Quota quota) {
  switch (quota) {
    case Quota::events_per_day:
      return Use::events;
    case Quota::bytes_per_day:
      return Use::bytes;
    case Quota::stored_users:
      return std::nullopt;
    case Quota::embedding_tokens_per_month:
      return Use::embedding_tokens;
    case Quota::chat_tokens_per_day:
      return Use::chat_tokens;
  }
  return std::nullopt;
}

// Known once it was paid for, and then from where it is counted alone.
bool is_tokens(Quota quota) {
  return quota == Quota::embedding_tokens_per_month || quota == Quota::chat_tokens_per_day;
}

std::int64_t share(const QuotaKeeper::Cost& cost, Quota quota) {
  switch (quota) {
    case Quota::events_per_day:
      return cost.events;
    case Quota::bytes_per_day:
      return cost.bytes;
    case Quota::stored_users:
      return cost.users;
    case Quota::embedding_tokens_per_month:
      return cost.embeds ? 1 : 0;  // passes while there is one left
    case Quota::chat_tokens_per_day:
      return 0;  // the extractor asks, when it would pay
  }
  return 0;
}

void add(QuotaUse& taken, const QuotaKeeper::Cost& cost, std::int64_t sign) {
  for (const Quota quota : {Quota::events_per_day, Quota::bytes_per_day, Quota::stored_users}) {
    of(taken, quota) += sign * share(cost, quota);
  }
}

}  // namespace

QuotaKeeper::QuotaKeeper(TenantDirectory& tenants, StoredUse stored, const Usage& usage,
                         Clock& clock, Metrics& metrics)
    : tenants_(tenants),
      stored_(std::move(stored)),
      usage_(usage),
      clock_(clock),
      metrics_(metrics),
      at_(clock.now()),
      refreshing_("quotas", clock, kRefresh, [this] { refresh(); }) {}

// Of all tenants, also those without a quota: one may get it later in the period.
void QuotaKeeper::begin_periods() {
  const Timestamp now = clock_.now();
  for (const Quota quota : kQuotas) {
    const auto before = period_of(quota, at_), period = period_of(quota, now);
    if (!period || period->began <= before->began) continue;
    const auto i = static_cast<std::size_t>(quota);
    for (const auto& row : usage_.totals()) before_[row.tenant][i] = row[*use_of(quota)];
    for (auto& [tenant, kept] : kept_) {
      kept.others[i] = kept.taken[i] = 0;
      // What is used of a period that begins now is known without a reading: nothing.
      kept.read[i] = true;
    }
  }
  at_ = std::max(at_, now);
}

QuotaKeeper::Kept& QuotaKeeper::kept(const TenantId& tenant) {
  begin_periods();
  auto [it, made] = kept_.try_emplace(tenant.str());
  Kept& kept = it->second;
  for (const Quota quota : kQuotas) {
    // What requests take is counted here from now on.
    if (made || is_tokens(quota)) of(kept.taken, quota) = counted(tenant, quota);
  }
  return kept;
}

// What this process used in the period.
std::int64_t QuotaKeeper::counted(const TenantId& tenant, Quota quota) const {
  const auto use = use_of(quota);
  if (!use) return 0;
  const auto total = usage_.total(tenant.str(), *use);
  const auto before = before_.find(tenant.str());
  const auto then = before == before_.end() ? 0 : before->second[static_cast<std::size_t>(quota)];
  return static_cast<std::int64_t>(total - std::min(total, then));
}

std::int64_t QuotaKeeper::used(const Kept& kept, Quota quota) {
  return of(kept.others, quota) + of(kept.taken, quota) + of(kept.in_flight, quota);
}

Status QuotaKeeper::read(const TenantId& tenant) {
  const auto quotas = MESH_TRY(tenants_.quotas(tenant));
  std::unique_lock lock(mutex_);
  const auto before = kept(tenant);
  const Timestamp now = at_;
  lock.unlock();
  const auto stored = MESH_TRY(stored_(tenant, quotas, now));
  lock.lock();
  Kept& kept = this->kept(tenant);
  for (const auto& [quota, limit] : quotas) {
    const auto i = static_cast<std::size_t>(quota);
    const auto period = period_of(quota, at_);
    // Of a period that ended while the stores were asked.
    if (period && period->began > now) continue;
    if (period) {
      // What this process settles while they are asked may be in what they say: by what it has
      // taken by now it is no others'. Of a period nothing is given back, so the most stands.
      kept.others[i] = std::max(kept.others[i], stored[i] - kept.taken[i]);
    } else {
      // A level is exact whenever it is read. What was settled before is in it.
      kept.others[i] = stored[i];
      kept.taken[i] -= before.taken[i];
    }
    kept.read[i] = true;
  }
  return {};
}

std::optional<Timestamp> QuotaKeeper::used_up_until(const TenantId& tenant, Quota quota) {
  const auto quotas = tenants_.quotas(tenant);
  if (!quotas) return std::nullopt;
  const auto limit = quotas->find(quota);
  if (limit == quotas->end()) return std::nullopt;
  std::unique_lock lock(mutex_);
  if (!kept(tenant).read[static_cast<std::size_t>(quota)]) {
    lock.unlock();
    // Where it fails, what this process took is held; refresh() tells of it.
    (void)read(tenant);
    lock.lock();
  }
  const Kept& kept = this->kept(tenant);
  const auto period = period_of(quota, at_);
  if (!period || used(kept, quota) < limit->second) return std::nullopt;
  return period->ends;
}

void QuotaKeeper::refresh() {
  {
    std::lock_guard lock(mutex_);
    begin_periods();
  }
  Status all;
  for (const auto& tenant : tenants_.with_quotas()) {
    if (auto done = read(tenant); !done) all = done;
  }
  std::lock_guard lock(mutex_);
  if (failing_ == !all.has_value()) return;
  failing_ = !all;
  failing_ ? log::warn("the use of quotas cannot be read; what this process takes is counted on",
                       {{"cause", all.error().to_string()}})
           : log::info("the use of quotas can be read again");
}

Result<QuotaKeeper::Taken> QuotaKeeper::take(const Principal& principal, const Cost& cost) {
  const TenantId& tenant = *principal.tenant;
  const auto quotas = tenants_.quotas(tenant);
  // Also where they cannot be read: the rate limits' on_unavailable has decided by then.
  if (!quotas || quotas->empty()) return Taken(*this, tenant, {});
  std::lock_guard lock(mutex_);
  Kept& kept = this->kept(tenant);
  if (principal.kind != Principal::Kind::operator_for_tenant) {
    for (const auto& [quota, limit] : *quotas) {
      const auto wanted = share(cost, quota);
      const auto now = used(kept, quota);
      if (wanted > 0 && wanted > limit - now) return denied(tenant, quota, limit, now, wanted);
    }
  }
  add(kept.in_flight, cost, 1);
  return Taken(*this, tenant, cost);
}

void QuotaKeeper::Taken::settle(const Cost& used) {
  if (auto* keeper = std::exchange(keeper_, nullptr)) keeper->settle(*tenant_, in_flight_, used);
}

void QuotaKeeper::settle(const TenantId& tenant, const Cost& in_flight, const Cost& used) {
  std::lock_guard lock(mutex_);
  const auto it = kept_.find(tenant.str());
  if (it == kept_.end()) return;
  add(it->second.in_flight, in_flight, -1);
  add(it->second.taken, used, 1);
}

tl::unexpected<Error> QuotaKeeper::denied(const TenantId& tenant, Quota quota, std::int64_t limit,
                                          std::int64_t used, std::int64_t wanted) {
  const std::string name(to_string(quota));
  metrics_
      .counter("mesh_quota_denied_total", "Requests that were refused by a quota of their tenant.",
               {{"quota", name}})
      .add();
  const Timestamp now = clock_.now();
  const auto period = period_of(quota, now);
  std::string detail = "The quota " + name + " of the tenant is used up: " + std::to_string(used) +
                       " of " + std::to_string(limit);
  if (wanted > 1) detail += ", and this takes " + std::to_string(wanted);
  detail += period ? ". It ends " + format_rfc3339(period->ends) + "."
                   : ". It has no end: users have to go, or the quota to rise.";
  log::debug("a quota is used up", {{"tenant", tenant.str()}, {"quota", name}});
  Error error{ErrorKind::rate_limited, std::move(detail), {}, {}, kAskAgain};
  if (period) error.retry_after = std::chrono::ceil<Duration>(period->ends - now);
  error.used_up = UsedUp{name, limit, period ? format_rfc3339(period->ends) : std::string()};
  return fail(std::move(error));
}

Result<std::vector<QuotaKeeper::State>> QuotaKeeper::states(const TenantId& tenant) {
  const auto quotas = MESH_TRY(tenants_.quotas(tenant));
  if (quotas.empty()) return std::vector<State>();
  MESH_TRY(read(tenant));
  std::lock_guard lock(mutex_);
  const Kept& kept = this->kept(tenant);
  std::vector<State> states;
  for (const auto& [quota, limit] : quotas) {
    const auto period = period_of(quota, at_);
    states.push_back(
        {quota, limit, used(kept, quota), period ? std::optional(period->ends) : std::nullopt});
  }
  return states;
}

}  // namespace mesh::services
