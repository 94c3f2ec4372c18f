// Rate limits: the policy, the decision, and GCRA's arithmetic, the same for every engine.
//
// GCRA (ATM Forum TM 4.0; Wikipedia "Generic cell rate algorithm"): with T = per/rate and
// tau = T*(burst+1): new = max(tat, now) + cost*T; allowed iff now >= new - tau. A denial writes
// nothing. `limit` shown to clients is burst+1, what an idle caller may do at once.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "common/base/clock.h"

namespace mesh {

struct RatePolicy {
  std::int64_t rate = 0;     // units per `per`; at least 1
  Duration per{1000};        // at least 1 ms
  std::int64_t burst = 0;    // units beyond the steady rate; at least 0
  bool operator==(const RatePolicy&) const = default;
};

struct RateDecision {
  bool allowed = true;
  std::int64_t limit = 0;                    // burst + 1
  std::int64_t remaining = 0;                // units that would pass right now
  std::chrono::microseconds retry_after{0};  // until the same cost passes; 0 when allowed
  std::chrono::microseconds reset_after{0};  // until the bucket is full again
};

// Microseconds since an arbitrary epoch that `tat` and `now` share.
struct GcraOutcome {
  RateDecision decision;
  std::int64_t new_tat;  // to store; equals the old one on a denial
};

// Pure. `tat` is 0 for a key never seen. A cost that can never pass (cost > burst+1) is denied
// with retry_after = microseconds::max(); callers answer 4xx, not 429. cost 0 is a peek.
GcraOutcome gcra(const RatePolicy& policy, std::int64_t tat, std::int64_t now, std::int64_t cost);

}  // namespace mesh
