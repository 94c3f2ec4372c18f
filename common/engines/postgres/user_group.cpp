#include "common/engines/postgres/user_group.h"

#include "common/domain/entity_events.h"
#include "common/engines/postgres/errors.h"
#include "common/engines/postgres/group_rows.h"
#include "common/engines/postgres/idempotency.h"

namespace mesh::postgres {
namespace {

// What a change comes to, before it is known whether its claim holds.
struct Decision {
  std::string_view type;  // empty: nothing is written
  UserRow row;
};

class Decider {
 public:
  explicit Decider(GroupRows& rows) : rows_(rows) {}

  // Keeps what the change comes to in the rows, which one that fails leaves as they are.
  Result<ChangedUser> decide(const UserChange& change);

 private:
  Result<Decision> decide_create(const UserChange& change);
  Result<Decision> decide_update(const UserChange& change);
  Result<Decision> decide_remove(const UserChange& change);
  Result<UserRow> find(const UserChange& change) const;
  Status check_email(const TenantId& tenant, const std::string& key, std::int64_t id) const;
  Result<ClaimRow*> claim_of(const UserChange& change);
  void keep(const UserChange& change, const Decision& decision);

  GroupRows& rows_;
};

Result<UserRow> Decider::find(const UserChange& change) const {
  const auto at = rows_.users.find({change.tenant.str(), change.id});
  if (at != rows_.users.end() && at->second.now) return *at->second.now;
  return fail(ErrorKind::not_found,
              "no user " + std::to_string(change.id) + " in tenant " + change.tenant.str());
}

Status Decider::check_email(const TenantId& tenant, const std::string& key, std::int64_t id) const {
  const auto owner = rows_.owners.find({tenant.str(), key});
  if (owner == rows_.owners.end() || owner->second == id) return {};
  return fail(ErrorKind::conflict, "tenant " + tenant.str() + " has a user with this e-mail");
}

Result<Decision> Decider::decide_create(const UserChange& change) {
  const std::string key = email_key(*change.email);
  MESH_TRY(check_email(change.tenant, key, 0));
  const std::int64_t id = rows_.numberings[change.tenant.str()].last_user + 1;
  return Decision{"user.created", {{id, *change.email, *change.name, change.tenant, 1}, key}};
}

Result<Decision> Decider::decide_update(const UserChange& change) {
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

Result<Decision> Decider::decide_remove(const UserChange& change) {
  UserRow row = MESH_TRY(find(change));
  MESH_TRY(check_version("user " + std::to_string(row.user.id), row.user.version,
                         change.context.only_at));
  ++row.user.version;
  return Decision{"user.deleted", std::move(row)};
}

Result<ClaimRow*> Decider::claim_of(const UserChange& change) {
  const auto& claim = change.context.claim;
  if (!claim) return nullptr;
  const auto at = rows_.claims.find({claim->key.tenant.str(), claim->key.key});
  // It may have been taken over between a look at it and now, so that one who held it before has
  // answered after all.
  if (at == rows_.claims.end() || at->second.token != claim->token || at->second.answered) {
    return claim_taken_over();
  }
  return &at->second;
}

Result<ChangedUser> Decider::decide(const UserChange& change) {
  using Kind = UserChange::Kind;
  auto decision = MESH_TRY(change.kind == Kind::create   ? decide_create(change)
                           : change.kind == Kind::update ? decide_update(change)
                                                         : decide_remove(change));
  ClaimRow* const claim = MESH_TRY(claim_of(change));
  // Nothing fails from here on.
  ChangedUser changed{decision.row.user, 0};
  if (!decision.type.empty()) {
    changed.event = rows_.sequences[rows_.events.size()];
    Event event = user_event(decision.type, changed, change.event_id, change.time);
    event.traceparent = change.context.traceparent;
    event.tracestate = change.context.tracestate;
    event.extensions = change.context.extensions;
    rows_.events.push_back(std::move(event));
    keep(change, decision);
  }
  if (claim != nullptr) {
    claim->answer = change.context.answer(changed);
    claim->user_id = changed.id;
    claim->answered = true;
  }
  return changed;
}

void Decider::keep(const UserChange& change, const Decision& decision) {
  const std::string& tenant = change.tenant.str();
  const std::int64_t id = decision.row.user.id;
  TouchedUser& user = rows_.users[{tenant, id}];
  if (user.now) rows_.owners.erase({tenant, user.now->email_key});
  if (change.kind == UserChange::Kind::create) rows_.numberings[tenant] = {id, true};
  if (change.kind == UserChange::Kind::remove) {
    user.now.reset();
    return;
  }
  user.now = decision.row;
  rows_.owners[{tenant, decision.row.email_key}] = id;
}

}  // namespace

Status apply(Session& session, const PostgresOutbox& outbox,
             const std::vector<const UserChange*>& changes, Duration patience, Locking locking,
             AppliedGroup& applied) {
  applied = {};
  auto rows = read_group(session, changes, patience, locking);
  if (!rows) {
    applied.locked = session.state() == kLockTimedOut;
    return fail(std::move(rows.error()));
  }
  Decider decider(*rows);
  for (const UserChange* change : changes) {
    applied.results.push_back(rows->held.contains(change->tenant.str())
                                  ? fail(error_of(kLockTimedOut, "the tenant's row is locked"))
                                  : decider.decide(*change));
  }
  applied.events = static_cast<int>(rows->events.size());
  applied.transaction = rows->transaction;
  applied.held = rows->held;
  return write_group(session, outbox, *rows);
}

}  // namespace mesh::postgres
