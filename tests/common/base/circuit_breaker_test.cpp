#include "common/base/circuit_breaker.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace mesh {
namespace {

using State = CircuitBreaker::State;

struct CircuitBreakerTest : testing::Test {
  ManualClock clock;
  CircuitBreaker breaker{clock, {3, {Duration{500}, Duration{4'000}, 0}}};

  void fail_times(int n) {
    for (int i = 0; i < n; ++i) breaker.failed();
  }
};

TEST_F(CircuitBreakerTest, StaysClosedBelowTheThreshold) {
  fail_times(2);
  EXPECT_TRUE(breaker.allow());
  EXPECT_EQ(breaker.state(), State::closed);
}

TEST_F(CircuitBreakerTest, ASuccessForgetsEarlierFailures) {
  fail_times(2);
  breaker.succeeded();
  fail_times(2);
  EXPECT_EQ(breaker.state(), State::closed);
}

TEST_F(CircuitBreakerTest, OpensAtTheThresholdAndRefuses) {
  fail_times(3);
  EXPECT_EQ(breaker.state(), State::open);
  EXPECT_FALSE(breaker.allow());
  clock.advance(Duration{499});
  EXPECT_FALSE(breaker.allow());
}

TEST_F(CircuitBreakerTest, LetsExactlyOneProbeThroughAfterTheDelay) {
  fail_times(3);
  clock.advance(Duration{500});
  EXPECT_TRUE(breaker.allow());
  EXPECT_EQ(breaker.state(), State::half_open);
  EXPECT_FALSE(breaker.allow());
}

TEST_F(CircuitBreakerTest, ASuccessfulProbeCloses) {
  fail_times(3);
  clock.advance(Duration{500});
  ASSERT_TRUE(breaker.allow());
  breaker.succeeded();
  EXPECT_TRUE(breaker.allow());
  EXPECT_EQ(breaker.state(), State::closed);
}

TEST_F(CircuitBreakerTest, EachFailedProbeDoublesTheDelayUpToTheCap) {
  fail_times(3);
  for (const int expected : {500, 1'000, 2'000, 4'000, 4'000}) {
    EXPECT_EQ(breaker.open_until() - clock.steady(), Duration{expected});
    clock.advance(Duration{expected});
    ASSERT_TRUE(breaker.allow());
    breaker.failed();
  }
}

}  // namespace
}  // namespace mesh
