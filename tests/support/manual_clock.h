// A clock that only the test moves.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "common/base/clock.h"

namespace mesh {

// A clock that stands still until it is moved. Starts at 2026-01-01T00:00:00Z.
class ManualClock final : public Clock {
 public:
  ManualClock();
  ~ManualClock() override;
  Timestamp now() const override;
  SteadyTime steady() const override;
  bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& cv,
                  SteadyTime deadline, const std::function<bool()>& ready) override;
  // Moves both clocks forward and wakes every waiter whose deadline has passed.
  void advance(Duration by);
  // `moved` is called with the new time by each advance(), before it wakes anybody: for a server
  // that has to have the same time.
  void on_advance(std::function<void(Timestamp)> moved);
  // Blocks (in real time) until those that advance() woke are awake: time that moves in a loop does
  // not run away from threads that the machine runs late.
  void await_woken();
  // Blocks (in real time) until `n` threads wait in wait_until; so that a test moves time only
  // when the code under test has gone to sleep.
  void await_waiters(int n);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A waiter sleeps on a condition variable that is not ours, under a mutex that is not ours. To wake
// it without losing the notification, advance() must hold that mutex for a moment; so each waiter
// leaves its mutex here, and does not go away while advance() has it pinned.
struct ManualClock::State {
  struct Waiter {
    std::mutex* mutex;
    std::condition_variable* cv;
    SteadyTime deadline;
    bool due = false;     // its deadline has passed: it no longer counts as waiting
    bool pinned = false;  // advance() is about to wake it
  };
  std::mutex mutex;
  std::condition_variable changed;  // waiters came, were unpinned, …
  Timestamp now{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
  SteadyTime steady{std::chrono::hours{1}};
  std::list<Waiter> waiters;
  std::function<void(Timestamp)> moved;
};

inline ManualClock::ManualClock() : state_(std::make_unique<State>()) {}
inline ManualClock::~ManualClock() = default;

inline Timestamp ManualClock::now() const {
  std::lock_guard lock(state_->mutex);
  return state_->now;
}

inline SteadyTime ManualClock::steady() const {
  std::lock_guard lock(state_->mutex);
  return state_->steady;
}

inline bool ManualClock::wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& cv,
                                    SteadyTime deadline, const std::function<bool()>& ready) {
  State& state = *state_;
  while (!ready()) {
    std::list<State::Waiter>::iterator self;
    {
      std::lock_guard guard(state.mutex);
      if (state.steady >= deadline) return false;
      self = state.waiters.insert(state.waiters.end(), {lock.mutex(), &cv, deadline});
      state.changed.notify_all();
    }
    cv.wait(lock);
    lock.unlock();  // advance() may need it to let go of us
    {
      std::unique_lock guard(state.mutex);
      state.changed.wait(guard, [&] { return !self->pinned; });
      state.waiters.erase(self);
      state.changed.notify_all();
    }
    lock.lock();
  }
  return true;
}

inline void ManualClock::on_advance(std::function<void(Timestamp)> moved) {
  std::lock_guard guard(state_->mutex);
  state_->moved = std::move(moved);
}

inline void ManualClock::advance(Duration by) {
  State& state = *state_;
  std::vector<State::Waiter*> due;
  std::function<void(Timestamp)> moved;
  {
    std::lock_guard guard(state.mutex);
    moved = state.moved;
  }
  if (moved) moved(now() + by);
  {
    std::lock_guard guard(state.mutex);
    state.now += by;
    state.steady += by;
    for (auto& waiter : state.waiters) {
      if (waiter.due || waiter.deadline > state.steady) continue;
      waiter.due = waiter.pinned = true;
      due.push_back(&waiter);
    }
  }
  for (auto* waiter : due) {
    {
      std::lock_guard theirs(*waiter->mutex);
      waiter->cv->notify_all();
    }
    std::lock_guard guard(state.mutex);
    waiter->pinned = false;
    state.changed.notify_all();
  }
}

inline void ManualClock::await_woken() {
  State& state = *state_;
  std::unique_lock guard(state.mutex);
  state.changed.wait(guard, [&] {
    return std::none_of(state.waiters.begin(), state.waiters.end(),
                        [](const auto& waiter) { return waiter.due; });
  });
}

inline void ManualClock::await_waiters(int n) {
  State& state = *state_;
  std::unique_lock guard(state.mutex);
  state.changed.wait(guard, [&] {
    return std::count_if(state.waiters.begin(), state.waiters.end(),
                         [](const auto& waiter) { return !waiter.due; }) >= n;
  });
}

}  // namespace mesh
