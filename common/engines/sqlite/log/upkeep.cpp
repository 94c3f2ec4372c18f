// Retention of activity topics and compaction of entity topics, in small transactions.
//
// Compaction finds superseded records by scanning, as Kafka's cleaner does: a map of the last
// offset of each key in the part not yet compacted, then one pass over what is older. An index of
// keys kept with each append was rejected: it would double the cost of the hottest path, for
// something that can be had by reading in the background.
#include <algorithm>
#include <limits>
#include <unordered_map>

#include "common/base/ids.h"
#include "common/engines/sqlite/log/codec.h"
#include "common/engines/sqlite/log/log_impl.h"
#include "common/telemetry/log.h"

namespace mesh::sqlite {
namespace {

constexpr std::int64_t kExpireChunk = 2'000;      // records per transaction
constexpr std::size_t kCompactChunk = 500;        // records per transaction
constexpr int kScanChunk = 2'000;                 // records per read snapshot
constexpr std::size_t kMaxCompactKeys = 200'000;  // of one pass; the next goes on: some 30 MB

constexpr auto kNever = std::numeric_limits<std::int64_t>::max();

}  // namespace

void SqliteLogImpl::upkeep_loop() {
  std::unique_lock lock(close_mutex_);
  while (!closed_) {
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
      if (spec.max_age) note(expire_by_age(*topic, *spec.max_age));
      if (spec.max_bytes) note(expire_by_size(*topic, *spec.max_bytes));
    }
  }
  return first;
}

Status SqliteLogImpl::expire_by_age(Topic& topic, Duration max_age) {
  for (const auto& p : topic.partitions) {
    auto cut = offset_at(p->name, clock_.now() - max_age);
    if (!cut) return fail(cut.error());
    if (auto s = expire_below(*p, *cut); !s) return s;
  }
  return {};
}

Result<std::int64_t> SqliteLogImpl::bytes_below(Partition& p, std::int64_t offset) {
  auto row = row_at(p, offset);
  if (!row) return fail(row.error());
  return (*row ? (*row)->total_before : p.total.load()) - p.removed_bytes;
}

// Takes away the oldest records, whichever partition they are in, until the rest fits.
Status SqliteLogImpl::expire_by_size(Topic& topic, std::uint64_t max_bytes) {
  const auto limit = static_cast<std::int64_t>(std::min<std::uint64_t>(max_bytes, kNever));
  const auto excess = [&] {
    std::int64_t bytes = -limit;
    for (const auto& p : topic.partitions) bytes += p->total - p->removed_bytes;
    return bytes;
  };
  if (excess() <= 0) return {};

  // First all up to the latest time that is not yet enough …
  std::int64_t low = 0, high = to_millis(clock_.now()) + 1;
  while (low + 1 < high) {
    const auto middle = low + (high - low) / 2;
    std::int64_t older = 0;
    for (const auto& p : topic.partitions) {
      auto cut = offset_at(p->name, Timestamp(Duration(middle)));
      auto bytes = cut ? bytes_below(*p, *cut) : fail(cut.error());
      if (!bytes) return fail(bytes.error());
      older += *bytes;
    }
    (older < excess() ? low : high) = middle;
  }
  for (const auto& p : topic.partitions) {
    auto cut = offset_at(p->name, Timestamp(Duration(low)));
    if (!cut) return fail(cut.error());
    if (auto s = expire_below(*p, *cut); !s) return s;
  }
  // … then, of the millisecond in which it becomes enough, only as many as needed.
  for (const auto& p : topic.partitions) {
    const auto wanted = excess();
    if (wanted <= 0 || closed_) return {};
    auto last = offset_at(p->name, Timestamp(Duration(low + 1)));
    if (!last) return fail(last.error());
    auto from = p->bell.start.load(), to = std::max(from, *last);
    while (from < to) {
      const auto middle = from + (to - from) / 2;
      auto bytes = bytes_below(*p, middle);
      if (!bytes) return fail(bytes.error());
      if (*bytes >= wanted) {
        to = middle;
      } else {
        from = middle + 1;
      }
    }
    if (auto s = expire_below(*p, from); !s) return s;
  }
  return {};
}

Status SqliteLogImpl::expire_below(Partition& p, std::int64_t offset) {
  while (p.bell.start < offset && !closed_) {
    const auto to = std::min(offset, p.bell.start + kExpireChunk);
    std::int64_t removed_bytes = 0;
    p.gaps_to = to;
    auto done = committer_.run([&](Database& db) -> Status {
      const auto table = "r" + std::to_string(p.id);
      auto remove = db.prepare("DELETE FROM " + table + " WHERE o<?");
      if (!remove) return fail(remove.error());
      if (auto s = remove->bind(1, to).run(); !s) return s;
      auto first = db.prepare("SELECT total FROM " + table + " ORDER BY o LIMIT 1");
      if (!first) return fail(first.error());
      auto row = first->step();
      if (!row) return fail(row.error());
      removed_bytes = *row ? first->integer(0) : p.staged.total;
      auto update = db.prepare(
          "UPDATE partitions SET start=?1, gaps_to=?1, removed_records=?1, removed_bytes=?2,"
          " tail_end=?3, tail_total=?4, tail_time=?5 WHERE id=?6");
      if (!update) return fail(update.error());
      return update->bind(1, to)
          .bind(2, removed_bytes)
          .bind(3, p.staged.end)
          .bind(4, p.staged.total)
          .bind(5, p.staged.time)
          .bind(6, p.id)
          .run();
    });
    if (!done) return done;
    p.removed_records = to;
    p.removed_bytes = removed_bytes;
    p.bell.start = to;
  }
  return {};
}

