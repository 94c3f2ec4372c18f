// Filling a log with the records of another, for moving from one to the other.
#pragma once

#include <vector>

#include "common/base/error.h"
#include "common/domain/event.h"
#include "common/ports/event_log.h"

namespace mesh {

// Records keep their partitions, their order and their times; offsets are the log's own. Nobody
// else uses the log meanwhile. Any thread; calls block.
class LogImport {
 public:
  virtual ~LogImport() = default;
  // Makes the topics, or takes those that are there, so that until finish() nothing in them expires
  // or is compacted. `conflict` where one has other partitions; `unprocessable` for names that the
  // engine cannot give, all of them, and then none was made.
  virtual Status begin(const std::vector<TopicSpec>& specs) = 0;
  // Appends each record to the partition that its position names, under its own time, which is not
  // before that of the record before it. Blocks until all are durable. After an error the first
  // ones of each partition may be there, any number of them: see watermarks().
  virtual Status import(std::vector<StoredRecord> records) = 0;
  // The topic gets the settings of `spec`, and what is appended from now on the engine's time.
  virtual Status finish(const TopicSpec& spec) = 0;
};

}  // namespace mesh
