#include "daemon/services/tenant_directory.h"

#include <algorithm>

#include "common/domain/catalogue.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh::services {
namespace {

constexpr int kPage = 1'000;  // records of one reading

}  // namespace

TenantDirectory::TenantDirectory(TenantStore& store, std::map<std::string, RatePolicy> defaults,
                                 Clock& clock, const Usage* usage, Compile compile)
    : store_(store),
      usage_(usage),
      compile_(std::move(compile)),
      defaults_(std::move(defaults)),
      refreshing_("tenants", clock, kRefresh, [this] { refresh(); }) {}

Result<TenantDirectory::Records> TenantDirectory::read_all() {
  Records all;
  std::string after;
  while (true) {
    auto page = MESH_TRY(store_.list(after, kPage));
    for (auto& tenant : page) {
      after = tenant.id.str();
      all.insert_or_assign(after, std::move(tenant));
    }
    if (page.size() < kPage) return all;
  }
}

TenantDirectory::Records TenantDirectory::read_wanted(const std::unordered_set<std::string>& ids) {
  Records found;
  for (const auto& id : ids) {
    // One by one: a damaged record ends a list, but not the others' reading. The ids are those of
    // tenants, so parse has an answer.
    auto record = store_.get(*TenantId::parse(id));
    if (record) {
      found.emplace(id, std::move(*record));
    } else if (record.error().kind == ErrorKind::not_found) {
      found.emplace(id, std::nullopt);
    } else if (record.error().kind == ErrorKind::unavailable) {
      break;  // so are the others
    }
  }
  return found;
}

void TenantDirectory::refresh() {
  {
    std::unique_lock lock(mutex_);
    // From here on: what note_change reads while the pages come may be newer than they are.
    changed_.clear();
  }
  // Without the lock: requests go on with the records of before while the store is asked.
  auto all = read_all();
  std::unique_lock lock(mutex_);
  complete_ = complete_ || all;
  // Logged when it changes, and not at each refresh.
  if (failing_ == all.has_value()) {
    failing_ = !all;
    failing_ ? log::warn("the tenants' records cannot be read",
                         {{"serve", complete_ ? "those of the last time" : "none"},
                          {"cause", all.error().to_string()}})
             : log::info("the tenants' records can be read again");
  }
  if (!all && complete_) return;
  const auto wanted = wanted_;
  Records fresh;
  if (all) {
    fresh = std::move(*all);
  } else {
    lock.unlock();
    fresh = read_wanted(wanted);
    lock.lock();
  }
  // What was read by itself meanwhile is newer; what could not be read now stays.
  for (auto& [id, record] : records_) {
    if (changed_.contains(id)) {
      fresh.insert_or_assign(id, std::move(record));
    } else if (!complete_) {
      fresh.try_emplace(id, std::move(record));
    }
  }
  records_.swap(fresh);
  lock.unlock();  // before the old ones go
}

void TenantDirectory::want(const TenantId& tenant) {
  std::unique_lock lock(mutex_);
  // Once for each tenant: every refresh tries for all of them, until all records could be read.
  if (wanted_.size() >= kMaxRemembered || !wanted_.insert(tenant.str()).second) return;
  lock.unlock();
  refreshing_.hurry();
}

void TenantDirectory::note_change(const TenantId& tenant) {
  std::lock_guard only_one(one_change_);
  auto record = store_.get(tenant);
  if (!record && record.error().kind != ErrorKind::not_found) {
    log::warn("a tenant's changed record cannot be read; requests see the one of before",
              {{"tenant", tenant.str()}, {"cause", record.error().to_string()}});
    return refreshing_.hurry();
  }
  std::unique_lock lock(mutex_);
  changed_.insert(tenant.str());
  records_.insert_or_assign(tenant.str(),
                            record ? std::optional(std::move(*record)) : std::nullopt);
}

Result<const Tenant*> TenantDirectory::find(const TenantId& tenant) const {
  const auto it = records_.find(tenant.str());
  if (it != records_.end()) return it->second ? &*it->second : nullptr;
  if (!complete_)
    return fail(ErrorKind::unavailable, "the tenants' records cannot be read now; try again later");
  return nullptr;
}

template <typename Of>
auto TenantDirectory::look(const TenantId& tenant, Of of) -> Result<decltype(of(nullptr))> {
  std::shared_lock lock(mutex_);
  const auto record = find(tenant);
  if (!record) {
    lock.unlock();
    want(tenant);
    return fail(record.error());
  }
  return of(*record);
}

