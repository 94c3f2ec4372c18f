#include "common/base/backoff.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

constexpr BackoffPolicy kPolicy{Duration{200}, Duration{60'000}, 8};

Duration longest(const BackoffPolicy& policy, int attempt) {
  Duration most{0};
  for (std::uint64_t random = 0; random < 200'000; ++random) {
    most = std::max(most, backoff_delay(policy, attempt, random));
  }
  return most;
}

TEST(Backoff, CeilingDoublesWithEachAttemptUpToTheCap) {
  EXPECT_EQ(longest(kPolicy, 1), Duration{200});
  EXPECT_EQ(longest(kPolicy, 2), Duration{400});
  EXPECT_EQ(longest(kPolicy, 5), Duration{3'200});
  EXPECT_EQ(longest(kPolicy, 9), Duration{51'200});
  EXPECT_EQ(longest(kPolicy, 10), kPolicy.cap);
}

TEST(Backoff, AnAbsurdNumberOfAttemptsStaysWithinTheCap) {
  for (const int attempt : {-5, 0, 1, 64, 1'000'000, std::numeric_limits<int>::max()}) {
    const auto delay = backoff_delay(kPolicy, attempt, ~std::uint64_t{0});
    EXPECT_GE(delay, Duration{0}) << attempt;
    EXPECT_LE(delay, kPolicy.cap) << attempt;
  }
}

}  // namespace
}  // namespace mesh
