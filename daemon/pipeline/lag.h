// How far a group is behind the log.
#pragma once

#include <map>
#include <optional>

#include "common/ports/event_log.h"

namespace mesh::pipeline {

struct Lag {
  std::int64_t events = 0;
  std::optional<Timestamp> oldest;  // log time of the first event not committed
};

// `with_oldest` costs a read per partition that is behind. What cannot be read counts as no lag:
// this is a report, and the failure shows where it matters.
Lag measure_lag(EventLog& log, const std::map<TopicPartition, std::int64_t>& committed,
                bool with_oldest);

}  // namespace mesh::pipeline
