// The events by which a store tells that a user or a tenant was changed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/domain/event.h"
#include "common/domain/tenant.h"
#include "common/domain/user.h"

namespace mesh {

inline constexpr std::string_view kUserSource = "/mesh/users";
inline constexpr std::string_view kTenantSource = "/mesh/tenants";

// The event of a change that left `user` so, or removed it.
Event user_event(std::string_view type, const User& user, std::string id, Timestamp time);
// Likewise of a tenant.
Event tenant_event(std::string_view type, const Tenant& tenant, std::string id, Timestamp time);

// `conflict` at /version where `only_at` is set and does not hold the stored version of `what`:
// changes are made only to the version that their caller has seen.
Status check_version(const std::string& what, std::int64_t stored,
                     const std::optional<std::vector<std::int64_t>>& only_at);

}  // namespace mesh
