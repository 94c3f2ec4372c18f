// What the store of record keeps of one tenant, table by table, for whoever erases it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/domain/erasure.h"

namespace mesh {

// Of "store/usage".
inline constexpr std::string_view kUsageRemains =
    "totals of usage stay as what was billed, and hold no data of users: those of minutes go after "
    "2 days, of hours after 90, of days never";

// Any thread; calls block. Nothing here writes an event, nor minds a version: whoever erases sees
// to it that nobody works for the tenant any more, or counts again.
class TenantData {
 public:
  virtual ~TenantData() = default;
  // What is kept of the target, a part for each table that can hold some, also where it is none:
  // "store/users", "store/outbox", "store/activity", "store/retries", "store/idempotency",
  // "store/usage", "store/keys", which KeyStore::drop erases. The tenant's record is none of them
  // (TenantStore), nor are tasks.
  // Of one user only those that know whose a row is: users, outbox, activity, retries, and of
  // idempotency the answers that were stored with a change of the user.
  // Usage totals remain as what was billed: "store/usage" is counted with why it remains.
  // Activity is events, and names of subjects that have none.
  virtual Result<std::vector<KeptPart>> count(const ErasureTarget& target) = 0;
  // Removes at most `limit` rows of that part, durably, with the counts that were made of them; how
  // many. 0: there are none left. `invalid` for another place, or one that remains.
  virtual Result<std::int64_t> erase(const ErasureTarget& target, std::string_view place,
                                     int limit) = 0;
};

}  // namespace mesh
