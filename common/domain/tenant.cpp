#include "common/domain/tenant.h"

#include <algorithm>

#include "common/base/json_members.h"
#include "common/base/time.h"

namespace mesh {
namespace {

// Records go about once an hour: a shorter one would be promised, and not kept.
constexpr Duration kLeastRetention{3'600'000};

// Whatever separates an id from what follows must not occur in it: '/' in keys of records
// (tenant_of_key), NUL in the names of claims. These letters are also the same in every spelling of
// a URL.
bool valid_tenant_id(std::string_view text) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (text.empty() || text.size() > 63) return false;
  if (!alphanumeric(text.front()) || !alphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return alphanumeric(c) || c == '-'; });
}

}  // namespace

bool valid_owner(std::string_view text) { return valid_tenant_id(text); }

Result<TenantId> TenantId::parse(std::string_view text) {
  if (!valid_tenant_id(text)) {
    return fail(ErrorKind::invalid,
                "not a tenant id: use 1 to 63 lower-case letters, digits and inner dashes");
  }
  return TenantId(std::string(text));
}

Result<Duration> retention_from_json(const Json& json, const std::string& at) {
  const auto given = json.is_string() ? parse_duration(json.get_ref<const std::string&>())
                                      : fail(ErrorKind::invalid, "must be a duration, as 7d");
  const std::string fault = !given                     ? given.error().message
                            : *given < kLeastRetention ? "must be at least 1h"
                                                       : "";
  if (fault.empty()) return *given;
  return fail({ErrorKind::unprocessable, "the retention is not valid", {}, {{at, fault}}, {}});
}

Json to_json(const Tenant& tenant) {
  Json limits = Json::object();
  for (const auto& [scope, policy] : tenant.rate_limits) limits[scope] = to_json(policy);
  Json json{{"id", tenant.id.str()},
            {"name", tenant.name},
            {"allow_unknown_types", tenant.allow_unknown_types},
            {"rate_limits", std::move(limits)}};
  if (!tenant.quotas.empty()) json["quotas"] = to_json(tenant.quotas);
  if (!tenant.roles.empty()) json["roles"] = to_json(tenant.roles);
  if (!tenant.types.empty()) json["types"] = tenant.types;
  if (!tenant.search.empty()) {
    Json& search = json["search"] = Json::object();
    for (const auto& [type, searchable] : tenant.search) search[type] = to_json(searchable);
  }
  if (tenant.retention) json["retention"] = format_duration(*tenant.retention);
  if (!tenant.managed_by.empty()) json["managed_by"] = tenant.managed_by;
  if (tenant.closed) json["closed"] = true;
  json["version"] = tenant.version;
  json["created_at"] = format_rfc3339(tenant.created_at);
  json["updated_at"] = format_rfc3339(tenant.updated_at);
  return json;
}

// With tenantId, by which from_record finds the tenant of a record that lost its headers.
Json removal_json(const TenantId& id) { return {{"id", id.str()}, {"tenantId", id.str()}}; }

