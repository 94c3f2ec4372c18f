// When a refused or unanswered call may be repeated, and how long to wait before.
#pragma once

#include <functional>
#include <optional>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh::cli {

// For calls that may be repeated without harm. `attempt` counts from 1; nothing: give up.
// rate_limited: what Retry-After says (1 s without it, at most a minute), up to 1,000 times, since
// the server is well and only asks for patience. unavailable and timeout: exponential backoff with
// full jitter, 8 attempts, never earlier than Retry-After.
std::optional<Duration> retry_delay(const Error& error, int attempt, std::uint64_t random);

// Waits; false at once where the user interrupts.
bool nap(Duration duration);
using Nap = std::function<bool(Duration)>;

// Calls until it succeeds or retry_delay gives up or the user interrupts.
template <typename Call>
auto patiently(const Call& call, const Nap& sleep, const std::function<std::uint64_t()>& random)
    -> decltype(call()) {
  for (int attempt = 1;; ++attempt) {
    auto result = call();
    if (result) return result;
    const auto delay = retry_delay(result.error(), attempt, random());
    if (!delay || !sleep(*delay)) return result;
  }
}

}  // namespace mesh::cli
