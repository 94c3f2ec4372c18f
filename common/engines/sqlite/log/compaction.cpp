// Compaction of entity topics, in small transactions.
//
// It finds superseded records by scanning, as Kafka's cleaner does: a map of the newest state of
// each key in the part not yet compacted, then one pass over what is older. An index of keys kept
// with each append was rejected: it would double the cost of the hottest path, for something that
// can be had by reading in the background.
#include <algorithm>
#include <unordered_map>

#include "common/base/strings.h"
#include "common/domain/catalogue.h"
#include "common/engines/sqlite/log/codec.h"
#include "common/engines/sqlite/log/log_impl.h"

namespace mesh::sqlite {
namespace {

constexpr std::size_t kCompactChunk = 500;        // records per transaction
constexpr std::size_t kMaxCompactKeys = 200'000;  // of one pass; the next goes on: some 30 MB

// One record of a key. Of an entity's states the newest stays, wherever it stands: a relay that
// stood still may have appended an older one behind it. Where records have no number the last does.
struct State {
  std::int64_t offset = 0;
  std::int64_t sequence = 0;  // 0: none
  bool outlives(const State& other) const {
    const bool numbered = sequence > 0 && other.sequence > 0 && sequence != other.sequence;
    return numbered ? sequence > other.sequence : offset > other.offset;
  }
};

State state_of(std::int64_t offset, std::string_view body) {
  return {offset, parse_int(header_in(body, "ce_sequence")).value_or(0)};
}

}  // namespace

Status SqliteLogImpl::compact(Partition& p) {
  for (;;) {
    auto more = MESH_TRY(compact_pass(p));
    if (!more || closed_) return {};
  }
}

// Whether it is worth a pass, or what was overtaken has been there long enough.
Result<bool> SqliteLogImpl::compaction_is_due(Partition& p, std::int64_t to) {
  const auto now = clock_.now();
  // Whatever the ratio: a removal that outlives its time keeps what it names in the log.
  if (p.tombstone_due != 0 && p.tombstone_due <= to_millis(now)) return true;
  const auto dirty = static_cast<double>(to - p.clean_to);
  const auto kept = static_cast<double>(p.clean_to - p.removed_records);
  if (dirty == 0) return false;
  if (dirty >= options_.dirty_ratio * (dirty + kept)) return true;
  // Of those that may have overtaken others since.
  const auto oldest = MESH_TRY(row_at(p, p.seen_to));
  // A round earlier, since the next look comes only then.
  const auto lag = options_.max_compaction_lag - options_.upkeep_interval;
  return oldest && oldest->time <= to_millis(now - lag);
}

Result<bool> SqliteLogImpl::compact_pass(Partition& p) {
  const auto now = to_millis(clock_.now());
  const auto end = p.bell.end.load();
  auto head = MESH_TRY(offset_at(p.name, clock_.now() - options_.min_compaction_lag + Duration(1)));
  // The last record stays, so that who waits for offsets below the end finds one there.
  auto to = std::max(p.clean_to, std::min(head, end - 1));
  auto due = compaction_is_due(p, to);
  if (!due || !*due) return due;

  // What follows `to` is not removed, but supersedes as well.
  std::unordered_map<std::string, State> newest;
  bool more = false, whole = true;
  MESH_TRY(scan(p, p.clean_to, end, [&](const ScannedRow& row) {
    if (newest.size() >= kMaxCompactKeys && !newest.contains(std::string(row.key))) {
      // The map is full: this pass goes as far as it knows all keys, and another one follows.
      whole = false;
      more = row.offset < to;
      to = std::min(to, row.offset);
      return false;
    }
    const State state = state_of(row.offset, row.body);
    const auto [at, first] = newest.try_emplace(std::string(row.key), state);
    if (!first && state.outlives(at->second)) at->second = state;
    return true;
  }));

  // A removal must reach whoever has seen what it removed: it stays for delete_retention, until a
  // second pass, and until every group is past it; and while an older state stands behind it, or
  // may.
  const auto passed_by_all = committed_by_all(p);
  const auto age = std::int64_t{options_.delete_retention.count()};
  std::int64_t next_due = 0;
  std::vector<std::int64_t> victims;
  Result<std::int64_t> removal = 0;
  bool removed = false;
  const Status scanned = scan(p, p.bell.start, to, [&](const ScannedRow& row) {
    const auto found = newest.find(std::string(row.key));
    bool gone = false;
    if (found != newest.end()) {
      const State state = state_of(row.offset, row.body);
      gone = found->second.outlives(state);
      if (!gone) found->second = state;  // of the clean part, and newer than what came since
    }
    if (!gone && (row.tombstone || is_removal(header_in(row.body, "ce_type")))) {
      const bool cleaned = row.offset < p.clean_to, passed = row.offset < passed_by_all;
      gone = cleaned && passed && whole && found == newest.end() && row.time + age <= now;
      const auto due_at = std::max(row.time + age, passed ? now : now + age);
      if (!gone && (next_due == 0 || due_at < next_due)) next_due = due_at;
    }
    if (gone) victims.push_back(row.offset);
    removed = removed || gone;
    if (victims.size() < kCompactChunk) return true;
    removal = remove(p, victims, to);
    victims.clear();
    return removal.has_value();
  });
  if (scanned && removal && !victims.empty()) removal = remove(p, victims, to);
  if (removed) committer_.empty_wal();  // its frames show the pages as they were
  MESH_TRY(scanned);
  (void)MESH_TRY(removal);
  if (closed_) return false;
  MESH_TRY(committer_.run([&](Database& db) -> Status {
    auto update =
        MESH_TRY(db.prepare("UPDATE partitions SET clean_to=?, tombstone_due=? WHERE id=?"));
    return update.bind(1, to).bind(2, next_due).bind(3, p.id).run();
  }));
  p.clean_to = to;
  p.tombstone_due = next_due;
  // Of what is younger than the least lag something may be overtaken and still there.
  p.seen_to = to == end - 1 ? end : to;
  return more;
}

}  // namespace mesh::sqlite
