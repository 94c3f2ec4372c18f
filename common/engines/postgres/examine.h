// What an operator should know of a PostgreSQL server.
#pragma once

#include <vector>

#include "common/base/clock.h"
#include "common/domain/server_finding.h"
#include "common/engines/postgres/pool.h"

namespace mesh::postgres {

// Its version, what the role may do in the schema, whether it loses what it acknowledged, and its
// clock. Blocks as every read does.
std::vector<ServerFinding> examine(Pool& pool, Clock& clock);

}  // namespace mesh::postgres