// Reads what to_json wrote into a store. An unknown member is refused: a program that does not know
// it would lose it with the next change.
Result<Tenant> tenant_from_json(const Json& json) {
  Error error{ErrorKind::unprocessable, "the tenant is not valid", {}, {}, {}};
  const auto wrong = [&](std::string pointer, std::string detail) {
    error.fields.push_back({std::move(pointer), std::move(detail)});
  };
  if (!json.is_object()) {
    wrong("", "must be an object");
    return fail(std::move(error));
  }
  const auto text = [&](const char* name) -> const std::string* {
    const auto it = json.find(name);
    return it != json.end() && it->is_string() ? it->get_ptr<const std::string*>() : nullptr;
  };
  const auto* id_text = text("id");
  auto id = id_text ? TenantId::parse(*id_text) : fail(ErrorKind::invalid, "must be a string");
  // A Tenant cannot be made without a valid id, so that this fault alone ends the reading; all
  // others are gathered.
  if (!id) {
    wrong("/id", id.error().message);
    return fail(std::move(error));
  }
  Tenant tenant{.id = std::move(*id), .name = {}, .rate_limits = {}};
  const auto time = [&](const std::string& name, const Json& value, Timestamp& out) {
    auto parsed = value.is_string() ? parse_rfc3339(value.get_ref<const std::string&>())
                                    : fail(ErrorKind::invalid, "must be an RFC 3339 date-time");
    if (parsed) {
      out = *parsed;
    } else {
      wrong(pointer_to(name), parsed.error().message);
    }
  };
  for (const auto& [name, value] : json.items()) {
    if (name == "id") {
      continue;
    } else if (name == "name") {
      // 200 as in the schema of tenant.created; there it counts code points, so that this is the
      // narrower one.
      if (value.is_string() && value.get_ref<const std::string&>().size() <= 200) {
        tenant.name = value.get<std::string>();
      } else {
        wrong("/name", "must be a string of at most 200 bytes");
      }
    } else if (name == "allow_unknown_types") {
      if (value.is_boolean()) {
        tenant.allow_unknown_types = value.get<bool>();
      } else {
        wrong("/allow_unknown_types", "must be true or false");
      }
    } else if (name == "rate_limits") {
      if (!value.is_object()) {
        wrong("/rate_limits", "must be an object of policies by scope");
        continue;
      }
      for (const auto& [scope, policy] : value.items()) {
        auto parsed = rate_policy_from_json(policy, "/rate_limits" + pointer_to(scope));
        if (parsed) {
          tenant.rate_limits[scope] = *parsed;
          continue;
        }
        // Their pointers begin with the scope's, which was handed down.
        for (const auto& field : parsed.error().fields) wrong(field.pointer, field.detail);
      }
    } else if (name == "quotas") {
      auto quotas = quotas_from_json(value, "/quotas");
      if (quotas) {
        tenant.quotas = std::move(*quotas);
      } else {
        for (const auto& field : quotas.error().fields) wrong(field.pointer, field.detail);
      }
    } else if (name == "roles") {
      auto roles = token_roles_from_json(value, "/roles");
      if (roles) {
        tenant.roles = std::move(*roles);
      } else {
        for (const auto& field : roles.error().fields) wrong(field.pointer, field.detail);
      }
    } else if (name == "types") {
      if (value.is_object()) {
        for (const auto& [type, schema] : value.items()) tenant.types[type] = schema;
      } else {
        wrong("/types", "must be an object of JSON Schemas by type");
      }
    } else if (name == "search") {
      auto search = searchables_from_json(value);
      if (search) {
        tenant.search = std::move(*search);
      } else {
        for (const auto& field : search.error().fields) wrong(field.pointer, field.detail);
      }
    } else if (name == "managed_by") {
      if (value.is_string() && valid_owner(value.get_ref<const std::string&>())) {
        tenant.managed_by = value.get<std::string>();
      } else {
        wrong("/managed_by", "must be 1 to 63 lower-case letters, digits and inner dashes");
      }
    } else if (name == "closed") {
      if (value.is_boolean()) {
        tenant.closed = value.get<bool>();
      } else {
        wrong("/closed", "must be true or false");
      }
    } else if (name == "retention") {
      auto retention = retention_from_json(value, "/retention");
      if (retention) {
        tenant.retention = *retention;
      } else {
        for (const auto& field : retention.error().fields) wrong(field.pointer, field.detail);
      }
    } else if (name == "version") {
      if (value.is_number_integer() && value >= 1) {
        tenant.version = value.get<std::int64_t>();
      } else {
        wrong("/version", "must be a positive integer");
      }
    } else if (name == "created_at") {
      time(name, value, tenant.created_at);
    } else if (name == "updated_at") {
      time(name, value, tenant.updated_at);
    } else {
      wrong(pointer_to(name), "is not a member of a tenant");
    }
  }
  if (!error.fields.empty()) return fail(std::move(error));
  return tenant;
}

}  // namespace mesh
