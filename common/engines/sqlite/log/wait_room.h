// Who waits for which partition; and the committed ends that they wait for.
//
// A waiter stands in the list of every partition it waits for and is woken once, when one of them
// grows: a commit costs nothing for those who wait elsewhere or are awake already.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/watch.h"

namespace mesh::sqlite {

// Guarded by the WaitRoom's mutex. A thread sleeps on the condition, or a function is told.
struct Waiter {
  std::condition_variable cv;
  Told told;
  bool ready = false;  // something changed: look again
  bool woken = false;  // wake() was called; stays until a poll has seen it
};

// The part of a partition that waiting needs. Offsets are written by the committer's thread (end)
// and by upkeep (start), read by anyone.
struct Bell {
  std::atomic<std::int64_t> start{0};
  std::atomic<std::int64_t> end{0};
  std::vector<Waiter*> waiters;  // guarded by the WaitRoom's mutex

  bool has_record_at(std::int64_t offset) const {
    return end.load() > std::max(offset, start.load());
  }
};

class WaitRoom {
 public:
  explicit WaitRoom(Clock& clock) : clock_(clock) {}

  using Want = std::pair<Bell*, std::int64_t>;
  enum class Outcome { records, timeout, woken, look_again, closed };

  // Waits until a wanted partition has a record at or beyond its offset. `look_again`: nudged.
  Outcome wait(Waiter& waiter, std::span<const Want> wants, SteadyTime deadline);
  // Tells `told` once: see EventLog::watch. It runs with the mutex held, so that it has ended once
  // the watch, which must go before the room, is dropped.
  std::unique_ptr<Watch> watch(std::vector<Want> wants, Told told);
  // After `bells` grew. The committer's thread.
  void ring(std::span<Bell* const> bells);
  void wake(Waiter& waiter);        // ends its wait, or the next one at once
  void nudge(Waiter& waiter);       // makes it look again
  bool take_woken(Waiter& waiter);  // whether wake() was called since the last time
  void close();
  // Tells all watches: there is more to look at than what they name.
  void tell_watches();
  SteadyTime deadline_after(Duration timeout) const;

 private:
  class RoomWatch;
  void enter(Waiter& waiter, std::span<const Want> wants);
  void leave(Waiter& waiter, std::span<const Want> wants);
  static void notify(Waiter& waiter);

  Clock& clock_;
  std::mutex mutex_;
  bool closed_ = false;  // guarded by mutex_
  std::atomic<int> waiting_{0};
  std::vector<Waiter*> all_;  // guarded by mutex_
};

}  // namespace mesh::sqlite
