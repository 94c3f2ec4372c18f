#include <algorithm>

#include "common/base/time.h"
#include "common/domain/rate_scopes.h"
#include "daemon/services/admin.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/change_tenant.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

using http::Response;

constexpr IntRange kPage{1, 1000, 100};

tl::unexpected<Error> offence(const std::string& pointer, const std::string& detail) {
  return fail({ErrorKind::unprocessable, "the body is not valid", {}, {{pointer, detail}}, {}});
}

Result<TenantId> tenant_of_path(const http::Request& request) {
  return TenantId::parse(request.path_params.at("tenant"));
}

// The same, where it exists: by a record or by use.
Result<TenantId> existing_tenant(const TenantAdminDeps& deps, const http::Request& request) {
  auto tenant = tenant_of_path(request);
  if (!tenant) return tenant;
  MESH_TRY(deps.directory.require(*tenant));
  return tenant;
}

// --- rate limits -----------------------------------------------------------------------------

Status check_scope(const std::string& scope) {
  if (std::ranges::find(kRateScopes, scope) != std::end(kRateScopes)) return {};
  return fail(ErrorKind::not_found,
              "no rate-limit scope \"" + scope + "\"; a scope is " + kRateScopeNames);
}

Result<Json> limit_json(const TenantAdminDeps& deps, const TenantId& tenant,
                        const std::string& scope) {
  auto policy = MESH_TRY(deps.directory.rate_policy(tenant, scope));
  if (!policy) {
    return Json{{"tenant", tenant.str()},  {"scope", scope},   {"policy", nullptr},
                {"source", "default"},     {"limit", nullptr}, {"remaining", nullptr},
                {"reset_seconds", nullptr}};
  }
  const auto& [limits, own] = *policy;
  auto state = MESH_TRY(deps.limiter.peek(tenant, scope, limits));
  return Json{{"tenant", tenant.str()},
              {"scope", scope},
              {"policy", mesh::to_json(limits)},
              {"source", own ? "tenant" : "default"},
              {"limit", state.limit},
              {"remaining", state.remaining},
              {"reset_seconds", std::chrono::duration<double>(state.reset_after).count()}};
}

Result<Response> show_all(const TenantAdminDeps& deps, const http::Request& request) {
  auto tenant = MESH_TRY(existing_tenant(deps, request));
  Json items = Json::array();
  for (const auto scope : kRateScopes) {
    auto json = MESH_TRY(limit_json(deps, tenant, std::string(scope)));
    items.push_back(std::move(json));
  }
  return page(std::move(items));
}

Status change_record(const TenantAdminDeps& deps, const TenantId& id,
                     const std::function<void(Tenant&)>& change) {
  (void)MESH_TRY(change_tenant(deps.tenants, deps.directory, id, [&](Tenant& record) -> Status {
    change(record);
    return {};
  }));
  return {};
}

// GET, PUT, DELETE and reset of one scope differ in `act`; all answer with the state after it.
using Act = Status (*)(const TenantAdminDeps&, const http::Request&, const TenantId&,
                       const std::string& scope);

Result<Response> on_scope(const TenantAdminDeps& deps, const http::Request& request, Act act) {
  const std::string& scope = request.path_params.at("scope");
  MESH_TRY(check_scope(scope));
  auto tenant = MESH_TRY(existing_tenant(deps, request));
  MESH_TRY(act(deps, request, tenant, scope));
  auto json = MESH_TRY(limit_json(deps, tenant, scope));
  return Response::json(200, json);
}

Status set_policy(const TenantAdminDeps& deps, const http::Request& request, const TenantId& tenant,
                  const std::string& scope) {
  auto body = MESH_TRY(object_body(request));
  auto policy = MESH_TRY(rate_policy_from_json(body));
  MESH_TRY(
      change_record(deps, tenant, [&](Tenant& record) { record.rate_limits[scope] = policy; }));
  // What was consumed under the old policy has another measure: a new policy starts full.
  return deps.limiter.reset(tenant, scope);
}

Status drop_policy(const TenantAdminDeps& deps, const http::Request&, const TenantId& tenant,
                   const std::string& scope) {
  // From the store: the directory may not know yet what another process has set.
  const auto kept = deps.tenants.get(tenant);
  if (!kept && kept.error().kind != ErrorKind::not_found) return fail(kept.error());
  if (!kept || !kept->rate_limits.contains(scope)) return {};  // the default holds already
  MESH_TRY(change_record(deps, tenant, [&](Tenant& record) { record.rate_limits.erase(scope); }));
  return deps.limiter.reset(tenant, scope);
}

