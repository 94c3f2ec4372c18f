#include "daemon/services/tenant_directory.h"

#include <algorithm>

#include "daemon/pipeline/tasks/tasks.h"

namespace mesh::services {

TenantDirectory::TenantDirectory(TenantStore& store, std::map<std::string, RatePolicy> defaults,
                                 Clock& clock, const Usage* usage)
    : store_(store), clock_(clock), usage_(usage), defaults_(std::move(defaults)) {}

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

bool TenantDirectory::remembered(const TenantId& tenant) const {
  std::shared_lock lock(mutex_);
  return known_.contains(tenant.str());
}

void TenantDirectory::remember(const TenantId& tenant) {
  std::unique_lock lock(mutex_);
  if (known_.size() >= kMaxCached) known_.clear();
  known_.insert(tenant.str());
}

Status TenantDirectory::require(const TenantId& tenant) {
  if (tenant.str() == pipeline::kTaskTenant || remembered(tenant)) return {};
  auto known = store_.known(tenant);
  if (!known) return fail(known.error());
  if (*known) {
    remember(tenant);
    return {};
  }
  // Whose requests only read leaves nothing in the store.
  if (usage_ != nullptr) {
    const auto used = usage_->totals();
    if (std::ranges::find(used, tenant.str(), &Usage::Row::tenant) != used.end()) return {};
  }
  return fail(ErrorKind::not_found, "there is no tenant \"" + tenant.str() +
                                        "\": it has no record, and nobody has used it; `mesh "
                                        "tenants create " +
                                        tenant.str() + "` makes it");
}

Status TenantDirectory::require_if_named(std::string_view tenant) {
  if (tenant.empty()) return {};
  auto id = TenantId::parse(tenant);
  return id ? require(*id) : fail(id.error());
}

void TenantDirectory::note_use(const TenantId& tenant) {
  if (remembered(tenant)) return;
  remember(tenant);
  store_.note_use(tenant);
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

Status check_tenant(TenantDirectory& directory, const Principal& principal,
                    const http::Request& request) {
  switch (principal.kind) {
    case Principal::Kind::tenant_user:
      return {};
    case Principal::Kind::operator_for_tenant:
      return request.method == "POST" ? Status{} : directory.require(*principal.tenant);
    case Principal::Kind::operator_:
      return directory.require_if_named(request.param("tenant").value_or(""));
  }
  return {};
}

}  // namespace mesh::services
