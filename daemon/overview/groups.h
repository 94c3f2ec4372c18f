// The consumer groups of the mesh, as far as the log, the store of retries and the pipelines of
// this process know of them.
#pragma once

#include <span>
#include <vector>

#include "common/ports/event_log.h"
#include "common/ports/retry_store.h"
#include "common/telemetry/metrics.h"
#include "daemon/overview/sample.h"
#include "daemon/pipeline/consumer/runtime.h"

namespace mesh::overview {

struct GroupPorts {
  EventLog& log;
  LogAdmin& admin;
  RetryStore& retries;
  const Metrics& metrics;  // of pipelines' breakers
};

// By name. `topics` are LogAdmin::topics(), `running` the pipelines of this process. The age of a
// group's oldest event, and how many are parked, is asked of the log and the store only where
// another process has a part of it: a read for each partition that is behind, and all keys that are
// parked.
Result<std::vector<GroupSample>> sample_groups(const GroupPorts& ports,
                                               std::span<const TopicInfo> topics,
                                               std::span<const pipeline::PipelineStatus> running,
                                               Timestamp now);

}  // namespace mesh::overview
