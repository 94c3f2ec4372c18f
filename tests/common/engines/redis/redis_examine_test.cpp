// What an operator is told of a Redis server.
#include "tests/common/engines/redis/limiter_fixture.h"
#include "tests/support/findings.h"
#include "tests/support/manual_clock.h"

namespace mesh::redis {
namespace {

using test::finding_about;
using testing::HasSubstr;
using testing::IsEmpty;

using RedisExamine = RedisTest;

TEST_F(RedisExamine, AServerInOrderIsFoundSo) {
  const auto all = connect()->examine();
  for (const char* what : {"version", "permissions", "settings", "clock"}) {
    EXPECT_TRUE(finding_about(all, what).ok) << finding_about(all, what).detail;
  }
  EXPECT_TRUE(eventually([&] { return server().ask({"DBSIZE"}) == "0"; })) << "nothing stays";
}

TEST_F(RedisExamine, AUserThatMayNotWriteIsTold) {
  server().ask({"ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@all", "-set"});
  auto as_reader = options();
  as_reader.user = "reader";
  as_reader.password = "secret";
  const auto found = finding_about(connect(as_reader)->examine(), "permissions");
  EXPECT_FALSE(found.ok);
  EXPECT_THAT(found.detail, HasSubstr("NOPERM"));
  EXPECT_THAT(found.advice, HasSubstr("PEXPIREAT"));
}

TEST_F(RedisExamine, AServerThatMayDropLimitsIsTold) {
  server().ask({"CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru"});
  const auto found = finding_about(connect()->examine(), "settings");
  EXPECT_FALSE(found.ok);
  EXPECT_THAT(found.advice, HasSubstr("volatile-ttl"));
}

TEST_F(RedisExamine, AClockThatDiffersIsTold) {
  ManualClock clock;  // of the first of January 2026
  const auto limiter = open(options(), clock);
  ASSERT_TRUE(test::advance_until(clock, Duration{10}, [&] { return !limiter->trouble(); }));
  EXPECT_FALSE(finding_about(limiter->examine(), "clock").ok);
}

TEST_F(RedisExamine, WithoutAConnectionNothingIsFound) {
  server().kill();
  EXPECT_THAT(open(options())->examine(), IsEmpty());
}

}  // namespace
}  // namespace mesh::redis
