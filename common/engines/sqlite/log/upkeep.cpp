// The rounds of retention and compaction, and what both read with.
#include "common/base/ids.h"
#include "common/engines/sqlite/log/codec.h"
#include "common/engines/sqlite/log/log_impl.h"
#include "common/telemetry/log.h"

namespace mesh::sqlite {
namespace {

constexpr int kScanChunk = 2'000;  // records per read snapshot

}  // namespace

void SqliteLogImpl::upkeep_loop() {
  std::unique_lock lock(close_mutex_);
  while (!closed_) {
    // From the end of the round before, so that a slow disk is not kept busy by upkeep alone.
    const auto deadline = clock_.steady() + options_.upkeep_interval;
    if (clock_.wait_until(lock, close_cv_, deadline, [&] { return closed_.load(); })) return;
    lock.unlock();
    if (auto s = upkeep(); !s && !closed_) {
      log::warn("upkeep of the log failed, will be tried again",
                {{"error", s.error().to_string()}});
    }
    lock.lock();
  }
}

Status SqliteLogImpl::upkeep() {
  std::lock_guard only(upkeep_mutex_);
  std::vector<std::pair<Topic*, TopicSpec>> all;
  {
    // Topics only ever grow, so that their pointers stay good without the lock; of the spec a copy
    // is taken, since update_retention changes it.
    std::shared_lock lock(topics_mutex_);
    for (const auto& [name, topic] : topics_) all.emplace_back(topic.get(), topic->spec);
  }
  Status first;
  const auto note = [&](Status status) {  // one damaged partition does not stop the others
    if (!status && first) first = std::move(status);
  };
  for (const auto& [topic, spec] : all) {
    if (closed_) return fail(ErrorKind::cancelled, "the log is closed");
    if (spec.kind == TopicKind::entity) {
      for (const auto& p : topic->partitions) note(compact(*p));
    } else {
      note(expire(*topic, spec));
    }
  }
  return first;
}

Status SqliteLogImpl::scan(Partition& p, std::int64_t from, std::int64_t to,
                           const std::function<bool(const ScannedRow&)>& visit) {
  const auto sql = p.read_sql + " LIMIT " + std::to_string(kScanChunk);
  while (from < to && !closed_) {
    auto db = MESH_TRY(readers_.connection());
    auto rows = MESH_TRY(db->prepare(sql));
    rows.bind(1, from).bind(2, to);
    int seen = 0;
    for (;;) {
      auto row = rows.step();
      if (!row) return fail(damaged(p, from, row.error().to_string()));
      if (!*row) break;
      ++seen;
      const auto body = rows.text(4);
      const RowPlace place{p.id, rows.integer(0), rows.integer(1), rows.integer(2)};
      ScannedRow found{place.offset, place.time, {}, false, body};
      BodyHead head;
      if (row_checksum(stable_hash(body), place) != rows.integer(3) || !decode_head(body, head)) {
        return fail(damaged(p, place.offset, "its checksum is wrong"));
      }
      found.key = head.key;
      found.tombstone = head.tombstone;
      if (!visit(found)) return {};
      from = place.offset + 1;
    }
    // A short chunk was the end; a new one begins a new snapshot, so that the WAL is not held for
    // long.
    if (seen < kScanChunk) return {};
  }
  return {};
}

Result<std::int64_t> SqliteLogImpl::count(Partition& p, std::int64_t from, std::int64_t to) {
  auto db = MESH_TRY(readers_.connection());
  auto rows = MESH_TRY(
      db->prepare("SELECT count(*) FROM r" + std::to_string(p.id) + " WHERE o>=? AND o<?"));
  (void)MESH_TRY(rows.bind(1, from).bind(2, to).step());
  return rows.integer(0);
}

}  // namespace mesh::sqlite
