// The keys by which e-mail addresses are compared, in the rows of users.
//
// An older program had keys that told apart what is one address now. Where two users of a tenant
// have one address since then, one of them has the address's key; the other keeps the one it had
// and stands in `users_alike`, so that nobody is lost, both are found by the address and nobody
// else gets it, until one of them is given another address or removed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/engines/sqlite/core/database.h"

namespace mesh::sqlite {

// The key of before: trimmed and in lower case, of ASCII only.
std::string old_email_key(std::string_view email);

// Brings the keys of all users, and the names of counted subjects, up to date. All that changes
// rows here does so in its caller's transaction.
Status fold_keys(Database& db);

// Notes that the user keeps another key, since `key` is another user's.
Status note_alike(Database& db, std::int64_t tenant, std::int64_t id, std::string_view key);

// The user, who had the address of `key`, is removed or has another now. `key` goes to one of those
// who had it as well.
Status release_email(Database& db, std::int64_t tenant, std::int64_t id, std::string_view key);

struct AlikeUsers {
  std::string tenant;
  std::int64_t id = 0;      // whose address is
  std::int64_t holder = 0;  // this user's, too
};
// At most `limit`, by tenant and id; from a connection that may read only.
Result<std::vector<AlikeUsers>> alike_users(Database& db, int limit);

}  // namespace mesh::sqlite
