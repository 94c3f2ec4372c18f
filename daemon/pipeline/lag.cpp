#include "daemon/pipeline/lag.h"

#include <algorithm>

#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {

Result<std::int64_t> records_from(EventLog& log,
                                  const std::map<TopicPartition, std::int64_t>& next) {
  std::int64_t records = 0;
  for (const auto& [partition, offset] : next) {
    // Offsets that compaction removed are counted, too: to leave them out would cost reads.
    const auto marks = MESH_TRY(log.watermarks(partition));
    records += std::max<std::int64_t>(0, marks.end - std::max(offset, marks.start));
  }
  return records;
}

Result<std::optional<Timestamp>> oldest_from(EventLog& log,
                                             const std::map<TopicPartition, std::int64_t>& next) {
  std::optional<Timestamp> oldest;
  for (const auto& [partition, offset] : next) {
    const auto marks = MESH_TRY(log.watermarks(partition));
    if (offset >= marks.end) continue;
    MESH_TRY(scan(log, partition, offset, marks.end,
                  [&](const auto& records) {
                    oldest = std::min(oldest.value_or(Timestamp::max()), records.front().time);
                    return false;
                  },
                  {.max_records = 1}));
  }
  return oldest;
}

}  // namespace mesh::pipeline
