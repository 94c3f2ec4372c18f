#include "daemon/pipeline/lag.h"

#include <algorithm>

namespace mesh::pipeline {

Lag measure_lag(EventLog& log, const std::map<TopicPartition, std::int64_t>& committed,
                bool with_oldest) {
  Lag lag;
  for (const auto& [partition, next] : committed) {
    const auto marks = log.watermarks(partition);
    if (!marks) continue;
    const std::int64_t from = std::max(next, marks->start);
    if (from >= marks->end) continue;
    lag.events += marks->end - from;
    if (!with_oldest) continue;
    const auto first = log.read(partition, from, {.max_records = 1});
    if (!first || first->empty()) continue;
    lag.oldest = std::min(lag.oldest.value_or(Timestamp::max()), first->front().time);
  }
  return lag;
}

}  // namespace mesh::pipeline
