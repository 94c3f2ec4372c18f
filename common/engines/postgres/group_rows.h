// What a group of users' changes reads under the locks of its tenants, and what it writes.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/engines/postgres/user_group.h"

namespace mesh::postgres {

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
  std::int64_t user_id = 0;            // whose data it holds
};

struct Numbering {
  std::int64_t last_user = 0;  // the highest id ever given out
  bool changed = false;
};

// The state that the changes are decided on; what they come to is kept in it.
struct GroupRows {
  std::map<std::string, Numbering> numberings;  // by tenant
  std::map<UserKey, TouchedUser> users;
  std::map<Name, std::int64_t> owners;  // of e-mail keys
  std::map<Name, ClaimRow> claims;
  std::vector<std::int64_t> sequences;  // to be given out, one for each change
  std::vector<Event> events;            // with the first of these
  TransactionId transaction;
  std::set<std::string> held;  // tenants that were passed over, and of whom nothing was read
};

// Begins the transaction: locks the tenants' rows, and reads what the changes are about. Where
// another holds a row for longer than `patience`: SQLSTATE 55P03.
Result<GroupRows> read_group(Session& session, std::vector<const UserChange*> changes,
                             Duration patience, Locking locking);
// Commits what has changed, or ends the transaction where nothing has.
Status write_group(Session& session, const PostgresOutbox& outbox, const GroupRows& rows);

}  // namespace mesh::postgres
