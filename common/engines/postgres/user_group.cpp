#include "common/engines/postgres/user_group.h"

#include <map>
#include <set>
#include <utility>

#include "common/domain/entity_events.h"
#include "common/engines/postgres/idempotency.h"

namespace mesh::postgres {
namespace {

#define MESH_TIMELINE "substr(pg_walfile_name(pg_current_wal_lsn()),1,8)"

using UserKey = std::pair<std::string, std::int64_t>;  // tenant, id
using Name = std::pair<std::string, std::string>;      // tenant, email_key or idempotency key

struct UserRow {
  User user;
  std::string email_key;
};

struct TouchedUser {
  std::optional<UserRow> before, now;
};

struct ClaimRow {
  std::int64_t token = 0;
  bool answered = false;
  std::optional<StoredAnswer> answer;  // to be written
};

struct Numbering {
  std::int64_t last_user = 0;  // the highest id ever given out
  bool changed = false;
};

// What a change comes to, before it is known whether its claim holds.
struct Decision {
  std::string_view type;  // empty: nothing is written
  UserRow row;
};

class Group {
 public:
  Group(const PostgresOutbox& outbox, const std::vector<const UserChange*>& changes)
      : outbox_(outbox), changes_(changes) {}

  Status read(Session& session);
  Result<ChangedUser> decide(const UserChange& change);
  // Commits, or ends the transaction where there is nothing to write.
  Status write(Session& session);
  int events() const { return static_cast<int>(events_.size()); }
  const TransactionId& transaction() const { return transaction_; }

 private:
  std::vector<Query> read_queries() const;
  void take(const std::vector<Rows>& found);
  Result<Decision> decide_create(const UserChange& change);
  Result<Decision> decide_update(const UserChange& change);
  Result<Decision> decide_remove(const UserChange& change);
  Result<UserRow> find(const UserChange& change) const;
  Status check_email(const TenantId& tenant, const std::string& key, std::int64_t id) const;
  Result<ClaimRow*> claim_of(const UserChange& change);
  void keep(const UserChange& change, const Decision& decision);
  void add_user_queries(std::vector<Query>& queries) const;
  Query numbering_query() const;
  Query answers_query() const;