Result<std::optional<TenantDirectory::Policy>> TenantDirectory::rate_policy(
    const TenantId& tenant, const std::string& scope) {
  return look(tenant, [&](const Tenant* record) -> std::optional<Policy> {
    if (record != nullptr) {
      const auto own = record->rate_limits.find(scope);
      if (own != record->rate_limits.end()) return Policy{own->second, true};
    }
    const auto it = defaults_.find(scope);
    if (it == defaults_.end()) return std::nullopt;
    return Policy{it->second, false};
  });
}

Result<bool> TenantDirectory::allows_unknown_types(const TenantId& tenant) {
  return look(tenant, [](const Tenant* record) {
    return record != nullptr && record->allow_unknown_types;
  });
}

Result<std::shared_ptr<const Searchable>> TenantDirectory::searchable(const TenantId& tenant,
                                                                      std::string_view type) {
  return look(tenant, [&](const Tenant* record) -> std::shared_ptr<const Searchable> {
    if (record != nullptr) {
      const auto own = record->search.find(type);
      if (own != record->search.end()) return std::make_shared<const Searchable>(own->second);
    }
    // Of static storage: nobody owns it.
    return {std::shared_ptr<const void>(), built_in_searchable(type)};
  });
}

Result<std::map<std::string, int>> TenantDirectory::searchable_types() const {
  std::map<std::string, int> types;
  for (const EventTypeDef& type : event_types()) {
    if (built_in_searchable(type.type) != nullptr) types.emplace(type.type, 0);
  }
  std::shared_lock lock(mutex_);
  if (!complete_) {
    return fail(ErrorKind::unavailable, "the tenants' records cannot be read now; try again later");
  }
  for (const auto& [id, record] : records_) {
    if (!record) continue;
    int place = 0;
    for (const auto& [type, searchable] : record->search) {
      const auto at = types.try_emplace(type, place).first;
      at->second = std::min(at->second, place++);
    }
  }
  return types;
}

Result<bool> TenantDirectory::has_record(const TenantId& tenant) {
  return look(tenant, [](const Tenant* record) { return record != nullptr; });
}

Result<bool> TenantDirectory::is_closed(const TenantId& tenant) {
  return look(tenant, [](const Tenant* record) { return record != nullptr && record->closed; });
}

Result<Quotas> TenantDirectory::quotas(const TenantId& tenant) {
  return look(tenant,
              [](const Tenant* record) { return record != nullptr ? record->quotas : Quotas(); });
}

Result<TenantDirectory::Role> TenantDirectory::role_of(const TenantId& tenant,
                                                       std::string_view user) {
  return look(tenant, [&](const Tenant* record) {
    // Most tenants say nothing, and most requests need no text.
    if (record == nullptr || record->roles.empty()) return Role();
    const auto& roles = record->roles;
    const auto role = roles.of(user);
    return role == TokenRole::writer ? Role() : Role{role, roles.place_of(user)};
  });
}

Result<std::shared_ptr<const OwnTypes>> TenantDirectory::own_types(const TenantId& tenant) {
  static const auto none = std::make_shared<const OwnTypes>();
  struct Found {
    std::int64_t version = 0;  // 0: has none
    TypeSchemas schemas = {};
  };
  auto found = MESH_TRY(look(tenant, [](const Tenant* record) {
    return record == nullptr || record->types.empty() ? Found{} : Found{record->version};
  }));
  if (found.version == 0) return none;
  std::unique_lock finding(find_compiled_);
  auto& kept = compiled_[tenant.str()];
  if (kept == nullptr) kept = std::make_shared<Compiled>();
  const auto own = kept;
  finding.unlock();
  Compiled& compiled = *own;
  std::lock_guard lock(compiled.compiling);
  if (compiled.version != found.version) {
    // Copied only now: most events find theirs compiled.
    found = MESH_TRY(look(tenant, [](const Tenant* record) {
      return record == nullptr ? Found{} : Found{record->version, record->types};
    }));
    compiled.types = std::make_shared<const OwnTypes>(compile_(found.schemas));
    compiled.version = found.version;
    for (const auto& [type, schema] : *compiled.types) {
      if (schema != nullptr) continue;
      log::warn("the schema of a tenant's event type cannot be compiled; its events are refused",
                {{"tenant", tenant.str()}, {"type", type}});
    }
  }
  return compiled.types;
}

