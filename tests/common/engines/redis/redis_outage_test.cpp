// What a limiter does while its server is away, stands still, or refuses.
#include <array>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "common/base/strings.h"
#include "tests/common/engines/redis/limiter_fixture.h"
#include "tests/support/manual_clock.h"

namespace mesh::redis {
namespace {

using testing::HasSubstr;
using testing::Not;

struct RedisOutage : RedisTest {
  // A number of INFO, 0 where it is not there; asking connects, too, and so counts as a connection.
  int statistic(const std::string& section, const std::string& name) {
    const auto info = server().ask({"INFO", section});
    const auto at = info.find(name);
    return at == std::string::npos ? 0 : std::atoi(info.c_str() + at + name.size());
  }
};

TEST_F(RedisOutage, WithoutAServerItOpensAndSaysSoAtOnce) {
  server().kill();
  const auto limiter = open(options());
  Calls calls;
  calls.take(*limiter);
  EXPECT_EQ(calls.refused_at_once(), 1u);
  EXPECT_EQ(limiter->peek(tenant("acme"), "search", kSlow).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(limiter->reset(tenant("acme"), "search").error().kind, ErrorKind::unavailable);
  ASSERT_TRUE(eventually(
      [&] { return limiter->trouble()->cause.find("Connection refused") != std::string::npos; }));
  EXPECT_THAT(limiter->trouble()->message, HasSubstr("redis.url"));
  server().start();
  EXPECT_TRUE(eventually([&] { return !limiter->trouble(); }));
  EXPECT_TRUE(take(*limiter)->allowed);
}

TEST_F(RedisOutage, AttemptsToConnectGoByTheClock) {
  server().kill();
  ManualClock clock;
  const auto limiter = open(options(), clock);
  clock.await_waiters(1);
  server().start();
  EXPECT_TRUE(limiter->trouble()) << "the clock has not moved";
  EXPECT_TRUE(test::advance_until(clock, Duration{10}, [&] { return !limiter->trouble(); }));
  EXPECT_TRUE(take(*limiter)->allowed);
}

TEST_F(RedisOutage, KilledUnderLoadEveryCallIsAnsweredOnce) {
  const auto limiter = connect();
  constexpr std::size_t kThreads = 2, kRounds = 3;
  std::array<Calls, kThreads> calls;
  std::atomic<bool> enough{false};
  std::vector<std::thread> threads;
  for (auto& own : calls) {
    threads.emplace_back([&] {
      while (!enough) {
        own.take(*limiter);
        if (!eventually([&] { return own.made() - own.answered() < 500; })) break;
        // While nobody is there each call is answered at once: the list must not grow for ever.
        if (limiter->trouble()) eventually([&] { return enough || !limiter->trouble(); });
      }
    });
  }
  const auto allowed_or_denied = [&] {
    std::size_t sum = 0;
    for (const auto& own : calls) sum += own.answered() - own.failed();
    return sum;
  };
  for (std::size_t round = 0; round < kRounds; ++round) {
    const auto before = allowed_or_denied();
    EXPECT_TRUE(eventually([&] { return allowed_or_denied() > before + 2'000; })) << round;
    server().kill();
    EXPECT_TRUE(eventually([&] { return limiter->trouble().has_value(); }));
    server().start();
    EXPECT_TRUE(eventually([&] { return !limiter->trouble(); }));
  }
  const auto before = allowed_or_denied();
  EXPECT_TRUE(eventually([&] { return allowed_or_denied() > before + 2'000; }));
  enough = true;
  for (auto& thread : threads) thread.join();
  for (const auto& own : calls) {
    EXPECT_TRUE(own.all_answered());
    EXPECT_TRUE(own.each_once());
  }
}

TEST_F(RedisOutage, AServerThatStandsStillIsNotWaitedForAndComesBack) {
  auto few = options();
  few.max_pending = 50;
  const auto limiter = connect(few);
  ASSERT_TRUE(take(*limiter)->allowed);
  server().pause();
  Calls calls;
  for (int i = 0; i < 50; ++i) calls.take(*limiter);
  EXPECT_EQ(calls.refused_at_once(), 0u) << "nobody can know yet";
  ASSERT_TRUE(calls.all_answered());
  EXPECT_EQ(calls.failed(), 50u);
  EXPECT_TRUE(calls.each_once());
  EXPECT_THAT(limiter->trouble()->cause, HasSubstr("no answer in time"));
  calls.take(*limiter);
  EXPECT_EQ(calls.refused_at_once(), 1u);
  server().resume();
  ASSERT_TRUE(eventually([&] { return !limiter->trouble(); }));
  // What it did meanwhile nobody knows; it is there, and full or not.
  EXPECT_TRUE(take(*limiter, kSlow, 1, "globex")->allowed);
  Calls later;
  for (int i = 0; i < 50; ++i) later.take(*limiter);
  EXPECT_EQ(later.refused_at_once(), 0u) << "what was lost left no room";
  EXPECT_TRUE(later.all_answered());
}

TEST_F(RedisOutage, WhatWaitsIsBounded) {
  auto few = options();
  few.max_pending = 10;
  const auto limiter = connect(few);
  server().pause();
  Calls calls;
  for (int i = 0; i < 15; ++i) calls.take(*limiter);
  EXPECT_EQ(calls.refused_at_once(), 5u);
  const auto peeked = limiter->peek(tenant("acme"), "search", kSlow);
  EXPECT_THAT(peeked.error().to_string(), HasSubstr("too many requests wait"));
  server().resume();
  ASSERT_TRUE(calls.all_answered());
  EXPECT_TRUE(calls.each_once());
  ASSERT_TRUE(eventually([&] { return !limiter->trouble(); }));
  // The room is there again, all of it.
  Calls later;
  for (int i = 0; i < 10; ++i) later.take(*limiter);
  EXPECT_EQ(later.refused_at_once(), 0u);
  EXPECT_TRUE(later.all_answered());
}

TEST_F(RedisOutage, ItsEndAnswersWhatIsPending) {
  auto limiter = connect();
  server().pause();
  Calls calls;
  for (int i = 0; i < 100; ++i) calls.take(*limiter);
  limiter.reset();
  EXPECT_EQ(calls.answered(), 100u);
  EXPECT_EQ(calls.failed(), 100u);
  EXPECT_TRUE(calls.each_once());
}

// Some calls are then sent, and some have not been seen by the thread yet.
TEST_F(RedisOutage, ItsEndMayComeAtAnyMoment) {
  for (int round = 0; round < 50; ++round) {
    Calls calls;
    auto limiter = connect();
    for (int i = 0; i < 20; ++i) calls.take(*limiter);
    limiter.reset();
    ASSERT_EQ(calls.answered(), 20u) << round;
    ASSERT_TRUE(calls.each_once());
  }
}

TEST_F(RedisOutage, AReplicaIsLeftForTheMaster) {
  const auto limiter = connect();
  ASSERT_TRUE(take(*limiter)->allowed);
  server().ask({"REPLICAOF", "127.0.0.1", "1"});
  const auto greetings = [&] { return statistic("commandstats", "cmdstat_script|load:calls="); };
  const int before = greetings();
  const auto refused = take(*limiter);
  EXPECT_THAT(refused.error().cause, HasSubstr("READONLY"));
  EXPECT_TRUE(eventually([&] { return greetings() > before; })) << "it connects anew";
  server().ask({"REPLICAOF", "NO", "ONE"});
  EXPECT_TRUE(eventually([&] { return take(*limiter).has_value(); }));
}

struct RedisPasswords : RedisOutage {
  std::vector<std::string> server_options() const override { return {"--requirepass", "right"}; }
  std::string trouble_with(const std::string& user, const std::string& password) {
    auto changed = options();
    changed.user = user;
    changed.password = password;
    const auto limiter = open(changed);
    EXPECT_TRUE(eventually([&] {
      const auto trouble = limiter->trouble();
      return !trouble || trouble->cause.find("not connected yet") == std::string::npos;
    }));
    const auto trouble = limiter->trouble();
    if (trouble) return trouble->to_string();
    return take(*limiter)->allowed ? "works" : "denies";
  }
};

TEST_F(RedisPasswords, TheRightOnesWorkAndOthersAreNamed) {
  server().ask({"ACL", "SETUSER", "mesh", "on", ">secret", "~mesh:*", "+@all"});
  server().ask({"ACL", "SETUSER", "reader", "on", ">secret", "~*", "+get"});
  EXPECT_EQ(trouble_with("", "right"), "works");
  EXPECT_EQ(trouble_with("default", "right"), "works");
  EXPECT_EQ(trouble_with("mesh", "secret"), "works");
  EXPECT_THAT(trouble_with("", "wrong"), HasSubstr("refuses user or password; check redis.url"));
  EXPECT_THAT(trouble_with("mesh", "right"), HasSubstr("WRONGPASS"));
  EXPECT_THAT(trouble_with("nobody", "secret"), HasSubstr("WRONGPASS"));
  EXPECT_THAT(trouble_with("", ""), HasSubstr("wants a password; see redis.password_file"));
  EXPECT_THAT(trouble_with("reader", "secret"), HasSubstr("NOPERM"));
  EXPECT_THAT(trouble_with("", "wrong"), Not(HasSubstr("wrong ")));
}

TEST_F(RedisPasswords, AWrongOneIsLoggedOnce) {
  auto wrong = options();
  wrong.password = "wrong";
  wrong.reconnect = {Duration{1}, Duration{2}};
  testing::internal::CaptureStderr();
  auto limiter = open(wrong);
  for (int tries = 1; tries <= 10; ++tries) {
    EXPECT_TRUE(
        eventually([&] { return statistic("errorstats", "errorstat_WRONGPASS:count=") >= tries; }));
    EXPECT_EQ(take(*limiter).error().kind, ErrorKind::unavailable);
  }
  limiter.reset();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(split(log, '\n').size(), 2u) << log;  // a line and its end
  EXPECT_THAT(log, HasSubstr("WRONGPASS"));
}

}  // namespace
}  // namespace mesh::redis
