#include "common/engines/sqlite/repair/agree.h"

// Log and store say the same of users and tenants: what a repair of either leaves behind.
#include <unordered_map>

#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/domain/catalogue.h"
#include "common/engines/sqlite/store/email_keys.h"
#include "common/engines/sqlite/store/outbox.h"
#include "common/engines/sqlite/store/record_codec.h"
#include "common/engines/sqlite/store/schema.h"
#include "common/engines/sqlite/store/tenants.h"
#include "common/engines/sqlite/store/users.h"

namespace mesh::sqlite {
namespace {

constexpr const char* kUsers = "user.events";
constexpr const char* kTenants = "tenant.events";
// What another producer calls a user beyond this uses up no ids: behind it there are too few.
constexpr std::int64_t kHighestId = (std::int64_t{1} << 53) - 1;
// Ids left out behind the highest that the log names, where the store's own count is lost: users
// removed a while ago are not in the log any more, and no id may be given out again.
constexpr std::int64_t kBehindLostUsers = 1'000;

// What is said last of an entity. By "<tenant>/<subject>"; some 150 bytes for each.
struct Last {
  std::int64_t version = 0;
  bool deleted = false;
  bool ours = false;  // said by the mesh, not by another producer
  Timestamp time{};
  bool taken = false;  // by the store, which had nothing of it
};
using Lasts = std::unordered_map<std::string, Last>;

struct KnownTenant {
  std::int64_t number = 0;
  std::int64_t last_user = 0;  // as the store has it; ids beyond it were lost
  std::int64_t highest = 0;    // as anyone has it
  std::int64_t left_out = 0;   // behind it
};

bool is_ours(const Event& event) {
  return event.source == kUserSource || event.source == kTenantSource;
}
// For what the mesh itself said last of an entity; null for other events.
Last* last_of(Lasts& lasts, const Event& event) {
  const auto at = lasts.find(key_of(event.tenant, event.subject));
  const bool last = is_ours(event) && at != lasts.end() && at->second.version == event.sequence;
  return last ? &at->second : nullptr;
}

class Agreeing {
 public:
  Agreeing(Database& db, const Records& records, Lost lost, Timestamp now)
      : db_(db), records_(records), lost_(lost), now_(now) {}

  Status run() {
    for (const auto step : {&Agreeing::forget_offsets, &Agreeing::look_at_outbox,
                            &Agreeing::tenants, &Agreeing::load_tenants, &Agreeing::users}) {
      MESH_TRY((this->*step)());
    }
    return {};
  }
  const Agreement& agreement() const { return agreement_; }

 private:
  // A new log gives their offsets to other events, which would be passed over.
  Status forget_offsets() {
    if (!lost_.log) return {};
    MESH_TRY(execute(db_, "DELETE FROM retries"));
    return execute(db_,
                   "UPDATE tasks SET state='failed',finished_at=?,"
                   "error='the log is a new one since a repair, which ended this task: what it had"
                   " come to is not there any more; start it again if it is still needed'"
                   " WHERE state IN ('queued','running')",
                   now_);
  }

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
    MESH_TRY(records_(topic, one));
    auto waiting =
        query(db_, "SELECT record FROM outbox WHERE sequence<=? ORDER BY sequence", waiting_to_);
    return each_row(std::move(waiting), [&](const Statement& row) -> Status {
      auto record = MESH_TRY(decode_record(row.text(0)));
      if (record.topic != topic) return {};
      return one({{record.topic, 0, 0},
                  now_,
                  std::move(record.key),
                  std::move(record.value),
                  std::move(record.headers)});
    });
  }

  Result<Lasts> lasts_of(const char* topic) {
    Lasts lasts;
    MESH_TRY(each_event(topic, [&](const Event& event) -> Status {
      Last& last = lasts[key_of(event.tenant, event.subject)];
      // At least, since the log may hold an event twice: the later one has the same content.
      if (event.sequence >= last.version) {
        last = {event.sequence, is_removal(event.type), is_ours(event), event.time, false};
      }
      return {};
    }));
    return lasts;
  }

  Status write(const Event& event) {
    ++agreement_.written;
    auto added = add_to_outbox(db_, event);
    return added ? Status{} : Status(fail(std::move(added.error())));
  }

  Status tenants() {
    auto lasts = MESH_TRY(lasts_of(kTenants));
    // A removed tenant keeps its row, so one without a row was lost.
    MESH_TRY(each_event(kTenants, [&](const Event& event) -> Status {
      if (!last_of(lasts, event)) return {};
      auto known =
          MESH_TRY(first_row(query(db_, "SELECT version FROM tenants WHERE id=?", event.tenant),
                             [](const Statement& row) { return row.integer(0); }));
      if (known.value_or(0) >= event.sequence) return {};
      // What cannot be read back would be damage in the new file.
      if (!is_removal(event.type) && !stored_tenant(event.data)) return {};
      ++agreement_.taken;
      return write_tenant(db_, event);
    }));
    auto rows = query(db_, "SELECT id,version,record FROM tenants");
    return each_row(std::move(rows), [&](const Statement& row) -> Status {
      auto id = TenantId::parse(row.text(0));
      if (!id) return {};
      const auto version = row.integer(1);
      const auto last = lasts.find(key_of(*id, id->str()));
      // The log knows it already, or something newer.
      if (last != lasts.end() && last->second.version >= version) return {};
      if (row.is_null(2)) {
        Tenant removed{.id = *id, .version = version, .created_at = now_, .updated_at = now_};
        return write(tenant_event("tenant.deleted", removed, new_uuid_v7(now_), now_));
      }
      auto tenant = MESH_TRY(stored_tenant(row.text(2)));
      const auto type = version == 1 ? "tenant.created" : "tenant.updated";
      return write(tenant_event(type, tenant, new_uuid_v7(now_), now_));
    });
  }

