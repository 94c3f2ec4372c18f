// What the read cache keeps, for whom, and when it forgets.
#include "common/engines/redis/redis_cache.h"

#include <thread>

#include "tests/common/engines/redis/limiter_fixture.h"
#include "tests/support/findings.h"
#include "tests/support/manual_clock.h"

namespace mesh::redis {
namespace {

using test::finding_about;
using testing::AnyOf;
using testing::HasSubstr;

constexpr Duration kTtl{60'000};

CacheSubject subject(const std::string& name, const std::string& of = "acme") {
  return {tenant(of), name};
}

struct RedisCacheTest : RedisTest {
  CacheOptions cache_options() {
    CacheOptions with;
    with.server = options();
    with.mesh = "m1";
    with.ttl = kTtl;
    return with;
  }
  std::unique_ptr<RedisCache> open(std::uint64_t max_bytes = 64 << 20) {
    CacheOptions with = cache_options();
    with.max_bytes = max_bytes;
    return open_cache(std::move(with), clock).value();
  }
  // And waits until it takes something from the server.
  std::unique_ptr<RedisCache> connect(std::uint64_t max_bytes = 64 << 20) {
    auto cache = open(max_bytes);
    EXPECT_TRUE(connects(*cache));
    clock.advance(kTtl);
    return cache;
  }
  bool connects(const RedisCache& cache) {
    return test::advance_until(clock, Duration{10}, [&] { return !cache.trouble(); });
  }
  static std::optional<std::string> find(ReadCache& cache, const CacheSubject& about,
                                         const std::string& question = "q") {
    return cache.find(about, question).answer;
  }
  static void compute(ReadCache& cache, const CacheSubject& about, const std::string& answer,
                      const std::string& question = "q") {
    cache.keep(about, question, cache.find(about, question).ticket, answer);
  }
  static void forget(ReadCache& cache, const CacheSubject& about) { cache.forget({&about, 1}); }

  ManualClock clock;
};

TEST_F(RedisCacheTest, WhatOneComputedAnotherFinds) {
  const auto one = connect(), other = connect();
  const std::string answer = std::string("{\"a\":\0 1}", 9) + std::string(5'000, 'x');
  EXPECT_FALSE(find(*one, subject("s")));
  compute(*one, subject("s"), answer);
  EXPECT_EQ(find(*one, subject("s")), answer);
  EXPECT_EQ(find(*other, subject("s")), answer);
  EXPECT_FALSE(find(*other, subject("s"), "another question"));
  compute(*one, subject("s"), "", "whose answer is empty");
  EXPECT_EQ(find(*one, subject("s"), "whose answer is empty"), "");
}

TEST_F(RedisCacheTest, NoTenantFindsAnothers) {
  const auto cache = connect();
  compute(*cache, subject("s", "acme"), "acme's");
  EXPECT_FALSE(find(*cache, subject("s", "globex")));
  compute(*cache, subject("s", "globex"), "globex's");
  EXPECT_EQ(find(*cache, subject("s", "acme")), "acme's");
  // A name is the tenant's to choose.
  compute(*cache, subject("x:globex:s", "acme"), "a long name");
  compute(*cache, subject("globex:s", "acme"), "another");
  EXPECT_EQ(find(*cache, subject("s", "globex")), "globex's");
  forget(*cache, subject("s", "acme"));
  EXPECT_FALSE(find(*cache, subject("s", "acme")));
  EXPECT_EQ(find(*cache, subject("s", "globex")), "globex's");
}

TEST_F(RedisCacheTest, NoMeshFindsAnothers) {
  const auto cache = connect();
  CacheOptions with = cache_options();
  with.mesh = "m2";
  const auto another = open_cache(std::move(with), clock).value();
  EXPECT_TRUE(connects(*another));
  clock.advance(kTtl);
  compute(*cache, subject("s"), "of m1");
  EXPECT_FALSE(find(*another, subject("s")));
  forget(*another, subject("s"));
  EXPECT_EQ(find(*cache, subject("s")), "of m1");
}

TEST_F(RedisCacheTest, AllOfASubjectIsForgottenAndNothingElse) {
  const auto one = connect(), other = connect();
  compute(*one, subject("s"), "1", "q");
  compute(*one, subject("s"), "2", "r");
  compute(*one, subject("t"), "3", "q");
  const CacheSubject gone[] = {subject("s"), subject("never seen")};
  other->forget(gone);
  EXPECT_FALSE(find(*one, subject("s"), "q"));
  EXPECT_FALSE(find(*one, subject("s"), "r"));
  EXPECT_EQ(find(*one, subject("t")), "3");
}

// It read the store before the change, and is slow to say so.
TEST_F(RedisCacheTest, AllOfATenantIsForgottenAndNobodyElses) {
  const auto one = connect(), other = connect();
  for (int i = 0; i < 1'500; ++i) compute(*one, subject(std::to_string(i)), "acme's");
  compute(*one, subject("s", "acme-2"), "of a name that begins alike");
  compute(*one, subject("acme:s", "globex"), "of a subject that is named so");
  server().ask({"SET", "mesh:acme:limit", "no answer"});
  const std::string ticket = other->find(subject("0"), "another question").ticket;
  ASSERT_FALSE(ticket.empty());
  const Status forgotten = other->forget_all(tenant("acme"));
  ASSERT_TRUE(forgotten) << forgotten.error().to_string();
  EXPECT_EQ(server().ask({"DBSIZE"}), "3") << "not only hidden";
  EXPECT_EQ(find(*one, subject("s", "acme-2")), "of a name that begins alike");
  EXPECT_EQ(find(*one, subject("acme:s", "globex")), "of a subject that is named so");
  one->keep(subject("0"), "another question", ticket, "computed before");
  EXPECT_FALSE(find(*one, subject("0"), "another question"));
}

TEST_F(RedisCacheTest, APrefixIsNoPattern) {
  CacheOptions with = cache_options();
  with.server.prefix = "me*sh[a-z]:";
  const auto odd = open_cache(std::move(with), clock).value();
  ASSERT_TRUE(connects(*odd));
  clock.advance(kTtl);
  compute(*odd, subject("s"), "of an odd prefix");
  server().ask({"SET", "me-and-a-sha:cache:m1:acme:s", "another's"});
  ASSERT_TRUE(odd->forget_all(tenant("acme")));
  EXPECT_FALSE(find(*odd, subject("s")));
  EXPECT_EQ(server().ask({"GET", "me-and-a-sha:cache:m1:acme:s"}), "another's");
}

TEST_F(RedisCacheTest, WithoutAServerNobodyIsToldThatATenantIsForgotten) {
  const auto cache = connect();
  server().kill();
  EXPECT_FALSE(cache->forget_all(tenant("acme")));
}

TEST_F(RedisCacheTest, WhatWasComputedBeforeTheSubjectWasForgottenIsNotKept) {
  const auto one = connect(), other = connect();
  const auto slow = one->find(subject("s"), "q");
  ASSERT_FALSE(slow.ticket.empty());
  forget(*other, subject("s"));
  one->keep(subject("s"), "q", slow.ticket, "old");
  EXPECT_FALSE(find(*one, subject("s")));
  // Also where somebody else computes it meanwhile.
  const auto slower = one->find(subject("s"), "q");
  forget(*other, subject("s"));
  const auto quick = other->find(subject("s"), "q");
  one->keep(subject("s"), "q", slower.ticket, "old");
  other->keep(subject("s"), "q", quick.ticket, "new");
  EXPECT_EQ(find(*other, subject("s")), "new");
  EXPECT_EQ(find(*one, subject("s")), "new");
}

TEST_F(RedisCacheTest, NoAnswerOutlivesItsTime) {
  const auto cache = connect();
  compute(*cache, subject("s"), "1");
  const auto left = [&] { return std::stoll(server().ask({"PTTL", "mesh:cache:m1:acme:s"})); };
  EXPECT_GT(left(), 0);
  EXPECT_LE(left(), kTtl.count());
  server().ask({"PEXPIRE", "mesh:cache:m1:acme:s", "5000"});
  compute(*cache, subject("s"), "2", "another question");
  EXPECT_LE(left(), 5'000) << "the first would live on with the second";
  server().ask({"PEXPIRE", "mesh:cache:m1:acme:s", "1"});
  EXPECT_TRUE(eventually([&] { return !find(*cache, subject("s")); }));
}

TEST_F(RedisCacheTest, WhatItHasInTheServerIsBounded) {
  const auto small = connect(64 << 10);
  const std::string answer(1'000, 'x');
  int kept = 0;
  for (int i = 0; i < 200; ++i) {
    const CacheSubject one = subject(std::to_string(i));
    compute(*small, one, answer);
    kept += find(*small, one).has_value();
  }
  EXPECT_GT(kept, 10);
  EXPECT_LE(kept, 32) << "half of it in one time to live";
  EXPECT_LE(std::stoi(server().ask({"DBSIZE"})), 33) << "nor do tickets go on";
  EXPECT_EQ(find(*small, subject("0")), answer) << "what is there is found";
  clock.advance(kTtl);
  compute(*small, subject("later"), answer);
  EXPECT_EQ(find(*small, subject("later")), answer);
}

TEST_F(RedisCacheTest, TheQuestionsOfOneSubjectAreBounded) {
  const auto cache = connect();
  for (int i = 0; i < 1'100; ++i) compute(*cache, subject("s"), "a", std::to_string(i));
  EXPECT_EQ(server().ask({"HLEN", "mesh:cache:m1:acme:s"}), "1001") << "they, and the ticket";
  EXPECT_EQ(find(*cache, subject("s"), "999"), "a");
  EXPECT_FALSE(find(*cache, subject("s"), "1000"));
  compute(*cache, subject("large"), std::string(1 << 20, 'x'));
  EXPECT_FALSE(find(*cache, subject("large")));
}

TEST_F(RedisCacheTest, WithoutAServerNothingIsFoundAndNothingFails) {
  const auto cache = connect();
  compute(*cache, subject("s"), "1");
  server().kill();
  ASSERT_TRUE(eventually([&] { return cache->trouble().has_value(); }));
  const auto found = cache->find(subject("s"), "q");
  EXPECT_FALSE(found.answer);
  EXPECT_TRUE(found.ticket.empty());
  cache->keep(subject("s"), "q", "a ticket", "1");
  forget(*cache, subject("s"));
  server().start();
  ASSERT_TRUE(connects(*cache));
  clock.advance(kTtl);
  compute(*cache, subject("s"), "2");
  EXPECT_EQ(find(*cache, subject("s")), "2");
}

// Whoever recorded an event meanwhile could not say so.
TEST_F(RedisCacheTest, AfterACutNothingFromBeforeItIsFound) {
  const auto reader = connect();
  compute(*reader, subject("s"), "old");
  ASSERT_EQ(find(*reader, subject("s")), "old");
  ASSERT_EQ(server().ask({"CLIENT", "KILL", "TYPE", "normal"}), "1");
  EXPECT_FALSE(find(*reader, subject("s")));
  ASSERT_TRUE(connects(*reader));
  EXPECT_EQ(server().ask({"EXISTS", "mesh:cache:m1:acme:s"}), "1") << "it is there still";
  EXPECT_FALSE(find(*reader, subject("s")));
  clock.advance(kTtl - Duration{1'000});
  EXPECT_FALSE(find(*reader, subject("s")));
}

// Whoever recorded the change is cut off: what others find is older than it, for a time.
TEST_F(RedisCacheTest, WhatCouldNotBeForgottenIsToldAndGoneAfterItsTime) {
  const auto reader = connect();
  std::atomic<int> told{0};
  CacheOptions with = cache_options();
  with.server.port = 1;  // nobody listens there
  with.on_unforgotten = [&] { ++told; };
  const auto writer = open_cache(std::move(with), clock).value();
  compute(*reader, subject("s"), "old");
  forget(*writer, subject("s"));
  EXPECT_EQ(told, 1);
  EXPECT_EQ(find(*reader, subject("s")), "old");
  // Nor does reading it, or another answer beside it, make it live longer.
  compute(*reader, subject("s"), "another", "another question");
  EXPECT_LE(std::stoll(server().ask({"PTTL", "mesh:cache:m1:acme:s"})), kTtl.count());
  server().ask({"PEXPIRE", "mesh:cache:m1:acme:s", "1"});  // its time passes
  EXPECT_TRUE(eventually([&] { return !find(*reader, subject("s")); }));
}

TEST_F(RedisCacheTest, AServerInOrderIsFoundSoAndNothingStaysThere) {
  EXPECT_TRUE(finding_about(connect()->examine(), "permissions").ok);
  EXPECT_EQ(server().ask({"DBSIZE"}), "0");
}

TEST_F(RedisCacheTest, EachCommandThatTheUserMayNotRunIsTold) {
  for (const std::string command : {"hget", "hset", "hlen", "pexpire", "scan", "unlink"}) {
    server().ask(
        {"ACL", "SETUSER", "poor", "reset", "on", ">secret", "~*", "+@all", "-" + command});
    CacheOptions with = cache_options();
    with.server.user = "poor";
    with.server.password = "secret";
    const auto cache = open_cache(std::move(with), clock).value();
    ASSERT_TRUE(connects(*cache)) << cache->trouble()->to_string();
    const auto found = finding_about(cache->examine(), "permissions");
    EXPECT_FALSE(found.ok) << command;
    // Within a script the server words it in its own way.
    EXPECT_THAT(found.detail, AnyOf(HasSubstr("NOPERM"), HasSubstr("can't run this command")))
        << command;
    EXPECT_THAT(found.advice, HasSubstr("mesh:cache:m1:*")) << command;
    server().ask({"FLUSHALL"});
  }
}

TEST_F(RedisCacheTest, AServerThatStandsStillIsWaitedForOnce) {
  CacheOptions with;
  with.server = options();
  with.server.timeout = Duration{100};
  with.ttl = Duration{1};
  const auto cache = open_cache(std::move(with), system_clock()).value();
  ASSERT_TRUE(eventually([&] { return !cache->find(subject("s"), "q").ticket.empty(); }));
  server().pause();
  EXPECT_FALSE(cache->find(subject("s"), "q").answer);
  EXPECT_TRUE(cache->trouble());
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(cache->find(subject("s"), "q").answer);
  server().resume();
  EXPECT_TRUE(eventually([&] { return !cache->find(subject("s"), "q").ticket.empty(); }));
}

// A store of numbers that only rise: a change is durable, then forgotten, then told.
TEST_F(RedisCacheTest, WhoeverWasToldOfAChangeFindsNothingOlder) {
  const auto writer = connect(), one = connect(), other = connect();
  std::atomic<int> stored{0}, told{0};
  std::atomic<int> stale{0}, hits{0};
  std::atomic<bool> enough{false};
  std::vector<std::thread> readers;
  for (auto* cache : {one.get(), other.get(), one.get()}) {
    readers.emplace_back([&, cache] {
      while (!enough) {
        const int at_least = told;
        const auto found = cache->find(subject("s"), "q");
        if (found.answer) {
          ++hits;
          stale += std::stoi(*found.answer) < at_least;
          continue;
        }
        const std::string read = std::to_string(stored);
        std::this_thread::yield();
        cache->keep(subject("s"), "q", found.ticket, read);
      }
    });
  }
  for (int i = 1; i <= 100; ++i) {
    stored = i;
    forget(*writer, subject("s"));
    told = i;
    // Now and then so late that it is there again.
    const int before = hits;
    if (i % 5 == 0) {
      EXPECT_TRUE(eventually([&] { return hits > before; }));
    }
  }
  enough = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(stale, 0);
}

}  // namespace
}  // namespace mesh::redis
