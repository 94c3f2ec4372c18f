// What vectors.db holds: generations, partitions and points. Plain functions over a connection;
// those that write run in a job of the committer.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/engines/sqlite/core/database.h"
#include "common/engines/vectors/point_store.h"
#include "common/ports/vector_index.h"

namespace mesh::sqlite {

// One change with its code (empty: remove), as a committer's job takes it along.
struct PointChange {
  std::string tenant;
  std::int64_t user_id = 0;
  std::int64_t version = 0;
  std::string code;
  std::string email;
  std::string name;
  std::string event_id;
  // Set by write_point: whether no newer version stood in the way, and the partition's id.
  bool effective = false;
  std::int64_t partition = 0;
};

using vectors::StoredPartition;
using vectors::StoredPoint;

struct StoredGeneration {
  int number = 0;
  GenerationSpec spec;
  bool serving = false;
};

Status prepare_points_file(Database& db);

enum class GenerationState { missing, idle, serving };  // missing: also when dropped
Result<GenerationState> read_generation_state(Database& db, int number);
// Who changes generations now; 0 before the first.
Result<std::int64_t> read_epoch(Database& db);
Result<std::int64_t> raise_epoch(Database& db);
Result<int> insert_generation(Database& db, const GenerationSpec& spec);
Status store_serving(Database& db, int number);
// From here on the generation is gone; its points go by delete_dropped, some at a time.
Status mark_dropped(Database& db, int number);
// Deletes at most `limit` points of dropped generations; whether there may be more.
Result<bool> delete_dropped(Database& db, int limit);

Status write_point(Database& db, int generation, PointChange& change);
// The rows of a tenant, or of one user of it: points, and removed ones.
Result<KeptPoints> count_points(Database& db, int generation, std::string_view tenant,
                                std::optional<std::int64_t> user_id);
// Deletes at most `limit` of them; of which users. The partition's own row stays: memory goes by
// its id.
Result<std::vector<std::int64_t>> delete_points(Database& db, int generation,
                                                std::string_view tenant,
                                                std::optional<std::int64_t> user_id, int limit);

Result<std::vector<StoredGeneration>> read_generations(Database& db);  // without dropped ones
Result<std::vector<StoredPartition>> read_partitions(Database& db);    // of those generations
// Every live point of the partition, checked against its checksum: `corrupt` where one fails.
Status read_points(Database& db, std::int64_t partition, int dimension,
                   const std::function<void(const StoredPoint&)>& each);
// One live point, checked; false where it is not there.
Result<bool> read_point(Database& db, std::int64_t partition, int dimension, std::int64_t user_id,
                        const std::function<void(const StoredPoint&)>& use);
Result<std::vector<IndexedUser>> read_users(Database& db, int generation, std::string_view tenant,
                                            std::int64_t after, int limit);

}  // namespace mesh::sqlite
