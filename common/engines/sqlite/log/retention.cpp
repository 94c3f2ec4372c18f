// Retention of activity topics by age and size, in small transactions.
//
// It stops at what somebody still has to read: the lowest offset that the groups of a topic have
// committed, and the first dead letter that nobody has settled. Only options_.hard_max_bytes goes
// beyond, and says so.
#include <algorithm>
#include <limits>

#include "common/base/strings.h"
#include "common/domain/catalogue.h"
#include "common/engines/sqlite/log/codec.h"
#include "common/engines/sqlite/log/log_impl.h"
#include "common/telemetry/log.h"

namespace mesh::sqlite {
namespace {

constexpr std::int64_t kExpireChunk = 2'000;  // records per transaction
constexpr auto kNever = std::numeric_limits<std::int64_t>::max();

// The offset of the letter that a marker settles; nothing where the record is no marker of the
// partition.
std::optional<std::int64_t> settled_by(std::string_view body, std::int32_t partition) {
  const auto name = header_in(body, dead_letter::kSettles);
  const auto at = name.find('@');
  if (at == std::string_view::npos || parse_int(name.substr(0, at)) != partition) return {};
  return parse_int(name.substr(at + 1));
}

}  // namespace

Status SqliteLogImpl::expire(Topic& topic, const TopicSpec& spec) {
  std::vector<std::int64_t> due(topic.partitions.size(), 0);
  if (spec.max_bytes) {
    due = MESH_TRY(cuts_by_size(topic, *spec.max_bytes));
  }
  for (std::size_t i = 0; i < due.size(); ++i) {
    auto& p = *topic.partitions[i];
    if (spec.max_age) {
      auto cut = MESH_TRY(offset_at(p.name, clock_.now() - *spec.max_age));
      due[i] = std::max(due[i], cut);
    }
    // Written whether or not anything goes: what is held back is shown as the difference.
    p.due_to = due[i];
    if (due[i] <= p.bell.start) continue;
    auto to = std::min(due[i], committed_by_all(p));
    if (is_dead_letter_topic(spec.name)) {
      MESH_TRY(look_at_letters(p));
      if (!p.letters.empty()) to = std::min(to, p.letters.front());
    }
    MESH_TRY(expire_below(p, to));
  }
  if (!options_.hard_max_bytes) return {};
  // After the soft limits, so that it only meets what somebody holds.
  auto cuts = MESH_TRY(cuts_by_size(topic, *options_.hard_max_bytes));
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    auto& p = *topic.partitions[i];
    if (cuts[i] <= p.bell.start) continue;
    // First told, then done: a crash between tells of what is still there, not the other way round.
    MESH_TRY(pass_over(p, cuts[i]));
    MESH_TRY(expire_below(p, cuts[i]));
  }
  return {};
}

Result<std::int64_t> SqliteLogImpl::total_before(Partition& p, std::int64_t offset) {
  auto row = MESH_TRY(row_at(p, offset));
  return row ? row->total_before : p.total.load();
}

// The oldest records go, whichever partition they are in. What an erasure took out from between
// them counts as if it were there: so rather fewer go, and the others at the next round.
Result<std::vector<std::int64_t>> SqliteLogImpl::cuts_by_size(Topic& topic,
                                                              std::uint64_t max_bytes) {
  std::vector<std::int64_t> cuts, gone;  // bytes that are gone before the first record
  std::int64_t excess = -static_cast<std::int64_t>(std::min<std::uint64_t>(max_bytes, kNever));
  for (const auto& p : topic.partitions) {
    cuts.push_back(p->bell.start);
    excess += p->total - p->removed_bytes;
  }
  if (excess <= 0) return cuts;
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    const auto before = MESH_TRY(total_before(*topic.partitions[i], cuts[i]));
    gone.push_back(before);
  }
  const auto bytes_below = [&](std::size_t i, std::int64_t offset) -> Result<std::int64_t> {
    const auto total = MESH_TRY(total_before(*topic.partitions[i], offset));
    return total - gone[i];
  };

  // First all up to the latest time that is not yet enough …
  std::int64_t low = 0, high = to_millis(clock_.now()) + 1;
  while (low + 1 < high) {
    const auto middle = low + (high - low) / 2;
    std::int64_t older = 0;
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      const auto cut = MESH_TRY(offset_at(topic.partitions[i]->name, Timestamp(Duration(middle))));
      const auto bytes = MESH_TRY(bytes_below(i, cut));
      older += bytes;
    }
    (older < excess ? low : high) = middle;
  }
  std::vector<std::int64_t> taken;
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    cuts[i] = MESH_TRY(offset_at(topic.partitions[i]->name, Timestamp(Duration(low))));
    const auto bytes = MESH_TRY(bytes_below(i, cuts[i]));
    taken.push_back(bytes);
    excess -= bytes;
  }
  // … then, of the millisecond in which it becomes enough, only as many as needed.
  for (std::size_t i = 0; i < cuts.size() && excess > 0; ++i) {
    auto& p = *topic.partitions[i];
    auto last = MESH_TRY(offset_at(p.name, Timestamp(Duration(low + 1))));
    auto from = cuts[i], to = std::max(from, last);
    while (from < to) {
      const auto middle = from + (to - from) / 2;
      auto bytes = MESH_TRY(bytes_below(i, middle));
      if (bytes - taken[i] >= excess) {
        to = middle;
      } else {
        from = middle + 1;
      }
    }
    auto bytes = MESH_TRY(bytes_below(i, from));
    excess -= bytes - taken[i];
    cuts[i] = from;
  }
  return cuts;
}