Status reset(const TenantAdminDeps& deps, const http::Request& request, const TenantId& tenant,
             const std::string& scope) {
  MESH_TRY(no_members(request));
  return deps.limiter.reset(tenant, scope);
}

// --- tenants ---------------------------------------------------------------------------------

// The same of quotas, by their names.
Status take_quotas(const Json& body, Tenant& tenant) {
  if (!body.contains("quotas")) return {};
  Json given = body["quotas"];
  if (given.is_object()) {
    for (auto it = given.begin(); it != given.end();) {
      const auto quota = it->is_null() ? quota_of(it.key()) : std::nullopt;
      if (quota) tenant.quotas.erase(*quota);
      it = quota ? given.erase(it) : std::next(it);
    }
  }
  auto quotas = MESH_TRY(quotas_from_json(given, "/quotas"));
  for (const auto& [quota, limit] : quotas) tenant.quotas[quota] = limit;
  return {};
}

// The same of roles, by their users; null for the default is a writer.
Status take_roles(const Json& body, Tenant& tenant) {
  if (!body.contains("roles")) return {};
  Json given = body["roles"];
  if (given.is_object() && given.contains("default") && given["default"].is_null())
    given["default"] = to_string(TokenRole::writer);
  if (given.is_object() && given.contains("users") && given["users"].is_object()) {
    Json& users = given["users"];
    for (auto it = users.begin(); it != users.end();) {
      if (it->is_null()) tenant.roles.users.erase(it.key());
      it = it->is_null() ? users.erase(it) : std::next(it);
    }
  }
  const auto roles = MESH_TRY(token_roles_from_json(given, "/roles"));
  if (given.contains("default")) tenant.roles.fallback = roles.fallback;
  for (const auto& [user, role] : roles.users) tenant.roles.users[user] = role;
  // Those that there were and those that came.
  if (tenant.roles.users.size() > TokenRoles::kMaxUsers) {
    return offence("/roles/users", "would have more than " + std::to_string(TokenRoles::kMaxUsers) +
                                       " users with those that it has; null takes one away");
  }
  return {};
}

// It would be promised where the log cannot keep it.
Status take_retention(const TenantAdminDeps& deps, const Json& body, Tenant& tenant) {
  if (!body.contains("retention")) return {};
  tenant.retention.reset();
  if (body["retention"].is_null()) return {};
  if (!deps.erases_records) {
    return offence("/retention",
                   "must be left out: brokers keep records by topic: log.retention.activity holds "
                   "for all tenants");
  }
  tenant.retention = MESH_TRY(retention_from_json(body["retention"], "/retention"));
  return {};
}

Status take_types(const Json& body, Tenant& tenant, const TypeSchemas& before) {
  if (!body.contains("types")) return {};
  if (!body["types"].is_object()) return offence("/types", "must map types to JSON Schemas");
  tenant.types.clear();
  for (const auto& [type, schema] : body["types"].items()) tenant.types[type] = schema;
  return check_types(tenant.types, before);
}

// All that there is, as with types; what was kept has to fit the types that there are now, too.
Status take_search(const Json& body, Tenant& tenant) {
  if (body.contains("search")) tenant.search = MESH_TRY(searchables_from_json(body["search"]));
  return check_search(tenant.search, tenant.types);
}

