#include "common/telemetry/usage.h"

#include <gmock/gmock.h>

#include <thread>

#include "tests/support/manual_clock.h"

namespace mesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

class UsageTest : public testing::Test {
 protected:
  // Tenant and count of one use.
  std::vector<std::pair<std::string, std::uint64_t>> used(Use use, int window) {
    std::vector<std::pair<std::string, std::uint64_t>> all;
    for (const auto& row : usage.window(seconds(window))) all.emplace_back(row.tenant, row[use]);
    return all;
  }

  ManualClock clock;
  Usage usage{clock, 4};
};

TEST_F(UsageTest, CountsAreKeptPerTenantAndUse) {
  usage.add("acme", {{Use::events, 3}, {Use::bytes, 100}});
  usage.add("acme", {{Use::events}});
  usage.add("globex", {{Use::bytes, 7}});
  EXPECT_THAT(used(Use::events, 10), UnorderedElementsAre(Pair("acme", 4), Pair("globex", 0)));
  EXPECT_THAT(used(Use::bytes, 10), UnorderedElementsAre(Pair("acme", 100), Pair("globex", 7)));
}

TEST_F(UsageTest, WhatIsOlderThanTheWindowIsLeftOut) {
  usage.add("acme", {{Use::events, 5}});
  clock.advance(seconds(5));
  usage.add("acme", {{Use::events, 2}});
  EXPECT_THAT(used(Use::events, 60), ElementsAre(Pair("acme", 7)));
  EXPECT_THAT(used(Use::events, 6), ElementsAre(Pair("acme", 7)));
  EXPECT_THAT(used(Use::events, 5), ElementsAre(Pair("acme", 2)));
  clock.advance(seconds(58));
  EXPECT_THAT(used(Use::events, 60), ElementsAre(Pair("acme", 2)));
  clock.advance(seconds(2));
  EXPECT_THAT(used(Use::events, 60), IsEmpty());
}

TEST_F(UsageTest, TotalsAreSinceTheStart) {
  usage.add("acme", {{Use::requests, 5}});
  clock.advance(seconds(100));
  usage.add("acme", {{Use::requests, 2}});
  clock.advance(seconds(100));
  usage.add("globex", {{Use::requests}});
  std::vector<std::pair<std::string, std::uint64_t>> all;
  for (const auto& row : usage.totals()) all.emplace_back(row.tenant, row[Use::requests]);
  EXPECT_THAT(all, UnorderedElementsAre(Pair("acme", 7), Pair("globex", 1)));
}

TEST_F(UsageTest, ATenantThatIsAlwaysBusyHasTheWindowOfTheLastSeconds) {
  for (std::uint64_t second = 0; second < 500; ++second) {
    usage.add("acme", {{Use::requests, second}});
    if (second >= 100) {
      ASSERT_THAT(used(Use::requests, 1), ElementsAre(Pair("acme", second)));
      ASSERT_THAT(used(Use::requests, 10), ElementsAre(Pair("acme", 10 * second - 45)));
      ASSERT_THAT(used(Use::requests, 60), ElementsAre(Pair("acme", 60 * second - 1770)));
    }
    clock.advance(seconds(1));
  }
}

TEST_F(UsageTest, TenantsBeyondTheBoundAreCountedTogether) {
  for (int i = 0; i < 10; ++i) usage.add("t" + std::to_string(i), {{Use::requests}});
  usage.add("t0", {{Use::requests}});
  EXPECT_THAT(used(Use::requests, 10),
              UnorderedElementsAre(Pair("t0", 2), Pair("t1", 1), Pair("t2", 1), Pair("t3", 1),
                                   Pair("(others)", 6)));
}

TEST_F(UsageTest, NothingIsLostBetweenThreads) {
  constexpr int kThreads = 4, kEach = 20'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        usage.add("t" + std::to_string(i % 3), {{Use::requests}});
        if (t == 0 && i % 1000 == 0) clock.advance(milliseconds(500));  // ten seconds in all
        if (i % 5000 == 0) (void)usage.window(seconds(60));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::uint64_t sum = 0;
  for (const auto& [tenant, n] : used(Use::requests, 60)) sum += n;
  EXPECT_EQ(sum, static_cast<std::uint64_t>(kThreads) * kEach);
}

}  // namespace
}  // namespace mesh
