// A wait for nothing but the time.
#pragma once

#include <condition_variable>
#include <mutex>

#include "common/base/clock.h"

namespace mesh {

// Blocks for so long, by the clock. Any thread.
inline void pause(Clock& clock, Duration time) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  (void)clock.wait_until(lock, never, clock.steady() + time, [] { return false; });
}

}  // namespace mesh