  const PostgresOutbox& outbox_;
  const std::vector<const UserChange*>& changes_;
  std::map<std::string, Numbering> numberings_;  // by tenant
  std::map<UserKey, TouchedUser> users_;
  std::map<Name, std::int64_t> owners_;  // of e-mail keys
  std::map<Name, ClaimRow> claims_;
  std::vector<std::int64_t> sequences_;  // to be given out
  std::vector<Event> events_;            // with the first of these
  TransactionId transaction_;
};

std::vector<Query> Group::read_queries() const {
  std::set<std::string> tenants, creating;
  std::set<UserKey> users;
  std::set<Name> keys, claims;
  for (const UserChange* change : changes_) {
    const std::string& tenant = change->tenant.str();
    tenants.insert(tenant);
    if (change->kind == UserChange::Kind::create) creating.insert(tenant);
    if (change->id != 0) users.insert({tenant, change->id});
    if (change->email) keys.insert({tenant, email_key(*change->email)});
    if (const auto& claim = change->context.claim) claims.insert({tenant, claim->key.key});
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
      query("SELECT nextval('outbox_sequence') FROM generate_series(1,$1)", changes_.size()),
      query("SELECT pg_current_xact_id()::text," MESH_TIMELINE),
  };
}

void Group::take(const std::vector<Rows>& found) {
  for (int i = 0; i < found[1].size(); ++i) {
    numberings_[found[1].string(i, 0)].last_user = found[1].integer(i, 1);
  }
  std::map<std::string, TenantId> tenants;
  for (const UserChange* change : changes_) tenants.emplace(change->tenant.str(), change->tenant);
  const Rows& users = found[2];
  for (int i = 0; i < users.size(); ++i) {
    const std::string tenant = users.string(i, 0);
    UserRow row{{users.integer(i, 1), users.string(i, 2), users.string(i, 3), tenants.at(tenant),
                 users.integer(i, 4)},
                users.string(i, 5)};
    users_[{tenant, row.user.id}] = {row, row};
  }
  for (int i = 0; i < found[3].size(); ++i) {
    owners_[{found[3].string(i, 0), found[3].string(i, 1)}] = found[3].integer(i, 2);
  }
  for (int i = 0; i < found[4].size(); ++i) {
    claims_[{found[4].string(i, 0), found[4].string(i, 1)}] = {found[4].integer(i, 2),
                                                               found[4].flag(i, 3),
                                                               {}};
  }
  for (int i = 0; i < found[5].size(); ++i) sequences_.push_back(found[5].integer(i, 0));
  transaction_ = {found[6].string(0, 0), found[6].string(0, 1)};
}

Status Group::read(Session& session) {
  take(MESH_TRY(session.begin(read_queries())));
  return {};
}

Result<UserRow> Group::find(const UserChange& change) const {
  const auto at = users_.find({change.tenant.str(), change.id});
  if (at != users_.end() && at->second.now) return *at->second.now;
  return fail(ErrorKind::not_found,
              "no user " + std::to_string(change.id) + " in tenant " + change.tenant.str());
}

Status Group::check_email(const TenantId& tenant, const std::string& key, std::int64_t id) const {
  const auto owner = owners_.find({tenant.str(), key});
  if (owner == owners_.end() || owner->second == id) return {};
  return fail(ErrorKind::conflict, "tenant " + tenant.str() + " has a user with this e-mail");
}

Result<Decision> Group::decide_create(const UserChange& change) {
  const std::string key = email_key(*change.email);
  MESH_TRY(check_email(change.tenant, key, 0));
  const std::int64_t id = numberings_[change.tenant.str()].last_user + 1;
  return Decision{"user.created", {{id, *change.email, *change.name, change.tenant, 1}, key}};
}

Result<Decision> Group::decide_update(const UserChange& change) {
  const UserRow found = MESH_TRY(find(change));
  const User& user = found.user;
  MESH_TRY(check_version("user " + std::to_string(user.id), user.version, change.context.only_at));
  UserRow row = found;
  row.user.email = change.email.value_or(user.email);
  row.user.name = change.name.value_or(user.name);
  // A change that changes nothing has no event, and leaves the version; its answer is stored all
  // the same.
  if (row.user.email == user.email && row.user.name == user.name) return Decision{{}, row};
  ++row.user.version;
  row.email_key = email_key(row.user.email);
  MESH_TRY(check_email(change.tenant, row.email_key, user.id));
  return Decision{"user.updated", std::move(row)};
}

Result<Decision> Group::decide_remove(const UserChange& change) {
  UserRow row = MESH_TRY(find(change));
  MESH_TRY(check_version("user " + std::to_string(row.user.id), row.user.version,
                         change.context.only_at));
  ++row.user.version;
  return Decision{"user.deleted", std::move(row)};
}

Result<ClaimRow*> Group::claim_of(const UserChange& change) {
  const auto& claim = change.context.claim;
  if (!claim) return nullptr;
  const auto at = claims_.find({change.tenant.str(), claim->key.key});
  // It may have been taken over between a look at it and now, so that one who held it before has
  // answered after all.
  if (at == claims_.end() || at->second.token != claim->token || at->second.answered) {
    return claim_taken_over();
  }
  return &at->second;
}

Result<ChangedUser> Group::decide(const UserChange& change) {
  using Kind = UserChange::Kind;
  auto decision = MESH_TRY(change.kind == Kind::create   ? decide_create(change)
                           : change.kind == Kind::update ? decide_update(change)
                                                         : decide_remove(change));
  ClaimRow* const claim = MESH_TRY(claim_of(change));
  // Nothing fails from here on.
  ChangedUser changed{decision.row.user, 0};
  if (!decision.type.empty()) {
    changed.event = sequences_[events_.size()];
    Event event = user_event(decision.type, changed, change.event_id, change.time);
    event.traceparent = change.context.traceparent;
    event.tracestate = change.context.tracestate;
    events_.push_back(std::move(event));
    keep(change, decision);
  }
  if (claim != nullptr) {
    claim->answer = change.context.answer(changed);
    claim->answered = true;
  }
  return changed;
}

void Group::keep(const UserChange& change, const Decision& decision) {
  const std::string& tenant = change.tenant.str();
  const std::int64_t id = decision.row.user.id;
  TouchedUser& user = users_[{tenant, id}];
  if (user.now) owners_.erase({tenant, user.now->email_key});
  if (change.kind == UserChange::Kind::create) numberings_[tenant] = {id, true};
  if (change.kind == UserChange::Kind::remove) {
    user.now.reset();
    return;
  }
  user.now = decision.row;
  owners_[{tenant, decision.row.email_key}] = id;
}

// Addresses are given up before they are taken.
void Group::add_user_queries(std::vector<Query>& queries) const {
  struct Columns {
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
  for (const auto& [key, user] : users_) {
    if (user.before && !user.now) gone.add(*user.before);
    if (!user.before && user.now) made.add(*user.now);
    if (user.before && user.now && user.before->user.version != user.now->user.version) {
      changed.add(*user.now);
    }
  }
  if (!gone.ids.empty()) {
    queries.push_back(query("DELETE FROM users u USING unnest($1,$2) AS g(tenant,id)"
                            " WHERE u.tenant=g.tenant AND u.id=g.id",
                            gone.tenants, gone.ids));
  }
  if (!changed.ids.empty()) {
    queries.push_back(query(
        "UPDATE users u SET version=c.version,email=c.email,email_key=c.email_key,name=c.name"
        " FROM unnest($1,$2,$3,$4,$5,$6) AS c(tenant,id,version,email,email_key,name)"
        " WHERE u.tenant=c.tenant AND u.id=c.id",
        changed.tenants, changed.ids, changed.versions, changed.emails, changed.keys,
        changed.names));
  }
  if (!made.ids.empty()) {
    queries.push_back(query("INSERT INTO users(tenant,id,version,email,email_key,name)"
                            " SELECT * FROM unnest($1,$2,$3,$4,$5,$6)",
                            made.tenants, made.ids, made.versions, made.emails, made.keys,
                            made.names));
  }
}

Query Group::numbering_query() const {
  std::vector<std::string> tenants;
  std::vector<std::int64_t> last;
  for (const auto& [tenant, numbering] : numberings_) {
    if (!numbering.changed) continue;
    tenants.push_back(tenant);
    last.push_back(numbering.last_user);
  }
  return query("UPDATE tenants t SET last_user=n.last FROM unnest($1,$2) AS n(id,last)"
               " WHERE t.id=n.id",
               tenants, last);
}

Query Group::answers_query() const {
  std::vector<std::string> tenants, headers;
  BytesList keys, bodies;
  std::vector<std::int64_t> codes;
  for (const auto& [name, claim] : claims_) {
    if (!claim.answer) continue;
    tenants.push_back(name.first);
    keys.items.push_back(name.second);
    codes.push_back(claim.answer->code);
    bodies.items.push_back(claim.answer->body);
    headers.push_back(headers_text(*claim.answer));
  }
  return query(
      "UPDATE idempotency i SET code=a.code,body=a.body,headers=a.headers,created_at=mesh_now()"
      " FROM unnest($1,$2,$3,$4,$5) AS a(tenant,key,code,body,headers)"
      " WHERE i.tenant=a.tenant AND i.key=a.key",
      tenants, keys, codes, bodies, headers);
}

Status Group::write(Session& session) {
  std::vector<Query> queries;
  add_user_queries(queries);
  bool created = false, answered = false;
  for (const auto& [tenant, numbering] : numberings_) created = created || numbering.changed;
  for (const auto& [name, claim] : claims_) answered = answered || claim.answer.has_value();
  if (created) queries.push_back(numbering_query());
  if (answered) queries.push_back(answers_query());
  if (!events_.empty()) {
    const auto used = static_cast<std::ptrdiff_t>(events_.size());
    queries.push_back(
        outbox_.add_query({sequences_.begin(), sequences_.begin() + used}, events_));
    queries.push_back(outbox_.notify_query());
  }
  if (queries.empty()) {
    session.roll_back();
    return {};
  }
  (void)MESH_TRY(session.commit(queries));
  return {};
}

}  // namespace

Status apply(Session& session, const PostgresOutbox& outbox,
             const std::vector<const UserChange*>& changes, AppliedGroup& applied) {
  applied = {};
  Group group(outbox, changes);
  MESH_TRY(group.read(session));
  for (const UserChange* change : changes) applied.results.push_back(group.decide(*change));
  applied.events = group.events();
  applied.transaction = group.transaction();
  return group.write(session);
}

Fate fate_of(Pool& pool, const TransactionId& transaction) {
  if (transaction.number.empty()) return Fate::unknown;
  const auto rows = pool.run(Repeat::read, [&](Session& session) {
    return session.run(query("SELECT pg_xact_status($1::text::xid8)," MESH_TIMELINE,
                             transaction.number));
  });
  if (!rows || rows->text(0, 1) != transaction.timeline) return Fate::unknown;
  const std::string_view status = rows->text(0, 0);
  return status == "committed" ? Fate::committed
         : status == "aborted" ? Fate::aborted
                               : Fate::unknown;
}

}  // namespace mesh::postgres
