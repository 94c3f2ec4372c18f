#include "tests/contract/rate_limiter_contract.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/support/eventually.h"

namespace mesh::test {

using std::chrono::microseconds;

RateDecision RateLimiterContract::take(std::int64_t cost, const RatePolicy& policy,
                                       const TenantId& tenant, std::string_view scope) {
  struct Call {
    std::mutex mutex;
    std::condition_variable came;
    std::vector<Result<RateDecision>> decisions;
  };
  const auto call = std::make_shared<Call>();
  int made = 0;
  auto at_once = limiter().take(tenant, scope, policy, cost, [&]() -> RateLimiter::Done {
    ++made;
    return [call](Result<RateDecision> decision) {
      std::lock_guard lock(call->mutex);
      call->decisions.push_back(std::move(decision));
      call->came.notify_all();
    };
  });
  std::unique_lock lock(call->mutex);
  EXPECT_EQ(made, at_once ? 0 : 1) << "a decision at once needs no completion, another needs one";
  if (at_once) {
    call->decisions.push_back(std::move(*at_once));
  } else {
    call->came.wait_for(lock, std::chrono::seconds(30), [&] { return !call->decisions.empty(); });
  }
  if (call->decisions.empty()) {
    ADD_FAILURE() << "no decision came";
    return {};
  }
  const auto& decision = call->decisions.front();
  EXPECT_TRUE(decision) << decision.error().to_string();
  return decision.value_or(RateDecision{});
}

RateDecision RateLimiterContract::peek(const RatePolicy& policy, const TenantId& tenant,
                                       std::string_view scope) {
  const auto decision = limiter().peek(tenant, scope, policy);
  EXPECT_TRUE(decision) << decision.error().to_string();
  return decision.value_or(RateDecision{});
}

TEST_P(RateLimiterContract, AnIdleCallerMayDoBurstPlusOneAtOnce) {
  for (const int remaining : {2, 1, 0}) {
    const auto decision = take();
    EXPECT_TRUE(decision.allowed);
    EXPECT_EQ(decision.limit, 3);
    EXPECT_EQ(decision.remaining, remaining);
    EXPECT_EQ(decision.retry_after, microseconds{0});
  }
  EXPECT_FALSE(take().allowed);
}

TEST_P(RateLimiterContract, ADenialSaysWhenToComeBack) {
  take(3);
  const auto denied = take();
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.remaining, 0);
  EXPECT_LE(denied.retry_after, kSlow.per);
  EXPECT_GT(denied.retry_after, kSlow.per - std::chrono::minutes{1});
  EXPECT_LE(denied.reset_after, 3 * kSlow.per);
  EXPECT_GT(denied.reset_after, 3 * kSlow.per - std::chrono::minutes{1});
  pass(kSlow.per);
  EXPECT_TRUE(take().allowed);
  EXPECT_FALSE(take().allowed);
}

TEST_P(RateLimiterContract, ADenialConsumesNothing) {
  take(2);
  EXPECT_FALSE(take(2).allowed);
  EXPECT_FALSE(take(3).allowed);
  EXPECT_TRUE(take(1).allowed);
}

TEST_P(RateLimiterContract, ACostThatCanNeverPassSaysSo) {
  const auto decision = take(4);
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.retry_after, microseconds::max());
  EXPECT_EQ(peek().remaining, 3);
}

TEST_P(RateLimiterContract, PeekConsumesNothing) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(peek().remaining, 3);
  take();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(peek().remaining, 2);
  EXPECT_EQ(peek().limit, 3);
  EXPECT_TRUE(take(2).allowed);
  EXPECT_EQ(peek().remaining, 0);
}

TEST_P(RateLimiterContract, UnitsComeBackOneByOne) {
  take(3);
  for (const int remaining : {1, 2, 3, 3}) {
    pass(kSlow.per);
    EXPECT_EQ(peek().remaining, remaining);
  }
}

TEST_P(RateLimiterContract, TenantsAndScopesDoNotShare) {
  take(3);
  EXPECT_TRUE(take(3, kSlow, globex()).allowed);
  EXPECT_TRUE(take(3, kSlow, acme(), "publish").allowed);
  EXPECT_FALSE(take().allowed);
}

TEST_P(RateLimiterContract, NamesThatLookAlikeWhenJoinedDoNotShare) {
  take(3, kSlow, acme(), "a:b");
  EXPECT_TRUE(take(3, kSlow, TenantId::parse("acme-a").value(), "b").allowed);
  EXPECT_TRUE(take(3, kSlow, acme(), "a").allowed);
}

TEST_P(RateLimiterContract, ResetMakesFullAgain) {
  take(3);
  ASSERT_TRUE(limiter().reset(acme(), "search"));
  EXPECT_EQ(peek().remaining, 3);
  EXPECT_TRUE(limiter().reset(globex(), "search"));  // was never seen
}

TEST_P(RateLimiterContract, AMuchWiderPolicyHelpsAtOnce) {
  take(3);
  EXPECT_TRUE(take(1, {1'000, Duration{1'000}, 0}).allowed);
}

TEST_P(RateLimiterContract, EachCallIsAnsweredOnce) {
  constexpr int kCalls = 200;
  const auto told = std::make_shared<std::array<std::atomic<int>, kCalls>>();
  for (int i = 0; i < kCalls; ++i) {
    const auto at_once = limiter().take(acme(), "search", kSlow, 1, [&]() -> RateLimiter::Done {
      return [told, i](Result<RateDecision>) { ++(*told)[static_cast<std::size_t>(i)]; };
    });
    if (at_once) ++(*told)[static_cast<std::size_t>(i)];
  }
  for (auto& count : *told) EXPECT_TRUE(eventually([&] { return count > 0; }));
  take();  // behind all of them
  for (auto& count : *told) EXPECT_EQ(count, 1);
}

TEST_P(RateLimiterContract, ConcurrentCallersGetNoMoreThanThereIs) {
  const RatePolicy policy{1, Duration{3'600'000}, 99};
  std::atomic<int> allowed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        if (take(1, policy).allowed) ++allowed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(allowed, 100);
}

}  // namespace mesh::test
