// Hands events to standing queries as they are logged.
//
// Each process follows the log by itself, from the end on, and only topics that somebody watches
// through it: so a watch is matched once, by the process that holds its stream, whichever process
// indexes the event, and before or after that. Partitions are read in turns, and one that fails
// waits alone.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/ports/event_log.h"
#include "daemon/pipeline/event_index/event_documents.h"
#include "daemon/services/watches.h"

namespace mesh::services {

struct EventTailDeps {
  EventLog& log;
  LogAdmin& admin;
  pipeline::SearchableOf searchable;
  Watches& watches;
  Clock& clock;
  // Whether the tenant is closed: its watches end with the next event that they would see. Does not
  // block. Empty: nobody is.
  std::function<bool(const TenantId&)> is_closed = {};
};

// Any thread.
class EventTail {
 public:
  // What is given outlives it.
  explicit EventTail(EventTailDeps deps);
  ~EventTail();  // stop()
  // Registers the watch (Watches::add): it sees what is logged once its stream is open, and nothing
  // that was before the call. Sets `since`. Errors of the log, too.
  Result<Watches::Id> watch(WatchSpec spec, const Watches::Open& open);
  // No event is matched any more. Callable twice.
  void stop();

 private:
  // What could not be done, until when it is let be, and what the log was told of it.
  struct Failing {
    SteadyTime again;
    std::string told;
  };
  using Texts = std::vector<pipeline::EventText>;

  void run();
  Result<Offsets> begin(const std::string& topic);
  void look_for_topics();
  Status find_new_topics();
  void take_turn(const TopicPartition& partition, std::int64_t from);
  Status read(const TopicPartition& partition, std::int64_t from);
  Status offer(const TopicPartition& partition, const std::vector<StoredRecord>& records);
  Result<Texts> offer_to_filters(const TopicPartition& partition,
                                 const std::vector<StoredRecord>& records);
  Status embed(const std::string& type, Texts& texts);
  bool is_left_be(const Failing& failing) const;
  void note(Failing& failing, const Error& error);
  std::optional<Offsets> to_wait_for();

  const EventTailDeps deps_;
  // Of the thread alone.
  std::map<TopicPartition, Failing> failing_;
  std::optional<Failing> failing_topics_;
  // Below which offset everything was offered, since what failed is read again: to watches by a
  // filter alone under the empty name, to those with a query under their type.
  std::map<TopicPartition, std::map<std::string, std::int64_t>> offered_;
  std::optional<SteadyTime> again_;  // when a turn is due though nobody tells

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // this and the following guarded by mutex_
  bool told_ = false;
  int coming_ = 0;                // watches that are being registered
  std::set<std::string> topics_;  // that are followed
  Offsets next_;                  // of their partitions
  std::thread thread_;            // last: it uses all of the above
};

}  // namespace mesh::services
