// Leases as rows, by the server's clock.
#pragma once

#include <map>
#include <mutex>

#include "common/engines/postgres/pool.h"
#include "common/ports/lease_store.h"

namespace mesh::postgres {

class Leases final : public LeaseStore {
 public:
  explicit Leases(Pool& pool) : pool_(pool) {}

  Result<std::optional<Lease>> acquire(const std::string& name, const std::string& holder,
                                       Duration ttl) override;
  Status renew(const Lease& lease, Duration ttl) override;
  Status release(const Lease& lease) override;
  Result<std::vector<LeaseInfo>> list() override;

  // Gives back what was acquired here and not released, so that others need not wait for its time.
  void release_all();

 private:
  bool is_own(const std::string& name);
  void sweep();  // removes rows of leases that are over

  Pool& pool_;
  std::mutex mutex_;
  std::map<std::string, std::int64_t> acquired_;  // names and tokens; guarded by mutex_
};

// `conflict`.
tl::unexpected<Error> lost_lease(const Lease& lease);

}  // namespace mesh::postgres
