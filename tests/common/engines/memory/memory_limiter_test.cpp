#include "common/engines/memory/memory_limiter.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <thread>

#include "tests/support/manual_clock.h"

namespace mesh::memory {
namespace {

TenantId tenant(int n) { return TenantId::parse("t" + std::to_string(n)).value(); }

constexpr RatePolicy kPolicy{1, Duration{1'000}, 2};

struct MemoryLimiterTest : testing::Test {
  ManualClock clock;
  std::unique_ptr<MemoryLimiter> limiter = make_limiter(clock);
};

TEST_F(MemoryLimiterTest, PeekAndDenialsAndResetsHoldNothing) {
  ASSERT_TRUE(limiter->peek(tenant(1), "search", kPolicy));
  EXPECT_FALSE(limiter->take(tenant(2), "search", kPolicy, 4)->allowed);
  ASSERT_TRUE(limiter->take(tenant(3), "search", kPolicy, 1));
  ASSERT_TRUE(limiter->reset(tenant(3), "search"));
  EXPECT_EQ(limiter->keys(), 0u);
}

TEST_F(MemoryLimiterTest, IdleKeysAreForgottenWhileAnyoneCalls) {
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(limiter->take(tenant(i), "search", kPolicy, 3));
  EXPECT_EQ(limiter->keys(), 10'000u);
  for (int second = 0; second < 70; ++second) {
    clock.advance(Duration{1'000});
    ASSERT_TRUE(limiter->take(tenant(0), "search", kPolicy, 1));
  }
  EXPECT_EQ(limiter->keys(), 1u);
}

TEST_F(MemoryLimiterTest, SweepsForgetNoOneWhoIsNotFullAgain) {
  const RatePolicy slow{1, Duration{3'600'000}, 0};
  ASSERT_TRUE(limiter->take(tenant(1), "search", slow, 1));
  for (int second = 0; second < 200; ++second) {
    clock.advance(Duration{1'000});
    ASSERT_TRUE(limiter->take(tenant(2), "search", kPolicy, 1));
  }
  EXPECT_FALSE(limiter->take(tenant(1), "search", slow, 1)->allowed);
}

TEST(MemoryLimiterBounds, BeyondItsKeysItIsUnavailableUntilOldOnesRecover) {
  ManualClock clock;
  const auto limiter = make_limiter(clock, {.max_keys = 640});
  int refused = 0;
  for (int i = 0; i < 5'000; ++i) {
    const auto decision = limiter->take(tenant(i), "search", kPolicy, 1);
    if (decision) continue;
    EXPECT_EQ(decision.error().kind, ErrorKind::unavailable);
    ++refused;
  }
  EXPECT_EQ(refused, 5'000 - 640);
  EXPECT_EQ(limiter->keys(), 640u);
  clock.advance(Duration{1'000});
  for (int i = 6'000; i < 6'010; ++i) {
    EXPECT_TRUE(limiter->take(tenant(i), "search", kPolicy, 1)) << i;
  }
}

TEST(MemoryLimiterThreads, TakesPeeksResetsAndSweepsMayMix) {
  ManualClock clock;
  const auto limiter = make_limiter(clock);
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n < 3; ++n) {
      threads.emplace_back([&] {
        for (int i = 0; i < 5'000; ++i) {
          EXPECT_TRUE(limiter->take(tenant(i % 200), "search", kPolicy, 1));
          EXPECT_TRUE(limiter->peek(tenant(i % 200), "search", kPolicy));
          EXPECT_TRUE(limiter->reset(tenant(i * 50 % 200), "search"));
        }
      });
    }
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) clock.advance(Duration{100});
    });
  }
  EXPECT_LE(limiter->keys(), 200u);
}

// The model is the other face of GCRA: a leaky bucket that holds (burst+1)*T microseconds, leaks
// one per microsecond, and takes cost*T where that fits.
TEST(MemoryLimiterProperty, BehavesAsALeakyBucket) {
  const bool holds = rc::check("every decision is the bucket's", [] {
    const RatePolicy policy{*rc::gen::inRange<std::int64_t>(1, 50),
                            Duration{*rc::gen::inRange<std::int64_t>(1, 5'000)},
                            *rc::gen::inRange<std::int64_t>(0, 10)};
    const std::int64_t per = policy.per.count() * 1'000;
    const std::int64_t unit = (per + policy.rate - 1) / policy.rate;
    const std::int64_t size = unit * (policy.burst + 1);

    ManualClock clock;
    const auto limiter = make_limiter(clock);
    std::map<int, std::pair<std::int64_t, std::int64_t>> buckets;  // level and when it was so
    std::int64_t now = 0;
    const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(rc::gen::tuple(
        rc::gen::inRange(0, 3), rc::gen::inRange(0, 12), rc::gen::inRange(0, 3'000)));
    for (const auto& [who, cost, wait] : steps) {
      auto& [level, when] = buckets[who];
      level = std::max<std::int64_t>(0, level - (now - when));
      when = now;
      const auto decision = limiter->take(tenant(who), "search", policy, cost).value();
      const bool fits = level + cost * unit <= size;
      RC_ASSERT(decision.allowed == fits);
      if (fits) level += cost * unit;
      RC_ASSERT(decision.remaining == (size - level) / unit);
      RC_ASSERT(decision.reset_after == std::chrono::microseconds{level});
      RC_ASSERT(decision.limit == policy.burst + 1);
      if (!fits && cost <= policy.burst + 1) {
        RC_ASSERT(decision.retry_after == std::chrono::microseconds{level + cost * unit - size});
      }
      clock.advance(Duration{wait});
      now += wait * 1'000;
    }
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace mesh::memory
