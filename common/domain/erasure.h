// Erasing all that is kept of a tenant, or of one of its users: what to, and what came of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/event.h"
#include "common/domain/tenant.h"

namespace mesh {

// Whose data goes. With `subject` that of one user alone: the id as text, as it is the subject of
// the user's events (key_of) and the user of analytics events.
struct ErasureTarget {
  TenantId tenant;
  std::optional<std::string> subject = {};
};
Json to_json(const ErasureTarget& target);  // {"tenant","subject"}, the latter where it has one
std::string to_string(const ErasureTarget& target);  // "tenant acme", "user 7 of tenant acme"
// Reads the same, whatever else stands beside it; `unprocessable` with the pointer of what is
// wrong.
Result<ErasureTarget> erasure_target_from_json(const Json& json);
// Where a subject is a user. Elsewhere the same text names something else, as a molecule.
inline constexpr std::array<std::string_view, 2> kTopicsOfUsers{"user.events", "analytics.events"};
bool is_of_users(std::string_view topic);  // or of the dead letters of one of them
// Whether a record is the target's: by its key, and where another producer made one of its own, by
// what a pipeline reads. Both are the tenant's, one to those who read the log and the other to
// those who read projections. Of the position the topic alone counts.
bool concerns(const ErasureTarget& target, const StoredRecord& record);
// The id of the target's user in the store and the index; empty where the subject is no such id.
std::optional<std::int64_t> user_id_of(const ErasureTarget& target);

// What one place keeps of it: a table of the store, a topic, a generation of the index.
struct KeptPart {
  std::string place;       // "store/users", "log/user.events", "index/user_embeddings-3"
  std::int64_t count = 0;  // rows, records, vectors
  // Why it cannot go now and what ends it; empty: it can.
  std::string remains = {};
};
// `invalid`, of a part that is none, remains, or does not know which user a row is of.
tl::unexpected<Error> not_erasable(const ErasureTarget& target, std::string_view place);

}  // namespace mesh
