// Log and store say the same of users and tenants: what a repair of either leaves behind.
#include <unordered_map>

#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/engines/sqlite/inspect.h"
#include "common/engines/sqlite/store/outbox.h"
#include "common/engines/sqlite/store/record_codec.h"
#include "common/engines/sqlite/store/tenants.h"
#include "common/engines/sqlite/store/users.h"

namespace mesh::sqlite {
namespace {

constexpr const char* kUsers = "user.events";
constexpr const char* kTenants = "tenant.events";

// What is said last of an entity. By "<tenant>/<subject>"; some 150 bytes for each.
struct Last {
  std::int64_t version = 0;
  bool deleted = false;
  bool ours = false;  // said by the mesh, not by another producer
};
using Lasts = std::unordered_map<std::string, Last>;

struct KnownTenant {
  std::int64_t number = 0;
  std::int64_t last_user = 0;  // as the store has it; ids beyond it were lost
  std::int64_t highest = 0;    // as anyone has it
};

std::string key_of(const TenantId& tenant, std::string_view subject) {
  return tenant.str() + "/" + std::string(subject);
}
bool is_deletion(const Event& event) { return event.type.ends_with(".deleted"); }
bool is_ours(const Event& event) { return event.source == kUserSource || event.source == kTenantSource; }
// What the mesh itself said last of an entity.
bool is_last(const Lasts& lasts, const Event& event) {
  const auto at = lasts.find(key_of(event.tenant, event.subject));
  return is_ours(event) && at != lasts.end() && at->second.version == event.sequence;
}

class Agreeing {
 public:
  Agreeing(Database& db, const Records& records, Lost lost, Timestamp now)
      : db_(db), records_(records), lost_(lost), now_(now) {}

  Status run() {
    for (const auto step : {&Agreeing::forget_parked, &Agreeing::look_at_outbox, &Agreeing::tenants,
                            &Agreeing::load_tenants, &Agreeing::users}) {
      if (auto done = (this->*step)(); !done) return done;
    }
    return {};
  }
  const Agreement& agreement() const { return agreement_; }

 private:
  // A new log gives their offsets to other events, which would be passed over.
  Status forget_parked() { return lost_.log ? execute(db_, "DELETE FROM retries") : Status{}; }

  Status look_at_outbox() {
    return each_row(query(db_, "SELECT coalesce(max(sequence), 0) FROM outbox"),
                    [&](const Statement& row) -> Status {
                      waiting_to_ = row.integer(0);
                      return {};
                    });
  }

  // Of the log, then of the outbox, which is behind it. What is no event says nothing.
  Status each_event(const char* topic, const std::function<Status(const Event&)>& use) {
    const auto one = [&](const StoredRecord& record) -> Status {
      const auto event = from_record(record);
      return event ? use(*event) : Status{};
    };
    if (auto read = records_(topic, one); !read) return read;
    return each_row(query(db_, "SELECT record FROM outbox WHERE sequence<=? ORDER BY sequence", waiting_to_),
                    [&](const Statement& row) -> Status {
                      auto record = decode_record(row.text(0));
                      if (!record) return fail(std::move(record.error()));
                      if (record->topic != topic) return {};
                      return one({{record->topic, 0, 0}, now_, std::move(record->key),
                                  std::move(record->value), std::move(record->headers)});
                    });
  }

  Result<Lasts> lasts_of(const char* topic) {
    Lasts lasts;
    auto read = each_event(topic, [&](const Event& event) -> Status {
      Last& last = lasts[key_of(event.tenant, event.subject)];
      if (event.sequence >= last.version) last = {event.sequence, is_deletion(event), is_ours(event)};
      return {};
    });
    if (!read) return fail(std::move(read.error()));
    return lasts;
  }

  Status write(const Event& event) {
    ++agreement_.written;
    return add_to_outbox(db_, event);
  }

  Status tenants() {
    auto lasts = lasts_of(kTenants);
    if (!lasts) return fail(std::move(lasts.error()));
    // A removed tenant keeps its row, so one without a row was lost.
    auto taken = each_event(kTenants, [&](const Event& event) -> Status {
      if (!is_last(*lasts, event)) return {};
      auto known = first_row(query(db_, "SELECT version FROM tenants WHERE id=?", event.tenant),
                             [](const Statement& row) { return row.integer(0); });
      if (!known) return fail(std::move(known.error()));
      if (known->value_or(0) >= event.sequence) return {};
      if (!is_deletion(event) && !stored_tenant(event.data)) return {};
      ++agreement_.taken;
      return write_tenant(db_, event);
    });
    if (!taken) return taken;
    return each_row(query(db_, "SELECT id,version,record FROM tenants"), [&](const Statement& row) -> Status {
      auto id = TenantId::parse(row.text(0));
      if (!id) return {};
      const auto version = row.integer(1);
      const auto last = lasts->find(key_of(*id, id->str()));
      if (last != lasts->end() && last->second.version >= version) return {};
      if (row.is_null(2)) {
        Tenant removed{*id, {}, false, {}, version, now_, now_};
        return write(tenant_event("tenant.deleted", removed, new_uuid_v7(now_), now_));
      }
      auto tenant = stored_tenant(row.text(2));
      if (!tenant) return fail(std::move(tenant.error()));
      return write(tenant_event(version == 1 ? "tenant.created" : "tenant.updated", *tenant, new_uuid_v7(now_), now_));
    });
  }

