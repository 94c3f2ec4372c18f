// Where the groups of generations stand, from what every process can read: the offsets that they
// have committed, and the events that are parked for them.
#pragma once

#include <map>
#include <string>

#include "common/ports/event_log.h"
#include "common/ports/retry_store.h"

namespace mesh::pipeline {

// Empty for a group that is not there.
Result<std::map<TopicPartition, std::int64_t>> committed_by(LogAdmin& admin,
                                                            const std::string& group);
bool reached(const std::map<TopicPartition, std::int64_t>& committed,
             const std::map<TopicPartition, std::int64_t>& target);
// Whether the group is at the target or beyond, and no event of it waits for another attempt.
Result<bool> is_through(LogAdmin& admin, RetryStore& retries, const std::string& group,
                        const std::map<TopicPartition, std::int64_t>& target);

}  // namespace mesh::pipeline
