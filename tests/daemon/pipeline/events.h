// Events and records that the tests of this folder write.
#pragma once

#include <string>

#include "common/domain/event.h"
#include "common/domain/user.h"

namespace mesh::test {

inline TenantId tenant(const std::string& id) { return *TenantId::parse(id); }

inline Event event_of(const std::string& id, const std::string& type, const std::string& tenant_id,
                      const std::string& subject, const Json& data) {
  Event event{.id = id,
              .type = type,
              .source = "test",
              .time = Timestamp{std::chrono::seconds{1'780'000'000}},
              .tenant = tenant(tenant_id),
              .subject = subject,
              .traceparent = {},
              .data = dump(data),
              .extensions = {}};
  return event;
}

inline Event analytics_event(const std::string& id, const std::string& user,
                             const std::string& tenant_id = "acme") {
  return event_of(id, "analytics.recorded", tenant_id, user,
                  {{"user_id", user}, {"event_type", "click"}});
}

inline Event chemical_event(const std::string& id, const std::string& molecule,
                            const std::string& tenant_id = "acme") {
  return event_of(
      id, "chemical.recorded", tenant_id, molecule,
      {{"molecule_id", molecule}, {"researcher", "Dr. X"}, {"data", {{"formula", "H2O"}}}});
}

inline Event user_event(const std::string& action, std::int64_t user, std::int64_t version,
                        const std::string& tenant_id = "acme") {
  const std::string id = tenant_id + "-" + std::to_string(user) + "-v" + std::to_string(version);
  Event event = event_of(id, "user." + action, tenant_id, std::to_string(user),
                         {{"id", user},
                          {"email", "user" + std::to_string(user) + "@" + tenant_id + ".dev"},
                          {"name", "Name " + std::to_string(version)},
                          {"tenantId", tenant_id}});
  event.sequence = version;
  return event;
}

}  // namespace mesh::test
