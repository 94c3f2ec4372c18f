#include "common/engines/sqlite/repair/inspect_points.h"

#include "common/engines/sqlite/points/points_file.h"
#include "common/engines/sqlite/repair/bad_pages.h"
#include "common/engines/sqlite/repair/report.h"

namespace mesh::sqlite {

Result<FileReport> inspect_points(const std::string& source) {
  constexpr auto kLoss = "nothing: the next start builds the index again from the log";
  FileReport report{"vectors.db", 0, false, {}};
  const auto damaged = [&](std::string place, std::string what, std::vector<std::string> tenants) {
    report.damages.push_back({std::move(place), std::move(what), std::move(tenants), kLoss, true});
  };
  const auto look = [&]() -> Status {
    auto db = MESH_TRY(Database::open(source, Database::Mode::read_only));
    auto generations = MESH_TRY(read_generations(*db));
    auto partitions = MESH_TRY(read_partitions(*db));
    for (const auto& partition : partitions) {
      // Of a partition whose generation is gone: its points then do not fit, and count as damaged.
      int dimension = 0;
      for (const auto& generation : generations) {
        if (generation.number == partition.generation) dimension = generation.spec.dimension;
      }
      auto read =
          read_points(*db, partition.id, dimension, [&](const StoredPoint&) { ++report.rows; });
      if (read) continue;
      // Damage is what is looked for; anything else keeps from looking.
      if (read.error().kind != ErrorKind::corrupt) return read;
      damaged("index generation " + std::to_string(partition.generation),
              "vectors are unreadable or damaged", {partition.tenant.str()});
    }
    return {};
  };
  if (auto looked = look(); !looked) {
    if (looked.error().kind != ErrorKind::corrupt) return fail(looked.error());
    damaged("file", "cannot be read", {});
  }
  tell_bad_pages(bad_pages(source), kLoss, report);
  return report;
}

}  // namespace mesh::sqlite
