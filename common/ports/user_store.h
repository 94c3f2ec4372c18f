// Users of record. Each change and its event are one transaction (the outbox pattern).
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "common/base/error.h"
#include "common/domain/event.h"
#include "common/domain/user.h"
#include "common/ports/idempotency_store.h"

namespace mesh {

// A user as a change left it.
struct ChangedUser : User {
  std::int64_t event = 0;  // the sequence of the change's event in the outbox; 0: none was written
};
// Called exactly once, from a thread of the engine's, once the change is durable. Must not block.
using UserDone = std::function<void(Result<ChangedUser>)>;

// What a change needs beside its data.
struct ChangeContext {
  std::string traceparent;  // carried into the event
  // When set, `answer` of the user is stored under it in the same transaction; `conflict`, and
  // nothing is changed, where another has taken the claim over, or has answered.
  std::optional<ClaimedKey> claim;
  StoredAnswer (*answer)(const ChangedUser&) = nullptr;  // set with `claim`
  // When set, an existing user is changed only at one of these versions; at another one: `conflict`
  // with the pointer /version. Compared in the transaction of the change.
  std::optional<std::vector<std::int64_t>> only_at{};
  std::string tracestate = {};  // of the traceparent
  Headers extensions = {};      // of the event: see accepted
};

// Every method but `everywhere` is scoped to the tenant it is given: a user of another tenant is
// `not_found`.
// Any thread. Changes complete later and are grouped into transactions; reads are quick.
class UserStore {
 public:
  virtual ~UserStore() = default;
  // `conflict` when the tenant has a user of the same email_key. Writes user.created.
  virtual void create(const TenantId& tenant, NewUser user, ChangeContext context,
                      UserDone done) = 0;
  // Writes user.updated with the whole user and the next version; a patch that changes nothing
  // answers the user and writes nothing.
  virtual void update(const TenantId& tenant, std::int64_t id, UserPatch patch,
                      ChangeContext context, UserDone done) = 0;
  // Writes user.deleted with the user's id and tenant alone; answers the user as it was. Ids are
  // never given out again.
  virtual void remove(const TenantId& tenant, std::int64_t id, ChangeContext context,
                      UserDone done) = 0;
  virtual Result<User> get(const TenantId& tenant, std::int64_t id) = 0;
  // In id order, ids beyond `after`; only the one of that e-mail (by email_key) when given.
  virtual Result<std::vector<User>> list(const TenantId& tenant, std::int64_t after, int limit,
                                         const std::optional<std::string>& email) = 0;
  // For operators alone: the users of all tenants with that e-mail (by email_key), by tenant and
  // id, at most `limit`. Costs a look per tenant.
  virtual Result<std::vector<User>> everywhere(const std::string& email, int limit) = 0;
  // How many users the tenant has. Reads their keys: not for each request.
  virtual Result<std::int64_t> count(const TenantId& tenant) = 0;
};

}  // namespace mesh
