#include "common/engines/sqlite/store/tenants.h"

#include <future>

#include "common/base/ids.h"
#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/store/schema.h"
#include "common/telemetry/log.h"

namespace mesh::sqlite {
namespace {

// A removed tenant keeps its row, without a record: should it come back, its versions go on from
// there, so that consumers which hold on to the newest version see it.
struct Row {
  std::int64_t version = 0;
  std::optional<Tenant> tenant;
};

Result<Row> find(Database& db, const TenantId& id) {
  Row found;
  MESH_TRY(each_row(query(db, "SELECT version,record FROM tenants WHERE id=?", id),
                    [&](const Statement& row) -> Status {
                      found.version = row.integer(0);
                      if (row.is_null(1)) return {};
                      found.tenant = MESH_TRY(stored_tenant(row.text(1)));
                      return {};
                    }));
  return found;
}

tl::unexpected<Error> unknown_tenant(const TenantId& id) {
  return fail(ErrorKind::not_found, "tenant " + id.str() + " has no record; `mesh tenants create " +
                                        id.str() + "` makes one");
}

}  // namespace

Status write_tenant(Database& db, const Event& event) {
  constexpr std::string_view kWrite =
      "INSERT INTO tenants(id,version,record) VALUES(?,?,?)"
      " ON CONFLICT(id) DO UPDATE SET version=excluded.version,record=excluded.record";
  return event.type == "tenant.deleted"
             ? execute(db, kWrite, event.tenant, event.sequence, nullptr)
             : execute(db, kWrite, event.tenant, event.sequence, event.data);
}

Result<Tenant> stored_tenant(std::string_view record) {
  auto json = parse_json(record);
  auto tenant = json ? tenant_from_json(*json) : Result<Tenant>(fail(json.error()));
  if (tenant) return tenant;
  return fail(damaged_file("store.db", "the record of a tenant: " + tenant.error().to_string()));
}

template <typename Work>
Result<ChangedTenant> SqliteTenants::change(Work work) {
  // Shared with the completion: set_value may still be running when the future wakes this thread.
  auto answer = std::make_shared<std::promise<Result<ChangedTenant>>>();
  auto future = answer->get_future();
  outbox_.submit<ChangedTenant>({}, 4096, std::move(work), [answer](Result<ChangedTenant> tenant) {
    answer->set_value(std::move(tenant));
  });
  return future.get();
}

Result<Change<ChangedTenant>> SqliteTenants::written(Database& db, std::string_view type,
                                                     Tenant tenant) {
  const Timestamp now = clock_.now();
  tenant.updated_at = now;
  const Event event = tenant_event(type, tenant, new_uuid_v7(now), now);
  MESH_TRY(write_tenant(db, event));
  const auto sequence = MESH_TRY(outbox_.add(db, event));
  return Change<ChangedTenant>{{std::move(tenant), sequence}, 1};
}

Result<ChangedTenant> SqliteTenants::create(Tenant tenant) {
  return change([this, tenant = std::move(tenant)](Database& db) -> Result<Change<ChangedTenant>> {
    auto found = MESH_TRY(find(db, tenant.id));
    if (found.tenant) {
      return fail(ErrorKind::conflict, "tenant " + tenant.id.str() + " has a record already");
    }
    Tenant created = tenant;
    // Of one that was removed its last version, so that the new record is the newest to every
    // consumer.
    created.version = found.version + 1;
    created.created_at = clock_.now();
    return written(db, "tenant.created", std::move(created));
  });
}

Result<ChangedTenant> SqliteTenants::update(Tenant tenant) {
  return change([this, tenant = std::move(tenant)](Database& db) -> Result<Change<ChangedTenant>> {
    auto found = MESH_TRY(find(db, tenant.id));
    if (!found.tenant) return unknown_tenant(tenant.id);
    MESH_TRY(
        check_version("tenant " + tenant.id.str(), found.version, std::vector{tenant.version}));
    Tenant updated = tenant;
    updated.version = found.version + 1;
    // Whatever the caller sends: when it was made is not a client's to change.
    updated.created_at = found.tenant->created_at;
    return written(db, "tenant.updated", std::move(updated));
  });
}

Result<ChangedTenant> SqliteTenants::remove(
    const TenantId& id, const std::optional<std::vector<std::int64_t>>& only_at) {
  return change([this, id, only_at](Database& db) -> Result<Change<ChangedTenant>> {
    auto found = MESH_TRY(find(db, id));
    if (!found.tenant) return unknown_tenant(id);
    MESH_TRY(check_version("tenant " + id.str(), found.version, only_at));
    Tenant last = std::move(*found.tenant);
    last.version = found.version + 1;
    return written(db, "tenant.deleted", std::move(last));
  });
}

Result<Tenant> SqliteTenants::get(const TenantId& id) {
  return read_from(readers_, [&](Database& db) -> Result<Tenant> {
    auto found = MESH_TRY(find(db, id));
    if (!found.tenant) return unknown_tenant(id);
    return std::move(*found.tenant);
  });
}

Result<std::vector<Tenant>> SqliteTenants::list(std::string_view after, int limit) {
  return read_from(readers_, [&](Database& db) -> Result<std::vector<Tenant>> {
    std::vector<Tenant> tenants;
    MESH_TRY(each_row(
        query(db,
              "SELECT record FROM tenants WHERE id>? AND record IS NOT NULL ORDER BY id LIMIT ?",
              after, limit),
        [&](const Statement& row) -> Status {
          auto tenant = MESH_TRY(stored_tenant(row.text(0)));
          tenants.push_back(std::move(tenant));
          return {};
        }));
    return tenants;
  });
}

Result<bool> SqliteTenants::known(const TenantId& id) {
  return read_from(readers_, [&](Database& db) -> Result<bool> {
    // A tenant needs no record: one that has a number has had users, events, keys, or a use that
    // was noted.
    auto row = MESH_TRY(first_row(query(db,
                                        "SELECT 1 FROM tenants WHERE id=?1"
                                        " UNION ALL SELECT 1 FROM tenant_numbers WHERE id=?1",
                                        id),
                                  [](const Statement&) { return true; }));
    return row.has_value();
  });
}

void SqliteTenants::note_use(const TenantId& id) {
  outbox_.submit<std::int64_t>(
      {}, 256,
      [id](Database& db) -> Result<Change<std::int64_t>> {
        auto number = MESH_TRY(tenant_number(db, id));
        return Change<std::int64_t>{number, 0};
      },
      [id](Result<std::int64_t> noted) {
        if (noted) return;
        log::warn("that a tenant is used was not noted",
                  {{"tenant", id.str()}, {"cause", noted.error().to_string()}});
      });
}

}  // namespace mesh::sqlite