  Status load_tenants() {
    return each_row(query(db_, "SELECT id,number,last_user FROM tenant_numbers"),
                    [&](const Statement& row) -> Status {
                      known_[std::string(row.text(0))] = {row.integer(1), row.integer(2), row.integer(2)};
                      return {};
                    });
  }

  Status users() {
    auto lasts = lasts_of(kUsers);
    if (!lasts) return fail(std::move(lasts.error()));
    auto taken = each_event(kUsers, [&](const Event& event) -> Status {
      return is_last(*lasts, event) ? take_user(event) : Status{};
    });
    if (!taken) return taken;
    for (const auto& [id, tenant] : known_) {
      if (auto s = execute(db_, "UPDATE tenant_numbers SET last_user=? WHERE number=?", tenant.highest, tenant.number); !s) return s;
    }
    if (auto written = write_users(*lasts); !written) return written;
    return lost_.users ? Status{} : write_removals(*lasts);
  }

  // The log's word counts where the store is behind it.
  Status take_user(const Event& event) {
    const auto id = parse_int(event.subject);
    if (!id || *id < 1) return {};
    const std::string name = event.tenant.str();
    auto tenant = known_.find(name);
    if (tenant == known_.end()) {
      if (auto added = execute(db_, "INSERT INTO tenant_numbers(id) VALUES(?)", name); !added) return added;
      tenant = known_.emplace(name, KnownTenant{db_.last_insert_rowid(), 0, 0}).first;
    }
    tenant->second.highest = std::max(tenant->second.highest, *id);
    const auto number = tenant->second.number;
    auto version = first_row(query(db_, "SELECT version FROM users WHERE tenant=? AND id=?", number, *id),
                             [](const Statement& row) { return row.integer(0); });
    if (!version) return fail(std::move(version.error()));
    const bool absent = !*version;
    if (!absent && **version >= event.sequence) return {};
    if (is_deletion(event)) {
      return absent ? Status{} : execute(db_, "DELETE FROM users WHERE tenant=? AND id=?", number, *id);
    }
    if (absent && !lost_.users && *id <= tenant->second.last_user) return {};  // it was removed
    const auto data = parse_json(event.data);
    const auto user = data ? user_from_json(*data) : Result<User>(fail(data.error()));
    if (!user || user->tenant != event.tenant) return {};
    const std::string key = email_key(user->email);
    auto put = execute(db_,
                       "INSERT INTO users(tenant,id,version,email,email_key,name) VALUES(?,?,?,?,?,?)"
                       " ON CONFLICT(tenant,id) DO UPDATE SET version=excluded.version,email=excluded.email,"
                       "email_key=excluded.email_key,name=excluded.name",
                       number, *id, event.sequence, user->email, key, user->name);
    // An address that is another's now: the log has lost what became of this user.
    if (!put && put.error().kind == ErrorKind::conflict) return {};
    if (put) ++agreement_.taken;
    return put;
  }

  // What the log does not say of the store's users. Of `lasts` those stay that the store has not.
  Status write_users(Lasts& lasts) {
    return each_row(query(db_, "SELECT t.id,u.id,u.version,u.email,u.name FROM users u"
                               " JOIN tenant_numbers t ON t.number=u.tenant"),
                    [&](const Statement& row) -> Status {
                      auto tenant = TenantId::parse(row.text(0));
                      if (!tenant) return {};
                      const User user{row.integer(1), std::string(row.text(3)), std::string(row.text(4)),
                                      *tenant, row.integer(2)};
                      const auto last = lasts.find(key_of(*tenant, std::to_string(user.id)));
                      const auto said = last == lasts.end() ? 0 : last->second.version;
                      if (last != lasts.end()) lasts.erase(last);
                      if (said >= user.version) return {};
                      return write(user_event(user.version == 1 ? "user.created" : "user.updated", user,
                                              new_uuid_v7(now_), now_));
                    });
  }

  // The removal of a user whom the log still has was lost: a rebuild would bring the user back.
  Status write_removals(const Lasts& lasts) {
    for (const auto& [key, last] : lasts) {
      if (last.deleted || !last.ours) continue;
      const auto slash = key.find('/');
      const auto tenant = known_.find(key.substr(0, slash));
      const auto id = parse_int(std::string_view(key).substr(slash + 1));
      if (tenant == known_.end() || !id || *id > tenant->second.last_user) continue;
      const User removed{*id, {}, {}, *TenantId::parse(tenant->first), last.version + 1};
      if (auto s = write(user_event("user.deleted", removed, new_uuid_v7(now_), now_)); !s) return s;
    }
    return {};
  }

  Database& db_;
  const Records& records_;
  const Lost lost_;
  const Timestamp now_;
  std::int64_t waiting_to_ = 0;
  std::map<std::string, KnownTenant> known_;
  Agreement agreement_;
};

}  // namespace

Result<Agreement> agree(const std::string& store, const Records& records, Lost lost, Timestamp now) {
  auto db = Database::open(store, Database::Mode::read_write);
  if (!db) return fail(db.error());
  if (auto begun = (*db)->execute("BEGIN IMMEDIATE"); !begun) return fail(begun.error());
  Agreeing agreeing(**db, records, lost, now);
  if (auto done = agreeing.run(); !done) return fail(done.error());
  // Its write-ahead log goes with the connection: one file holds everything.
  if (auto s = (*db)->execute("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)"); !s) return fail(s.error());
  return agreeing.agreement();
}

}  // namespace mesh::sqlite