  Status load_tenants() {
    auto rows = query(db_, "SELECT id,number,last_user FROM tenant_numbers");
    return each_row(std::move(rows), [&](const Statement& row) -> Status {
      const auto last_user = row.integer(2);
      known_[std::string(row.text(0))] = {row.integer(1), last_user, last_user};
      return {};
    });
  }

  Status users() {
    auto lasts = MESH_TRY(lasts_of(kUsers));
    MESH_TRY(each_event(kUsers, [&](const Event& event) -> Status {
      const auto id = parse_int(event.subject);
      if (!id || *id < 1) return {};
      auto tenant = MESH_TRY(tenant_of(event));
      if (is_ours(event) || *id <= kHighestId) {
        // Also of users that are gone: no id is given out twice.
        tenant->highest = std::max(tenant->highest, *id);
      }
      Last* const last = last_of(lasts, event);
      return last ? take_user({event, last, tenant, *id}) : Status{};
    }));
    MESH_TRY(decide_refused(lasts));
    for (const auto& [id, tenant] : known_) {
      MESH_TRY(execute(db_, "UPDATE tenant_numbers SET last_user=? WHERE number=?",
                       tenant.highest + tenant.left_out, tenant.number));
    }
    MESH_TRY(write_users(lasts));
    return lost_.users ? Status{} : write_removals(lasts);
  }

  Result<KnownTenant*> tenant_of(const Event& event) {
    const std::string name = event.tenant.str();
    auto tenant = known_.find(name);
    if (tenant == known_.end()) {
      MESH_TRY(execute(db_, "INSERT INTO tenant_numbers(id) VALUES(?)", name));
      tenant = known_.emplace(name, KnownTenant{db_.last_insert_rowid(), 0, 0}).first;
      tenant->second.left_out = lost_.users ? kBehindLostUsers : 0;
    }
    return &tenant->second;
  }

  Result<std::optional<std::int64_t>> version_of(const KnownTenant& tenant, std::int64_t id) {
    return first_row(
        query(db_, "SELECT version FROM users WHERE tenant=? AND id=?", tenant.number, id),
        [](const Statement& row) { return row.integer(0); });
  }

  Status remove(const KnownTenant& tenant, std::int64_t id) {
    return execute(db_, "DELETE FROM users WHERE tenant=? AND id=?", tenant.number, id);
  }

  // An event of a user, the last one.
  struct Word {
    Event event;
    Last* last;
    const KnownTenant* tenant;
    std::int64_t id;
    std::string email = {}, email_key = {};
    bool alike = false;  // the key is another's: it is to have that of an older program
  };
  // The log's word counts where the store is behind it. An address that is another's is refused.
  Status take_user(Word word) {
    const Event& event = word.event;
    const KnownTenant& tenant = *word.tenant;
    const auto id = word.id;
    auto version = MESH_TRY(version_of(tenant, id));
    const bool absent = !version;
    if (!absent && *version >= event.sequence) return {};
    if (is_removal(event.type)) return absent ? Status{} : remove(tenant, id);
    if (absent && !lost_.users && id <= tenant.last_user) return {};  // it was removed
    const auto data = parse_json(event.data);
    const auto user = data ? user_from_json(*data) : Result<User>(fail(data.error()));
    // The data of another producer may name another tenant than the event does: no row is made of
    // it.
    if (!user || user->tenant != event.tenant) return {};
    word.email = user->email;
    word.email_key = email_key(user->email);
    const std::string key = word.alike ? old_email_key(user->email) : word.email_key;
    auto put = execute(db_,
                       "INSERT INTO users(tenant,id,version,email,email_key,name)"
                       " VALUES(?,?,?,?,?,?) ON CONFLICT(tenant,id) DO UPDATE SET"
                       " version=excluded.version,email=excluded.email,"
                       "email_key=excluded.email_key,name=excluded.name",
                       tenant.number, id, event.sequence, user->email, key, user->name);
    if (!put && put.error().kind == ErrorKind::conflict) {
      refused_.push_back(std::move(word));
      return {};
    }
    if (put && word.alike) put = note_alike(db_, tenant.number, id, word.email_key);
    if (put) ++agreement_.taken;
    word.last->taken = put && absent;
    return put;
  }