// Applies the members of a create or a patch. Limits of other scopes stay; null takes one away.
// Types are all that there are then.
Status take_over(const TenantAdminDeps& deps, const Json& body, Tenant& tenant,
                 const TypeSchemas& before = {}) {
  auto name = MESH_TRY(string_member(body, "name"));
  if (name) {
    if (name->empty() || name->size() > 200) return offence("/name", "must have 1 to 200 bytes");
    tenant.name = std::move(*name);
  }
  // Looked for first: bool_member takes a missing member for false, and a patch would then take
  // away what it does not name.
  if (body.contains("allow_unknown_types")) {
    auto allow = MESH_TRY(bool_member(body, "allow_unknown_types"));
    tenant.allow_unknown_types = allow;
  }
  if (body.contains("rate_limits")) {
    if (!body["rate_limits"].is_object())
      return offence("/rate_limits", "must map scopes to policies");
    for (const auto& [scope, json] : body["rate_limits"].items()) {
      if (!check_scope(scope))
        return offence("/rate_limits" + pointer_to(scope),
                       std::string("no such scope: it is ") + kRateScopeNames);
      if (json.is_null()) {
        tenant.rate_limits.erase(scope);
        continue;
      }
      auto policy = MESH_TRY(rate_policy_from_json(json, "/rate_limits" + pointer_to(scope)));
      tenant.rate_limits[scope] = policy;
    }
  }
  const auto owner = MESH_TRY(string_member(body, "managed_by"));
  if (owner) {
    if (!owner->empty() && !valid_owner(*owner)) {
      return offence("/managed_by",
                     "must be 1 to 63 lower-case letters, digits and inner dashes, or empty");
    }
    tenant.managed_by = *owner;
  }
  MESH_TRY(take_quotas(body, tenant));
  MESH_TRY(take_roles(body, tenant));
  MESH_TRY(take_retention(deps, body, tenant));
  MESH_TRY(take_types(body, tenant, before));
  return take_search(body, tenant);
}

// What clients say of a tenant.
const std::initializer_list<std::string_view> kMembers{
    "name",   "allow_unknown_types", "rate_limits", "quotas", "roles", "types",
    "search", "retention",           "managed_by"};
const std::initializer_list<std::string_view> kNewMembers{
    "id",    "name",   "allow_unknown_types", "rate_limits", "quotas", "roles",
    "types", "search", "retention",           "managed_by"};

WritePosition place_of_change(const ChangedTenant& tenant) {
  return {.outbox = {tenant.event, tenant.event}};
}

Response tenant_answer(int status, const ChangedTenant& tenant) {
  return with_position(
      Response::json(status, mesh::to_json(tenant)).with("ETag", entity_tag(tenant.version)),
      place_of_change(tenant));
}

Result<Response> create(const TenantAdminDeps& deps, const http::Request& request) {
  auto body = MESH_TRY(object_body(request));
  MESH_TRY(only_members(body, kNewMembers));
  auto id_text = MESH_TRY(string_member(body, "id"));
  if (!id_text) return offence("/id", "is missing");
  auto id = TenantId::parse(*id_text);
  if (!id) return offence("/id", id.error().message);
  Tenant tenant{.id = *id,
                .name = id->str(),
                .allow_unknown_types = false,
                .rate_limits = {},
                .version = 1,
                .created_at = {},
                .updated_at = {}};
  MESH_TRY(take_over(deps, body, tenant));
  auto made = deps.tenants.create(std::move(tenant));
  deps.directory.note_change(*id);
  if (!made) return fail(made.error());
  return tenant_answer(201, *made).with("Location", "/admin/v1/tenants/" + id->str());
}

Result<Response> list(const TenantAdminDeps& deps, const http::Request& request) {
  auto limit = MESH_TRY(int_param(request, "limit", kPage));
  if (const auto only = text_param(request, "tenant"); !only.empty()) {
    auto id = MESH_TRY(TenantId::parse(only));
    auto tenant = deps.tenants.get(id);
    if (!tenant && tenant.error().kind != ErrorKind::not_found) return fail(tenant.error());
    return page(tenant ? Json::array({mesh::to_json(*tenant)}) : Json::array());
  }
  std::string after;
  if (const auto cursor = request.param("cursor")) {
    auto text = MESH_TRY(read_cursor("tenants", *cursor));
    after = std::move(text);
  }
  // One more than is shown tells whether there is a next page.
  auto tenants = MESH_TRY(deps.tenants.list(after, static_cast<int>(limit) + 1));
  std::optional<std::string> next;
  if (tenants.size() > static_cast<std::size_t>(limit)) {
    tenants.pop_back();
    next = make_cursor("tenants", tenants.back().id.str());
  }
  Json items = Json::array();
  for (const auto& tenant : tenants) items.push_back(mesh::to_json(tenant));
  return page(std::move(items), std::move(next));
}

Result<Response> get(const TenantAdminDeps& deps, const http::Request& request) {
  auto id = MESH_TRY(tenant_of_path(request));
  auto tenant = MESH_TRY(deps.tenants.get(id));
  return unless_seen(request, tenant.version, Response::json(200, mesh::to_json(tenant)));
}

