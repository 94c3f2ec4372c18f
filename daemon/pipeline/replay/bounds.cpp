#include "daemon/pipeline/replay/bounds.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::pipeline {

Result<std::int64_t> resolve_bound(EventLog& log, const TopicPartition& partition,
                                   std::string_view bound, Timestamp now) {
  const auto marks = MESH_TRY(log.watermarks(partition));
  if (bound == "start") return marks.start;
  if (bound == "end") return marks.end;
  if (const auto offset = parse_int(bound); offset && *offset >= 0) {
    // One offset is meant for all partitions, and this one may be shorter or begin later.
    return std::clamp(*offset, marks.start, marks.end);
  }
  std::string_view time = bound;
  const bool marked = time.starts_with('@');
  if (marked) time.remove_prefix(1);
  if (time.starts_with('-')) {
    if (const auto before = parse_duration(time.substr(1))) {
      return log.offset_at(partition, now - *before);
    }
  } else if (marked) {
    if (const auto at = parse_rfc3339(time)) return log.offset_at(partition, *at);
  }
  return fail(ErrorKind::invalid,
              "\"" + std::string(bound.substr(0, 100)) +
                  "\" is no bound; allowed are start, end, an offset (1234), a time "
                  "(@2026-11-21T08:00:00Z) and a duration before now (-1h, @-1h)");
}

}  // namespace mesh::pipeline
