// Events that a pipeline could not finish yet: parked durably, so that their group can go on with
// other keys and the count of attempts survives a restart.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/domain/event.h"

namespace mesh {

struct ParkedEvent {
  StoredRecord record;
  int attempts = 0;          // made so far; 0: waits behind an earlier event of its key
  Timestamp next_attempt{};  // not before
  std::string cause_class;   // of the last failure
  std::string cause;
};

// Which event is parked, without what is in it.
struct ParkedKey {
  Position position;
  std::string key;
};

// Scoped by pipeline name. Any thread; what one writes of a partition no other writes at the same
// time. Changes block until durable.
class RetryStore {
 public:
  virtual ~RetryStore() = default;
  // Inserts or replaces by position, all or none.
  virtual Status park(const std::string& pipeline, std::span<const ParkedEvent> events) = 0;
  virtual Status remove(const std::string& pipeline, std::span<const Position> positions) = 0;
  // The pipeline's of these partitions, by (topic, partition, offset). Bounded by the limits of the
  // runtimes that parked them.
  virtual Result<std::vector<ParkedEvent>> load(const std::string& pipeline,
                                                const std::set<TopicPartition>& partitions) = 0;
  // All of the pipeline's, for whoever wants to know whether an event is done. What is parked
  // before its group commits past it is seen after that.
  virtual Result<std::vector<ParkedKey>> parked_keys(const std::string& pipeline) = 0;
};

}  // namespace mesh