std::int64_t SqliteLogImpl::committed_by_all(const Partition& p) {
  std::lock_guard lock(groups_mutex_);
  auto lowest = kNever;
  for (const auto& [name, group] : groups_) {
    lowest = std::min(lowest, group->stands_at(p).value_or(kNever));
  }
  return lowest;
}

// A letter's marker has its key, and so stands behind it in its partition.
Status SqliteLogImpl::look_at_letters(Partition& p) {
  std::vector<std::int64_t> settled;
  auto read =
      scan(p, std::max(p.letters_to, p.bell.start.load()), p.bell.end, [&](const ScannedRow& row) {
        if (const auto letter = settled_by(row.body, p.name.partition)) {
          settled.push_back(*letter);
        } else {
          p.letters.push_back(row.offset);
        }
        p.letters_to = row.offset + 1;
        return true;
      });
  std::ranges::sort(settled);
  std::erase_if(p.letters, [&](std::int64_t offset) {
    return offset < p.bell.start || std::ranges::binary_search(settled, offset);
  });
  return read;
}

// Says what is about to go below `offset` that somebody has not read.
Status SqliteLogImpl::pass_over(Partition& p, std::int64_t offset) {
  const auto start = p.bell.start.load();
  std::uint64_t most = 0;
  const auto tell = [&](std::string_view whose, std::uint64_t records) {
    // Not the sum: several groups may have left the same records unread.
    most = std::max(most, records);
    log::error("records went unread, since their topic came to log.retention.activity.hard_size",
               {{"topic", p.name.topic},
                {"partition", p.name.partition},
                {"records", records},
                {"first", start},
                {"whose", whose}});
  };
  std::vector<std::pair<std::string, std::int64_t>> behind;
  {
    std::lock_guard lock(groups_mutex_);
    for (const auto& [name, group] : groups_) {
      const auto at = group->stands_at(p);
      if (at && *at < offset) behind.emplace_back(name, std::max(*at, start));
    }
  }
  // Without the lock, since the count reads the file; consumers go on meanwhile.
  for (const auto& [name, from] : behind) {
    auto records = MESH_TRY(count(p, from, offset));
    const auto unread = static_cast<std::uint64_t>(records);
    tell("group " + name, unread);
    std::lock_guard lock(groups_mutex_);
    if (const auto group = groups_.find(name); group != groups_.end()) {
      group->second->passed_over += unread;
    }
  }
  if (is_dead_letter_topic(p.name.topic)) {
    MESH_TRY(look_at_letters(p));
    const auto end = std::ranges::lower_bound(p.letters, offset);
    if (const auto letters = static_cast<std::uint64_t>(end - p.letters.begin()); letters > 0) {
      tell("letters that nobody has settled", letters);
    }
  }
  p.passed_over += most;
  return {};
}

Status SqliteLogImpl::expire_below(Partition& p, std::int64_t offset) {
  while (p.bell.start < offset && !closed_) {
    // In chunks, so that appends have their turns between.
    const auto to = std::min(offset, p.bell.start + kExpireChunk);
    std::int64_t records = 0, bytes = 0;
    p.gaps_to = std::max(p.gaps_to.load(), to);
    MESH_TRY(committer_.run([&](Database& db) -> Status {
      const auto table = "r" + std::to_string(p.id);
      auto sum = MESH_TRY(db.prepare("SELECT count(*), coalesce(sum(length(body)), 0) FROM " +
                                     table + " WHERE o<?"));
      (void)MESH_TRY(sum.bind(1, to).step());
      records = sum.integer(0);
      bytes = sum.integer(1);
      sum.reset();
      auto remove = MESH_TRY(db.prepare("DELETE FROM " + table + " WHERE o<?"));
      MESH_TRY(remove.bind(1, to).run());
      return note_removed(db, p, {records, bytes}, to, to);
    }));
    p.removed_records += records;
    p.removed_bytes += bytes;
    // Last: until then readers may ask for what is gone, and gaps_to tells them so.
    p.bell.start = to;
  }
  return {};
}

}  // namespace mesh::sqlite
