#include "common/base/ids.h"
#include "common/engines/sqlite/log/codec.h"
#include "common/engines/sqlite/log/log_impl.h"

namespace mesh::sqlite {

Result<ReadResult> SqliteLogImpl::read(const TopicPartition& partition, std::int64_t from,
                                       const ReadLimits& limits) {
  auto p = MESH_TRY(find(partition));
  ReadResult read;
  std::size_t bytes = 0;
  auto next = MESH_TRY(read_into(*p, from, limits, read.records, bytes));
  read.next = next;
  read.at_end = read.next >= p->bell.end.load();
  return read;
}

Result<std::int64_t> SqliteLogImpl::read_into(Partition& p, std::int64_t from,
                                              const ReadLimits& limits,
                                              std::vector<StoredRecord>& out, std::size_t& bytes) {
  // Only up to the published end: rows beyond it may be in the file, but no waiter knows of them.
  const auto end = p.bell.end.load();
  from = std::max(from, p.bell.start.load());
  if (from >= end || out.size() >= limits.max_records) return from;
  auto db = MESH_TRY(readers_.connection());
  auto rows = MESH_TRY(db->prepare(p.read_sql));
  rows.bind(1, from).bind(2, end);
  std::int64_t next = from;
  bool limited = false;
  while (!limited) {
    auto row = rows.step();
    if (!row) {
      return fail(row.error().kind == ErrorKind::corrupt ? damaged(p, next, row.error().cause)
                                                         : row.error());
    }
    const auto offset = *row ? rows.integer(0) : end;
    // gaps_to is read behind the row: it is raised before a removal is committed, so that a gap of
    // upkeep's is always covered.
    if (offset > next && offset > p.gaps_to.load()) {
      return fail(damaged(p, std::max(next, p.gaps_to.load()), "the record is missing"));
    }
    next = offset;
    if (!*row) break;
    const auto body = rows.text(4);
    // The first record comes whatever its size, or a reader would stand before it for ever.
    if (!out.empty() && bytes + body.size() > limits.max_bytes) break;
    const RowPlace place{p.id, offset, rows.integer(1), rows.integer(2)};
    StoredRecord record;
    bool sound = false;
    if (limits.keys_only) {
      // Whoever needs the rest reads the record again, and then its checksum is looked at.
      BodyHead head;
      sound = decode_head(body, head);
      record.key = head.key;
    } else {
      sound =
          row_checksum(stable_hash(body), place) == rows.integer(3) && decode_body(body, record);
    }
    if (!sound) return fail(damaged(p, offset, "its checksum is wrong"));
    record.position = {p.name.topic, p.name.partition, offset};
    record.time = Timestamp(Duration(place.time));
    out.push_back(std::move(record));
    bytes += body.size();
    ++next;
    limited = out.size() >= limits.max_records || bytes >= limits.max_bytes;
  }
  return next;
}

Result<Watermarks> SqliteLogImpl::watermarks(const TopicPartition& partition) {
  auto p = MESH_TRY(find(partition));
  return Watermarks{p->bell.start, p->bell.end};
}

Result<std::optional<SqliteLogImpl::RowInfo>> SqliteLogImpl::row_at(Partition& p,
                                                                    std::int64_t offset) {
  auto db = MESH_TRY(readers_.connection());
  auto rows = MESH_TRY(db->prepare("SELECT o,t,total FROM r" + std::to_string(p.id) +
                                   " WHERE o>=? AND o<? ORDER BY o LIMIT 1"));
  auto row = rows.bind(1, offset).bind(2, p.bell.end.load()).step();
  if (!row) {
    return fail(row.error().kind == ErrorKind::corrupt ? damaged(p, offset, row.error().cause)
                                                       : row.error());
  }
  if (!*row) return std::nullopt;
  return RowInfo{rows.integer(0), rows.integer(1), rows.integer(2)};
}

Result<std::int64_t> SqliteLogImpl::offset_at(const TopicPartition& partition, Timestamp time) {
  auto found = MESH_TRY(find(partition));
  auto& p = *found;
  // Times never decrease, so that halving works; where a record is gone, the next one stands in.
  const auto end = p.bell.end.load();
  auto low = p.bell.start.load(), high = end;
  auto answer = end;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    auto row = MESH_TRY(row_at(p, middle));
    // Compaction left nothing between the middle and what is known already.
    if (!row || row->offset >= high) {
      high = middle;
    } else if (row->time >= to_millis(time)) {
      answer = row->offset;
      high = middle;
    } else {
      low = row->offset + 1;
    }
  }
  return answer;
}

std::unique_ptr<Watch> SqliteLogImpl::watch(const std::map<TopicPartition, std::int64_t>& offsets,
                                            Told told) {
  std::vector<WaitRoom::Want> wants;
  wants.reserve(offsets.size());
  for (const auto& [name, offset] : offsets) {
    // A partition that is not there yet: tell_watches wakes all when a topic is made.
    if (auto p = find(name)) wants.emplace_back(&(*p)->bell, offset);
  }
  return waits_.watch(std::move(wants), std::move(told));
}

}  // namespace mesh::sqlite
