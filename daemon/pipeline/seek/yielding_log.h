// The log as pipelines see it whose groups may be moved: its members let go of a group while that
// is asked for, and come back behind it.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/ports/lease_store.h"
#include "common/ports/log_over.h"

namespace mesh::pipeline {

// Whoever holds this lease asks all members, in whatever process, to be out of the group. It ends
// by itself where its holder dies, so that no group is left alone for ever.
std::string seek_lease(const std::string& group);

// Which groups are asked for. Any thread; asks the store once a second at most, whoever asks.
class SoughtGroups {
 public:
  SoughtGroups(LeaseStore& leases, Clock& clock) : leases_(leases), clock_(clock) {}
  // As of the last look; where the store cannot be asked, as of the one before.
  bool contains(const std::string& group);

 private:
  LeaseStore& leases_;
  Clock& clock_;
  std::mutex mutex_;
  SteadyTime next_look_{};       // this and the next guarded by mutex_
  std::set<std::string> names_;  // of leases
};

// Consumers that it opens leave their group while it is asked for: to whoever reads with them that
// is the loss of all partitions, and a gain later. Where the log moves groups that have members, it
// is the log itself.
class YieldingLogAdmin final : public LogAdminOver {
 public:
  // What is given outlives it, and it its consumers.
  YieldingLogAdmin(LogAdmin& admin, LeaseStore& leases, Clock& clock)
      : LogAdminOver(admin), clock_(clock), sought_(leases, clock) {}

  Result<std::unique_ptr<LogConsumer>> open_consumer(const std::string& group,
                                                     const std::vector<std::string>& topics,
                                                     const std::string& member) override;

 private:
  Clock& clock_;
  SoughtGroups sought_;
};

}  // namespace mesh::pipeline
