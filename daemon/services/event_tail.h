// Hands events to standing queries as they are logged.
//
// Each process follows the log by itself, from the end on, and only topics that somebody watches
// through it: so a watch is matched once, by the process that holds its stream, whichever process
// indexes the event, and before or after that.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/ports/embedders.h"
#include "common/ports/event_log.h"
#include "daemon/pipeline/event_index/event_documents.h"
#include "daemon/services/watches.h"

namespace mesh::services {

struct EventTailDeps {
  EventLog& log;
  LogAdmin& admin;
  Embedders& embedders;
  pipeline::SearchableOf searchable;
  Watches& watches;
  Clock& clock;
};

// Any thread.
class EventTail {
 public:
  // What is given outlives it.
  explicit EventTail(EventTailDeps deps);
  ~EventTail();  // stop()
  // Registers the watch (Watches::add), of whose query `embedder` has made the vector: it sees what
  // is logged from the call on. Errors of the log, too.
  Result<Watches::Id> watch(WatchSpec spec, std::shared_ptr<Embedder> embedder,
                            const Watches::Open& open);
  // No event is matched any more. Callable twice.
  void stop();

 private:
  using Held = std::map<std::string, std::shared_ptr<Embedder>>;  // by id

  void run();
  Status begin(const std::string& topic);
  Status find_new_topics();
  Result<bool> read(const TopicPartition& partition, std::int64_t from);
  Status offer(const std::vector<StoredRecord>& records);
  std::vector<std::shared_ptr<Embedder>> embedders_of(const std::string& type);

  const EventTailDeps deps_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // this and the following guarded by mutex_
  bool told_ = false;
  int coming_ = 0;                         // watches that are being registered
  std::set<std::string> topics_;           // that are followed
  Offsets next_;                           // of their partitions
  std::map<std::string, Held> embedders_;  // by type
  std::thread thread_;                     // last: it uses all of the above
};

}  // namespace mesh::services
