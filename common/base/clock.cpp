#include "common/base/clock.h"

#include <algorithm>
#include <list>
#include <vector>

namespace mesh {
namespace {

class SystemClock final : public Clock {
 public:
  Timestamp now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
  bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& cv,
                  SteadyTime deadline, const std::function<bool()>& ready) override {
    return cv.wait_until(lock, deadline, ready);
  }
};

}  // namespace

Clock& system_clock() {
  static auto* clock = new SystemClock;  // never destroyed: threads may outlive static destructors
  return *clock;
}

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
};

ManualClock::ManualClock() : state_(std::make_unique<State>()) {}
ManualClock::~ManualClock() = default;

Timestamp ManualClock::now() const {
  std::lock_guard lock(state_->mutex);
  return state_->now;
}

SteadyTime ManualClock::steady() const {
  std::lock_guard lock(state_->mutex);
  return state_->steady;
}

bool ManualClock::wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& cv,
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
    }
    lock.lock();
  }
  return true;
}

void ManualClock::advance(Duration by) {
  State& state = *state_;
  std::vector<State::Waiter*> due;
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

void ManualClock::await_waiters(int n) {
  State& state = *state_;
  std::unique_lock guard(state.mutex);
  state.changed.wait(guard, [&] {
    return std::count_if(state.waiters.begin(), state.waiters.end(),
                         [](const auto& waiter) { return !waiter.due; }) >= n;
  });
}

}  // namespace mesh