  // An address may be given up by an event that is read later. What is refused for good is of a
  // user of whom the log, or of the address's holder, has lost something.
  Status decide_refused(Lasts& lasts) {
    // Until a round takes none any more: each one taken may have freed an address.
    for (std::size_t before = 0; before != refused_.size();) {
      before = refused_.size();
      for (auto& word : std::exchange(refused_, {})) MESH_TRY(take_user(std::move(word)));
    }
    for (const auto& word : std::exchange(refused_, {})) {
      if (word.last->version != word.event.sequence) continue;  // taken; the log has it twice
      MESH_TRY(take_user(word));
      if (std::exchange(refused_, {}).empty()) continue;
      MESH_TRY(decide_between(lasts, word));
    }
    return {};
  }

  // Two whose addresses an older program told apart may both have lived: both stay. Else a user
  // whom the store has stays as the store has it, and of two whom it had not, the address belongs
  // to who came later; the other is gone.
  Status decide_between(Lasts& lasts, const Word& word) {
    const auto& [event, own, tenant, id, email, key, alike] = word;
    struct Holder {
      std::int64_t id;
      std::string email;
    };
    auto holder =
        MESH_TRY(first_row(query(db_, "SELECT id,email FROM users WHERE tenant=? AND email_key=?",
                                 tenant->number, key),
                           [](const Statement& row) {
                             return Holder{row.integer(0), std::string(row.text(1))};
                           }));
    if (holder && old_email_key(holder->email) != old_email_key(email)) {
      Word apart = word;
      apart.alike = true;
      MESH_TRY(take_user(std::move(apart)));
      if (std::exchange(refused_, {}).empty()) return {};
    }
    auto version = MESH_TRY(version_of(*tenant, id));
    if (version) {  // write_users writes it
      return execute(db_, "UPDATE users SET version=? WHERE tenant=? AND id=?", event.sequence + 1,
                     tenant->number, id);
    }
    const auto other = holder ? holder->id : 0;
    const auto last = lasts.find(key_of(event.tenant, std::to_string(other)));
    if (last == lasts.end() || !last->second.taken || last->second.time >= event.time) {
      return write_removal(event.tenant, id, *own);
    }
    MESH_TRY(remove(*tenant, other));
    MESH_TRY(write_removal(event.tenant, other, last->second));
    return take_user(word);
  }

  Status write_removal(const TenantId& tenant, std::int64_t id, Last& last) {
    last = {last.version + 1, true, true, now_, false};
    const User removed{id, {}, {}, tenant, last.version};
    return write(user_event("user.deleted", removed, new_uuid_v7(now_), now_));
  }

  // What the log does not say of the store's users. Of `lasts` those stay that the store has not.
  Status write_users(Lasts& lasts) {
    auto rows = query(db_,
                      "SELECT t.id,u.id,u.version,u.email,u.name FROM users u"
                      " JOIN tenant_numbers t ON t.number=u.tenant");
    return each_row(std::move(rows), [&](const Statement& row) -> Status {
      auto tenant = TenantId::parse(row.text(0));
      if (!tenant) return {};
      const User user{row.integer(1), std::string(row.text(3)), std::string(row.text(4)), *tenant,
                      row.integer(2)};
      const auto last = lasts.find(key_of(*tenant, std::to_string(user.id)));
      const auto said = last == lasts.end() ? 0 : last->second.version;
      if (last != lasts.end()) lasts.erase(last);
      if (said >= user.version) return {};
      const auto type = user.version == 1 ? "user.created" : "user.updated";
      return write(user_event(type, user, new_uuid_v7(now_), now_));
    });
  }

  // The removal of a user whom the log still has was lost: a rebuild would bring the user back.
  Status write_removals(Lasts& lasts) {
    for (auto& [key, last] : lasts) {
      if (last.deleted || !last.ours) continue;
      const auto tenant = known_.find(std::string(tenant_of_key(key)));
      const auto id = parse_int(subject_of_key(key));
      if (tenant == known_.end() || !id || *id > tenant->second.last_user) continue;
      MESH_TRY(write_removal(*TenantId::parse(tenant->first), *id, last));
    }
    return {};
  }

  Database& db_;
  const Records& records_;
  const Lost lost_;
  const Timestamp now_;
  std::int64_t waiting_to_ = 0;
  std::map<std::string, KnownTenant> known_;
  std::vector<Word> refused_;
  Agreement agreement_;
};

}  // namespace

Result<Agreement> agree(const std::string& store, const Records& records, Lost lost,
                        Timestamp now) {
  auto db = MESH_TRY(Database::open(store, Database::Mode::read_write));
  // A copy has the schema of the file that it was made from, which may be an older one.
  MESH_TRY(prepare_schema(*db));
  MESH_TRY(db->execute("BEGIN IMMEDIATE"));
  Agreeing agreeing(*db, records, lost, now);
  MESH_TRY(agreeing.run());
  // Its write-ahead log goes with the connection: one file holds everything.
  MESH_TRY(db->execute("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)"));
  return agreeing.agreement();
}

}  // namespace mesh::sqlite
