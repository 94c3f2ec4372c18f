// One end of a range of a log, as people write it.
#pragma once

#include <string_view>

#include "common/base/clock.h"
#include "common/ports/event_log.h"

namespace mesh::pipeline {

// "start", "end", an offset ("1234", applies to every partition), a time
// ("@2026-11-21T08:00:00Z"), a duration before now ("@-1h", "-1h"). `invalid` for any other text.
Result<std::int64_t> resolve_bound(EventLog& log, const TopicPartition& partition,
                                   std::string_view bound, Timestamp now);

}  // namespace mesh::pipeline
