// A circuit breaker in front of an engine that may be down.
// brpc's belongs to its channels; this one stands beside any call.
#pragma once

#include <mutex>

#include "common/base/backoff.h"
#include "common/base/clock.h"

namespace mesh {

// closed → (failures in a row reach the threshold) → open → (delay passes) → half_open: one probe;
// its success closes, its failure opens again with a longer delay. Any thread; never blocks.
class CircuitBreaker {
 public:
  enum class State { closed, half_open, open };
  struct Options {
    int failure_threshold = 3;
    // Its cap is how long a server may be back before anybody knows.
    BackoffPolicy delay{Duration{500}, Duration{5'000}, 0};
  };
  CircuitBreaker(Clock& clock, Options options) : clock_(clock), options_(options) {}

  // True where a call may be made now. In half_open exactly one caller gets true until it reports.
  bool allow() {
    std::lock_guard lock(mutex_);
    if (state_ == State::closed) return true;
    if (state_ == State::open && clock_.steady() >= open_until_) {
      state_ = State::half_open;
      return true;
    }
    return false;
  }
  void succeeded() {
    std::lock_guard lock(mutex_);
    state_ = State::closed;
    failures_ = 0;
  }
  void failed() {
    std::lock_guard lock(mutex_);
    ++failures_;
    if (state_ == State::half_open || failures_ >= options_.failure_threshold) {
      const int over = std::min(failures_ - options_.failure_threshold, 16);
      const auto wait =
          std::min<Duration>(options_.delay.cap, options_.delay.base * (1LL << std::max(over, 0)));
      open_until_ = clock_.steady() + wait;
      state_ = State::open;
    }
  }
  State state() const {
    std::lock_guard lock(mutex_);
    return state_;
  }
  // When the next probe is allowed; meaningful while open.
  SteadyTime open_until() const {
    std::lock_guard lock(mutex_);
    return open_until_;
  }

 private:
  Clock& clock_;
  const Options options_;
  mutable std::mutex mutex_;
  State state_ = State::closed;  // this and the next two guarded by mutex_
  int failures_ = 0;
  SteadyTime open_until_{};
};

}  // namespace mesh
