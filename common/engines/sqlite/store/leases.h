// Leases in memory: the data folder has one process, so what ends with it need not be kept. After a
// restart all are free.
#pragma once

#include <map>
#include <mutex>

#include "common/ports/lease_store.h"

namespace mesh::sqlite {

class MemoryLeases final : public LeaseStore {
 public:
  explicit MemoryLeases(Clock& clock) : clock_(clock) {}

  Result<std::optional<Lease>> acquire(const std::string& name, const std::string& holder,
                                       Duration ttl) override;
  Status renew(const Lease& lease, Duration ttl) override;
  Status release(const Lease& lease) override;
  Result<std::vector<LeaseInfo>> list() override;

  // `conflict` unless it is held now. For the job that writes for its holder.
  Status check(const Lease& lease);

 private:
  struct Held {
    std::int64_t token;
    std::string holder;
    SteadyTime until;  // the steady clock's, which nobody sets
  };
  Held* find(const Lease& lease);  // null where it was lost

  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Held> held_;  // guarded by mutex_; some may be over since the last acquire
  std::int64_t last_token_ = 0;       // of all names; guarded by mutex_
};

}  // namespace mesh::sqlite
