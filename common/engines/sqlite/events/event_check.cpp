#include "common/engines/sqlite/events/event_check.h"

#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/events/events_file.h"
#include "common/engines/sqlite/events/fields_codec.h"

namespace mesh::sqlite {
namespace {

tl::unexpected<Error> damaged_partition(const EventPartition& partition, const std::string& what) {
  return fail(damaged_file("events.db", what + " of generation " + partition.generation +
                                            ", partition " + std::to_string(partition.id)));
}

}  // namespace

Result<std::vector<EventPartition>> read_event_partitions(Database& db) {
  std::vector<EventPartition> all;
  MESH_TRY(each_row(
      query(db,
            "SELECT p.id, g.type, g.number, p.tenant, g.dimension, p.documents, p.length"
            " FROM partitions p JOIN generations g ON g.id = p.generation WHERE g.dropped = 0"
            " ORDER BY p.id"),
      [&](const Statement& row) -> Status {
        all.push_back({row.integer(0),
                       std::string(row.text(1)) + "-" + std::to_string(row.integer(2)),
                       std::string(row.text(3)), static_cast<int>(row.integer(4)), row.integer(5),
                       row.integer(6)});
        return {};
      }));
  return all;
}

Status check_event_partition(Database& db, const EventPartition& partition) {
  const auto keys = keys_of(partition.id);
  const auto dimension = static_cast<std::size_t>(partition.dimension);
  std::int64_t documents = 0, length = 0, terms = 0, postings = 0;
  MESH_TRY(each_row(
      query(db,
            "SELECT d.fields, d.length, d.partition, c.high, f.low, length(f.terms) / 4"
            " FROM documents d LEFT JOIN coarse c ON c.id = d.id LEFT JOIN fine f ON f.id = d.id"
            " WHERE d.id BETWEEN ?1 AND ?2",
            keys.first, keys.last),
      [&](const Statement& row) -> Status {
        if (row.integer(2) != partition.id || row.text(3).size() != dimension ||
            row.text(4).size() != dimension) {
          return damaged_partition(partition, "a code");
        }
        (void)MESH_TRY(decode_fields(row.text(0)));
        ++documents;
        length += row.integer(1);
        terms += row.integer(5);
        return {};
      }));
  MESH_TRY(each_row(query(db, "SELECT count(*) FROM postings WHERE partition = ?1", partition.id),
                    [&](const Statement& row) -> Status {
                      postings = row.integer(0);
                      return {};
                    }));
  if (documents != partition.documents || length != partition.length || postings != terms) {
    return damaged_partition(partition, "the sums");
  }
  return {};
}

}  // namespace mesh::sqlite
