// What tenants keep of their activity.
#pragma once

#include <map>
#include <string>

#include "common/ports/tenant_store.h"

namespace mesh::pipeline {

using Retentions = std::map<std::string, Duration>;  // by tenant

// Of those that have a retention of their own. Blocks; the store's errors.
Result<Retentions> retentions_of(TenantStore& tenants);

}  // namespace mesh::pipeline
