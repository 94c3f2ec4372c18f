#include "daemon/checkup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"

namespace mesh {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Checks = std::vector<services::Check>;

std::vector<std::string> names(const Checks& checks) {
  std::vector<std::string> all;
  for (const auto& check : checks) all.push_back(check.name + (check.ok ? " ok" : " failed"));
  return all;
}

TEST(CheckupTest, TellsWhatEachPartFindsAndAsksAnewEachTime) {
  ManualClock clock;
  std::atomic<int> asked{0};
  Checkup checkup({{"a",
                    [&] {
                      return Checks{{"a", true, ""}, {"a2", ++asked > 1, ""}};
                    }},
                   {"b", [] { return Checks{}; }},
                   {"c",
                    [] {
                      return Checks{{"c", true, ""}};
                    }}},
                  clock);
  EXPECT_THAT(names(checkup.run()), ElementsAre("a ok", "a2 failed", "c ok"));
  EXPECT_THAT(names(checkup.run()), ElementsAre("a ok", "a2 ok", "c ok"));
}

// A broker that stood still held the answer up for half a minute.
TEST(CheckupTest, WhatDoesNotAnswerInTimeIsToldAndBegunOnceOnly) {
  ManualClock clock;
  std::promise<void> release;
  const auto released = release.get_future().share();
  std::atomic<int> begun{0};
  Checkup checkup({{"kafka",
                    [&] {
                      ++begun;
                      released.wait();
                      return Checks{{"kafka", true, ""}};
                    }}},
                  clock, Duration{5'000});
  for (int i = 0; i < 2; ++i) {
    auto checks = std::async(std::launch::async, [&] { return checkup.run(); });
    clock.await_waiters(1);
    EXPECT_TRUE(test::eventually([&] { return begun > 0; })) << "its thread runs";
    clock.advance(Duration{5'000});
    const auto late = checks.get();
    ASSERT_THAT(names(late), ElementsAre("kafka failed"));
    EXPECT_THAT(late[0].detail, HasSubstr("no answer within 5s"));
  }
  EXPECT_EQ(begun, 1);
  release.set_value();
  EXPECT_THAT(names(checkup.run()), ElementsAre("kafka ok"));
}

}  // namespace
}  // namespace mesh
