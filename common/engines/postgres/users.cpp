#include "common/engines/postgres/users.h"

#include "common/base/ids.h"

namespace mesh::postgres {
namespace {

// A change's share of the bound: the strings it holds and what surrounds them.
std::size_t change_bytes(const UserChange& change) {
  const auto& claim = change.context.claim;
  return 512 + 2 * (change.email.value_or("").size() + change.name.value_or("").size()) +
         (claim ? claim->key.key.size() + 128 : 0);
}

}  // namespace

void Users::submit(UserChange change) {
  change.time = clock_.now();
  change.event_id = new_uuid_v7(change.time);
  const std::size_t bytes = change_bytes(change);
  committer_.submit(std::move(change), bytes);
}

void Users::create(const TenantId& tenant, NewUser user, ChangeContext context, UserDone done) {
  submit({UserChange::Kind::create,
          tenant,
          0,
          std::move(user.email),
          std::move(user.name),
          std::move(context),
          {},
          {},
          std::move(done)});
}

void Users::update(const TenantId& tenant, std::int64_t id, UserPatch patch, ChangeContext context,
                   UserDone done) {
  submit({UserChange::Kind::update,
          tenant,
          id,
          std::move(patch.email),
          std::move(patch.name),
          std::move(context),
          {},
          {},
          std::move(done)});
}

void Users::remove(const TenantId& tenant, std::int64_t id, ChangeContext context, UserDone done) {
  submit(
      {UserChange::Kind::remove, tenant, id, {}, {}, std::move(context), {}, {}, std::move(done)});
}

Result<User> Users::get(const TenantId& tenant, std::int64_t id) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(
        query("SELECT email,name,version FROM users WHERE tenant=$1 AND id=$2", tenant, id));
  }));
  if (rows.size() == 0) {
    return fail(ErrorKind::not_found,
                "no user " + std::to_string(id) + " in tenant " + tenant.str());
  }
  return User{id, rows.string(0, 0), rows.string(0, 1), tenant, rows.integer(0, 2)};
}

Result<std::vector<User>> Users::list(const TenantId& tenant, std::int64_t after, int limit,
                                      const std::optional<std::string>& email) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(
        email ? query("SELECT id,email,name,version FROM users"
                      " WHERE tenant=$1 AND id>$2 AND email_key=$4 ORDER BY id LIMIT $3",
                      tenant, after, limit, email_key(*email))
              : query("SELECT id,email,name,version FROM users"
                      " WHERE tenant=$1 AND id>$2 ORDER BY id LIMIT $3",
                      tenant, after, limit));
  }));
  std::vector<User> users;
  for (int i = 0; i < rows.size(); ++i) {
    users.push_back(
        {rows.integer(i, 0), rows.string(i, 1), rows.string(i, 2), tenant, rows.integer(i, 3)});
  }
  return users;
}

// LATERAL: a look at the index of addresses, which begins with the tenant, for each tenant.
Result<std::vector<User>> Users::everywhere(const std::string& email, int limit) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(
        query("SELECT t.id,u.id,u.email,u.name,u.version FROM tenants t, LATERAL (SELECT * FROM"
              " users WHERE tenant=t.id AND email_key=$1 OFFSET 0) u ORDER BY 1,2 LIMIT $2",
              email_key(email), limit));
  }));
  std::vector<User> users;
  for (int i = 0; i < rows.size(); ++i) {
    auto tenant = MESH_TRY(TenantId::parse(rows.text(i, 0)));
    users.push_back({rows.integer(i, 1), rows.string(i, 2), rows.string(i, 3), std::move(tenant),
                     rows.integer(i, 4)});
  }
  return users;
}

Result<std::int64_t> Users::count(const TenantId& tenant) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(query("SELECT count(*) FROM users WHERE tenant=$1", tenant));
  }));
  return rows.integer(0, 0);
}

}  // namespace mesh::postgres
