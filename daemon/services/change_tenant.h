// Changes of a tenant's record that read it first.
#pragma once

#include <functional>

#include "common/ports/tenant_store.h"
#include "daemon/services/tenant_directory.h"

namespace mesh::services {

// The record with a change, which is made anew where another one came between the reading and the
// writing, 8 times at most. `change`'s error ends it. `not_found` where the tenant has no record.
// Blocks; the directory knows the change then.
Result<ChangedTenant> change_tenant(TenantStore& tenants, TenantDirectory& directory,
                                    const TenantId& id,
                                    const std::function<Status(Tenant&)>& change);

}  // namespace mesh::services
