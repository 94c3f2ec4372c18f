// The turn to settle letters of a topic. Of all processes one at a time looks which letters are
// settled and appends what settles more; else two would send one letter back.
#pragma once

#include <string>

#include "common/ports/lease_store.h"
#include "daemon/pipeline/dead_letters/dead_letters.h"

namespace mesh::pipeline {

// Between two turns of a long work: time enough for another to see that it may.
inline constexpr Duration kTurnPause{20};

// A lease, so that a turn of a process that ended is over in time. One thread at a time.
class SettlingTurn {
 public:
  // Waits for it, at most 5 s: then `unavailable`, to be tried again. `topic`: of the letters.
  static Result<SettlingTurn> take(const LettersDeps& deps, const std::string& topic);
  SettlingTurn(SettlingTurn&& other) noexcept;
  SettlingTurn& operator=(SettlingTurn&&) = delete;
  ~SettlingTurn();  // gives it back
  // Right before an append, which then has time to arrive. `unavailable` where the turn was lost,
  // so that another may have settled what it looked at.
  Status renew();

 private:
  SettlingTurn(LeaseStore& leases, Lease lease) : leases_(&leases), lease_(std::move(lease)) {}

  LeaseStore* leases_;  // null: moved from
  Lease lease_;
};

}  // namespace mesh::pipeline
