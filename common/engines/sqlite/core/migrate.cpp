#include "common/engines/sqlite/core/migrate.h"

#include <sqlite3.h>

#include <filesystem>

namespace mesh::sqlite {
namespace {

Status run_step(Database& db, const SchemaStep& step, std::int64_t version) {
  MESH_TRY(db.execute("BEGIN IMMEDIATE"));
  // The step and its number are one transaction, so that a cut leaves a file of one version or the
  // other.
  MESH_TRY(db.execute(step.sql));
  if (step.rows != nullptr) MESH_TRY(step.rows(db));
  return db.execute("PRAGMA user_version=" + std::to_string(version) + "; COMMIT");
}

}  // namespace

Result<std::int64_t> schema_version(Database& db) {
  auto read = MESH_TRY(db.prepare("PRAGMA user_version"));
  (void)MESH_TRY(read.step());
  return read.integer(0);
}

Status migrate(Database& db, std::span<const SchemaStep> steps) {
  auto version = MESH_TRY(schema_version(db));
  const auto known = static_cast<std::int64_t>(steps.size());
  if (version > known) {
    const char* path = sqlite3_db_filename(db.handle(), "main");
    return fail(ErrorKind::conflict,
                std::filesystem::path(path).filename().string() + " has schema version " +
                    std::to_string(version) + ", this program knows " + std::to_string(known) +
                    ": run the newer version that wrote it, or use another data folder",
                path);
  }
  for (; version < known; ++version) {
    if (auto s = run_step(db, steps[static_cast<std::size_t>(version)], version + 1); !s) {
      if (sqlite3_get_autocommit(db.handle()) == 0) (void)db.execute("ROLLBACK");
      return s;
    }
  }
  return {};
}

}  // namespace mesh::sqlite
