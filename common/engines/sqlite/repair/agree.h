// The log and the store, brought to say the same after a repair.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/engines/sqlite/repair/salvage_log.h"

namespace mesh::sqlite {

// After a repair of either, makes the log and the store say the same of users and tenants: what the
// store holds and the log (by `records`, a reader of its topics) or the outbox does not say last is
// put into the outbox, a removal too; users and tenants that the store lost are taken from the log,
// those of other producers left alone. Of two users with one e-mail the one whom the store has
// keeps it, else the later one; the other is removed, or stays as the store has it, in the log too.
// Nothing is there twice if it is called again.
struct Lost {
  bool users = false;  // rows of users or tenants may be gone from the store
  bool log = false;    // the log is a new one: what the store parked, and tasks that are not
                       // finished, have offsets of the old one
};
struct Agreement {
  std::int64_t written = 0;  // events in the outbox
  std::int64_t taken = 0;    // users and tenants from the log
};
using Records = std::function<Status(std::string_view topic, const UseRecord& use)>;
Result<Agreement> agree(const std::string& store, const Records& records, Lost lost, Timestamp now);

}  // namespace mesh::sqlite
