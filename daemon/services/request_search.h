// Looks in the log for what an earlier try of a request may have appended.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/domain/write_position.h"
#include "common/ports/event_log.h"

namespace mesh::services {

// Reads on a thread of its own, which is there from the first search on, since whoever asks is an
// event loop or an engine.
class RequestSearch {
 public:
  RequestSearch(EventLog& log, LogAdmin& admin) : log_(log), admin_(admin) {}
  ~RequestSearch();  // drops what waits

  // Tells where the records are in the log if every one of them, by its event's tenant, source and
  // id, was appended since `since`; nothing where one was not, or that would take too long to find
  // out. Beyond a bound of waiting searches `done` gets `unavailable` at once. `done` keeps the
  // records alive.
  void whole(const std::vector<Record>& records, Timestamp since,
             std::function<void(Result<std::optional<WritePosition>>)> done);

 private:
  void run();

  EventLog& log_;
  LogAdmin& admin_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::function<void()>> waiting_;  // this and the following guarded by mutex_
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace mesh::services
