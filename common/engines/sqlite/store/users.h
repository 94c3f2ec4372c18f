// Users in SQLite.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/domain/entity_events.h"
#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/engines/sqlite/store/idempotency.h"
#include "common/engines/sqlite/store/outbox.h"
#include "common/ports/user_store.h"

namespace mesh::sqlite {

class SqliteUsers final : public UserStore {
 public:
  SqliteUsers(Committer& committer, SqliteOutbox& outbox, SqliteIdempotency& idempotency,
              ReaderPool& readers, Clock& clock);

  void create(const TenantId& tenant, NewUser user, ChangeContext context, UserDone done) override;
  void update(const TenantId& tenant, std::int64_t id, UserPatch patch, ChangeContext context,
              UserDone done) override;
  void remove(const TenantId& tenant, std::int64_t id, ChangeContext context,
              UserDone done) override;
  Result<User> get(const TenantId& tenant, std::int64_t id) override;
  Result<std::vector<User>> list(const TenantId& tenant, std::int64_t after, int limit,
                                 const std::optional<std::string>& email) override;
  Result<std::vector<User>> everywhere(const std::string& email, int limit) override;
  Result<std::int64_t> count(const TenantId& tenant) override;

 private:
  // What a change's event and answer need; made when the change is asked for, so that a job that
  // runs again writes the same.
  struct Stamp {
    ChangeContext context;
    std::string event_id;
    Timestamp time;
  };
  Stamp stamp(ChangeContext context);
  Result<Change<ChangedUser>> written(Database& db, const Stamp& stamp, std::string_view type,
                                      User user);

  // What creates need of a tenant, read once and written once in a group of them.
  struct Numbering {
    std::int64_t tenant = 0;
    std::int64_t last_user = 0;  // the highest id ever given out
  };
  Result<Numbering> numbering(Database& db, const TenantId& tenant);
  Status write_numberings(Database& db);

  Committer& committer_;
  SqliteOutbox& outbox_;
  SqliteIdempotency& idempotency_;
  ReaderPool& readers_;
  Clock& clock_;
  // Of the transaction under way, those that changed; the committer's thread only.
  std::map<std::string, Numbering, std::less<>> numberings_;
};

}  // namespace mesh::sqlite
