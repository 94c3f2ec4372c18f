#include "common/config/redis_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mesh::config {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string shown(std::string_view url) {
  const auto parsed = parse_redis_url(url);
  if (!parsed) return parsed.error().message;
  return parsed->user + "|" + parsed->password.reveal() + "|" + parsed->host + "|" +
         std::to_string(parsed->port) + "|" + std::to_string(parsed->database);
}

TEST(RedisUrl, SaysServerAndDatabase) {
  EXPECT_EQ(shown("redis://127.0.0.1:6379/0"), "||127.0.0.1|6379|0");
  EXPECT_EQ(shown("redis://cache"), "||cache|6379|0");
  EXPECT_EQ(shown("redis://cache/"), "||cache|6379|0");
  EXPECT_EQ(shown("redis://cache.internal:6380/15"), "||cache.internal|6380|15");
  EXPECT_EQ(shown("redis://[::1]"), "||::1|6379|0");
  EXPECT_EQ(shown("redis://[fd00::7]:6380/3"), "||fd00::7|6380|3");
}

TEST(RedisUrl, SaysUserAndPassword) {
  EXPECT_EQ(shown("redis://mesh:secret@h"), "mesh|secret|h|6379|0");
  EXPECT_EQ(shown("redis://:secret@h"), "|secret|h|6379|0");
  EXPECT_EQ(shown("redis://mesh@h"), "mesh||h|6379|0");
  EXPECT_EQ(shown("redis://m%3Ae:s%40%2Fc:d%25@[::1]:1/2"), "m:e|s@/c:d%|::1|1|2");
  EXPECT_EQ(shown("redis://m:a@b@h"), "m|a@b|h|6379|0");
}

TEST(RedisUrl, SaysWhetherTlsIsSpoken) {
  EXPECT_TRUE(parse_redis_url("rediss://mesh:secret@h:6380/1")->tls);
  EXPECT_EQ(shown("rediss://mesh:secret@h:6380/1"), "mesh|secret|h|6380|1");
  EXPECT_FALSE(parse_redis_url("redis://h")->tls);
}

TEST(RedisUrl, OthersAreRefusedWithWhatToWrite) {
  EXPECT_THAT(shown("http://h"), HasSubstr("write redis://"));
  for (const char* url : {"redis://", "redis:///0", "redis://h:", "redis://h:0", "redis://h:65536",
                          "redis://h:x", "redis://[::1", "redis://::1", "redis://[h]:1",
                          "redis://a b", "redis://u:p@", "redis://1.2.3"}) {
    EXPECT_THAT(shown(url), HasSubstr("no valid host and port")) << url;
  }
  for (const char* url : {"redis://h/x", "redis://h/-1", "redis://h/+1", "redis://h/1/2",
                          "redis://h/99999999999999999999"}) {
    EXPECT_THAT(shown(url), HasSubstr("no number as its database")) << url;
  }
  EXPECT_THAT(shown("redis://h?ssl=1"), HasSubstr("takes no parameters"));
  EXPECT_THAT(shown("redis://u:%zz@h"), HasSubstr("percent-encoded"));
}

TEST(RedisUrl, ARefusalDoesNotRepeatThePassword) {
  for (const char* url : {"redis://u:hush@h:x", "redis://u:hush/@h", "redis://u:hush?@h",
                          "redis://u:hush%@h", "redis://u:hush@h/x", "rediss://u:hush@h:x"}) {
    const auto parsed = parse_redis_url(url);
    ASSERT_FALSE(parsed) << url;
    EXPECT_THAT(parsed.error().to_string(), Not(HasSubstr("hush"))) << url;
  }
}

}  // namespace
}  // namespace mesh::config
