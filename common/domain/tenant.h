// Tenants, and who is calling.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/own_types.h"
#include "common/domain/quota.h"
#include "common/domain/rate_policy.h"
#include "common/domain/searchable.h"
#include "common/domain/token_roles.h"

namespace mesh {

// A valid tenant id: [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?. Only parse() makes one, so whoever holds
// a TenantId holds a checked one.
class TenantId {
 public:
  static Result<TenantId> parse(std::string_view text);  // `invalid` otherwise
  const std::string& str() const { return text_; }
  auto operator<=>(const TenantId&) const = default;

 private:
  explicit TenantId(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// Who a request speaks for, made by the auth room from the credential alone.
struct Principal {
  enum class Kind { tenant_user, operator_for_tenant, operator_ };
  Kind kind = Kind::tenant_user;
  std::optional<TenantId> tenant;  // empty only for operator_
  std::string user;                // `sub`, the dev token's user, "operator", or a certificate's
  bool by_session = false;         // of the console
  bool hides_payloads = false;     // such a one, shown nothing of what events and users hold
};

// What is known of a tenant beyond its id. A tenant needs no record to be used: one that has none
// works with the configuration's defaults.
struct Tenant {
  TenantId id;
  std::string name;
  bool allow_unknown_types = false;               // events of types outside the catalogue
  std::map<std::string, RatePolicy> rate_limits;  // by scope; others take the default
  Quotas quotas = {};
  TokenRoles roles = {};                   // of its own credentials
  TypeSchemas types = {};                  // own event types, checked (check_types)
  Searchables search = {};                 // of own types and the catalogue's (check_search)
  std::optional<Duration> retention = {};  // how old its activity may become; empty: the log's
  std::string managed_by = {};             // the owner that `mesh apply` noted; empty: none
  bool closed = false;  // its data are being erased: nobody may ask for it or in its name
  std::int64_t version = 1;
  Timestamp created_at{};
  Timestamp updated_at{};
};

// Whether it may stand in managed_by: it is written as a tenant's id is.
bool valid_owner(std::string_view text);

// At least an hour: "7d". `unprocessable` with the pointer `at` otherwise.
Result<Duration> retention_from_json(const Json& json, const std::string& at);

// {"id","name","allow_unknown_types","rate_limits":{scope:{rate,per,burst}},"quotas","roles",
//  "types","search":{type:{text,fields,open}},"retention","managed_by","closed","version","created_at","updated_at"}.
//  Without quotas,
// roles, types, search, retention and managed_by where the tenant has none, and closed where it is
// not, since a meshd from before them reads such records.
Json to_json(const Tenant& tenant);
// {"id","tenantId"}: the value of tenant.deleted.
Json removal_json(const TenantId& id);
// Reads the same; what is missing but the id takes its default. `unprocessable` with a pointer per
// violation, also for an unknown member. Whether schemas are good ones is check_types' to say.
Result<Tenant> tenant_from_json(const Json& json);

}  // namespace mesh
