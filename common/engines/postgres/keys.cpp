#include "common/engines/postgres/keys.h"

namespace mesh::postgres {
namespace {

Result<std::optional<TenantKey>> first_key(const Rows& rows) {
  if (rows.size() == 0) return std::optional<TenantKey>();
  auto tenant = MESH_TRY(TenantId::parse(rows.text(0, 1)));
  return std::optional(TenantKey{rows.string(0, 0), std::move(tenant), rows.string(0, 2)});
}

}  // namespace

Result<TenantKey> Keys::get_or_insert(const TenantKey& made) {
  // Most often it is there.
  if (auto known = MESH_TRY(find(made.tenant))) return *std::move(known);
  const auto rows = MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run(
        // The update that changes nothing answers with the row that is there, and locks it.
        query("INSERT INTO tenant_keys AS k(id,tenant,wrapped) VALUES($1,$2,$3)"
              " ON CONFLICT(tenant) DO UPDATE SET id=k.id RETURNING id,tenant,wrapped",
              made.id, made.tenant, Bytes{made.wrapped}));
  }));
  auto kept = MESH_TRY(first_key(rows));
  return *std::move(kept);
}

Result<std::optional<TenantKey>> Keys::find(const TenantId& tenant) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(query("SELECT id,tenant,wrapped FROM tenant_keys WHERE tenant=$1", tenant));
  }));
  return first_key(rows);
}

Result<std::optional<TenantKey>> Keys::find_by_id(std::string_view id) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(query("SELECT id,tenant,wrapped FROM tenant_keys WHERE id=$1", id));
  }));
  return first_key(rows);
}

Result<std::optional<TenantKey>> Keys::any() {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [](Session& session) {
    return session.run(query("SELECT id,tenant,wrapped FROM tenant_keys LIMIT 1"));
  }));
  return first_key(rows);
}

Result<std::int64_t> Keys::drop(const TenantId& tenant) {
  const auto rows = MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run(query("DELETE FROM tenant_keys WHERE tenant=$1", tenant));
  }));
  return rows.changed();
}

}  // namespace mesh::postgres
