// Users in SQLite.
#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/engines/sqlite/store/outbox.h"
#include "common/ports/user_store.h"

namespace mesh::sqlite {

class SqliteUsers final : public UserStore {
 public:
  SqliteUsers(SqliteOutbox& outbox, ReaderPool& readers, Clock& clock)
      : outbox_(outbox), readers_(readers), clock_(clock) {}

  void create(const TenantId& tenant, NewUser user, ChangeContext context, UserDone done) override;
  void update(const TenantId& tenant, std::int64_t id, UserPatch patch, ChangeContext context,
              UserDone done) override;
  void remove(const TenantId& tenant, std::int64_t id, ChangeContext context,
              UserDone done) override;
  Result<User> get(const TenantId& tenant, std::int64_t id) override;
  Result<std::vector<User>> list(const TenantId& tenant, std::int64_t after, int limit,
                                 const std::optional<std::string>& email) override;

 private:
  // What a change's event and answer need; made when the change is asked for, so that a job that
  // runs again writes the same.
  struct Stamp {
    ChangeContext context;
    std::string event_id;
    Timestamp time;
  };
  Stamp stamp(ChangeContext context);
  Result<Change<User>> written(Database& db, const Stamp& stamp, std::string_view type,
                               int http_status, User user);

  SqliteOutbox& outbox_;
  ReaderPool& readers_;
  Clock& clock_;
};

}  // namespace mesh::sqlite
