// Changes of users, many in one transaction.
//
// The rows of the tenants are locked first, so that nobody else changes users of theirs until the
// commit. So what each change comes to is decided here, one after the other, on what was read under
// the locks, and written as a whole: two round trips for any number of changes, and one that fails
// has touched nothing. Savepoints would cost two statements for each change.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/engines/postgres/outbox.h"
#include "common/engines/postgres/session.h"
#include "common/engines/postgres/transaction_fate.h"
#include "common/ports/user_store.h"

namespace mesh::postgres {

struct UserChange {
  enum class Kind { create, update, remove };
  Kind kind = Kind::create;
  TenantId tenant;
  std::int64_t id = 0;  // not of a create
  // Of an update what is set.
  std::optional<std::string> email, name;
  ChangeContext context;
  // What its event needs; made when the change is asked for, so that it is the same whenever the
  // transaction is run again.
  std::string event_id;
  Timestamp time;
  UserDone done;
};

// Of tenants' rows that another transaction holds.
enum class Locking {
  wait,      // for as long as the patience allows
  pass_over  // nothing is done of such tenants' changes
};

struct AppliedGroup {
  std::vector<Result<ChangedUser>> results;  // of the changes, in their order
  int events = 0;                            // that were added to the outbox
  TransactionId transaction;
  std::set<std::string> held;  // tenants that were passed over
  bool locked = false;         // it failed, since somebody held a row for too long
};

// An error is of the group as a whole. `applied` is set also where the commit failed: it holds if
// it turns out that it was made.
Status apply(Session& session, const PostgresOutbox& outbox,
             const std::vector<const UserChange*>& changes, Duration patience, Locking locking,
             AppliedGroup& applied);

}  // namespace mesh::postgres
