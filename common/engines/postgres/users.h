// Users as rows.
#pragma once

#include "common/base/clock.h"
#include "common/engines/postgres/committer.h"
#include "common/ports/user_store.h"

namespace mesh::postgres {

class Users final : public UserStore {
 public:
  Users(Pool& pool, Committer& committer, Clock& clock)
      : pool_(pool), committer_(committer), clock_(clock) {}

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
  void submit(UserChange change);

  Pool& pool_;
  Committer& committer_;
  Clock& clock_;
};

}  // namespace mesh::postgres
