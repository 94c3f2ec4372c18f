// Seeking a group that has members, where the log moves none that has: as a task.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/ports/event_log.h"
#include "common/ports/lease_store.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh::pipeline {

// What a task of kind "seek" is submitted with; moves: [{"topic","partition","from","to"}].
Json seek_spec(const std::string& group, Json moves);

// Any thread.
class Seeker {
 public:
  // What is given outlives it. `process` names this one, for those who look who holds the lease.
  Seeker(LogAdmin& admin, LeaseStore& leases, std::string process, Clock& clock)
      : admin_(admin), leases_(leases), process_(std::move(process)), clock_(clock) {}
  // The work of a task of kind "seek": holds the group's seek_lease, so that its members let go of
  // it (YieldingLogAdmin), sets the offsets once all are gone, and lets them come back. One that is
  // dead is gone when its session has passed. `conflict` where some stay for ten minutes, as what
  // is no pipeline does; nothing is moved then, nor where the task is cancelled before. Resumable:
  // once the group was moved it is not moved again, but for a runner that dies between the two, and
  // then to the same place. Result {"group","moved","partitions"}; while it waits
  // {"waits_for":[member]}.
  Status run(TaskContext& context);

 private:
  using Names = std::vector<std::string>;
  struct Move {
    std::string group;
    std::map<TopicPartition, std::int64_t> offsets;
  };
  Status run_with(std::optional<Lease>& lease, TaskContext& context);
  Status attempt(std::optional<Lease>& lease, const Move& move, Names& members);
  Status hold(std::optional<Lease>& lease, const std::string& group);

  LogAdmin& admin_;
  LeaseStore& leases_;
  const std::string process_;
  Clock& clock_;
};

}  // namespace mesh::pipeline
