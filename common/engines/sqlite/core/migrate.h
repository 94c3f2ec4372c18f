// Versions of a database file's schema.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "common/engines/sqlite/core/database.h"

namespace mesh::sqlite {

// From one version of a schema to the next: statements, then what SQL alone cannot do (or nothing).
struct SchemaStep {
  std::string_view sql;
  Status (*rows)(Database& db) = nullptr;
};
Result<std::int64_t> schema_version(Database& db);  // PRAGMA user_version; 0 of a new file
// Brings the schema to version steps.size(): runs the steps beyond PRAGMA user_version, each in a
// transaction together with its number. `conflict` for a file that a newer program wrote.
Status migrate(Database& db, std::span<const SchemaStep> steps);

}  // namespace mesh::sqlite
