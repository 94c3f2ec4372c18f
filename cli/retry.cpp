#include "cli/retry.h"

#include <algorithm>
#include <thread>

#include "cli/interrupt.h"
#include "common/base/backoff.h"

namespace mesh::cli {

std::optional<Duration> retry_delay(const Error& error, int attempt, std::uint64_t random) {
  constexpr Duration kLongest{60'000};
  if (error.kind == ErrorKind::rate_limited) {
    // A limit is no failure: it passes, however often it is met.
    if (attempt > 1000) return std::nullopt;
    return std::min(error.retry_after.value_or(Duration{1000}), kLongest);
  }
  if (!error.retryable()) return std::nullopt;
  constexpr BackoffPolicy kPolicy{Duration{200}, Duration{10'000}, 8};
  if (attempt >= kPolicy.max_attempts) return std::nullopt;
  // A server that says when is not asked before, and not waited for beyond a minute, so that a
  // wrong header does not hold up a command.
  const Duration backoff = backoff_delay(kPolicy, attempt, random);
  return std::max(backoff, std::min(error.retry_after.value_or(Duration{0}), kLongest));
}

bool nap(Duration duration) {
  // A signal only sets a flag, which nothing wakes the sleep for.
  constexpr Duration kSlice{50};
  for (Duration left = duration; left.count() > 0; left -= kSlice) {
    if (InterruptGuard::interrupted()) return false;
    std::this_thread::sleep_for(std::min(left, kSlice));
  }
  return !InterruptGuard::interrupted();
}

}  // namespace mesh::cli
