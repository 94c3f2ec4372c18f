// Searches as a tenant's, for operators: what would it find, and with another generation? They are
// no use of the tenant's, and nothing of them is kept.
#pragma once

#include "common/base/clock.h"
#include "common/http/route.h"
#include "daemon/services/event_search.h"
#include "daemon/services/tenant_directory.h"

namespace mesh::services {

// All outlive the routes.
struct SearchAdminDeps {
  VectorIndex& index;
  TenantDirectory& directory;
  EventSearchDeps events;
};
http::RouteTable search_admin_routes(SearchAdminDeps deps);

}  // namespace mesh::services
