// What a request needs to know of its tenant, from the tenant's record or the defaults, and whether
// there is such a tenant.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/base/clock.h"
#include "common/base/periodic.h"
#include "common/http/route.h"
#include "common/ports/rate_limiter.h"
#include "common/ports/tenant_store.h"
#include "common/telemetry/usage.h"

namespace mesh::services {

// All records are kept here and read anew in the background, so that no request waits for the
// store; where that fails, those of the last time serve. Any thread.
class TenantDirectory {
 public:
  // A change made through another process is seen after about as long.
  static constexpr Duration kRefresh{5'000};
  static constexpr std::size_t kMaxRemembered = 100'000;

  using Compile = std::function<OwnTypes(const TypeSchemas&)>;

  // Reads the records once. `usage`: where given, whose requests were answered since the start
  // counts as used.
  TenantDirectory(TenantStore& store, std::map<std::string, RatePolicy> defaults, Clock& clock,
                  const Usage* usage = nullptr, Compile compile = compile_types);
  // The store is asked no more in the background. Callable twice.
  void stop() { refreshing_.stop(); }

  // The next eight do not block; `unavailable` only where the records could never be read so far,
  // nor this one, which is tried for by itself once it was asked about.

  // The tenant's own policy of the scope, else the default; nothing for a scope that has neither.
  struct Policy {
    RatePolicy policy;
    bool own = false;
  };
  Result<std::optional<Policy>> rate_policy(const TenantId& tenant, const std::string& scope);
  Result<bool> allows_unknown_types(const TenantId& tenant);
  // Compiled once for each version of the record, while others of the same tenant wait; never null.
  Result<std::shared_ptr<const OwnTypes>> own_types(const TenantId& tenant);
  // What of the tenant's events of the type is searchable; null: nothing.
  Result<std::shared_ptr<const Searchable>> searchable(const TenantId& tenant,
                                                       std::string_view type);
  // The types that are so for at least one tenant, each with the place that it has among the types
  // of its tenant's record, from 0, the lowest of all; 0 of the catalogue's.
  Result<std::map<std::string, int>> searchable_types() const;
  Result<Quotas> quotas(const TenantId& tenant);
  // Of a token of this user, and where the record says so.
  struct Role {
    TokenRole role = TokenRole::writer;
    std::string place;
  };
  Result<Role> role_of(const TenantId& tenant, std::string_view user);
  Result<bool> has_record(const TenantId& tenant);
  Result<bool> is_closed(const TenantId& tenant);
  // Of those whose records are known here.
  std::vector<TenantId> with_quotas() const;
  std::size_t with_retention() const;  // how many of them say how old their activity may become

  // Whether the tenant is known to exist without a look at the store: false says nothing. Does not
  // block.
  bool knows(const TenantId& tenant) const;
  // For what an operator asks of a tenant; may ask the store. A tenant needs no record: it exists
  // by it or by use, once a user was created or an event accepted for it, or a request of its own
  // was answered. A name without either is more likely a slip than a tenant: `not_found`, with what
  // to do.
  Status require(const TenantId& tenant);
  // The same of a filter: the empty name is every tenant; `invalid` for what is no tenant's id.
  Status require_if_named(std::string_view tenant);
  // An event of the tenant is accepted. Does not block.
  void note_use(const TenantId& tenant);

  // New defaults (SIGHUP).
  void set_defaults(std::map<std::string, RatePolicy> defaults);
  std::map<std::string, RatePolicy> defaults() const;
  // Call after a change of the tenant's record: reads it anew, so that the next request sees it.
  void note_change(const TenantId& tenant);

 private:
  using Records = std::unordered_map<std::string, std::optional<Tenant>>;  // empty: has no record
  Result<Records> read_all();
  Records read_wanted(const std::unordered_set<std::string>& ids);
  void refresh();
  // Requests of the tenant come, and its record could not be read.
  void want(const TenantId& tenant);
  // What `of` makes of the tenant's record, or of null where there is none.
  template <typename Of>
  auto look(const TenantId& tenant, Of of) -> Result<decltype(of(nullptr))>;
  // With the lock held; null: there is no record.
  Result<const Tenant*> find(const TenantId& tenant) const;
  void remember(const TenantId& tenant);

  TenantStore& store_;
  const Usage* const usage_;
  const Compile compile_;
  std::mutex one_change_;  // of note_change: what is read later is newer, and is kept later
  mutable std::shared_mutex mutex_;
  std::map<std::string, RatePolicy> defaults_;  // this and the following guarded by mutex_
  Records records_;
  bool complete_ = false;  // all records were read at least once
  bool failing_ = false;   // the last reading of all
  // Until they could all be read, which one that is damaged may prevent.
  std::unordered_set<std::string> wanted_;
  std::unordered_set<std::string> changed_;  // read one by one since that of all began
  std::unordered_set<std::string> known_;    // tenants that exist
  // A tenant's own, so that nobody waits for another's schemas.
  struct Compiled {
    std::mutex compiling;
    std::int64_t version = 0;               // this and the following guarded by compiling
    std::shared_ptr<const OwnTypes> types;  // null: not yet
  };
  std::mutex find_compiled_;  // never held while schemas are compiled, nor taken with mutex_
  std::unordered_map<std::string, std::shared_ptr<Compiled>>
      compiled_;         // guarded by find_compiled_
  Periodic refreshing_;  // last: it uses all of the above
};

// An operator who names a tenant that does not exist is told so, and gets no empty answer. A POST
// for a tenant is how one without a record begins; the holder of a tenant's credential is no guess.
// http::Hooks::check.
std::optional<Status> check_tenant(TenantDirectory& directory, const http::Request& request,
                                   bool may_block);
// `forbidden` for a request of a tenant without a record, or in its name: where tenants have to be
// registered. One that another process made counts after kRefresh. Does not block.
Status check_registered(TenantDirectory& directory, const http::Request& request);
// `forbidden` where the tenant's record gives the token's user a role that the route does not take;
// an operator is bound by none. Does not block. `unavailable` where the record could never be read:
// who may only look must not write meanwhile.
Status check_role(TenantDirectory& directory, const http::Request& request,
                  const http::Route& route);
// Those that the route takes, the least first.
std::vector<TokenRole> roles_of(const http::Route& route);
// Of any tenant: `forbidden` in the name of one whose data are being erased. Does not block.
Status check_open(TenantDirectory& directory, const http::Request& request);

}  // namespace mesh::services
