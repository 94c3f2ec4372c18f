#include "common/domain/rate_policy.h"

#include <gtest/gtest.h>

#include <random>

namespace mesh {
namespace {

using std::chrono::microseconds;

// 30 per minute, bursts of 3 at once.
constexpr RatePolicy kPolicy{30, Duration{60'000}, 2};
constexpr std::int64_t kInterval = 2'000'000;
constexpr std::int64_t kNow = 1'000'000'000;

// A caller that keeps its tat.
struct Caller {
  RatePolicy policy = kPolicy;
  std::int64_t now = kNow;
  std::int64_t tat = 0;
  RateDecision take(std::int64_t cost = 1) {
    const auto outcome = gcra(policy, tat, now, cost);
    tat = outcome.new_tat;
    return outcome.decision;
  }
};

TEST(Gcra, AnIdleCallerMayDoBurstPlusOneAtOnce) {
  Caller caller;
  for (const int remaining : {2, 1, 0}) {
    const auto decision = caller.take();
    EXPECT_TRUE(decision.allowed);
    EXPECT_EQ(decision.limit, 3);
    EXPECT_EQ(decision.remaining, remaining);
    EXPECT_EQ(decision.reset_after, microseconds{(3 - remaining) * kInterval});
    EXPECT_EQ(decision.retry_after, microseconds{0});
  }
  EXPECT_FALSE(caller.take().allowed);
}

TEST(Gcra, ADenialSaysWhenToComeBackAndChangesNothing) {
  Caller caller;
  caller.take(3);
  const auto tat = caller.tat;
  caller.now += 500'000;
  const auto denied = caller.take();
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.retry_after, microseconds{kInterval - 500'000});
  EXPECT_EQ(denied.reset_after, microseconds{3 * kInterval - 500'000});
  EXPECT_EQ(denied.remaining, 0);
  EXPECT_EQ(caller.tat, tat);
  caller.now += denied.retry_after.count();
  EXPECT_TRUE(caller.take().allowed);
}

TEST(Gcra, OneMicrosecondTooEarlyIsTooEarly) {
  Caller caller;
  caller.take(3);
  caller.now += kInterval - 1;
  EXPECT_FALSE(caller.take().allowed);
  caller.now += 1;
  EXPECT_TRUE(caller.take().allowed);
}

TEST(Gcra, ACostThatCanNeverPassSaysSo) {
  Caller caller;
  const auto decision = caller.take(4);
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.retry_after, microseconds::max());
  EXPECT_EQ(decision.remaining, 3);
  EXPECT_EQ(caller.tat, 0);
}

TEST(Gcra, CostZeroPeeks) {
  Caller caller;
  EXPECT_EQ(caller.take(0).remaining, 3);
  EXPECT_EQ(caller.tat, 0);
  caller.take(2);
  const auto tat = caller.tat;
  const auto peek = caller.take(0);
  EXPECT_TRUE(peek.allowed);
  EXPECT_EQ(peek.remaining, 1);
  EXPECT_EQ(peek.reset_after, microseconds{2 * kInterval});
  EXPECT_EQ(caller.tat, tat);
}

TEST(Gcra, AMuchWiderPolicyHelpsAtOnce) {
  // Symptom: after 1 per hour was raised to 1,000 per second, callers stayed denied for hours.
  Caller caller{.policy = {1, Duration{3'600'000}, 9}};
  caller.take(10);  // tat is ten hours ahead
  caller.policy = {1'000, Duration{1'000}, 0};
  EXPECT_TRUE(caller.take().allowed);
  EXPECT_FALSE(caller.take().allowed);
}

TEST(Gcra, AnyOtherChangeDelaysForNoLongerThanTwiceTheBurst) {
  Caller caller;
  caller.take(3);
  caller.policy.burst = 1;
  const auto denied = caller.take();
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.remaining, 0);
  EXPECT_EQ(denied.retry_after, microseconds{2 * kInterval});
  caller.now += denied.retry_after.count();
  EXPECT_TRUE(caller.take().allowed);
}

TEST(Gcra, AClockThatWentFarBackStartsAfresh) {
  Caller caller;
  caller.take(3);
  caller.now -= 900'000'000;
  EXPECT_EQ(caller.take().remaining, 2);
}

TEST(Gcra, AbsurdPoliciesNeitherOverflowNorDivideByZero) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::int64_t> numbers{0, -1, 1, 7, 1'000'000, kMost};
  for (const auto rate : numbers) {
    for (const auto per : numbers) {
      for (const auto burst : numbers) {
        for (const auto cost : numbers) {
          for (const std::int64_t tat : {std::int64_t{0}, kNow, std::int64_t{1} << 61}) {
            const auto [decision, new_tat] = gcra({rate, Duration{per}, burst}, tat, kNow, cost);
            EXPECT_GE(decision.limit, 1);
            EXPECT_GE(decision.remaining, 0);
            EXPECT_LE(decision.remaining, decision.limit);
            EXPECT_GE(decision.retry_after, microseconds{0});
            EXPECT_GE(decision.reset_after, microseconds{0});
            EXPECT_EQ(decision.allowed, decision.retry_after == microseconds{0});
            if (!decision.allowed) {
              EXPECT_EQ(new_tat, tat);
            }
          }
        }
      }
    }
  }
}

TEST(Gcra, OverAnyTimeItAdmitsNoMoreThanBurstPlusRate) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    Caller caller;
    caller.policy = {static_cast<std::int64_t>(1 + random() % 1'000),
                     Duration{static_cast<std::int64_t>(1 + random() % 10'000)},
                     static_cast<std::int64_t>(random() % 50)};
    const std::int64_t begin = caller.now;
    std::int64_t admitted = 0;
    for (int i = 0; i < 500; ++i) {
      const auto cost = static_cast<std::int64_t>(1 + random() % 3);
      if (caller.take(cost).allowed) admitted += cost;
      const double elapsed = static_cast<double>(caller.now - begin) / 1000.0;  // ms
      const double rate =
          static_cast<double>(caller.policy.rate) / static_cast<double>(caller.policy.per.count());
      ASSERT_LE(static_cast<double>(admitted),
                static_cast<double>(caller.policy.burst + 1) + rate * elapsed + 1e-6);
      caller.now += static_cast<std::int64_t>(random() % 20'000);
    }
    EXPECT_GT(admitted, 0);
  }
}

TEST(RatePolicyJson, RoundTrips) {
  const auto json = to_json(kPolicy);
  EXPECT_EQ(dump(json), R"({"rate":30,"per":"1m","burst":2})");
  EXPECT_EQ(rate_policy_from_json(json).value(), kPolicy);
}

TEST(RatePolicyJson, OnlyTheRateIsRequired) {
  EXPECT_EQ(rate_policy_from_json({{"rate", 5}}).value(), (RatePolicy{5, Duration{1000}, 4}));
}

TEST(RatePolicyJson, NamesEveryFaultWithItsPlace) {
  const auto pointers = [](const Json& json) {
    std::vector<std::string> all;
    const auto policy = rate_policy_from_json(json);
    if (policy) return all;
    EXPECT_EQ(policy.error().kind, ErrorKind::unprocessable);
    for (const auto& field : policy.error().fields) all.push_back(field.pointer);
    return all;
  };
  using List = std::vector<std::string>;
  EXPECT_EQ(pointers(Json::array()), List{""});
  EXPECT_EQ(pointers(Json::object()), List{"/rate"});
  EXPECT_EQ(pointers({{"rate", 2'000'000'000}, {"per", "9999d"}}), (List{"/rate", "/per"}));
  EXPECT_EQ(rate_policy_from_json({{"rate", 0}}, "/a").error().fields.at(0).pointer, "/a/rate");
  EXPECT_EQ(pointers({{"rate", 0}, {"per", "1m"}, {"burst", -1}}), (List{"/rate", "/burst"}));
  EXPECT_EQ(pointers({{"rate", 1.5}, {"per", 60}, {"burst", 0}}), (List{"/rate", "/per"}));
  EXPECT_EQ(pointers({{"rate", 2.0}, {"per", "1m"}, {"burst", 1e3}}), List{})
      << "JSON has one kind of number";
  EXPECT_EQ(pointers({{"rate", 1}, {"per", "0"}, {"burst", 0}}), List{"/per"});
  EXPECT_EQ(pointers({{"rate", 1}, {"per", "1s"}, {"burst", 0}, {"x", 1}}), List{"/x"});
  EXPECT_EQ(pointers({{"rate", 18446744073709551615u}, {"per", "1s"}, {"burst", 0}}),
            List{"/rate"});
}

}  // namespace
}  // namespace mesh