// `whole`: the body is all that is said of the tenant, else what is to change.
Result<Response> change(const TenantAdminDeps& deps, const http::Request& request, bool whole) {
  auto id = MESH_TRY(tenant_of_path(request));
  auto body = MESH_TRY(object_body(request));
  MESH_TRY(only_members(body, kMembers));
  // The store compares the version that is read here: a change made in between is a conflict, and
  // is not written over.
  auto tenant = MESH_TRY(deps.tenants.get(id));
  const auto before = tenant.types;
  if (whole) {
    // That its data are being erased is not the body's to say.
    tenant = Tenant{.id = id,
                    .name = id.str(),
                    .rate_limits = {},
                    .closed = tenant.closed,
                    .version = tenant.version};
  }
  const auto only_at = if_match(request);
  if (only_at && std::ranges::find(*only_at, tenant.version) == only_at->end()) {
    tenant.version = 0;  // which it never has
  }
  MESH_TRY(take_over(deps, body, tenant, before));
  auto stored = deps.tenants.update(std::move(tenant));
  deps.directory.note_change(id);
  if (!stored) return change_problem(stored.error(), only_at.has_value());
  return tenant_answer(200, *stored);
}

Result<Response> update(const TenantAdminDeps& deps, const http::Request& request) {
  return change(deps, request, false);
}

Result<Response> replace(const TenantAdminDeps& deps, const http::Request& request) {
  return change(deps, request, true);
}

Result<Response> quotas(const TenantAdminDeps& deps, const http::Request& request) {
  auto id = MESH_TRY(tenant_of_path(request));
  // The store's record, and not the directory's, tells whether there is one.
  (void)MESH_TRY(deps.tenants.get(id));
  Json items = Json::array();
  for (const auto& state : MESH_TRY(deps.quotas.states(id))) {
    items.push_back({{"quota", to_string(state.quota)},
                     {"limit", state.limit},
                     {"used", state.used},
                     {"ends", state.ends ? Json(format_rfc3339(*state.ends)) : Json()}});
  }
  return page(std::move(items));
}

Result<Response> remove(const TenantAdminDeps& deps, const http::Request& request) {
  auto id = MESH_TRY(tenant_of_path(request));
  const auto only_at = if_match(request);
  auto removed = deps.tenants.remove(id, only_at);
  deps.directory.note_change(id);
  if (!removed) return change_problem(removed.error(), only_at.has_value());
  return with_position(Response::no_content(), place_of_change(*removed));
}

}  // namespace

