// Totals of usage: what tenants used in minutes, hours and days, or of each kind.
#pragma once

#include "common/base/clock.h"
#include "common/http/route.h"
#include "common/ports/usage_store.h"
#include "daemon/services/tenant_directory.h"

namespace mesh::services {

// GET /api/v1/usage: of the tenant that asks.
http::RouteTable own_usage_routes(UsageStore& usage, Clock& clock);
// GET /admin/v1/usage/totals: of one or all.
http::RouteTable usage_totals_routes(UsageStore& usage, TenantDirectory& tenants, Clock& clock);

}  // namespace mesh::services
