// Looking for damage in events.db.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/engines/sqlite/core/database.h"

namespace mesh::sqlite {

struct EventPartition {
  std::int64_t id = 0;
  std::string generation;  // "order.placed-2"
  std::string tenant;
  int dimension = 0;
  std::int64_t documents = 0;
  std::int64_t length = 0;
};
// Those of generations that were not dropped.
Result<std::vector<EventPartition>> read_event_partitions(Database& db);

// Reads all that the partition holds. `corrupt` where a row cannot be read, is not of the form that
// was written, or the sums of the partition are others than those of its rows.
Status check_event_partition(Database& db, const EventPartition& partition);

}  // namespace mesh::sqlite