http::RouteTable tenant_routes(TenantAdminDeps deps) {
  using http::Body;
  const auto shared = std::make_shared<const TenantAdminDeps>(std::move(deps));
  const http::Parameter tenant = api::tenant_of_path();
  const http::Parameter scope = api::path(
      "scope", "What is limited.",
      api::one_of(std::vector<std::string>(std::begin(kRateScopes), std::end(kRateScopes))));
  const auto work = [shared](Result<Response> (*of)(const TenantAdminDeps&, const http::Request&)) {
    return answering(shared, of);
  };
  // No group reads the events of tenants.
  const auto change = [shared](http::Route row,
                               Result<Response> (*of)(const TenantAdminDeps&, const http::Request&),
                               std::string_view pending) {
    row.handler = answering_write(
        shared, [](const http::Request&) { return Acks{}; }, of);
    return api::held(std::move(row), {}, pending);
  };
  // All that concern one scope answer the same.
  const auto of_scope = [&](http::Route route, Act act) {
    route.pool = http::Pool::quick;
    route.parameters = {tenant, scope};
    route.answers = {api::gives("RateLimit", "The limit as it is now.")};
    route.handler =
        answering(shared, [act](const TenantAdminDeps& d, const http::Request& request) {
          return on_scope(d, request, act);
        });
    return route;
  };
  constexpr const char* kTenants = "/admin/v1/tenants";
  constexpr const char* kTenant = "/admin/v1/tenants/{tenant}";
  constexpr const char* kScope = "/admin/v1/ratelimits/{tenant}/{scope}";
  auto table = api::for_operators(
      "tenants",
      {{.method = "GET",
        .pattern = kTenants,
        .pool = http::Pool::quick,
        .operation = "listTenants",
        .summary = "Lists tenants that have a record, by id",
        .parameters = {api::limit("tenants", kPage), api::cursor("the `next` of the answer before"),
                       api::tenant_filter()},
        .answers = {api::gives("TenantPage", "A page of tenants.")},
        .handler = work(list)},
       change(
           {.method = "POST",
            .pattern = kTenants,
            .body = Body::json,
            .pool = http::Pool::quick,
            .operation = "createTenant",
            .summary = "Makes a tenant's record",
            .details = "A tenant needs none to be used: without it the defaults hold.",
            .request = api::json("NewTenant"),
            .answers = {api::leads_to(
                api::with_header(api::with_etag(api::gives("Tenant", "The record was made.", 201)),
                                 api::header("Location", "The path of the record.")),
                {"getTenant", "updateTenant", "deleteTenant", "listRateLimits"}, "tenant", "id")},
            .problems = {409, 422}},
           create, "PendingTenant"),
       {.method = "GET",
        .pattern = kTenant,
        .pool = http::Pool::quick,
        .operation = "getTenant",
        .summary = "A tenant's record",
        .parameters = {tenant, api::if_none_match()},
        .answers = {api::with_etag(api::gives("Tenant", "The record.")), api::not_modified()},
        .problems = {404},
        .handler = work(get)},
       change({.method = "PATCH",
               .pattern = kTenant,
               .body = Body::json,
               .pool = http::Pool::quick,
               .operation = "updateTenant",
               .summary = "Changes a tenant's record",
               .parameters = {tenant, api::if_match()},
               .request = api::json("TenantPatch"),
               .answers = {api::with_etag(api::gives("Tenant", "The record as it is now."))},
               .problems = {404, 409, 412, 422}},
              update, "PendingTenant"),
       change({.method = "PUT",
               .pattern = kTenant,
               .body = Body::json,
               .pool = http::Pool::quick,
               .operation = "replaceTenant",
               .summary = "Replaces a tenant's record",
               .details = "What the body does not name goes back to what a new record has.",
               .parameters = {tenant, api::if_match()},
               .request = api::json("TenantRecord"),
               .answers = {api::with_etag(api::gives("Tenant", "The record as it is now."))},
               .problems = {404, 409, 412, 422}},
              replace, "PendingTenant"),
       {.method = "GET",
        .pattern = "/admin/v1/tenants/{tenant}/quotas",
        .pool = http::Pool::quick,
        .operation = "listQuotas",
        .summary = "The quotas of a tenant, and what it has used of each",
        .parameters = {tenant},
        .answers = {api::gives("QuotaStatePage", "Each quota that the tenant has.")},
        .problems = {404},
        .handler = work(quotas)},
       change({.method = "DELETE",
               .pattern = kTenant,
               .pool = http::Pool::quick,
               .operation = "deleteTenant",
               .summary = "Removes a tenant's record, not its data",
               .parameters = {tenant, api::if_match()},
               .answers = {api::nothing("The record is gone.")},
               .problems = {404, 412}},
              remove, "PendingRemoval")});
  auto limits = api::for_operators(
      "rate limits",
      {{.method = "GET",
        .pattern = "/admin/v1/ratelimits/{tenant}",
        .pool = http::Pool::quick,
        .operation = "listRateLimits",
        .summary = "All rate limits of a tenant; consumes nothing",
        .parameters = {tenant},
        .answers = {api::gives("RateLimitPage", "The limit of each scope.")},
        .problems = {404},
        .handler = work(show_all)},
       of_scope({.method = "GET",
                 .pattern = kScope,
                 .operation = "getRateLimit",
                 .summary = "A rate limit and its state; consumes nothing",
                 .problems = {404}},
                [](const TenantAdminDeps&, const http::Request&, const TenantId&,
                   const std::string&) { return Status{}; }),
       of_scope(
           {.method = "PUT",
            .pattern = kScope,
            .body = Body::json,
            .operation = "setRateLimit",
            .summary = "Sets the tenant's own policy",
            .details = "The tenant must have a record. The new policy starts with a full bucket.",
            .request = api::json("NewRatePolicy"),
            .problems = {404, 409, 422}},
           set_policy),
       of_scope({.method = "DELETE",
                 .pattern = kScope,
                 .operation = "deleteRateLimit",
                 .summary = "Goes back to the default policy",
                 .problems = {404, 409}},
                drop_policy),
       of_scope({.method = "POST",
                 .pattern = "/admin/v1/ratelimits/{tenant}/{scope}/reset",
                 .body = Body::json,
                 .operation = "resetRateLimit",
                 .summary = "Makes the bucket full again",
                 .request = api::no_members(),
                 .problems = {404, 422}},
                reset)});
  table.insert(table.end(), limits.begin(), limits.end());
  return table;
}

}  // namespace mesh::services
