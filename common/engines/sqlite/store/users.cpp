#include "common/engines/sqlite/store/users.h"

#include "common/base/ids.h"
#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/engines/sqlite/store/email_keys.h"
#include "common/engines/sqlite/store/schema.h"

namespace mesh::sqlite {
namespace {

// A job's share of the committer's bound: the strings it holds and what surrounds them.
std::size_t job_bytes(const ChangeContext& context, std::size_t data_bytes) {
  const std::size_t key_bytes = context.claim ? context.claim->key.key.size() + 128 : 0;
  return 512 + 2 * data_bytes + key_bytes;
}

tl::unexpected<Error> unknown_user(const TenantId& tenant, std::int64_t id) {
  return fail(ErrorKind::not_found, "no user " + std::to_string(id) + " in tenant " + tenant.str());
}

Result<User> find(Database& db, const TenantId& tenant, std::int64_t id) {
  auto user = MESH_TRY(first_row(
      query(db,
            "SELECT email,name,version FROM users"
            " WHERE tenant=" MESH_TENANT_NUMBER " AND id=?",
            tenant, id),
      [&](const Statement& row) {
        return User{id, std::string(row.text(0)), std::string(row.text(1)), tenant, row.integer(2)};
      }));
  if (!user) return unknown_user(tenant, id);
  return std::move(*user);
}

Status release(Database& db, const TenantId& tenant, std::int64_t id, std::string_view key) {
  auto number = tenant_number(db, tenant);
  return number ? release_email(db, *number, id, key) : Status(fail(std::move(number.error())));
}

// The e-mail is the only thing of a user's row that can collide.
Status naming_email(Status status, const TenantId& tenant) {
  if (status || status.error().kind != ErrorKind::conflict) return status;
  return fail(ErrorKind::conflict, "tenant " + tenant.str() + " has a user with this e-mail",
              status.error().cause);
}

}  // namespace

SqliteUsers::SqliteUsers(Committer& committer, SqliteOutbox& outbox, SqliteIdempotency& idempotency,
                         ReaderPool& readers, Clock& clock)
    : committer_(committer),
      outbox_(outbox),
      idempotency_(idempotency),
      readers_(readers),
      clock_(clock) {
  // Numbers that an undone transaction gave out are not used up; the row says where to go on.
  committer.on_begin([this] { numberings_.clear(); });
  committer.before_commit([this](Database& db) { return write_numberings(db); });
}

Result<SqliteUsers::Numbering> SqliteUsers::numbering(Database& db, const TenantId& tenant) {
  if (const auto known = numberings_.find(tenant.str()); known != numberings_.end()) {
    return known->second;
  }
  auto row = MESH_TRY(
      first_row(query(db, "SELECT number,last_user FROM tenant_numbers WHERE id=?", tenant),
                [](const Statement& found) {
                  return Numbering{found.integer(0), found.integer(1)};
                }));
  if (row) return *row;
  auto number = MESH_TRY(tenant_number(db, tenant));
  return Numbering{number, 0};
}

Status SqliteUsers::write_numberings(Database& db) {
  for (const auto& [tenant, numbering] : numberings_) {
    MESH_TRY(execute(db, "UPDATE tenant_numbers SET last_user=? WHERE number=?",
                     numbering.last_user, numbering.tenant));
  }
  return {};
}

SqliteUsers::Stamp SqliteUsers::stamp(ChangeContext context) {
  const Timestamp now = clock_.now();
  return {std::move(context), new_uuid_v7(now), now};
}

// Ends a change: its event and its answer, in the transaction of its rows.
Result<Change<ChangedUser>> SqliteUsers::written(Database& db, const Stamp& stamp,
                                                 std::string_view type, User user) {
  ChangedUser changed{std::move(user), 0};
  if (!type.empty()) {
    Event event = user_event(type, changed, stamp.event_id, stamp.time);
    event.traceparent = stamp.context.traceparent;
    event.tracestate = stamp.context.tracestate;
    event.extensions = stamp.context.extensions;
    changed.event = MESH_TRY(outbox_.add(db, event));
  }
  if (const auto& claim = stamp.context.claim) {
    const StoredAnswer answer = stamp.context.answer(changed);
    MESH_TRY(idempotency_.store(db, *claim, answer, stamp.time, changed.id));
  }
  return Change<ChangedUser>{std::move(changed), type.empty() ? 0 : 1};
}

void SqliteUsers::create(const TenantId& tenant, NewUser user, ChangeContext context,
                         UserDone done) {
  const std::size_t bytes = job_bytes(context, user.email.size() + user.name.size());
  std::string key = email_key(user.email);
  outbox_.submit<ChangedUser>(
      tenant.str(), bytes,
      [this, key = std::move(key), stamp = stamp(std::move(context)),
       user = User{0, std::move(user.email), std::move(user.name), tenant, 1}](
          Database& db) mutable -> Result<Change<ChangedUser>> {
        auto numbering = MESH_TRY(this->numbering(db, user.tenant));
        user.id = ++numbering.last_user;
        // First, since a job that fails before it wrote anything costs its group nothing.
        Status inserted = execute(
            db, "INSERT INTO users(tenant,id,version,email,email_key,name) VALUES(?,?,?,?,?,?)",
            numbering.tenant, user.id, user.version, user.email, key, user.name);
        MESH_TRY(naming_email(std::move(inserted), user.tenant));
        auto change = written(db, stamp, "user.created", user);
        // Only now: a number whose create fails is given to the next one.
        if (change) numberings_[user.tenant.str()] = numbering;
        return change;
      },
      std::move(done));
}

void SqliteUsers::update(const TenantId& tenant, std::int64_t id, UserPatch patch,
                         ChangeContext context, UserDone done) {
  const std::size_t bytes =
      job_bytes(context, patch.email.value_or("").size() + patch.name.value_or("").size());
  outbox_.submit<ChangedUser>(
      tenant.str(), bytes,
      [this, tenant, id, patch = std::move(patch),
       stamp = stamp(std::move(context))](Database& db) -> Result<Change<ChangedUser>> {
        auto found = MESH_TRY(find(db, tenant, id));
        MESH_TRY(check_version("user " + std::to_string(id), found.version, stamp.context.only_at));
        User user = found;
        user.email = patch.email.value_or(user.email);
        user.name = patch.name.value_or(user.name);
        // A change that changes nothing has no event, and leaves the version; its answer is stored
        // all the same.
        if (user.email == found.email && user.name == found.name) {
          return written(db, stamp, {}, std::move(user));
        }
        ++user.version;
        // By the keys and not by the texts: a change of case alone keeps the address.
        const std::string key = email_key(user.email), before = email_key(found.email);
        // One who is alike another keeps the key it has while the address stays.
        Status updated = key == before
                             ? execute(db,
                                       "UPDATE users SET version=?,email=?,name=?"
                                       " WHERE tenant=" MESH_TENANT_NUMBER " AND id=?",
                                       user.version, user.email, user.name, tenant, id)
                             : execute(db,
                                       "UPDATE users SET version=?,email=?,email_key=?,name=?"
                                       " WHERE tenant=" MESH_TENANT_NUMBER " AND id=?",
                                       user.version, user.email, key, user.name, tenant, id);
        MESH_TRY(naming_email(std::move(updated), tenant));
        if (key != before) MESH_TRY(release(db, tenant, id, before));
        return written(db, stamp, "user.updated", std::move(user));
      },
      std::move(done));
}

void SqliteUsers::remove(const TenantId& tenant, std::int64_t id, ChangeContext context,
                         UserDone done) {
  const std::size_t bytes = job_bytes(context, 0);
  outbox_.submit<ChangedUser>(
      tenant.str(), bytes,
      [this, tenant, id,
       stamp = stamp(std::move(context))](Database& db) -> Result<Change<ChangedUser>> {
        auto user = MESH_TRY(find(db, tenant, id));
        MESH_TRY(check_version("user " + std::to_string(id), user.version, stamp.context.only_at));
        Status removed = execute(
            db, "DELETE FROM users WHERE tenant=" MESH_TENANT_NUMBER " AND id=?", tenant, id);
        if (removed) removed = release(db, tenant, id, email_key(user.email));
        if (!removed) return fail(std::move(removed.error()));
        ++user.version;
        return written(db, stamp, "user.deleted", std::move(user));
      },
      [this, done = std::move(done)](Result<ChangedUser> removed) {
        // The frames of before show the user; a removal is to leave nothing of it on the disk.
        if (removed) committer_.empty_wal();
        done(std::move(removed));
      });
}

Result<User> SqliteUsers::get(const TenantId& tenant, std::int64_t id) {
  return read_from(readers_, [&](Database& db) { return find(db, tenant, id); });
}

Result<std::vector<User>> SqliteUsers::list(const TenantId& tenant, std::int64_t after, int limit,
                                            const std::optional<std::string>& email) {
  const std::string key = email ? email_key(*email) : std::string();
  return read_from(readers_, [&](Database& db) -> Result<std::vector<User>> {
    auto rows =
        // By both, since of two users with one address one has the key and the other stands in
        // users_alike.
        email ? query(db,
                      "SELECT id,email,name,version FROM users WHERE tenant=" MESH_TENANT_NUMBER
                      " AND (email_key=? OR id IN (SELECT id FROM users_alike a"
                      " WHERE a.tenant=users.tenant AND a.email_key=?)) AND id>?"
                      " ORDER BY id LIMIT ?",
                      tenant, key, key, after, limit)
              : query(db,
                      "SELECT id,email,name,version FROM users WHERE tenant=" MESH_TENANT_NUMBER
                      " AND id>? ORDER BY id LIMIT ?",
                      tenant, after, limit);
    std::vector<User> users;
    MESH_TRY(each_row(std::move(rows), [&](const Statement& row) -> Status {
      users.push_back({row.integer(0), std::string(row.text(1)), std::string(row.text(2)), tenant,
                       row.integer(3)});
      return {};
    }));
    return users;
  });
}

// CROSS JOIN: the tenants first, since the index of addresses begins with the tenant.
Result<std::vector<User>> SqliteUsers::everywhere(const std::string& email, int limit) {
  const std::string key = email_key(email);
  return read_from(readers_, [&](Database& db) -> Result<std::vector<User>> {
    std::vector<User> users;
    MESH_TRY(each_row(
        query(db,
              "SELECT n.id,u.id,u.email,u.name,u.version FROM tenant_numbers n CROSS JOIN users u"
              " WHERE u.tenant=n.number AND (u.email_key=?1 OR u.id IN (SELECT a.id FROM"
              " users_alike a WHERE a.tenant=n.number AND a.email_key=?1))"
              " ORDER BY n.id,u.id LIMIT ?2",
              key, limit),
        [&](const Statement& row) -> Status {
          auto tenant = MESH_TRY(TenantId::parse(row.text(0)));
          users.push_back({row.integer(1), std::string(row.text(2)), std::string(row.text(3)),
                           std::move(tenant), row.integer(4)});
          return {};
        }));
    return users;
  });
}

Result<std::int64_t> SqliteUsers::count(const TenantId& tenant) {
  return read_from(readers_, [&](Database& db) -> Result<std::int64_t> {
    auto count = MESH_TRY(
        first_row(query(db, "SELECT count(*) FROM users WHERE tenant=" MESH_TENANT_NUMBER, tenant),
                  [](const Statement& row) { return row.integer(0); }));
    return count.value_or(0);
  });
}

}  // namespace mesh::sqlite