Status SqliteLogImpl::scan(Partition& p, std::int64_t from, std::int64_t to,
                           const std::function<bool(const ScannedRow&)>& visit) {
  const auto sql = p.read_sql + " LIMIT " + std::to_string(kScanChunk);
  while (from < to && !closed_) {
    auto db = readers_.lease();
    if (!db) return fail(db.error());
    auto rows = (*db)->prepare(sql);
    if (!rows) return fail(rows.error());
    rows->bind(1, from).bind(2, to);
    int seen = 0;
    for (;;) {
      auto row = rows->step();
      if (!row) return fail(damaged(p, from, row.error().to_string()));
      if (!*row) break;
      ++seen;
      const auto body = rows->text(4);
      const RowPlace place{p.id, rows->integer(0), rows->integer(1), rows->integer(2)};
      ScannedRow found{place.offset, place.time, static_cast<std::int64_t>(body.size()), {}, false};
      BodyHead head;
      if (row_checksum(stable_hash(body), place) != rows->integer(3) || !decode_head(body, head)) {
        return fail(damaged(p, place.offset, "its checksum is wrong"));
      }
      found.key = head.key;
      found.tombstone = head.tombstone;
      if (!visit(found)) return {};
      from = place.offset + 1;
    }
    if (seen < kScanChunk) return {};
  }
  return {};
}

Status SqliteLogImpl::compact(Partition& p) {
  const auto now = to_millis(clock_.now());
  const auto end = p.bell.end.load();
  auto head = offset_at(p.name, clock_.now() - options_.compaction_lag + Duration(1));
  if (!head) return fail(head.error());
  // The last record stays, so that who waits for offsets below the end finds one there.
  auto to = std::max(p.clean_to, std::min(*head, end - 1));
  const auto dirty = static_cast<double>(to - p.clean_to);
  const auto kept = static_cast<double>(p.clean_to - p.removed_records);
  const bool tombstones_due = p.tombstone_due != 0 && p.tombstone_due <= now;
  if (!tombstones_due && (dirty == 0 || dirty < options_.dirty_ratio * (dirty + kept))) return {};

  // What follows `to` is not removed, but supersedes as well.
  std::unordered_map<std::string, std::int64_t> last;
  auto status = scan(p, p.clean_to, end, [&](const ScannedRow& row) {
    if (last.size() >= kMaxCompactKeys && !last.contains(std::string(row.key))) {
      to = std::min(to, row.offset);
      return false;
    }
    last[std::string(row.key)] = row.offset;
    return true;
  });
  if (!status) return status;

  // A tombstone must reach whoever has seen what it deleted: it stays for tombstone_age, until a
  // second pass, and until every group is past it.
  auto passed_by_all = kNever;
  {
    std::lock_guard lock(groups_mutex_);
    for (const auto& [name, group] : groups_) {
      const auto it = group->offsets.find(&p);
      if (it == group->offsets.end()) continue;
      passed_by_all = std::min(passed_by_all, it->second.committed.value_or(0));
    }
  }
  const auto age = std::int64_t{options_.tombstone_age.count()};
  auto due = kNever;
  std::vector<std::pair<std::int64_t, std::int64_t>> victims;  // offset, bytes
  Status removal;
  status = scan(p, p.bell.start, to, [&](const ScannedRow& row) {
    const auto found = last.find(std::string(row.key));
    bool gone = found != last.end() && found->second > row.offset;
    if (!gone && row.tombstone) {
      const bool cleaned = row.offset < p.clean_to, passed = row.offset < passed_by_all;
      gone = cleaned && passed && row.time + age <= now;
      if (!gone) due = std::min(due, std::max(row.time + age, passed ? now : now + age));
    }
    if (gone) victims.emplace_back(row.offset, row.bytes);
    if (victims.size() < kCompactChunk) return true;
    removal = remove(p, victims, to);
    victims.clear();
    return removal.has_value();
  });
  if (status && removal && !victims.empty()) removal = remove(p, victims, to);
  if (!status) return status;
  if (!removal) return removal;
  if (closed_) return {};
  const auto tombstone_due = due == kNever ? 0 : due;
  auto done = committer_.run([&](Database& db) -> Status {
    auto update = db.prepare("UPDATE partitions SET clean_to=?, tombstone_due=? WHERE id=?");
    if (!update) return fail(update.error());
    return update->bind(1, to).bind(2, tombstone_due).bind(3, p.id).run();
  });
  if (!done) return done;
  p.clean_to = to;
  p.tombstone_due = tombstone_due;
  return {};
}

Status SqliteLogImpl::remove(Partition& p,
                             const std::vector<std::pair<std::int64_t, std::int64_t>>& victims,
                             std::int64_t below) {
  std::int64_t records = 0, bytes = 0;
  p.gaps_to = std::max(p.gaps_to.load(), below);
  auto done = committer_.run([&](Database& db) -> Status {
    records = p.removed_records;
    bytes = p.removed_bytes;
    auto remove_one = db.prepare("DELETE FROM r" + std::to_string(p.id) + " WHERE o=?");
    if (!remove_one) return fail(remove_one.error());
    for (const auto& [offset, size] : victims) {
      if (auto s = remove_one->bind(1, offset).run(); !s) return s;
      ++records;
      bytes += size;
    }
    auto update = db.prepare(
        "UPDATE partitions SET gaps_to=max(gaps_to,?), removed_records=?, removed_bytes=?"
        " WHERE id=?");
    if (!update) return fail(update.error());
    return update->bind(1, below).bind(2, records).bind(3, bytes).bind(4, p.id).run();
  });
  if (!done) return done;
  p.removed_records = records;
  p.removed_bytes = bytes;
  return {};
}

}  // namespace mesh::sqlite
