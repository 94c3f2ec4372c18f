// Events that a pipeline could not finish yet: parked durably, so that their group can go on with
// other keys and the count of attempts survives a restart.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/domain/attempt.h"
#include "common/domain/event.h"

namespace mesh {

struct ParkedEvent {
  StoredRecord record;
  int attempts = 0;          // made so far; 0: waits behind an earlier event of its key
  Timestamp next_attempt{};  // not before
  std::string cause_class;   // of the last failure
  std::string cause;
  std::vector<Attempt> history = {};  // of the attempts the last kKeptAttempts
};

// Which event is parked, without what is in it.
struct ParkedKey {
  Position position;
  std::string key;
};

// Who parks: one of those that run a pipeline, wherever they run.
struct Parker {
  std::string pipeline;
  std::string id;  // of this run, and of no other
};

// Scoped by pipeline name. Any thread. Changes block until durable, and are all or none.
//
// Of a partition's parked events one parker is the owner: who took them last. Whoever lost the
// partition and has not noticed yet must not park what nobody would look at; so its changes are a
// `conflict`, and so is every change of a partition that another has taken since.
class RetryStore {
 public:
  virtual ~RetryStore() = default;
  // Makes them the parker's, and gives what is parked of these partitions, by (topic, partition,
  // offset): all that others have parked there, since they can park no more. Bounded by the limits
  // of the runtimes that parked them.
  virtual Result<std::vector<ParkedEvent>> take(const Parker& parker,
                                                const std::set<TopicPartition>& partitions) = 0;
  // Inserts or replaces by position. `conflict` as above; where nobody has taken a partition yet
  // anyone may change it.
  virtual Status park(const Parker& parker, std::span<const ParkedEvent> events) = 0;
  virtual Status remove(const Parker& parker, std::span<const Position> positions) = 0;
  // All of the pipeline's, for whoever wants to know whether an event is done. What is parked
  // before its group commits past it is seen after that.
  virtual Result<std::vector<ParkedKey>> parked_keys(const std::string& pipeline) = 0;
  // The one at a position, whoever parked it; nothing where none is.
  virtual Result<std::optional<ParkedEvent>> find(const std::string& pipeline,
                                                  const Position& position) = 0;
};

}  // namespace mesh