std::vector<TenantId> TenantDirectory::with_quotas() const {
  std::vector<TenantId> tenants;
  std::shared_lock lock(mutex_);
  for (const auto& [id, record] : records_) {
    if (record && !record->quotas.empty()) tenants.push_back(record->id);
  }
  return tenants;
}

std::size_t TenantDirectory::with_retention() const {
  std::shared_lock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(
      records_, [](const auto& one) { return one.second && one.second->retention; }));
}

bool TenantDirectory::knows(const TenantId& tenant) const {
  // Events of tasks are under this name, and no record of it need exist.
  if (tenant.str() == pipeline::kTaskTenant) return true;
  std::shared_lock lock(mutex_);
  const auto record = records_.find(tenant.str());
  return known_.contains(tenant.str()) || (record != records_.end() && record->second);
}

void TenantDirectory::remember(const TenantId& tenant) {
  std::unique_lock lock(mutex_);
  // Who is forgotten is looked for again.
  if (known_.size() >= kMaxRemembered) known_.clear();
  known_.insert(tenant.str());
}

Status TenantDirectory::require(const TenantId& tenant) {
  if (knows(tenant)) return {};
  auto known = MESH_TRY(store_.known(tenant));
  if (!known && usage_ != nullptr) {
    // Whose requests only read leaves nothing in the store.
    const auto used = usage_->totals();
    known = std::ranges::find(used, tenant.str(), &Usage::Row::tenant) != used.end();
  }
  if (known) {
    remember(tenant);
    return {};
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
  {
    // Each publish comes here: only a tenant's first one takes the lock for writing.
    std::shared_lock lock(mutex_);
    if (known_.contains(tenant.str())) return;
  }
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

std::optional<Status> check_tenant(TenantDirectory& directory, const http::Request& request,
                                   bool may_block) {
  const Principal& principal = *request.principal;
  std::optional<TenantId> named;
  switch (principal.kind) {
    case Principal::Kind::tenant_user:
      return Status{};
    case Principal::Kind::operator_for_tenant:
      if (request.method == "POST") return Status{};
      named = principal.tenant;
      break;
    case Principal::Kind::operator_: {
      const auto text = request.param("tenant").value_or("");
      // Without the filter an operator asks about all tenants.
      if (text.empty()) return Status{};
      named = MESH_TRY(TenantId::parse(text));
      break;
    }
  }
  if (directory.knows(*named)) return Status{};
  if (!may_block) return std::nullopt;
  return directory.require(*named);
}

Status check_registered(TenantDirectory& directory, const http::Request& request) {
  const auto& tenant = request.principal->tenant;
  // An operator who asks in nobody's name.
  if (!tenant) return {};
  const bool registered = MESH_TRY(directory.has_record(*tenant));
  if (registered) return {};
  return fail(
      ErrorKind::forbidden,
      "tenant \"" + tenant->str() +
          "\" is not registered, and this mesh serves registered tenants alone: an operator "
          "registers it with `mesh tenants create " +
          tenant->str() + "` or `mesh apply`");
}

std::vector<TokenRole> roles_of(const http::Route& route) {
  std::vector<TokenRole> roles = route.token_roles;
  if (roles.empty() && !http::changes_something(route)) roles.push_back(TokenRole::reader);
  roles.push_back(TokenRole::writer);
  return roles;
}

Status check_role(TenantDirectory& directory, const http::Request& request,
                  const http::Route& route) {
  const Principal& caller = *request.principal;
  if (caller.kind != Principal::Kind::tenant_user) return {};
  const auto [role, place] = MESH_TRY(directory.role_of(*caller.tenant, caller.user));
  const auto taken = roles_of(route);
  if (std::ranges::find(taken, role) != taken.end()) return {};
  return fail(ErrorKind::forbidden, caller.user + " is a " + std::string(to_string(role)) + " of " +
                                        caller.tenant->str() + ": " + request.method + " " +
                                        route.pattern + " needs a " +
                                        std::string(to_string(taken.front())) + " (" + place +
                                        " in the tenant's record)");
}

Status check_open(TenantDirectory& directory, const http::Request& request) {
  const auto& tenant = request.principal->tenant;
  if (!tenant) return {};
  // Where no record could ever be read, limiter.on_unavailable decides: the erasure counts again,
  // and finds what came in between.
  if (!directory.is_closed(*tenant).value_or(false)) return {};
  return fail(ErrorKind::forbidden,
              "tenant \"" + tenant->str() + "\" is closed: its data are being purged");
}

}  // namespace mesh::services
