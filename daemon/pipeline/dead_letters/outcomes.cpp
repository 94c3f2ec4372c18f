#include "daemon/pipeline/dead_letters/outcomes.h"

#include <algorithm>
#include <map>

#include "daemon/pipeline/dead_letters/letter.h"
#include "daemon/pipeline/reading_group.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {

Status Outcomes::find() {
  std::set<std::string> from;  // letters before the ends may have been redriven before, too
  for (const auto& [partition, end] : letters_) from.insert(partition.topic + "/");
  std::map<std::string, Place> redriven;  // by letter: one that was put back in order counts once
  for (const auto& [partition, end] : source_) {
    const auto marks = MESH_TRY(deps_.log.watermarks(partition));
    MESH_TRY(scan(deps_.log, partition, end, marks.end, [&](std::vector<StoredRecord>& batch) {
      for (const StoredRecord& record : batch) {
        const std::string letter(find_header(record.headers, kRedrivenFrom));
        const bool ours = std::ranges::any_of(
            from, [&](const std::string& prefix) { return letter.starts_with(prefix); });
        if (ours) redriven[letter] = {partition.partition, record.position.offset};
      }
      return true;
    }));
  }
  for (const auto& [letter, place] : redriven) open_.insert(place);
  unhandled_ = open_;
  redriven_ = pending();
  return {};
}

Status Outcomes::look() {
  if (source_.empty()) return {};
  const std::string& topic = source_.begin()->first.topic;
  const auto reader = MESH_TRY(reading_group(topic, deps_.index));
  // In this order: an event leaves the log for the parked ones, and both for the letters, so what
  // is in none of the first two is in the third if it died.
  auto groups = MESH_TRY(deps_.admin.groups());
  std::erase_if(groups, [&](const GroupInfo& group) {
    // A group that nobody reads with would keep the task waiting in vain.
    return !group.active || std::ranges::none_of(group.committed, [&](const auto& entry) {
      return entry.first.topic == topic;
    });
  });
  followed_ = !groups.empty();
  std::map<std::string, std::set<Place>> waiting;  // by group
  for (const GroupInfo& group : groups) {
    const auto parked = MESH_TRY(deps_.retries.parked_keys(group.name));
    for (const auto& [position, key] : parked) {
      if (position.topic == topic) waiting[group.name].emplace(position.partition, position.offset);
    }
  }
  MESH_TRY(read_letters());
  const auto is_through = [&](const GroupInfo& group, const Place& place) {
    const auto next = group.committed.find({topic, place.first});
    return next != group.committed.end() && next->second > place.second &&
           !waiting[group.name].contains(place);
  };
  // Of no groups all are past everything, and no event would be pending any more.
  if (!followed_) return {};
  std::erase_if(open_, [&](const Place& place) {
    return std::ranges::all_of(groups, [&](const auto& group) { return is_through(group, place); });
  });
  const auto handles = reader ? std::ranges::find(groups, *reader, &GroupInfo::name) : groups.end();
  if (handles == groups.end()) return {};
  handled_ += static_cast<std::int64_t>(
      std::erase_if(unhandled_, [&](const Place& place) { return is_through(*handles, place); }));
  return {};
}

Status Outcomes::read_letters() {
  for (auto& [partition, next] : letters_) {
    const auto marks = MESH_TRY(deps_.log.watermarks(partition));
    MESH_TRY(scan(deps_.log, partition, next, marks.end, [&](std::vector<StoredRecord>& batch) {
      for (const StoredRecord& record : batch) {
        next = record.position.offset + 1;
        if (is_marker(record)) continue;
        const Position source = source_of(record).position;
        const Place place{source.partition, source.offset};
        died_again_ += static_cast<std::int64_t>(open_.erase(place));
        unhandled_.erase(place);
      }
      return true;
    }));
  }
  return {};
}

}  // namespace mesh::pipeline
