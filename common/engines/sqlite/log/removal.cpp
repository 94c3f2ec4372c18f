// Single records taken out: by compaction what was overtaken, by an erasure what is named.
#include <algorithm>

#include "common/engines/sqlite/log/log_impl.h"

namespace mesh::sqlite {
namespace {

constexpr std::size_t kEraseChunk = 500;  // records per transaction

// While it lives, what is removed is overwritten in the file (by default only where that costs no
// writes of its own, which leaves freed pages as they were).
class Overwriting {
 public:
  explicit Overwriting(Database& db) : db_(db) { (void)db_.execute("PRAGMA secure_delete=ON"); }
  ~Overwriting() { (void)db_.execute("PRAGMA secure_delete=FAST"); }
  Overwriting(const Overwriting&) = delete;
  Overwriting& operator=(const Overwriting&) = delete;

 private:
  Database& db_;
};

}  // namespace

// With the tail, since the last record may be among those that went: the staged one, since what the
// transaction has appended stands in the table as well.
Status note_removed(Database& db, const Partition& p, Removed removed, std::int64_t start,
                    std::int64_t gaps_to) {
  auto update = MESH_TRY(
      db.prepare("UPDATE partitions SET start=?1, gaps_to=max(gaps_to,?2), removed_records=?3,"
                 " removed_bytes=?4, tail_end=?5, tail_total=?6, tail_time=?7 WHERE id=?8"));
  return update.bind(1, start)
      .bind(2, gaps_to)
      .bind(3, p.removed_records + removed.records)
      .bind(4, p.removed_bytes + removed.bytes)
      .bind(5, p.staged.end)
      .bind(6, p.staged.total)
      .bind(7, p.staged.time)
      .bind(8, p.id)
      .run();
}

Result<std::int64_t> SqliteLogImpl::remove(Partition& p, std::span<const std::int64_t> offsets,
                                           std::int64_t below) {
  std::int64_t records = 0, bytes = 0;
  // Before the commit: a reader that meets the gap a moment later must not take it for damage.
  // Where the removal fails the mark only says less than it could.
  p.gaps_to = std::max(p.gaps_to.load(), below);
  MESH_TRY(committer_.run([&](Database& db) -> Status {
    const Overwriting overwriting(db);
    // Set and not added to: the committer may run the job twice.
    records = bytes = 0;
    auto remove_one = MESH_TRY(
        db.prepare("DELETE FROM r" + std::to_string(p.id) + " WHERE o=? RETURNING length(body)"));
    for (const std::int64_t offset : offsets) {
      const auto there = MESH_TRY(remove_one.bind(1, offset).step());
      if (there) {
        ++records;
        bytes += remove_one.integer(0);
        (void)MESH_TRY(remove_one.step());  // to its end
      }
      remove_one.reset();
    }
    return note_removed(db, p, {records, bytes}, p.bell.start, below);
  }));
  // Behind the commit, so that what is shown never runs ahead of the file.
  p.removed_records += records;
  p.removed_bytes += bytes;
  return records;
}

Result<std::int64_t> SqliteLogImpl::erase(const TopicPartition& partition,
                                          std::span<const std::int64_t> offsets) {
  const auto found = MESH_TRY(find(partition));
  auto& p = *found;
  // Upkeep counts on nobody else taking records out.
  std::lock_guard only(upkeep_mutex_);
  const auto start = p.bell.start.load(), end = p.bell.end.load();
  std::vector<std::int64_t> there(offsets.begin(), offsets.end());
  std::erase_if(there, [&](std::int64_t offset) { return offset < start || offset >= end; });
  std::ranges::sort(there);
  std::int64_t erased = 0;
  Status status;
  for (std::size_t at = 0; at < there.size() && status; at += kEraseChunk) {
    const auto chunk = std::span(there).subspan(at, std::min(kEraseChunk, there.size() - at));
    const auto removed = remove(p, chunk, chunk.back() + 1);
    if (removed) erased += *removed;
    if (!removed) status = fail(removed.error());
  }
  // No letter that is gone waits to be settled.
  std::erase_if(p.letters,
                [&](std::int64_t offset) { return std::ranges::binary_search(there, offset); });
  // Its frames show the pages as they were. Also where nothing was there any more: a process that
  // erased them may have ended before it came to this.
  committer_.empty_wal();
  MESH_TRY(status);
  return erased;
}

}  // namespace mesh::sqlite
