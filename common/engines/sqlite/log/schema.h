// The tables of log.db.
#pragma once

#include "common/engines/sqlite/core/database.h"

namespace mesh::sqlite {

inline constexpr std::int64_t kLogSchema = 1;

// Makes the tables in a new file and brings an older one up to date; errors as migrate() says.
Status prepare_log(Database& db);

}  // namespace mesh::sqlite
