#include "daemon/pipeline/scan.h"

#include <algorithm>

namespace mesh::pipeline {
namespace {

constexpr std::int64_t kBackStep = 500;  // offsets per step from the end

}  // namespace

Result<std::optional<StoredRecord>> record_at(EventLog& log, const Position& position,
                                              bool keys_only) {
  for (std::int64_t from = position.offset; from <= position.offset;) {
    auto read = MESH_TRY(log.read({position.topic, position.partition}, from,
                                  {.max_records = 1, .keys_only = keys_only}));
    if (!read.records.empty()) {
      if (read.records.front().position != position) return std::nullopt;
      return std::move(read.records.front());
    }
    // A read without a record may only have passed a gap or met a time-out.
    if (read.at_end) return std::nullopt;
    from = read.next;
  }
  return std::nullopt;
}

Status scan(EventLog& log, const TopicPartition& partition, std::int64_t from, std::int64_t to,
            const std::function<bool(std::vector<StoredRecord>&)>& use, const ReadLimits& limits) {
  while (from < to) {
    auto read = MESH_TRY(log.read(partition, from, limits));
    // A read has no upper bound, so what lies beyond is left out here.
    std::erase_if(read.records, [to](const StoredRecord& r) { return r.position.offset >= to; });
    from = read.next;
    if (!read.records.empty() && !use(read.records)) return {};
    if (read.at_end) return {};
  }
  return {};
}

Status scan_back(EventLog& log, const TopicPartition& partition,
                 const std::function<bool(std::vector<StoredRecord>&)>& use) {
  const auto marks = MESH_TRY(log.watermarks(partition));
  for (std::int64_t to = marks.end; to > marks.start;) {
    const std::int64_t from = std::max(marks.start, to - kBackStep);
    // The log reads forward only, so a step is gathered whole before it is handed on.
    std::vector<StoredRecord> step;
    MESH_TRY(scan(log, partition, from, to, [&](std::vector<StoredRecord>& records) {
      std::ranges::move(records, std::back_inserter(step));
      return true;
    }));
    if (!step.empty() && !use(step)) return {};
    to = from;
  }
  return {};
}

Result<std::set<TopicPartition>> partitions_of(LogAdmin& admin,
                                               const std::vector<std::string>& topics) {
  std::set<TopicPartition> partitions;
  for (const std::string& name : topics) {
    const auto topic = MESH_TRY(find_topic(admin, name));
    for (std::int32_t p = 0; p < topic.spec.partitions; ++p) partitions.insert({name, p});
  }
  return partitions;
}

Result<std::map<TopicPartition, std::int64_t>> ends(EventLog& log, LogAdmin& admin,
                                                    const std::vector<std::string>& topics) {
  const auto partitions = MESH_TRY(partitions_of(admin, topics));
  std::map<TopicPartition, std::int64_t> result;
  for (const TopicPartition& partition : partitions) {
    const auto marks = MESH_TRY(log.watermarks(partition));
    result[partition] = marks.end;
  }
  return result;
}

Result<TopicInfo> find_topic(LogAdmin& admin, const std::string& topic) {
  auto topics = MESH_TRY(admin.topics());
  for (TopicInfo& info : topics) {
    if (info.spec.name == topic) return std::move(info);
  }
  return fail(ErrorKind::not_found,
              "there is no topic \"" + topic + "\"; `mesh topics list` shows those that there are");
}

}  // namespace mesh::pipeline
