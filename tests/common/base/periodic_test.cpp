#include "common/base/periodic.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"

namespace mesh {
namespace {

using std::chrono::seconds;
using test::eventually;

struct PeriodicTest : testing::Test {
  // When the thread rests, so that the clock may be moved.
  bool done(int n) {
    if (!eventually([&] { return times == n; })) return false;
    clock.await_waiters(1);
    return true;
  }
  ManualClock clock;
  std::atomic<int> times{0};
};

TEST_F(PeriodicTest, WorksAtOnceAndAfterEachPeriod) {
  Periodic periodic("test", clock, seconds(5), [&] { ++times; });
  EXPECT_EQ(times, 1) << "before it is there";
  clock.await_waiters(1);
  clock.advance(Duration{4'999});
  clock.await_waiters(1);
  EXPECT_EQ(times, 1);
  clock.advance(Duration{1});
  EXPECT_TRUE(done(2));
  clock.advance(seconds(5));
  EXPECT_TRUE(done(3));
  periodic.stop();
  periodic.stop();
  clock.advance(seconds(50));
  EXPECT_EQ(times, 3);
}

TEST_F(PeriodicTest, HurriesWhenAsked) {
  Periodic periodic("test", clock, seconds(5), [&] { ++times; });
  periodic.hurry();
  EXPECT_TRUE(done(2));
}

TEST_F(PeriodicTest, LongWorkHasLongRests) {
  Periodic periodic("test", clock, seconds(5), [&] {
    ++times;
    clock.advance(seconds(2));  // what the work took
  });
  clock.await_waiters(1);
  clock.advance(seconds(39));
  clock.await_waiters(1);
  EXPECT_EQ(times, 1);
  clock.advance(seconds(1));
  EXPECT_TRUE(done(2));
}

TEST_F(PeriodicTest, WhoKeepsItsPeriodRestsNoLonger) {
  const auto long_work = [&] {
    ++times;
    clock.advance(seconds(6));
  };
  Periodic periodic("test", clock, seconds(5), long_work, Periodic::Rest::keeps);
  clock.await_waiters(1);
  clock.advance(Duration{4'999});
  clock.await_waiters(1);
  EXPECT_EQ(times, 1);
  clock.advance(Duration{1});
  EXPECT_TRUE(done(2));
}

}  // namespace
}  // namespace mesh
