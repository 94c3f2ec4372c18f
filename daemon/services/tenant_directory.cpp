#include "daemon/services/tenant_directory.h"

namespace mesh::services {

TenantDirectory::TenantDirectory(TenantStore& store, std::map<std::string, RatePolicy> defaults,
                                 Clock& clock)
    : store_(store), clock_(clock), defaults_(std::move(defaults)) {}

Result<std::shared_ptr<const Tenant>> TenantDirectory::find(const TenantId& tenant) {
  const auto now = clock_.steady();
  std::uint64_t changes = 0;
  {
    std::shared_lock lock(mutex_);
    changes = changes_;
    const auto it = entries_.find(tenant.str());
    if (it != entries_.end() && now - it->second.read_at < kStaleAfter) return it->second.tenant;
  }
  std::shared_ptr<const Tenant> found;
  auto record = store_.get(tenant);
  if (record) {
    found = std::make_shared<const Tenant>(std::move(*record));
  } else if (record.error().kind != ErrorKind::not_found) {
    return fail(record.error());
  }
  std::unique_lock lock(mutex_);
  if (changes != changes_) return found;  // read before a change: not worth keeping
  if (entries_.size() >= kMaxCached) entries_.clear();
  entries_.insert_or_assign(tenant.str(), Entry{found, now});
  return found;
}

Result<std::optional<TenantDirectory::Policy>> TenantDirectory::rate_policy(
    const TenantId& tenant, const std::string& scope) {
  auto record = find(tenant);
  if (!record) return fail(record.error());
  if (*record) {
    const auto it = (*record)->rate_limits.find(scope);
    if (it != (*record)->rate_limits.end()) return Policy{it->second, true};
  }
  std::shared_lock lock(mutex_);
  const auto it = defaults_.find(scope);
  if (it == defaults_.end()) return std::nullopt;
  return Policy{it->second, false};
}

Result<bool> TenantDirectory::allows_unknown_types(const TenantId& tenant) {
  auto record = find(tenant);
  if (!record) return fail(record.error());
  return *record && (*record)->allow_unknown_types;
}

void TenantDirectory::set_defaults(std::map<std::string, RatePolicy> defaults) {
  std::unique_lock lock(mutex_);
  defaults_ = std::move(defaults);
}

std::map<std::string, RatePolicy> TenantDirectory::defaults() const {
  std::shared_lock lock(mutex_);
  return defaults_;
}

void TenantDirectory::forget(const TenantId& tenant) {
  std::unique_lock lock(mutex_);
  ++changes_;
  entries_.erase(tenant.str());
}

}  // namespace mesh::services
