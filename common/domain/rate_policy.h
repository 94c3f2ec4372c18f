// Rate limits: the policy, the decision, and GCRA's arithmetic, the same for every engine.
//
// GCRA (ATM Forum TM 4.0; Wikipedia "Generic cell rate algorithm"): with T = per/rate and
// tau = T*(burst+1): new = max(tat, now) + cost*T; allowed iff now >= new - tau. A denial writes
// nothing. `limit` shown to clients is burst+1, what an idle caller may do at once.
//
// T is whole microseconds, rounded up: a policy never admits more than it says, and one of more
// than some 10,000 units per second is exact only where T comes out whole (100,000/s is: 10 us).
// A stored tat further ahead than 2*tau is a leftover (the policy was made much wider, a clock went
// back) and counts as never seen: else a tenant would stay locked out by a policy that is gone.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh {

struct RatePolicy {
  std::int64_t rate = 0;   // units per `per`; at least 1
  Duration per{1000};      // at least 1 ms
  std::int64_t burst = 0;  // units beyond the steady rate; at least 0
  bool operator==(const RatePolicy&) const = default;
};

// {"rate":30,"per":"1m","burst":0}
Json to_json(const RatePolicy& policy);
// Reads the same; without `per` it is 1s, without `burst` the units of one period may come at once.
// `unprocessable` with a pointer per violation, `at` in front of each.
Result<RatePolicy> rate_policy_from_json(const Json& json, const std::string& at = {});

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

// T and tau of a policy, in microseconds; both at least 1 and small enough to add to any `now`.
struct GcraSteps {
  std::int64_t interval;   // T
  std::int64_t tolerance;  // tau
};
GcraSteps gcra_steps(const RatePolicy& policy);

// Pure. `tat` is 0 for a key never seen. A cost that can never pass (cost > burst+1) is denied
// with retry_after = microseconds::max(); callers answer 4xx, not 429. cost 0 is a peek.
GcraOutcome gcra(const RatePolicy& policy, std::int64_t tat, std::int64_t now, std::int64_t cost);

}  // namespace mesh
