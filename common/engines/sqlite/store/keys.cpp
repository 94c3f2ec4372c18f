#include "common/engines/sqlite/store/keys.h"

#include "common/engines/sqlite/core/query.h"

namespace mesh::sqlite {
namespace {

constexpr std::string_view kOfTenant = "SELECT id,tenant,wrapped FROM tenant_keys WHERE tenant=?";

Result<std::vector<TenantKey>> keys_of(Result<Statement> rows) {
  std::vector<TenantKey> found;
  MESH_TRY(each_row(std::move(rows), [&](const Statement& row) -> Status {
    auto tenant = MESH_TRY(TenantId::parse(row.text(1)));
    found.push_back({std::string(row.text(0)), std::move(tenant), std::string(row.text(2))});
    return {};
  }));
  return found;
}

Result<std::optional<TenantKey>> first_key(Result<Statement> rows) {
  auto found = MESH_TRY(keys_of(std::move(rows)));
  return found.empty() ? std::optional<TenantKey>() : std::move(found.front());
}

}  // namespace

Result<std::optional<TenantKey>> key_by_id(Database& db, std::string_view id) {
  return first_key(query(db, "SELECT id,tenant,wrapped FROM tenant_keys WHERE id=?", id));
}

Result<TenantKey> SqliteKeys::get_or_insert(const TenantKey& made) {
  // Most often it is there, and a commit for nothing would cost an fsync.
  if (auto known = MESH_TRY(find(made.tenant))) return *std::move(known);
  std::optional<TenantKey> kept;
  MESH_TRY(committer_.run([&](Database& db) -> Status {
    MESH_TRY(execute(db,
                     "INSERT INTO tenant_keys(id,tenant,wrapped) VALUES(?,?,?)"
                     " ON CONFLICT(tenant) DO NOTHING",
                     made.id, made.tenant, Blob{made.wrapped}));
    kept = MESH_TRY(first_key(query(db, kOfTenant, made.tenant)));
    return {};
  }));
  return *std::move(kept);
}

Result<std::optional<TenantKey>> SqliteKeys::find(const TenantId& tenant) {
  return read_from(readers_, [&](Database& db) { return first_key(query(db, kOfTenant, tenant)); });
}

Result<std::optional<TenantKey>> SqliteKeys::find_by_id(std::string_view id) {
  return read_from(readers_, [&](Database& db) { return key_by_id(db, id); });
}

Result<std::optional<TenantKey>> SqliteKeys::any() {
  return read_from(readers_, [](Database& db) {
    return first_key(query(db, "SELECT id,tenant,wrapped FROM tenant_keys LIMIT 1"));
  });
}

Result<std::vector<TenantKey>> SqliteKeys::list(std::string_view after, int limit) {
  return read_from(readers_, [&](Database& db) {
    return keys_of(query(db,
                         "SELECT id,tenant,wrapped FROM tenant_keys WHERE tenant>?"
                         " ORDER BY tenant LIMIT ?",
                         after, limit));
  });
}

Result<std::int64_t> SqliteKeys::rewrap(const std::vector<Rewrapping>& all) {
  std::int64_t changed = 0;
  MESH_TRY(committer_.run([&](Database& db) -> Status {
    changed = 0;
    for (const auto& [key, wrapped] : all) {
      MESH_TRY(execute(db, "UPDATE tenant_keys SET wrapped=? WHERE id=? AND wrapped=?",
                       Blob{wrapped}, key.id, Blob{key.wrapped}));
      changed += db.changes();
    }
    return {};
  }));
  // The frames of before show them as they were.
  committer_.empty_wal();
  return changed;
}

Result<std::int64_t> SqliteKeys::drop(const TenantId& tenant) {
  std::int64_t dropped = 0;
  MESH_TRY(committer_.run([&](Database& db) -> Status {
    MESH_TRY(execute(db, "DELETE FROM tenant_keys WHERE tenant=?", tenant));
    dropped = db.changes();
    return {};
  }));
  // The frames of before show the key; on the disk nothing of it is to remain. Also where there was
  // none: a process that dropped it may have ended before it came to this.
  committer_.empty_wal();
  return dropped;
}

}  // namespace mesh::sqlite
