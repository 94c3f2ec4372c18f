#include <memory>

#include "common/domain/catalogue.h"
#include "daemon/services/admin.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/change_tenant.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

using http::Response;

Result<TenantId> tenant_of(const http::Request& request) {
  return TenantId::parse(request.path_params.at("tenant"));
}

Json type_json(const std::string& type, const Json& schema) {
  return {{"type", type}, {"topic", topic_of_unknown_type(type).value_or("")}, {"schema", schema}};
}

tl::unexpected<Error> unknown_type(const TenantId& tenant, const std::string& type) {
  return fail(ErrorKind::not_found, "tenant " + tenant.str() + " has no type " + type +
                                        "; `mesh types list " + tenant.str() + "` shows its types");
}

Result<Response> list_types(const TenantAdminDeps& deps, const http::Request& request) {
  const auto id = MESH_TRY(tenant_of(request));
  const auto tenant = MESH_TRY(deps.tenants.get(id));
  Json items = Json::array();
  for (const auto& [type, schema] : tenant.types) items.push_back(type_json(type, schema));
  return page(std::move(items));
}

Result<Response> get_type(const TenantAdminDeps& deps, const http::Request& request) {
  const auto id = MESH_TRY(tenant_of(request));
  const auto tenant = MESH_TRY(deps.tenants.get(id));
  const auto it = tenant.types.find(request.path_params.at("type"));
  if (it == tenant.types.end()) return unknown_type(id, request.path_params.at("type"));
  return Response::json(200, type_json(it->first, it->second));
}

// Pointers of check_types, as of the body, which is the schema alone.
Error of_body(Error error, const std::string& type) {
  const std::string before = "/types" + pointer_to(type);
  for (auto& field : error.fields) {
    if (field.pointer.starts_with(before)) field.pointer.erase(0, before.size());
  }
  error.message = "type " + type + " cannot have this schema";
  return error;
}

Result<bool> dry_run(const http::Request& request) {
  const auto text = text_param(request, "dry_run");
  if (text.empty() || text == "false") return false;
  if (text == "true") return true;
  return fail(ErrorKind::invalid, "query parameter dry_run: \"" + text + "\" is not true or false");
}

Result<Response> put(const TenantAdminDeps& deps, const http::Request& request) {
  const auto id = MESH_TRY(tenant_of(request));
  const bool dry = MESH_TRY(dry_run(request));
  const std::string& type = request.path_params.at("type");
  const auto schema = MESH_TRY(object_body(request));
  const char* outcome = "";
  const auto change = [&](Tenant& tenant) -> Status {
    const auto it = tenant.types.find(type);
    outcome = it == tenant.types.end() ? "registered"
              : it->second == schema   ? "unchanged"
                                       : "changed";
    const auto before = tenant.types;
    tenant.types[type] = schema;
    auto good = check_types(tenant.types, before);
    return good ? Status() : fail(of_body(good.error(), type));
  };
  auto tenant = MESH_TRY(deps.tenants.get(id));
  MESH_TRY(change(tenant));
  WritePosition position;
  if (!dry && outcome != std::string_view("unchanged")) {
    const auto changed = MESH_TRY(change_tenant(deps.tenants, deps.directory, id, change));
    position = {.outbox = {changed.event, changed.event}};
  }
  Json answer = type_json(type, schema);
  answer["outcome"] = outcome;
  answer["dry_run"] = dry;
  return with_position(Response::json(200, answer), position);
}

Result<Response> remove_type(const TenantAdminDeps& deps, const http::Request& request) {
  const auto id = MESH_TRY(tenant_of(request));
  const std::string& type = request.path_params.at("type");
  const auto changed =
      MESH_TRY(change_tenant(deps.tenants, deps.directory, id, [&](Tenant& tenant) -> Status {
        if (tenant.types.erase(type) == 0) return unknown_type(id, type);
        tenant.search.erase(type);
        return {};
      }));
  return with_position(Response::no_content(), {.outbox = {changed.event, changed.event}});
}

}  // namespace

http::RouteTable type_routes(TenantAdminDeps deps) {
  const auto shared = std::make_shared<const TenantAdminDeps>(std::move(deps));
  const http::Parameter tenant = api::tenant_of_path();
  const http::Parameter type =
      api::path("type", "An event type, `<entity>.<action>`.",
                {{"type", "string"}, {"minLength", 3}, {"maxLength", 200}});
  constexpr const char* kTypes = "/admin/v1/tenants/{tenant}/types";
  constexpr const char* kType = "/admin/v1/tenants/{tenant}/types/{type}";
  return api::for_operators(
      "tenants",
      {{.method = "GET",
        .pattern = kTypes,
        .pool = http::Pool::quick,
        .operation = "listTypes",
        .summary = "Lists the event types of a tenant, by name",
        .parameters = {tenant},
        .answers = {api::gives("OwnTypePage", "All of them.")},
        .problems = {404},
        .handler = answering(shared, list_types)},
       {.method = "GET",
        .pattern = kType,
        .pool = http::Pool::quick,
        .operation = "getType",
        .summary = "An event type of a tenant",
        .parameters = {tenant, type},
        .answers = {api::gives("OwnType", "The type.")},
        .problems = {404},
        .handler = answering(shared, get_type)},
       {.method = "PUT",
        .pattern = kType,
        .body = http::Body::json,
        .pool = http::Pool::quick,
        .operation = "registerType",
        .summary = "Gives a tenant's event type its JSON Schema",
        .details = "From then on events of the type are taken, if their data conforms. A schema in "
                   "place of another must take all that the other took, or the type needs another "
                   "name, such as `order.placed.v2`.",
        .parameters = {tenant, type,
                       api::query("dry_run", "Tell what would be, and change nothing.",
                                  {{"type", "boolean"}, {"default", false}})},
        .request = api::json("TypeSchema"),
        .answers = {api::gives("RegisteredType", "The type as it is now, or would be.")},
        .problems = {404, 409, 422},
        .handler = answering(shared, put)},
       {.method = "DELETE",
        .pattern = kType,
        .pool = http::Pool::quick,
        .operation = "deleteType",
        .summary = "Takes an event type from a tenant, whose events stay",
        .parameters = {tenant, type},
        .answers = {api::nothing("The type is gone.")},
        .problems = {404, 409},
        .handler = answering(shared, remove_type)}});
}

}  // namespace mesh::services
