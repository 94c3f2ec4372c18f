// Exponential backoff with full jitter: delay = random(0, min(cap, base * 2^(attempt-1))).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "common/base/clock.h"

namespace mesh {

struct BackoffPolicy {
  Duration base{200};
  Duration cap{60'000};
  int max_attempts = 8;  // after so many the caller gives up
};

// `attempt` counts from 1; `random` is a uniform 64-bit value. Full jitter after M. Brooker,
// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
inline Duration backoff_delay(const BackoffPolicy& policy, int attempt, std::uint64_t random) {
  const int shift = std::clamp(attempt - 1, 0, 30);
  const auto ceiling = std::min<std::int64_t>(policy.cap.count(), policy.base.count() << shift);
  return Duration{static_cast<std::int64_t>(random % static_cast<std::uint64_t>(ceiling + 1))};
}

}  // namespace mesh
