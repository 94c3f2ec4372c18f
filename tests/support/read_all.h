// Reading a log from a place on, as whoever wants the end does.
#pragma once

#include "common/ports/event_log.h"

namespace mesh::test {

// The records from `from` to the end, or as many as the limits let pass, through empty reads.
inline Result<std::vector<StoredRecord>> read_all(EventLog& log, const TopicPartition& partition,
                                                  std::int64_t from, ReadLimits limits = {}) {
  std::vector<StoredRecord> records;
  for (;;) {
    auto read = log.read(partition, from, limits);
    if (!read) return fail(std::move(read.error()));
    if (!read->records.empty() || read->at_end) return std::move(read->records);
    from = read->next;
  }
}

}  // namespace mesh::test
