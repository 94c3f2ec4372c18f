#include "common/engines/redis/redis_limiter.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "common/base/strings.h"
#include "common/engines/memory/memory_limiter.h"
#include "tests/common/engines/redis/limiter_fixture.h"
#include "tests/support/manual_clock.h"

namespace mesh::redis {
namespace {

constexpr const char* kKey = "mesh:acme:search";
constexpr std::int64_t kMicros = 1'000'000;

struct RedisLimiterTest : RedisTest {
  std::int64_t now() {
    const auto parts = split(server().ask({"TIME"}), ' ');
    return *parse_int(parts[0]) * kMicros + *parse_int(parts[1]);
  }
  static std::string stored_form(std::int64_t micros) {
    return std::to_string(micros / kMicros) + "." +
           std::to_string(kMicros + micros % kMicros).substr(1);
  }
  void store(std::int64_t tat) { server().ask({"SET", kKey, stored_form(tat)}); }
  struct Stored {
    std::int64_t tat = 0;  // 0: there is none
    std::int64_t expires_ms = 0;
  };
  // At one instant, for what is near its time may be gone at the next.
  Stored stored() {
    const auto parts = split(server().ask({"EVAL",
                                           "return {redis.call('GET', KEYS[1]) or '', "
                                           "redis.call('PEXPIRETIME', KEYS[1])}",
                                           "1", kKey}),
                             ' ');
    const auto dot = parts[0].find('.');
    if (dot == std::string::npos) return {};
    return {*parse_int(parts[0].substr(0, dot)) * kMicros + *parse_int(parts[0].substr(dot + 1)),
            *parse_int(parts[1])};
  }
  // All that the server holds of it: value and time of expiry.
  std::string held() {
    return server().ask({"DBSIZE"}) + " " + server().ask({"GET", kKey}) + " " +
           server().ask({"PEXPIRETIME", kKey});
  }
};

// From a few units to the widest that a policy may say, which needs more than a double's 53 bits.
std::int64_t of_any_size(std::mt19937_64& random, std::int64_t least, std::int64_t most) {
  std::uniform_real_distribution<double> exponent(0, std::log(static_cast<double>(most)));
  return std::clamp(static_cast<std::int64_t>(std::exp(exponent(random))), least, most);
}

// The script decides before gcra() does: what it stores, and whether it does, must be the same to
// the microsecond, whatever was stored before.
TEST_F(RedisLimiterTest, TheScriptStoresWhatTheArithmeticSays) {
  const auto limiter = connect();
  std::mt19937_64 random{20261129};
  int allowed = 0, denied = 0, gone = 0, beyond = 0;
  for (int round = 0; round < 2'000; ++round) {
    const RatePolicy policy{of_any_size(random, 1, 1'000'000'000),
                            Duration{of_any_size(random, 1, 366ll * 24 * 3'600'000)},
                            of_any_size(random, 1, 1'000'000'000) - 1};
    const std::int64_t tolerance = gcra_steps(policy).tolerance;
    const std::int64_t cost = of_any_size(random, 1, policy.burst + 1);
    const std::int64_t before = now();
    // A second beyond: the script's time is later than `before`, and it is not known yet whether
    // what is near the edge is a leftover.
    const std::int64_t ahead[] = {0,
                                  -5,
                                  of_any_size(random, 1, tolerance),
                                  tolerance - of_any_size(random, 1, tolerance),
                                  of_any_size(random, 1, 2 * tolerance),
                                  2 * tolerance + 60 * kMicros + of_any_size(random, 1, kMicros)};
    const std::size_t kind = random() % std::size(ahead);
    const std::int64_t tat = kind == 0 ? 0 : before + ahead[kind];
    if (tat == 0) {
      server().ask({"DEL", kKey});
    } else {
      store(tat);
    }
    const auto decision = take(*limiter, policy, cost);
    ASSERT_TRUE(decision) << decision.error().to_string();
    const auto [new_tat, expires_ms] = stored();
    const std::int64_t after = now(), reset = decision->reset_after.count();
    if (decision->allowed && new_tat == 0) {
      // It took some microseconds, which are over.
      ASSERT_LE(before + reset, after) << round;
      ++gone;
      continue;
    }
    // The script's time is not told, but follows: reset_after counts from it.
    const std::int64_t at = (decision->allowed ? new_tat : tat) - reset;
    ASSERT_GE(at, before) << round;
    ASSERT_LE(at, after) << round;
    const auto expected = gcra(policy, tat, at, cost);
    ASSERT_EQ(decision->allowed, expected.decision.allowed) << round;
    ASSERT_EQ(decision->remaining, expected.decision.remaining) << round;
    ASSERT_EQ(decision->retry_after, expected.decision.retry_after) << round;
    ASSERT_EQ(new_tat, expected.new_tat) << round;
    if (decision->allowed) {
      // In whole milliseconds, rounded up: not before it is full again.
      ASSERT_EQ(expires_ms, (new_tat + 999) / 1'000) << round;
    }
    ++(decision->allowed ? allowed : denied);
    if (std::max(tat, new_tat) - at > std::int64_t{1} << 53) ++beyond;
  }
  EXPECT_GT(allowed, 500);
  EXPECT_LT(gone, 500);
  EXPECT_GT(denied, 100);
  EXPECT_GT(beyond, 50) << "no time was too large for a double";
}

TEST_F(RedisLimiterTest, DecidesAsTheOneInMemory) {
  const auto limiter = connect();
  ManualClock clock;
  const auto memory = memory::make_limiter(clock);
  std::mt19937_64 random{7};
  // Units of days: none comes back while the test runs.
  for (int round = 0; round < 1'000; ++round) {
    const RatePolicy policy{1, Duration{24 * 3'600'000}, static_cast<std::int64_t>(random() % 30)};
    const std::string name = "t" + std::to_string(random() % 40);
    const auto cost = static_cast<std::int64_t>(random() % 12) - 1;
    if (random() % 20 == 0) {
      ASSERT_TRUE(limiter->reset(tenant(name), "search"));
      ASSERT_TRUE(memory->reset(tenant(name), "search"));
    }
    const auto here = memory->take(tenant(name), "search", policy, cost);
    const auto there = take(*limiter, policy, cost, name);
    ASSERT_TRUE(here && there);
    ASSERT_EQ(here->allowed, there->allowed) << round;
    ASSERT_EQ(here->limit, there->limit) << round;
    ASSERT_EQ(here->remaining, there->remaining) << round;
    ASSERT_EQ(here->retry_after == std::chrono::microseconds::max(),
              there->retry_after == std::chrono::microseconds::max())
        << round;
    const auto seen = limiter->peek(tenant(name), "search", policy);
    ASSERT_TRUE(seen);
    ASSERT_EQ(memory->peek(tenant(name), "search", policy)->remaining, seen->remaining) << round;
  }
}

TEST_F(RedisLimiterTest, NoMorePassesThanTheTimeAllows) {
  const RatePolicy policy{500, Duration{1'000}, 20};  // one in 2 ms
  const auto limiter = connect();
  Calls calls;
  const std::int64_t began = now();
  while (calls.made() < 20'000) {
    calls.take(*limiter, policy);
    ASSERT_TRUE(eventually([&] { return calls.made() - calls.answered() < 100; }));
  }
  ASSERT_TRUE(calls.all_answered());
  const std::int64_t took = now() - began;
  EXPECT_EQ(calls.failed(), 0u);
  EXPECT_GE(calls.allowed(), 21u);
  EXPECT_LE(calls.allowed(), static_cast<std::size_t>(21 + took / 2'000));
}

TEST_F(RedisLimiterTest, TwoLimitersShareOneLimit) {
  const RatePolicy policy{1, Duration{3'600'000}, 99};
  const auto one = connect(), other = connect();
  Calls of_one, of_other;
  for (int i = 0; i < 100; ++i) {
    of_one.take(*one, policy);
    of_other.take(*other, policy);
  }
  ASSERT_TRUE(of_one.all_answered() && of_other.all_answered());
  EXPECT_EQ(of_one.allowed() + of_other.allowed(), 100u);
  EXPECT_EQ(one->peek(tenant("acme"), "search", policy)->remaining, 0);
  ASSERT_TRUE(one->reset(tenant("acme"), "search"));
  EXPECT_EQ(other->peek(tenant("acme"), "search", policy)->remaining, 100);
}

TEST_F(RedisLimiterTest, OtherPrefixesAndDatabasesShareNothing) {
  auto prefixed = options(), numbered = options();
  prefixed.prefix = "other:";
  numbered.database = 3;
  const auto plain = connect(), other = connect(prefixed), third = connect(numbered);
  for (const auto* limiter : {&plain, &other, &third})
    EXPECT_TRUE(take(**limiter, kSlow, 3)->allowed);
  EXPECT_EQ(server().ask({"DBSIZE"}), "2");
  EXPECT_EQ(server().ask({"EXISTS", "mesh:acme:search", "other:acme:search"}), "2");
  EXPECT_EQ(server().ask({"KEYS", "*"}, 3), "mesh:acme:search");
}

TEST_F(RedisLimiterTest, PeeksAndDenialsWriteNothing) {
  const auto limiter = connect();
  const auto idle = held();
  EXPECT_EQ(limiter->peek(tenant("acme"), "search", kSlow)->remaining, 3);
  EXPECT_FALSE(take(*limiter, kSlow, 4)->allowed) << "it can never pass";
  EXPECT_EQ(take(*limiter, kSlow, 0)->remaining, 3);
  EXPECT_EQ(held(), idle);

  ASSERT_TRUE(take(*limiter, kSlow, 2)->allowed);
  const auto used = held();
  EXPECT_NE(used, idle);
  EXPECT_EQ(limiter->peek(tenant("acme"), "search", kSlow)->remaining, 1);
  EXPECT_FALSE(take(*limiter, kSlow, 2)->allowed);
  EXPECT_FALSE(take(*limiter, kSlow, 4)->allowed);
  EXPECT_EQ(held(), used);
}

TEST_F(RedisLimiterTest, AKeyExpiresOnceItIsFullAgain) {
  const auto limiter = connect();
  ASSERT_TRUE(take(*limiter, {1'000, Duration{1'000}, 299}, 300)->allowed);
  const auto [tat, expires_ms] = stored();
  EXPECT_EQ(expires_ms, (tat + 999) / 1'000);
  EXPECT_TRUE(eventually([&] { return server().ask({"DBSIZE"}) == "0"; }));
}

TEST_F(RedisLimiterTest, AKeyOfSomebodyElseIsAnErrorAndStays) {
  const auto limiter = connect();
  for (const auto& make : {std::vector<std::string>{"SET", kKey, "hello"},
                           std::vector<std::string>{"RPUSH", kKey, "hello"}}) {
    server().ask({"DEL", kKey});
    server().ask(make);
    const auto type = server().ask({"TYPE", kKey});
    EXPECT_EQ(take(*limiter).error().kind, ErrorKind::unavailable);
    EXPECT_FALSE(limiter->peek(tenant("acme"), "search", kSlow));
    EXPECT_EQ(server().ask({"TYPE", kKey}), type);
  }
  ASSERT_TRUE(limiter->reset(tenant("acme"), "search"));
  EXPECT_TRUE(take(*limiter)->allowed);
}

TEST_F(RedisLimiterTest, ScriptsThatWereFlushedAreLoadedAgain) {
  const auto limiter = connect();
  ASSERT_TRUE(take(*limiter)->allowed);
  for (int round = 0; round < 3; ++round) {
    server().ask({"SCRIPT", "FLUSH"});
    Calls calls;
    for (int i = 0; i < 100; ++i) calls.take(*limiter);
    ASSERT_TRUE(calls.all_answered());
    EXPECT_EQ(calls.failed(), 0u);
    EXPECT_TRUE(limiter->peek(tenant("acme"), "search", kSlow));
  }
  EXPECT_EQ(limiter->peek(tenant("acme"), "search", kSlow)->remaining, 0);
  // And then go by their digest again.
  server().ask({"CONFIG", "RESETSTAT"});
  ASSERT_TRUE(take(*limiter));
  EXPECT_THAT(server().ask({"INFO", "commandstats"}),
              testing::AllOf(testing::HasSubstr("cmdstat_evalsha:"),
                             testing::Not(testing::HasSubstr("cmdstat_eval:"))));
}

TEST_F(RedisLimiterTest, ACompletionMayAskAgain) {
  const auto limiter = connect();
  std::promise<Result<RateDecision>> second;
  const auto at_once =
      limiter->take(tenant("acme"), "search", kSlow, 1, [&]() -> RateLimiter::Done {
        return [&](const Result<RateDecision>&) {
          const auto again =
              limiter->take(tenant("acme"), "search", kSlow, 1, [&]() -> RateLimiter::Done {
                return [&](Result<RateDecision> came) { second.set_value(std::move(came)); };
              });
          EXPECT_FALSE(again);
        };
      });
  ASSERT_FALSE(at_once);
  EXPECT_EQ(second.get_future().get()->remaining, 1);
}

TEST_F(RedisLimiterTest, AServerIsReachedOverIpv6AndByName) {
  auto by_name = options(), v6 = options();
  by_name.host = "localhost";
  EXPECT_TRUE(take(*connect(by_name))->allowed);
  v6.host = "::1";
  const auto limiter = open(v6);
  ASSERT_TRUE(eventually([&] {
    const auto trouble = limiter->trouble();
    return !trouble || trouble->cause.find("not connected yet") == std::string::npos;
  }));
  if (const auto trouble = limiter->trouble()) GTEST_SKIP() << "no IPv6 here: " << trouble->cause;
  EXPECT_TRUE(take(*limiter)->allowed);
}

}  // namespace
}  // namespace mesh::redis
