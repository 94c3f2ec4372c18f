#include "common/engines/sqlite/repair/inspect_events.h"

#include "common/engines/sqlite/events/event_check.h"
#include "common/engines/sqlite/repair/bad_pages.h"

namespace mesh::sqlite {

Result<FileReport> inspect_events(const std::string& source) {
  constexpr auto kLoss = "nothing: the next start builds the index again from the log";
  FileReport report{"events.db", 0, false, {}};
  const auto damaged = [&](std::string place, std::string what, std::vector<std::string> tenants) {
    report.damages.push_back({std::move(place), std::move(what), std::move(tenants), kLoss, true});
  };
  const auto look = [&]() -> Status {
    const auto db = MESH_TRY(Database::open(source, Database::Mode::read_only));
    const auto partitions = MESH_TRY(read_event_partitions(*db));
    for (const auto& partition : partitions) {
      const auto checked = check_event_partition(*db, partition);
      if (checked) {
        report.rows += partition.documents;
        continue;
      }
      // Damage is what is looked for; anything else keeps from looking.
      if (checked.error().kind != ErrorKind::corrupt) return checked;
      damaged("index generation " + partition.generation, "events are unreadable or damaged",
              {partition.tenant});
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
