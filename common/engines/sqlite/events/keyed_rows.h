// Rows of some of a partition's documents: read one by one where they are few of all, else by a
// scan of the partition that passes over the others.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/events/events_file.h"

namespace mesh::sqlite {

// From what share of a partition's documents on a scan is quicker than finding each: measured on
// codes of 640 dimensions, where a row found by its key takes as long as six that a scan reads.
inline constexpr std::int64_t kScanFromShare = 6;

// Calls `use` (Status(const Statement&)) with the row of each of `ids`, which ascend, in order; ids
// without a row are passed over. `select` reads "SELECT id, … WHERE id BETWEEN ?1 AND ?2" and "AND"
// with what else is asked, if anything, ordered by id; `bind` binds that.
template <typename Bind, typename Use>
Status each_keyed_row(Database& db, std::string_view select, std::span<const std::int64_t> ids,
                      std::int64_t documents, Bind bind, Use use) {
  auto rows = MESH_TRY(db.prepare(select));
  bind(rows);
  if (std::ssize(ids) * kScanFromShare < documents) {
    for (const auto id : ids) {
      rows.bind(1, id).bind(2, id);
      const auto there = MESH_TRY(rows.step());
      if (there) MESH_TRY(use(static_cast<const Statement&>(rows)));
      rows.reset();
    }
    return {};
  }
  if (ids.empty()) return {};
  rows.bind(1, ids.front()).bind(2, ids.back());
  for (std::size_t next = 0;;) {
    const auto there = MESH_TRY(rows.step());
    if (!there) return {};
    const auto id = rows.integer(0);
    while (next < ids.size() && ids[next] < id) ++next;
    if (next == ids.size()) return {};
    if (ids[next] == id) MESH_TRY(use(static_cast<const Statement&>(rows)));
  }
}

}  // namespace mesh::sqlite
