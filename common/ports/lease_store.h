// Leases: what only one process may do at a time, as moving events from the outbox to the log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh {

struct Lease {
  std::string name;
  // Rises with each acquisition of the name, also after a release: tells a holder that lost its
  // lease, and has not noticed, from the next one. What a store writes for a holder it writes only
  // while the lease is held; later it answers `conflict`.
  std::int64_t token = 0;
};

struct LeaseInfo {
  std::string name;
  std::string holder;
  Timestamp until{};  // for people
};

// Any thread; quick (memory) or a round trip, two of a name that is new to it. Time is the engine's
// own, so that the clocks of processes need not agree: a lease is held for less than `ttl` after it
// was taken or renewed, and is free at that instant.
class LeaseStore {
 public:
  virtual ~LeaseStore() = default;
  // Takes the lease for `ttl`; nothing while it is held, whoever asks. `holder` names the process,
  // for list().
  virtual Result<std::optional<Lease>> acquire(const std::string& name, const std::string& holder,
                                               Duration ttl) = 0;
  // Holds it for `ttl` from now on. `conflict` once it was lost: taken by another, released, or not
  // renewed in time, even where nobody has taken it since.
  virtual Status renew(const Lease& lease, Duration ttl) = 0;
  // Others may take it at once. Does nothing where it was lost.
  virtual Status release(const Lease& lease) = 0;
  virtual Result<std::vector<LeaseInfo>> list() = 0;  // those that are held, by name
};

}  // namespace mesh
