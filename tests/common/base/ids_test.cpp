#include "common/base/ids.h"

#include <gtest/gtest.h>

#include <regex>

#include "common/base/strings.h"

namespace mesh {
namespace {

constexpr std::string_view kUrlSpace = "6ba7b811-9dad-11d1-80b4-00c04fd430c8";
constexpr std::string_view kDnsSpace = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

Timestamp far_future(int hours) {
  // Ahead of every id that another test made: ids never go back within the process.
  return system_clock().now() + std::chrono::hours{24 * 365 * 100 + hours};
}

TEST(UuidV7, HasTheFormOfRfc9562) {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  EXPECT_TRUE(std::regex_match(new_uuid_v7(system_clock().now()), form));
}

TEST(UuidV7, CarriesItsTime) {
  const auto time = far_future(1);
  EXPECT_EQ(uuid_v7_time(new_uuid_v7(time)), time);
  EXPECT_EQ(uuid_v7_time("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
            Timestamp{std::chrono::milliseconds{0x017F22E279B0}});  // RFC 9562, appendix A.6
}

TEST(UuidV7, ADerivedUuidV7IsTheSameAgainAndTellsItsTime) {
  const Timestamp time{Duration{1'700'000'000'123}};
  const auto id = uuid_v7_of(time, "acme:order-17");
  EXPECT_EQ(id, uuid_v7_of(time, "acme:order-17"));
  EXPECT_EQ(uuid_v7_time(id), time);
  EXPECT_NE(id, uuid_v7_of(time, "acme:order-18"));
  EXPECT_NE(id, uuid_v7_of(time + Duration{1}, "acme:order-17"));
}

TEST(UuidV7, IncreasesWithinOneMillisecondAndWhenTheClockGoesBack) {
  const auto time = far_future(2);
  std::string last = new_uuid_v7(time);
  for (int i = 0; i < 20'000; ++i) {
    const auto next = new_uuid_v7(i % 3 == 0 ? time - std::chrono::hours{1} : time);
    ASSERT_LT(last, next);
    last = next;
  }
}

TEST(UuidV7, IsUniqueAndIncreasingAcrossThreads) {
  constexpr int kThreads = 4, kEach = 20'000;
  std::vector<std::vector<std::string>> made(kThreads);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : made) {
      threads.emplace_back([&mine] {
        for (int i = 0; i < kEach; ++i) mine.push_back(new_uuid_v7(system_clock().now()));
      });
    }
  }
  std::set<std::string> all;
  for (const auto& mine : made) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), std::size_t{kThreads} * kEach);
}

TEST(UuidV7, TimeOfAnythingElseIsNothing) {
  EXPECT_FALSE(uuid_v7_time(""));
  EXPECT_FALSE(uuid_v7_time(uuid_v5(kUrlSpace, "x")));
  EXPECT_FALSE(uuid_v7_time("017f22e2-79b0-7cc3-98c4-dc0c0c07398"));
  EXPECT_FALSE(uuid_v7_time("017f22e2-79b0-7cc3-98c4-dc0c0c07398g"));
  EXPECT_FALSE(uuid_v7_time("017f22e2x79b0-7cc3-98c4-dc0c0c07398f"));
  EXPECT_FALSE(uuid_v7_time("017f22e2-79b0-7cc3-18c4-dc0c0c07398f"));  // another variant
}

TEST(UuidV5, MatchesThePublishedValues) {
  EXPECT_EQ(uuid_v5(kUrlSpace, "tenant-a:123"), "763541de-6fae-524f-b643-a239b26a6f79");
  EXPECT_EQ(uuid_v5(kDnsSpace, "www.example.com"),
            "2ed6657d-e927-568b-95e1-2665a8aea6a2");  // RFC 9562, appendix A.4
}

TEST(RandomHex, HasTheLengthAskedForAndNeverRepeats) {
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    const auto text = random_hex(16);
    EXPECT_EQ(text.size(), 32u);
    EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_TRUE(seen.insert(text).second);
  }
  EXPECT_EQ(random_hex(0), "");
}

// The values are part of the stored format: partitions and vectors depend on them.
TEST(StableHash, IsXxh64WithSeedZero) {
  EXPECT_EQ(stable_hash(""), 0xef46db3751d8e999u);
  EXPECT_EQ(stable_hash("a"), 0xd24ec4f1a98c6e5bu);
  EXPECT_EQ(stable_hash("abc"), 0x44bc2cf5ad770999u);
  EXPECT_EQ(stable_hash("Nobody inspects the spammish repetition"), 0xfbcea83c8a378bf1u);
}

}  // namespace
}  // namespace mesh
