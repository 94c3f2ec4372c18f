#include "daemon/migration/log_copy.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/pause.h"
#include "common/domain/catalogue.h"
#include "daemon/migration/moved_record.h"
#include "daemon/pipeline/groups.h"
#include "daemon/pipeline/scan.h"

namespace mesh::migration {
namespace {

constexpr std::uint64_t kSaveBytes = 32 << 20;  // copied between two saves
constexpr ReadLimits kRead{.max_records = 2'000};
constexpr int kLooksForMore = 20;  // where a read says that it is the end, and it is not
constexpr Duration kBetweenLooks{100};

// A record as it is compared, at its offset in the copy.
std::string item_of(const StoredRecord& record, std::int32_t partition, std::int64_t offset) {
  std::string item;
  put(item, partition);
  put(item, offset);
  put(item, record.time.time_since_epoch().count());
  put(item, record.key);
  put(item, std::int64_t{record.value ? 1 : 0});
  put(item, record.value ? std::string_view(*record.value) : std::string_view());
  for (const auto& [name, value] : record.headers) put(item, name), put(item, value);
  return item;
}

std::string name_of(const TopicPartition& partition) {
  return partition.topic + "/" + std::to_string(partition.partition);
}

// Letters name records of other topics, so those are copied before.
bool comes_before(const TopicInfo& a, const TopicInfo& b) {
  return std::pair(is_dead_letter_topic(a.spec.name), a.spec.name) <
         std::pair(is_dead_letter_topic(b.spec.name), b.spec.name);
}

}  // namespace

Status LogCopy::make_topics() {
  topics_ = MESH_TRY(ends_.from_admin.topics());
  if (topics_.empty()) {
    return fail(ErrorKind::not_found,
                "the log to be left has no topics: does its configuration name the right one?");
  }
  std::ranges::sort(topics_, comes_before);
  std::vector<TopicSpec> specs;
  for (const TopicInfo& topic : topics_) specs.push_back(topic.spec);
  return ends_.import.begin(specs);
}

Status LogCopy::survey() {
  if (topics_.empty()) MESH_TRY(make_topics());
  for (const TopicInfo& topic : topics_) {
    if (!is_dead_letter_topic(topic.spec.name)) continue;
    for (std::int32_t i = 0; i < topic.spec.partitions; ++i) {
      const auto& marks = topic.partitions.at(static_cast<std::size_t>(i));
      MESH_TRY(pipeline::scan(ends_.from, {topic.spec.name, i}, marks.start, marks.end,
                              [&](const std::vector<StoredRecord>& records) {
                                for (const auto& record : records) want_named(record, places_);
                                return true;
                              }));
    }
  }
  auto groups = MESH_TRY(ends_.from_admin.groups());
  for (GroupInfo& group : groups) {
    if (pipeline::is_of_index(group.name)) continue;
    for (const auto& [partition, offset] : group.committed) places_.want(partition, offset);
    groups_.push_back(std::move(group));
  }
  return {};
}

Status LogCopy::insist_on_unused() const {
  for (const auto& [partition, progress] : progress_) {
    const auto wanted = places_.first_wanted(partition);
    const bool passed = progress.end > 0;
    if (!passed || !wanted || *wanted >= progress.next) continue;
    return fail(ErrorKind::conflict,
                "the old engines were used since the migration was cut off (offset " +
                    std::to_string(*wanted) + " of " + name_of(partition) +
                    "): begin again, with empty engines");
  }
  return {};
}

Status LogCopy::insist_on_empty() {
  const auto wanted = MESH_TRY(ends_.from_admin.topics());
  const auto there = MESH_TRY(ends_.to_admin.topics());
  for (const TopicInfo& topic : there) {
    const bool used = std::ranges::any_of(topic.partitions,
                                          [](const Watermarks& marks) { return marks.end > 0; });
    const bool is_wanted = std::ranges::any_of(
        wanted, [&](const TopicInfo& info) { return info.spec.name == topic.spec.name; });
    if (!used || !is_wanted) continue;
    return fail(ErrorKind::conflict, "the log to be filled has records in " + topic.spec.name +
                                         " already: a migration begins with an empty one");
  }
  return {};
}

std::int64_t LogCopy::records() const {
  std::int64_t all = 0;
  for (const TopicInfo& topic : topics_) all += static_cast<std::int64_t>(topic.records);
  return all;
}

std::int64_t LogCopy::copied() const {
  std::int64_t all = 0;
  for (const auto& [partition, progress] : progress_) all += progress.end;
  return all;
}

Status LogCopy::begin() {
  for (const TopicInfo& topic : topics_) {
    for (std::int32_t i = 0; i < topic.spec.partitions; ++i) {
      const TopicPartition partition{topic.spec.name, i};
      Progress& progress = progress_[partition];
      if (progress.begun) continue;
      progress.next = MESH_TRY(ends_.from.watermarks(partition)).start;
      progress.begun = true;
    }
  }
  return {};
}

Status LogCopy::copy(Journal& journal, const std::function<Status()>& save) {
  // Kept before anything is written: how many records expired is told by where each began.
  MESH_TRY(begin());
  MESH_TRY(save());
  for (const TopicInfo& topic : topics_) {
    for (std::int32_t i = 0; i < topic.spec.partitions; ++i) {
      MESH_TRY(copy_partition({topic.spec.name, i}, journal, save));
    }
  }
  return save();
}

Result<std::int64_t> LogCopy::written_unseen(const TopicPartition& partition,
                                             const Progress& progress) {
  const auto marks = MESH_TRY(ends_.to.watermarks(partition));
  if (marks.end >= progress.end) return marks.end - progress.end;
  return fail(ErrorKind::conflict,
              name_of(partition) +
                  " has lost records that were copied to it: begin again, with "
                  "empty engines");
}

Result<std::int64_t> LogCopy::pass_expired(
    const TopicPartition& partition, std::int64_t most,
    const std::function<bool(const StoredRecord&)>& is_next) {
  Progress& progress = progress_[partition];
  std::int64_t passed = 0;
  while (passed < most) {
    const auto left = static_cast<std::size_t>(most - passed);
    const auto read = MESH_TRY(
        ends_.to.read(partition, progress.end, {.max_records = std::min(left, kRead.max_records)}));
    for (const StoredRecord& record : read.records) {
      if (is_next(record)) return passed;
      progress.time = record.time.time_since_epoch().count();
      sums_[partition.topic].add(tenant_of_key(record.key),
                                 item_of(record, partition.partition, progress.end++));
      ++expired_[partition.topic];
      ++passed;
    }
    if (read.records.empty()) break;
  }
  return passed;
}

Status LogCopy::copy_partition(const TopicPartition& partition, Journal& journal,
                               const std::function<Status()>& save) {
  const auto marks = MESH_TRY(ends_.from.watermarks(partition));
  ends_seen_[partition] = marks.end;
  Progress& progress = progress_[partition];
  // A try that was cut off had written more than it had saved.
  auto unseen = MESH_TRY(written_unseen(partition, progress));
  Sums& sums = sums_[partition.topic];
  // Neither the future, which would be that of all that follows, nor no time at all.
  const std::int64_t now = ends_.clock.now().time_since_epoch().count();
  int looks = 0;
  std::int64_t behind = progress.next;  // the last record that was there
  while (progress.next < marks.end) {
    auto read = MESH_TRY(ends_.from.read(partition, progress.next, kRead));
    std::vector<StoredRecord> missing;
    for (StoredRecord& record : read.records) {
      const std::int64_t offset = record.position.offset;
      const std::int64_t gone = offset - std::exchange(behind, offset + 1);
      // As it will be kept.
      const auto time = std::clamp<std::int64_t>(record.time.time_since_epoch().count(), 1, now);
      const auto item_here = [&, place = partition.partition](StoredRecord& copied) {
        copied.time = Timestamp(Duration(std::max(progress.time, time)));
        return item_of(copied, place, progress.end);
      };
      auto copy = MESH_TRY(moved(std::move(record), places_, ends_.cipher));
      unseen -= MESH_TRY(pass_expired(partition, std::min(gone, unseen), [&](const auto& there) {
        return item_of(there, partition.partition, progress.end) == item_here(copy);
      }));
      places_.passed(partition, offset, progress.end);
      const auto item = item_here(copy);
      progress.time = copy.time.time_since_epoch().count();
      ++progress.end;
      sums.add(tenant_of_key(copy.key), item);
      unsaved_ += item.size();
      if (unseen > 0) {
        --unseen;
      } else {
        missing.push_back(std::move(copy));
      }
    }
    MESH_TRY(ends_.import.import(std::move(missing)));
    progress.next = read.next;
    if (read.at_end && read.next < marks.end) {
      // Another broker may not know yet what was there; what stays away is gone.
      if (++looks < kLooksForMore) {
        pause(ends_.clock, kBetweenLooks);
        continue;
      }
      progress.next = marks.end;
    }
    journal.advance("copying " + partition.topic, std::ssize(read.records));
    if (unsaved_ < kSaveBytes) continue;
    MESH_TRY(save());
    unsaved_ = 0;
  }
  unseen -= MESH_TRY(pass_expired(partition, std::min(marks.end - behind, unseen),
                                  [](const auto&) { return false; }));
  places_.ended(partition, progress.end);
  if (unseen == 0) return {};
  return fail(ErrorKind::conflict, name_of(partition) +
                                       " has records that were not copied to it: somebody else "
                                       "writes there; begin again, with empty engines");
}

Status LogCopy::place_groups() {
  for (const GroupInfo& group : groups_) {
    std::set<std::string> topics;
    std::map<TopicPartition, std::int64_t> offsets;
    for (const auto& [partition, offset] : group.committed) {
      const auto place = places_.find(partition, offset);
      if (!place) continue;
      topics.insert(partition.topic);
      offsets[partition] = place->offset;
    }
    if (topics.empty()) continue;
    MESH_TRY(ends_.to_admin.ensure_group(group.name, {topics.begin(), topics.end()}));
    MESH_TRY(ends_.to_admin.seek_group(group.name, offsets));
  }
  return {};
}

Result<Json> LogCopy::verify(Journal& journal) {
  for (const auto& [partition, end] : ends_seen_) {
    const auto marks = MESH_TRY(ends_.from.watermarks(partition));
    if (marks.end == end) continue;
    return fail(ErrorKind::conflict, "somebody writes to " + name_of(partition) +
                                         " of the old log: stop that, and try again");
  }
  Json all = Json::array();
  for (const TopicInfo& topic : topics_) {
    Sums found;
    for (std::int32_t i = 0; i < topic.spec.partitions; ++i) {
      const auto marks = MESH_TRY(ends_.to.watermarks({topic.spec.name, i}));
      MESH_TRY(pipeline::scan(
          ends_.to, {topic.spec.name, i}, marks.start, marks.end,
          [&](const std::vector<StoredRecord>& records) {
            for (const StoredRecord& record : records) {
              found.add(tenant_of_key(record.key), item_of(record, i, record.position.offset));
            }
            journal.advance("comparing " + topic.spec.name, std::ssize(records));
            return true;
          }));
    }
    const Sums& copied = sums_[topic.spec.name];
    all.push_back({{"name", topic.spec.name},
                   {"count", copied.count()},
                   {"tenants", copied.tenants()},
                   {"state", copied.compare(found)},
                   {"expired", expired_[topic.spec.name]}});
  }
  return all;
}

Status LogCopy::give_settings() {
  for (const TopicInfo& topic : topics_) {
    TopicSpec spec = ends_.spec(topic.spec.name, topic.spec.kind);
    spec.partitions = topic.spec.partitions;
    MESH_TRY(ends_.import.finish(spec));
  }
  return {};
}

Json LogCopy::to_json() const {
  Json partitions = Json::array(), sums = Json::object();
  for (const auto& [at, progress] : progress_) {
    partitions.push_back({at.topic, at.partition, progress.next, progress.end, progress.time});
  }
  for (const auto& [topic, of_topic] : sums_) sums[topic] = of_topic.to_json();
  return {{"partitions", std::move(partitions)}, {"sums", std::move(sums)}, {"expired", expired_}};
}

void LogCopy::from_json(const Json& json) {
  for (const Json& at : json.at("partitions")) {
    progress_[{at.at(0), at.at(1)}] = {at.at(2), at.at(3), at.at(4), true};
  }
  for (const auto& [topic, sums] : json.at("sums").items()) sums_[topic] = Sums::from_json(sums);
  // Of a program that did not count them it has none.
  expired_ = json.value("expired", decltype(expired_)());
}

}  // namespace mesh::migration
