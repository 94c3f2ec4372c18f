#include "common/domain/entity_events.h"

#include <algorithm>

#include "common/domain/catalogue.h"

namespace mesh {

Event user_event(std::string_view type, const User& user, std::string id, Timestamp time) {
  return {.id = std::move(id),
          .type = std::string(type),
          .source = std::string(kUserSource),
          .time = time,
          .tenant = user.tenant,
          .subject = std::to_string(user.id),
          .sequence = user.version,
          .traceparent = {},
          .data = is_removal(type) ? removal_json_text(user) : to_json_text(user),
          .extensions = {}};
}

Event tenant_event(std::string_view type, const Tenant& tenant, std::string id, Timestamp time) {
  return {.id = std::move(id),
          .type = std::string(type),
          .source = std::string(kTenantSource),
          .time = time,
          .tenant = tenant.id,
          .subject = tenant.id.str(),
          .sequence = tenant.version,
          .traceparent = {},
          .data = dump(is_removal(type) ? removal_json(tenant.id) : to_json(tenant)),
          .extensions = {}};
}

Status check_version(const std::string& what, std::int64_t stored,
                     const std::optional<std::vector<std::int64_t>>& only_at) {
  if (!only_at || std::ranges::find(*only_at, stored) != only_at->end()) return {};
  const std::string is = "is at version " + std::to_string(stored) + " by now";
  return fail({ErrorKind::conflict,
               what + " " + is + ": read it again before you change it",
               {},
               {{"/version", is}},
               {}});
}

}  // namespace mesh
