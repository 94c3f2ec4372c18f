#include "common/engines/openai/pace.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/eventually.h"

namespace mesh::openai {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class PaceTest : public testing::Test {
 protected:
  Result<Pace::Place> enter() { return pace.enter(clock.steady(), clock.steady()); }
  // How many may go at once, found by trying.
  int places() {
    std::vector<Pace::Place> held;
    while (auto place = enter()) held.push_back(std::move(*place));
    return static_cast<int>(held.size());
  }
  ManualClock clock;
  Pace pace{clock, 8};
};

TEST_F(PaceTest, AsManyGoAtOnceAsAreAllowed) {
  EXPECT_EQ(places(), 8);
  EXPECT_EQ(places(), 8) << "a place is given back";
  const auto held = enter();
  EXPECT_EQ(places(), 7);
}

TEST_F(PaceTest, AThrottledServerIsAskedByHalfAsMany) {
  for (const int expected : {4, 2, 1, 1}) {
    pace.throttled(clock.steady(), seconds(1));
    clock.advance(seconds(2));
    EXPECT_EQ(places(), expected);
  }
}

TEST_F(PaceTest, WhatWasSentBeforeTheLastHalvingDoesNotHalveAgain) {
  const auto sent = clock.steady();
  clock.advance(milliseconds(10));
  for (int i = 0; i < 5; ++i) pace.throttled(sent, seconds(1));
  clock.advance(seconds(2));
  EXPECT_EQ(pace.allowed(), 4);
}

TEST_F(PaceTest, ServedRequestsRaiseItByOneEachRoundUpToTheMost) {
  pace.throttled(clock.steady(), {});
  pace.throttled(clock.steady(), {});
  ASSERT_EQ(pace.allowed(), 2);
  for (int i = 0; i < 3; ++i) pace.served();
  EXPECT_EQ(pace.allowed(), 3);
  for (int i = 0; i < 100; ++i) pace.served();
  EXPECT_EQ(pace.allowed(), 8);
}

TEST_F(PaceTest, NothingGoesBeforeRetryAfterHasPassed) {
  pace.throttled(clock.steady(), seconds(7));
  clock.advance(milliseconds(6'999));
  const auto early = enter();
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(early.error().retry_after, milliseconds(1));
  clock.advance(milliseconds(1));
  EXPECT_TRUE(enter());
}

TEST_F(PaceTest, WithoutRetryAfterThePauseDoublesUntilOneIsServed) {
  for (const int pause : {1, 2, 4, 8}) {
    pace.throttled(clock.steady(), {});
    EXPECT_EQ(enter().error().retry_after, seconds(pause));
    clock.advance(seconds(pause));
  }
  pace.served();
  pace.throttled(clock.steady(), {});
  EXPECT_EQ(enter().error().retry_after, seconds(1));
}

TEST_F(PaceTest, APauseOfADayIsTakenForAnHourAndOneOfNothingForAMoment) {
  pace.throttled(clock.steady(), milliseconds(0));
  EXPECT_EQ(enter().error().retry_after, milliseconds(200));
  pace.throttled(clock.steady(), seconds(86'400));
  EXPECT_EQ(enter().error().retry_after, seconds(3'600));
}

TEST_F(PaceTest, AShortPauseIsWaitedFor) {
  pace.throttled(clock.steady(), seconds(1));
  std::atomic<bool> entered = false;
  std::thread waiting([&] {
    const auto until = clock.steady() + seconds(2);
    const auto place = pace.enter(until, until);
    entered = place.has_value();
  });
  clock.await_waiters(1);
  clock.advance(milliseconds(999));
  EXPECT_FALSE(entered);
  clock.advance(milliseconds(1));
  waiting.join();
  EXPECT_TRUE(entered);
}

TEST_F(PaceTest, ARateSpreadsRequestsOverTheMinute) {
  Pace rated{clock, 8, 60};
  const auto enter = [&] { return rated.enter(clock.steady(), clock.steady()); };
  ASSERT_TRUE(enter());
  const auto early = enter();
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().kind, ErrorKind::rate_limited);
  EXPECT_EQ(early.error().retry_after, seconds(1));
  clock.advance(seconds(1));
  EXPECT_TRUE(enter());
  clock.advance(seconds(30));
  EXPECT_TRUE(enter());
  EXPECT_FALSE(enter()) << "what was not used is not made up for";
}

TEST_F(PaceTest, WhoseTurnByTheRateComesInTimeWaitsForIt) {
  Pace rated{clock, 8, 60};
  ASSERT_TRUE(rated.enter(clock.steady(), clock.steady()));
  std::atomic<bool> entered = false;
  std::thread waiting(
      [&] { entered = rated.enter(clock.steady(), clock.steady() + seconds(1)).has_value(); });
  clock.await_waiters(1);
  clock.advance(milliseconds(999));
  EXPECT_FALSE(entered);
  clock.advance(milliseconds(1));
  waiting.join();
  EXPECT_TRUE(entered);
}

// During a pause each that was refused took a turn nevertheless, and the first behind the pause
// waited for all of them.
TEST_F(PaceTest, WhoIsRefusedTakesNoTurnOfTheRate) {
  Pace rated{clock, 1, 60};
  const auto enter = [&] { return rated.enter(clock.steady(), clock.steady()); };
  rated.throttled(clock.steady(), seconds(5));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(enter().error().kind, ErrorKind::unavailable);
  clock.advance(seconds(5));
  {
    const auto held = enter();
    ASSERT_TRUE(held);
    clock.advance(seconds(1));
    EXPECT_EQ(enter().error().kind, ErrorKind::unavailable) << "busy";
  }
  ASSERT_TRUE(enter()) << "the turn of who found it busy";
  EXPECT_EQ(enter().error().kind, ErrorKind::rate_limited);
}

TEST_F(PaceTest, ATurnThatIsGivenBackIsTheNextOnesAndNobodyElses) {
  Pace rated{clock, 8, 60};
  ASSERT_TRUE(rated.enter(clock.steady(), clock.steady()));
  const auto later = clock.steady() + seconds(60);
  std::atomic<int> refused = 0;
  std::vector<std::thread> waiting;
  for (int i = 0; i < 2; ++i) {
    waiting.emplace_back([&] {
      if (!rated.enter(clock.steady(), later)) ++refused;
    });
  }
  clock.await_waiters(2);
  rated.throttled(clock.steady(), seconds(2));
  for (auto& one : waiting) one.join();
  EXPECT_EQ(refused, 2);
  clock.advance(seconds(2));
  ASSERT_TRUE(rated.enter(clock.steady(), clock.steady())) << "both turns were given back";
  EXPECT_EQ(rated.enter(clock.steady(), clock.steady()).error().retry_after, seconds(1));
}

TEST_F(PaceTest, WhoWaitsForAPlaceGetsTheNextThatIsGivenBack) {
  std::vector<Pace::Place> held;
  while (auto place = enter()) held.push_back(std::move(*place));
  std::atomic<bool> entered = false;
  std::thread waiting(
      [&] { entered = pace.enter(clock.steady(), clock.steady() + seconds(60)).has_value(); });
  clock.await_waiters(1);
  held.pop_back();
  waiting.join();
  EXPECT_TRUE(entered);
}

}  // namespace
}  // namespace mesh::openai
