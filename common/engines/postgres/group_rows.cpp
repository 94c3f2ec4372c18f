#include "common/engines/postgres/group_rows.h"

#include <set>

#include "common/engines/postgres/idempotency.h"

namespace mesh::postgres {
namespace {

std::vector<Query> read_queries(const std::vector<const UserChange*>& changes) {
  std::set<std::string> tenants, creating;
  std::set<UserKey> users;
  std::set<Name> keys, claims;
  for (const UserChange* change : changes) {
    const std::string& tenant = change->tenant.str();
    tenants.insert(tenant);
    if (change->kind == UserChange::Kind::create) creating.insert(tenant);
    if (change->id != 0) users.insert({tenant, change->id});
    if (change->email) keys.insert({tenant, email_key(*change->email)});
    if (const auto& claim = change->context.claim)
      claims.insert({claim->key.tenant.str(), claim->key.key});
  }
  std::vector<std::string> user_tenants, key_tenants, email_keys, claim_tenants;
  std::vector<std::int64_t> ids;
  BytesList claim_keys;
  for (const auto& [tenant, id] : users) {
    user_tenants.push_back(tenant);
    ids.push_back(id);
  }
  for (const auto& [tenant, key] : keys) {
    key_tenants.push_back(tenant);
    email_keys.push_back(key);
  }
  for (const auto& [tenant, key] : claims) {
    claim_tenants.push_back(tenant);
    claim_keys.items.push_back(key);
  }
  return {
      query("INSERT INTO tenants(id) SELECT unnest($1) COLLATE \"C\" ORDER BY 1"
            " ON CONFLICT DO NOTHING",
            std::vector<std::string>(creating.begin(), creating.end())),
      query("SELECT id,last_user FROM tenants WHERE id=ANY($1) ORDER BY id FOR NO KEY UPDATE",
            std::vector<std::string>(tenants.begin(), tenants.end())),
      query("SELECT u.tenant,u.id,u.email,u.name,u.version,u.email_key FROM users u"
            " JOIN unnest($1,$2) AS k(tenant,id) USING(tenant,id)",
            user_tenants, ids),
      query("SELECT u.tenant,u.email_key,u.id FROM users u"
            " JOIN unnest($1,$2) AS k(tenant,email_key) USING(tenant,email_key)",
            key_tenants, email_keys),
      query("SELECT i.tenant,i.key,i.token,"
            " coalesce(i.code,0)>0 AND i.created_at>mesh_now()-$3 FROM idempotency i"
            " JOIN unnest($1,$2) AS k(tenant,key) USING(tenant,key) ORDER BY 1,2 FOR UPDATE OF i",
            claim_tenants, claim_keys, kKeepAnswers),
      query("SELECT nextval('outbox_sequence') FROM generate_series(1,$1)", changes.size()),
      transaction_id_query(),
  };
}

GroupRows rows_of(const std::vector<Rows>& found, const std::vector<const UserChange*>& changes) {
  GroupRows rows;
  for (int i = 0; i < found[1].size(); ++i) {
    rows.numberings[found[1].string(i, 0)].last_user = found[1].integer(i, 1);
  }
  std::map<std::string, TenantId> tenants;
  for (const UserChange* change : changes) tenants.emplace(change->tenant.str(), change->tenant);
  const Rows& users = found[2];
  for (int i = 0; i < users.size(); ++i) {
    const std::string tenant = users.string(i, 0);
    UserRow row{{users.integer(i, 1), users.string(i, 2), users.string(i, 3), tenants.at(tenant),
                 users.integer(i, 4)},
                users.string(i, 5)};
    rows.users[{tenant, row.user.id}] = {row, row};
  }
  for (int i = 0; i < found[3].size(); ++i) {
    rows.owners[{found[3].string(i, 0), found[3].string(i, 1)}] = found[3].integer(i, 2);
  }
  for (int i = 0; i < found[4].size(); ++i) {
    rows.claims[{found[4].string(i, 0), found[4].string(i, 1)}] = {
        found[4].integer(i, 2), found[4].flag(i, 3), {}};
  }
  for (int i = 0; i < found[5].size(); ++i) rows.sequences.push_back(found[5].integer(i, 0));
  rows.transaction = transaction_id(found[6]);
  return rows;
}

// Addresses are given up before they are taken.
void add_user_queries(const GroupRows& rows, std::vector<Query>& queries) {
  struct UserColumns {
    std::vector<std::string> tenants, emails, keys, names;
    std::vector<std::int64_t> ids, versions;
    void add(const UserRow& row) {
      tenants.push_back(row.user.tenant.str());
      ids.push_back(row.user.id);
      versions.push_back(row.user.version);
      emails.push_back(row.user.email);
      keys.push_back(row.email_key);
      names.push_back(row.user.name);
    }
  } gone, changed, made;
  for (const auto& [key, user] : rows.users) {
    if (user.before && !user.now) gone.add(*user.before);
    if (!user.before && user.now) made.add(*user.now);
    if (user.before && user.now && user.before->user.version != user.now->user.version) {
      changed.add(*user.now);
    }
  }
  if (!gone.ids.empty()) {
    queries.push_back(
        query("DELETE FROM users u USING unnest($1,$2) AS g(tenant,id)"
              " WHERE u.tenant=g.tenant AND u.id=g.id",
              gone.tenants, gone.ids));
  }
  if (!changed.ids.empty()) {
    queries.push_back(
        query("UPDATE users u SET version=c.version,email=c.email,email_key=c.email_key,name=c.name"
              " FROM unnest($1,$2,$3,$4,$5,$6) AS c(tenant,id,version,email,email_key,name)"
              " WHERE u.tenant=c.tenant AND u.id=c.id",
              changed.tenants, changed.ids, changed.versions, changed.emails, changed.keys,
              changed.names));
  }
  if (!made.ids.empty()) {
    queries.push_back(
        query("INSERT INTO users(tenant,id,version,email,email_key,name)"
              " SELECT * FROM unnest($1,$2,$3,$4,$5,$6)",
              made.tenants, made.ids, made.versions, made.emails, made.keys, made.names));
  }
}

Query numbering_query(const GroupRows& rows) {
  std::vector<std::string> tenants;
  std::vector<std::int64_t> last;
  for (const auto& [tenant, numbering] : rows.numberings) {
    if (!numbering.changed) continue;
    tenants.push_back(tenant);
    last.push_back(numbering.last_user);
  }
  return query(
      "UPDATE tenants t SET last_user=n.last FROM unnest($1,$2) AS n(id,last)"
      " WHERE t.id=n.id",
      tenants, last);
}

Query answers_query(const GroupRows& rows) {
  std::vector<std::string> tenants, headers;
  BytesList keys, bodies;
  std::vector<std::int64_t> codes, users;
  for (const auto& [name, claim] : rows.claims) {
    if (!claim.answer) continue;
    tenants.push_back(name.first);
    keys.items.push_back(name.second);
    codes.push_back(claim.answer->code);
    bodies.items.push_back(claim.answer->body);
    headers.push_back(headers_text(*claim.answer));
    users.push_back(claim.user_id);
  }
  return query(
      "UPDATE idempotency i SET code=a.code,body=a.body,headers=a.headers,created_at=mesh_now(),"
      "user_id=a.user_id FROM unnest($1,$2,$3,$4,$5,$6) AS a(tenant,key,code,body,headers,user_id)"
      " WHERE i.tenant=a.tenant AND i.key=a.key",
      tenants, keys, codes, bodies, headers, users);
}

// Begins with `first`. Answers the tenants whose rows others hold.
Result<std::set<std::string>> lock_free_ones(Session& session, std::vector<Query> first,
                                             const std::vector<const UserChange*>& changes) {
  std::set<std::string> tenants;
  for (const UserChange* change : changes) tenants.insert(change->tenant.str());
  const std::vector<std::string> ids(tenants.begin(), tenants.end());
  first.push_back(query(
      "SELECT id FROM tenants WHERE id=ANY($1) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED", ids));
  first.push_back(query("SELECT id FROM tenants WHERE id=ANY($1)", ids));
  const auto found = MESH_TRY(session.begin(first));
  const Rows &locked = found[1], &there = found[2];
  std::set<std::string> held;
  for (int i = 0; i < there.size(); ++i) held.insert(there.string(i, 0));
  for (int i = 0; i < locked.size(); ++i) held.erase(locked.string(i, 0));
  return held;
}

}  // namespace

Result<GroupRows> read_group(Session& session, std::vector<const UserChange*> changes,
                             Duration patience, Locking locking) {
  std::vector<Query> first{
      query("SELECT set_config('lock_timeout',$1,true)", std::to_string(patience.count()))};
  if (locking == Locking::wait) {
    for (Query& one : read_queries(changes)) first.push_back(std::move(one));
    auto found = MESH_TRY(session.begin(first));
    found.erase(found.begin());
    return rows_of(found, changes);
  }
  const auto held = MESH_TRY(lock_free_ones(session, std::move(first), changes));
  std::erase_if(changes, [&](const auto* change) { return held.contains(change->tenant.str()); });
  const auto found = MESH_TRY(session.run(read_queries(changes)));
  GroupRows rows = rows_of(found, changes);
  rows.held = held;
  return rows;
}

Status write_group(Session& session, const PostgresOutbox& outbox, const GroupRows& rows) {
  std::vector<Query> queries;
  add_user_queries(rows, queries);
  bool created = false, answered = false;
  for (const auto& [tenant, numbering] : rows.numberings) created = created || numbering.changed;
  for (const auto& [name, claim] : rows.claims) answered = answered || claim.answer.has_value();
  if (created) queries.push_back(numbering_query(rows));
  if (answered) queries.push_back(answers_query(rows));
  if (!rows.events.empty()) {
    const auto used = static_cast<std::ptrdiff_t>(rows.events.size());
    queries.push_back(
        outbox.add_query({rows.sequences.begin(), rows.sequences.begin() + used}, rows.events));
    queries.push_back(outbox.notify_query());
  }
  if (queries.empty()) {
    session.roll_back();
    return {};
  }
  (void)MESH_TRY(session.commit(queries));
  return {};
}

}  // namespace mesh::postgres
