#include "common/engines/postgres/tenants.h"

#include "common/base/ids.h"
#include "common/domain/catalogue.h"
#include "common/domain/entity_events.h"
#include "common/engines/postgres/stored_json.h"
#include "common/telemetry/log.h"

namespace mesh::postgres {
namespace {

// A removed tenant keeps its row, without a record: should it come back, its versions go on from
// there, so that consumers which hold on to the newest version see it.
struct Row {
  std::int64_t version = 0;
  std::optional<Tenant> tenant;
};

Result<Tenant> stored_tenant(std::string_view record) {
  const auto json = MESH_TRY(parse_stored(record, "the record of a tenant"));
  auto tenant = tenant_from_json(json);
  if (tenant) return tenant;
  return fail(damaged("the record of a tenant", tenant.error().to_string()));
}

tl::unexpected<Error> unknown_tenant(const TenantId& id) {
  return fail(ErrorKind::not_found, "tenant " + id.str() + " has no record; `mesh tenants create " +
                                        id.str() + "` makes one");
}

}  // namespace

// `decide` makes of the row what the tenant becomes, but for updated_at.
template <typename Decide>
Result<ChangedTenant> Tenants::change(const TenantId& id, std::string_view type, Decide decide) {
  auto changed = pool_.run(Repeat::never, [&](Session& session) -> Result<ChangedTenant> {
    const auto found = MESH_TRY(session.begin({
        query("INSERT INTO tenants(id) SELECT $1 WHERE $2 ON CONFLICT DO NOTHING", id,
              type == "tenant.created"),
        query("SELECT version,record FROM tenants WHERE id=$1 FOR UPDATE", id),
        query("SELECT nextval('outbox_sequence')"),
    }));
    Row row;
    if (found[1].size() > 0) {
      row.version = found[1].integer(0, 0);
      if (!found[1].is_null(0, 1)) row.tenant = MESH_TRY(stored_tenant(found[1].text(0, 1)));
    }
    Tenant tenant = MESH_TRY(decide(row));
    const Timestamp now = clock_.now();
    tenant.updated_at = now;
    const std::int64_t sequence = found[2].integer(0, 0);
    const Event event = tenant_event(type, tenant, new_uuid_v7(now), now);
    (void)MESH_TRY(session.commit({
        is_removal(type)
            ? query("UPDATE tenants SET version=$2,record=NULL WHERE id=$1", id, tenant.version)
            : query("UPDATE tenants SET version=$2,record=$3 WHERE id=$1", id, tenant.version,
                    event.data),
        outbox_.add_query({sequence}, {event}),
        outbox_.notify_query(),
    }));
    return ChangedTenant{std::move(tenant), sequence};
  });
  if (changed || changed.error().kind == ErrorKind::uncertain) outbox_.added();
  return changed;
}

Result<ChangedTenant> Tenants::create(Tenant tenant) {
  return change(tenant.id, "tenant.created", [&](const Row& found) -> Result<Tenant> {
    if (found.tenant) {
      return fail(ErrorKind::conflict, "tenant " + tenant.id.str() + " has a record already");
    }
    Tenant created = tenant;
    // Of one that was removed its last version, so that the new record is the newest to every
    // consumer.
    created.version = found.version + 1;
    created.created_at = clock_.now();
    return created;
  });
}

Result<ChangedTenant> Tenants::update(Tenant tenant) {
  return change(tenant.id, "tenant.updated", [&](const Row& found) -> Result<Tenant> {
    if (!found.tenant) return unknown_tenant(tenant.id);
    MESH_TRY(
        check_version("tenant " + tenant.id.str(), found.version, std::vector{tenant.version}));
    Tenant updated = tenant;
    updated.version = found.version + 1;
    // Whatever the caller sends: when it was made is not a client's to change.
    updated.created_at = found.tenant->created_at;
    return updated;
  });
}

Result<ChangedTenant> Tenants::remove(const TenantId& id,
                                      const std::optional<std::vector<std::int64_t>>& only_at) {
  return change(id, "tenant.deleted", [&](const Row& found) -> Result<Tenant> {
    if (!found.tenant) return unknown_tenant(id);
    MESH_TRY(check_version("tenant " + id.str(), found.version, only_at));
    Tenant last = *found.tenant;
    last.version = found.version + 1;
    return last;
  });
}

Result<Tenant> Tenants::get(const TenantId& id) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(query("SELECT record FROM tenants WHERE id=$1 AND record IS NOT NULL", id));
  }));
  if (rows.size() == 0) return unknown_tenant(id);
  return stored_tenant(rows.text(0, 0));
}

Result<std::vector<Tenant>> Tenants::list(std::string_view after, int limit) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(
        query("SELECT record FROM tenants WHERE id>$1 AND record IS NOT NULL"
              " ORDER BY id LIMIT $2",
              after, limit));
  }));
  std::vector<Tenant> tenants;
  for (int i = 0; i < rows.size(); ++i) {
    auto tenant = MESH_TRY(stored_tenant(rows.text(i, 0)));
    tenants.push_back(std::move(tenant));
  }
  return tenants;
}

Result<bool> Tenants::known(const TenantId& id) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(query("SELECT EXISTS(SELECT FROM tenants WHERE id=$1)", id));
  }));
  return rows.flag(0, 0);
}

void Tenants::note_use(const TenantId& id) {
  workers_.submit({}, id.str(), 256, [this, id](Status turn) {
    if (turn) {
      const auto noted = pool_.run(Repeat::harmless, [&](Session& session) {
        return session.run(query("INSERT INTO tenants(id) VALUES($1) ON CONFLICT DO NOTHING", id));
      });
      if (!noted) turn = fail(noted.error());
    }
    if (turn) return;
    log::warn("that a tenant is used was not noted",
              {{"tenant", id.str()}, {"cause", turn.error().to_string()}});
  });
}

}  // namespace mesh::postgres
