// Reading ranges of the log.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/ports/event_log.h"

namespace mesh::pipeline {

// The record at a position; nothing where it is gone or not there yet.
Result<std::optional<StoredRecord>> record_at(EventLog& log, const Position& position,
                                              bool keys_only = false);

// Hands the records of [from, to) to `use` in batches, in order, until it answers false. Retention
// and compaction may have left gaps, also at the end.
Status scan(EventLog& log, const TopicPartition& partition, std::int64_t from, std::int64_t to,
            const std::function<bool(std::vector<StoredRecord>&)>& use,
            const ReadLimits& limits = {});

// The same from the end: batches from the newest to the oldest, the records within each in order.
Status scan_back(EventLog& log, const TopicPartition& partition,
                 const std::function<bool(std::vector<StoredRecord>&)>& use);

// All partitions of the topics; `not_found` for one that does not exist.
Result<std::set<TopicPartition>> partitions_of(LogAdmin& admin,
                                               const std::vector<std::string>& topics);
// The ends of all partitions of the topics; `not_found` for one that does not exist.
Result<Offsets> ends(EventLog& log, LogAdmin& admin, const std::vector<std::string>& topics);

Result<TopicInfo> find_topic(LogAdmin& admin, const std::string& topic);

}  // namespace mesh::pipeline
