#include "common/base/clock.h"

#include <gtest/gtest.h>

#include "common/base/time.h"
#include "tests/support/manual_clock.h"

namespace mesh {
namespace {

// A thread that waits on a ManualClock for `flag` or a deadline.
struct Waiter {
  explicit Waiter(ManualClock& clock, Duration timeout)
      : thread([this, &clock, deadline = clock.steady() + timeout] {
          std::unique_lock lock(mutex);
          result = clock.wait_until(lock, cv, deadline, [this] { return flag; });
        }) {}
  ~Waiter() { thread.join(); }
  void raise() {
    std::lock_guard lock(mutex);
    flag = true;
    cv.notify_all();
  }
  bool join() {
    thread.join();
    thread = std::thread([] {});
    return result;
  }

  std::mutex mutex;
  std::condition_variable cv;
  bool flag = false;    // guarded by mutex
  bool result = false;  // of the wait, once joined
  std::thread thread;   // last: uses the members above
};

TEST(ManualClock, StartsAtTheTurnOfTheYearAndStandsStill) {
  ManualClock clock;
  EXPECT_EQ(format_rfc3339(clock.now()), "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(clock.now(), clock.now());
  EXPECT_EQ(clock.steady(), clock.steady());
}

TEST(ManualClock, AdvanceMovesBothClocks) {
  ManualClock clock;
  const auto now = clock.now();
  const auto steady = clock.steady();
  clock.advance(Duration{1'500});
  EXPECT_EQ(clock.now() - now, Duration{1'500});
  EXPECT_EQ(clock.steady() - steady, Duration{1'500});
}

TEST(ManualClock, AWaiterWakesWhenItsDeadlinePasses) {
  ManualClock clock;
  Waiter waiter(clock, Duration{100});
  clock.await_waiters(1);
  clock.advance(Duration{100});
  EXPECT_FALSE(waiter.join());
}

TEST(ManualClock, AWaiterSleepsOnBeforeItsDeadline) {
  ManualClock clock;
  Waiter waiter(clock, Duration{100});
  clock.await_waiters(1);
  clock.advance(Duration{99});
  clock.await_waiters(1);
  clock.advance(Duration{1});
  EXPECT_FALSE(waiter.join());
}

TEST(ManualClock, AWaiterWakesByNotificationWithoutTimePassing) {
  ManualClock clock;
  Waiter waiter(clock, Duration{100});
  clock.await_waiters(1);
  waiter.raise();
  EXPECT_TRUE(waiter.join());
}

TEST(ManualClock, ADeadlineInThePastAnswersAtOnce) {
  ManualClock clock;
  std::mutex mutex;
  std::condition_variable cv;
  std::unique_lock lock(mutex);
  EXPECT_FALSE(clock.wait_until(lock, cv, clock.steady(), [] { return false; }));
  EXPECT_TRUE(clock.wait_until(lock, cv, clock.steady(), [] { return true; }));
  EXPECT_TRUE(lock.owns_lock());
}

TEST(ManualClock, EveryDueWaiterWakesAndTheOthersSleepOn) {
  ManualClock clock;
  Waiter early(clock, Duration{10}), also_early(clock, Duration{10}), late(clock, Duration{50});
  clock.await_waiters(3);
  clock.advance(Duration{10});
  EXPECT_FALSE(early.join());
  EXPECT_FALSE(also_early.join());
  clock.await_waiters(1);
  late.raise();
  EXPECT_TRUE(late.join());
}

TEST(ManualClock, NoWakeUpIsLostBetweenManyWaitsAndAdvances) {
  ManualClock clock;
  constexpr int kRounds = 2'000;
  std::mutex mutex;
  std::condition_variable cv;
  std::thread sleeper([&] {
    std::unique_lock lock(mutex);
    for (int i = 0; i < kRounds; ++i) {
      EXPECT_FALSE(clock.wait_until(lock, cv, clock.steady() + Duration{1}, [] { return false; }));
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    clock.await_waiters(1);
    clock.advance(Duration{1});
  }
  sleeper.join();
}

TEST(SystemClock, AnswersReadyWithoutWaiting) {
  std::mutex mutex;
  std::condition_variable cv;
  std::unique_lock lock(mutex);
  Clock& clock = system_clock();
  EXPECT_TRUE(
      clock.wait_until(lock, cv, clock.steady() + std::chrono::hours{1}, [] { return true; }));
  EXPECT_FALSE(clock.wait_until(lock, cv, clock.steady(), [] { return false; }));
}

}  // namespace
}  // namespace mesh
