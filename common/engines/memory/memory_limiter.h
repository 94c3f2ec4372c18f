// The in-process RateLimiter: GCRA in sharded hash maps; idle keys are swept.
#pragma once

#include <memory>

#include "common/base/clock.h"
#include "common/ports/rate_limiter.h"

namespace mesh::memory {
std::unique_ptr<RateLimiter> make_limiter(Clock& clock);
}  // namespace mesh::memory
