// What only one process may do: leases that are lost, and processes that do not notice.
#include <atomic>
#include <future>
#include <thread>

#include "tests/daemon/pipeline/generations/fixture.h"

namespace mesh::pipeline {
namespace {

TEST_F(TwoProcesses, OneMakesWhatBothFeedAndBothFollowWhatARebuildInOneOfThemDoes) {
  start();
  ASSERT_TRUE(other.start());
  EXPECT_EQ(index.generations()->size(), 1u);
  EXPECT_TRUE(feeds(other, "user-index-1"));
  write("created", 1, 1);
  ASSERT_TRUE(all_through());
  for (int serving = 2; serving <= 3; ++serving) {
    FakeTaskContext context(Json::object(), &clock);
    context.on_pause = [&] { clock.advance(Duration{2'000}); };
    ASSERT_TRUE(generations->rebuild(context));
    EXPECT_EQ(index.serving(), serving);
  }
  EXPECT_TRUE(eventually([&] {
    clock.advance(Duration{2'000});
    const auto shown = other_metrics.expose();
    return shown.find("user-index-3") != std::string::npos &&
           shown.find("user-index-1") == std::string::npos;
  })) << "the other feeds what came, and lets go of what is gone";
  EXPECT_TRUE(eventually([&] {
    clock.advance(Duration{2'000});
    return !log.has_group("user-index-1");
  })) << "once nobody reads for it, its group goes";
}

TEST_F(TwoProcesses, ARebuildThatSleptBeyondItsLeaseChangesNothing) {
  start();
  ASSERT_TRUE(other.start());
  ASSERT_TRUE(rebuild());
  ASSERT_EQ(index.serving(), 2);
  FakeTaskContext asleep(Json::object(), &clock), awake(Json::object(), &clock);
  asleep.on_pause = [&] {
    if (index.serving() != 2) return;
    clock.advance(std::chrono::minutes(2));
    ASSERT_TRUE(other.rebuild(awake));
    ASSERT_EQ(index.serving(), 4);
    asleep.stopped = true;  // nor does it hold the task any more
  };
  const auto built = generations->rebuild(asleep);
  EXPECT_FALSE(built);
  EXPECT_EQ(index.serving(), 4) << "it flipped away from what the other has built";
  EXPECT_EQ(index.generations()->size(), 2u) << "nor does it drop anything";
}

TEST_F(TwoProcesses, WhileOneRebuildsTheOtherDoesNotRollBack) {
  start();
  ASSERT_TRUE(other.start());
  ASSERT_TRUE(rebuild());
  FakeTaskContext context(Json::object(), &clock);
  ASSERT_TRUE(tasks.insert({.id = context.task().id, .kind = "rebuild"}));
  context.on_pause = [&] { EXPECT_EQ(other.rollback().error().kind, ErrorKind::conflict); };
  ASSERT_TRUE(generations->rebuild(context));
  EXPECT_EQ(index.serving(), 3);
}

TEST_F(TwoProcesses, WhoeverStartsWhileAnotherMakesTheFirstOneWaitsForIt) {
  const auto at_it = leases.acquire("generations", "three", std::chrono::minutes(1));
  ASSERT_TRUE(at_it && *at_it);
  start();
  EXPECT_TRUE(index.generations()->empty());
  ASSERT_TRUE(leases.release(**at_it));
  EXPECT_TRUE(eventually([&] {
    clock.advance(Duration{2'000});
    return index.serving() == 1;
  }));
}

// After a flip the lease is held for a moment: a rollback then was refused as if beside a rebuild.
TEST_F(TwoProcesses, ARollbackWaitsForWhoeverTidiesUp) {
  start();
  ASSERT_TRUE(rebuild());
  const auto tidying = leases.acquire("generations", "three", std::chrono::minutes(1));
  ASSERT_TRUE(tidying && *tidying);
  auto rolled_back = std::async(std::launch::async, [&] { return other.rollback(); });
  clock.await_waiters(4);  // it, and the one that feeds two: it did not give up
  ASSERT_TRUE(leases.release(**tidying));
  clock.advance(Duration{20});
  clock.await_woken();
  EXPECT_TRUE(advance_until(clock, Duration{1}, [&] {
    return rolled_back.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }));
  const auto now = rolled_back.get();
  ASSERT_TRUE(now) << now.error().to_string();
  EXPECT_EQ(now->number, 1);
}

TEST_F(TwoProcesses, ARollbackDoesNotWaitForWhoeverKeepsTheLease) {
  start();
  ASSERT_TRUE(rebuild());
  const auto keeps = leases.acquire("generations", "three", std::chrono::years(100));
  ASSERT_TRUE(keeps && *keeps);
  EXPECT_FALSE(rolls_back(other, Duration{1'000}));
  EXPECT_EQ(index.serving(), 2);
}

// It has renewed its lease, and sleeps before the index gets its flip.
TEST_F(TwoProcesses, AFlipThatWasOvertakenOnItsWayUndoesNoRollback) {
  start();
  ASSERT_TRUE(other.start());
  ASSERT_TRUE(rebuild());
  ASSERT_EQ(index.serving(), 2);
  FakeTaskContext asleep(Json::object(), &clock);
  index.before_serving([&] {
    clock.advance(std::chrono::minutes(2));
    asleep.stopped = true;  // another has its task
    auto taken_over = asleep.resumed();
    ASSERT_TRUE(other.rebuild(taken_over));
    ASSERT_EQ(index.serving(), 3);
    ASSERT_TRUE(through(2));
    ASSERT_TRUE(rolls_back(other));
    ASSERT_EQ(index.serving(), 2);
  });
  const auto built = generations->rebuild(asleep);
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().kind, ErrorKind::conflict);
  EXPECT_EQ(index.serving(), 2) << "it undid what an operator asked for";
}

// It got the lease, slept, and takes over late: the other's next change fails and it tries again.
TEST_F(TwoProcesses, WhoeverIsTakenOverFromByASleeperGoesOn) {
  start();
  ASSERT_TRUE(other.start());
  FakeTaskContext context(Json::object(), &clock);
  bool once = false;
  context.on_pause = [&] {
    if (std::exchange(once, true)) return;
    ASSERT_TRUE(index.take_over());
  };
  ASSERT_TRUE(generations->rebuild(context));
  EXPECT_EQ(index.serving(), 2);
  EXPECT_EQ(index.generations()->size(), 2u) << "it goes on with what it had made";
}

TEST_F(GenerationsTest, ARebuildThatLosesItsLeaseButNotItsTaskGoesOn) {
  write("created", 1, 1);
  start();
  ASSERT_TRUE(all_through());
  FakeTaskContext context(Json::object(), &clock);
  bool once = false;
  context.on_pause = [&] {
    if (!std::exchange(once, true)) clock.advance(std::chrono::minutes(2));
  };
  ASSERT_TRUE(generations->rebuild(context));
  EXPECT_TRUE(once);
  EXPECT_EQ(roles(), (Roles{{1, "previous"}, {2, "serving"}}));
}

TEST_F(GenerationsTest, ARebuildKeepsItsLeaseWhileItWaitsForALogThatIsDown) {
  start();
  const SteadyTime up_again = clock.steady() + std::chrono::minutes(3);
  log.fail_opens(1'000'000);
  FakeTaskContext context(Json::object(), &clock);
  context.on_pause = [&] {
    EXPECT_EQ(leases.holder("generations"), "one");
    if (clock.steady() >= up_again) log.fail_opens(0);
  };
  ASSERT_TRUE(generations->rebuild(context));
  EXPECT_GE(clock.steady(), up_again);
  EXPECT_EQ(roles(), (Roles{{1, "previous"}, {2, "serving"}}));
}

TEST_F(GenerationsTest, ARebuildThatWasCancelledWhileNobodyWasAtItIsCleanedUp) {
  write("created", 1, 1);
  start();
  ASSERT_TRUE(all_through());
  embedder.fail_next(1'000'000);
  FakeTaskContext first(Json::object(), &clock);
  first.on_pause = [&] { first.stopped = true; };
  EXPECT_FALSE(generations->rebuild(first));
  ASSERT_EQ(index.generations()->size(), 2u);
  auto second = first.resumed();
  second.cancel();
  EXPECT_FALSE(generations->rebuild(second));
  EXPECT_EQ(roles(), (Roles{{1, "serving"}}));
}

TEST_F(GenerationsTest, ARebuildIsForProcessesOfTheEmbedderThatItWasAskedWith) {
  start();
  FakeEmbedder another("fake/new", 4);
  const Task old_one{.id = "a", .kind = "rebuild", .spec = generations->rebuild_spec().value()};
  EXPECT_EQ(old_one.spec, (Json{{"embedder", "fake/4"}, {"dimension", 4}}));
  EXPECT_TRUE(generations->can_rebuild(old_one));
  ASSERT_TRUE(tasks.insert(old_one));
  EXPECT_TRUE(generations->rebuild_is_asked_for().value());
  open(another);
  EXPECT_FALSE(generations->can_rebuild(old_one));
  EXPECT_FALSE(generations->rebuild_is_asked_for().value())
      << "what it is served by then it cannot search";
  EXPECT_TRUE(generations->can_rebuild({.id = "b", .kind = "rebuild"})) << "kept from before";
  generations.reset();  // before its embedder
}

// One process that was configured otherwise asked for a rebuild with its own embedder, and so undid
// for all what an operator had chosen to serve.
TEST_F(TwoProcesses, WhatAnotherFeedsIsNotLostWhereThisOneCannotHaveItsEmbedder) {
  ASSERT_TRUE(other.start());
  ASSERT_TRUE(feeds(other, "user-index-1"));
  FakeEmbedder another("fake/new", 4);
  open(another);
  start();
  const auto foreign = generations->foreign();
  ASSERT_TRUE(foreign);
  EXPECT_FALSE(generations->is_lost(*foreign).value());
  other.stop();
  EXPECT_TRUE(generations->is_lost(*foreign).value());
  ASSERT_TRUE(tasks.insert({.id = "a", .kind = "rebuild"}));
  EXPECT_FALSE(generations->is_lost(*foreign).value()) << "a rebuild is under way";
  generations.reset();  // before its embedder
}

// As in a process of the role admin alone. Time moves only when all others sleep: a thread that the
// machine runs late costs the wait nothing of its limit.
TEST_F(TwoProcesses, OneThatFeedsNothingWaitsForThoseThatDo) {
  const int feeding = 3;  // threads of the other: it looks, and feeds two generations
  ASSERT_TRUE(other.start());
  FakeTaskContext context(Json::object(), &clock);
  ASSERT_TRUE(other.rebuild(context));
  embedder.fail_next(1'000'000);
  write("created", 1, 1);
  std::atomic<std::thread::id> asking;
  std::atomic<int> looks = 0;
  log.before_listing([&] {
    if (std::this_thread::get_id() != asking.load() || ++looks != 2) return;
    embedder.fail_next(0);
    clock.await_waiters(feeding);
    clock.advance(std::chrono::seconds(5));  // beyond their pause, within the limit
    EXPECT_TRUE(through(1));
  });
  auto rolled_back = std::async(std::launch::async, [&] {
    asking = std::this_thread::get_id();
    return generations->rollback();
  });
  EXPECT_TRUE(eventually([&] { return looks == 1; }));
  clock.await_waiters(feeding + 1);
  EXPECT_EQ(looks, 1) << "it is behind, and waited for";
  clock.advance(Duration{20});
  const auto now = rolled_back.get();
  ASSERT_TRUE(now) << now.error().to_string();
  EXPECT_EQ(now->number, 1);
  log.before_listing(nullptr);
}

}  // namespace
}  // namespace mesh::pipeline
