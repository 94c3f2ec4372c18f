// The tables of store.db.
#pragma once

#include <cstdint>

#include "common/domain/tenant.h"
#include "common/engines/sqlite/core/database.h"

namespace mesh::sqlite {

inline constexpr std::int64_t kStoreSchema = 9;

// Makes the tables in a new file and brings an older one up to date; errors as migrate() says.
Status prepare_schema(Database& db);

// The small integer that stands for the tenant in all tables; given out at first use.
Result<std::int64_t> tenant_number(Database& db, const TenantId& tenant);

// As a subquery with the tenant's id as its parameter; null for a tenant never seen.
#define MESH_TENANT_NUMBER "(SELECT number FROM tenant_numbers WHERE id=?)"

}  // namespace mesh::sqlite
