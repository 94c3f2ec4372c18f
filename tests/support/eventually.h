// Waiting for threads of the code under test, without a sleep.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "common/base/clock.h"
#include "tests/support/manual_clock.h"

namespace mesh::test {

// True as soon as `ready` is; false after a time that only a hanging test reaches.
inline bool eventually(const std::function<bool()>& ready) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!ready()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

// Moves the clock by `step` until `ready` is true.
inline bool advance_until(ManualClock& clock, Duration step, const std::function<bool()>& ready) {
  return eventually([&] {
    if (ready()) return true;
    clock.advance(step);
    clock.await_woken();
    return false;
  });
}

}  // namespace mesh::test
