#include "common/engines/postgres/keys.h"

namespace mesh::postgres {
namespace {

Result<std::vector<TenantKey>> keys_of(const Rows& rows) {
  std::vector<TenantKey> found;
  for (int i = 0; i < rows.size(); ++i) {
    auto tenant = MESH_TRY(TenantId::parse(rows.text(i, 1)));
    found.push_back({rows.string(i, 0), std::move(tenant), rows.string(i, 2)});
  }
  return found;
}

Result<std::optional<TenantKey>> first_key(const Rows& rows) {
  auto found = MESH_TRY(keys_of(rows));
  return found.empty() ? std::optional<TenantKey>() : std::move(found.front());
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

Result<std::vector<TenantKey>> Keys::list(std::string_view after, int limit) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(
        query("SELECT id,tenant,wrapped FROM tenant_keys WHERE tenant>$1"
              " ORDER BY tenant LIMIT $2",
              std::string(after), std::int64_t{limit}));
  }));
  return keys_of(rows);
}

Result<std::int64_t> Keys::rewrap(const std::vector<Rewrapping>& all) {
  if (all.empty()) return 0;
  const auto results = MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    std::vector<Query> queries;
    for (const auto& [key, wrapped] : all) {
      queries.push_back(query("UPDATE tenant_keys SET wrapped=$1 WHERE id=$2 AND wrapped=$3",
                              Bytes{wrapped}, key.id, Bytes{key.wrapped}));
    }
    return session.run(queries);
  }));
  std::int64_t changed = 0;
  for (const Rows& rows : results) changed += rows.changed();
  return changed;
}

Result<std::int64_t> Keys::drop(const TenantId& tenant) {
  const auto rows = MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run(query("DELETE FROM tenant_keys WHERE tenant=$1", tenant));
  }));
  return rows.changed();
}

}  // namespace mesh::postgres
