#include "tests/contract/task_store_contract.h"

#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <future>
#include <set>
#include <thread>

namespace mesh::test {
namespace {

using ::testing::ElementsAre;

Task task(std::string id, Timestamp created_at) {
  return {.id = std::move(id),
          .kind = "replay",
          .state = Task::State::running,
          .spec = {{"topic", "user.events"}},
          .checkpoint = {{"offsets", {1, 2}}},
          .result = {{"done", 5}},
          .done = 5,
          .total = 10,
          .error = {},
          .created_at = created_at,
          .started_at = created_at + Duration{5}};
}

}  // namespace

TEST_P(TaskStoreContract, ATaskIsReadBackWhole) {
  Task written = task("t1", clock_.now());
  written.state = Task::State::failed;
  written.error = "the disk is full";
  written.started_by = "anna";
  written.finished_at = clock_.now() + Duration{9};
  ASSERT_TRUE(succeeds(tasks().insert(written)));
  store_->reopen();
  auto read = tasks().get("t1");
  ASSERT_TRUE(succeeds(read));
  EXPECT_EQ(to_json(*read), to_json(written));
  EXPECT_EQ(read->checkpoint, written.checkpoint);
  EXPECT_FALSE(read->cancel_requested);
}

TEST_P(TaskStoreContract, EveryStateIsReadBack) {
  using enum Task::State;
  for (const auto state : {queued, running, done, failed, cancelled}) {
    Task written = task(std::string(to_string(state)), clock_.now());
    written.state = state;
    ASSERT_TRUE(tasks().insert(written));
    EXPECT_EQ(tasks().get(written.id)->state, state);
  }
}

TEST_P(TaskStoreContract, EmptyDocumentsAndUnsetTimesStayAsTheyAre) {
  ASSERT_TRUE(tasks().insert(bare_task("bare")));
  auto read = tasks().get("bare");
  ASSERT_TRUE(succeeds(read));
  EXPECT_TRUE(read->spec.is_null());
  EXPECT_EQ(read->started_at, Timestamp{});
}

TEST_P(TaskStoreContract, UnknownTasksAreNotFound) {
  EXPECT_TRUE(fails_with(tasks().get("t1"), ErrorKind::not_found));
  EXPECT_TRUE(fails_with(tasks().request_cancel("t1"), ErrorKind::not_found));
}

TEST_P(TaskStoreContract, ListsTheNewestFirst) {
  ASSERT_TRUE(tasks().insert(task("b", clock_.now() + Duration{1})));
  ASSERT_TRUE(tasks().insert(task("a", clock_.now() + Duration{2})));
  ASSERT_TRUE(tasks().insert(task("c", clock_.now())));
  std::vector<std::string> ids;
  const auto listed = tasks().list(2);
  ASSERT_TRUE(succeeds(listed));
  for (const Task& each : *listed) ids.push_back(each.id);
  EXPECT_THAT(ids, ElementsAre("a", "b"));
}

TEST_P(TaskStoreContract, TooManyUnfinishedOnesAreRefused) {
  for (int i = 0; i < TaskStore::kMostUnfinished; ++i) {
    ASSERT_TRUE(tasks().insert(task("t" + std::to_string(i), clock_.now())));
  }
  EXPECT_TRUE(fails_with(tasks().insert(task("more", clock_.now())), ErrorKind::unavailable));
}

TEST_P(TaskStoreContract, TheOldestOfTheKindsThatNobodyHoldsIsClaimed) {
  Task other = task("0", clock_.now());
  other.kind = "backup";
  ASSERT_TRUE(tasks().insert(other));
  ASSERT_TRUE(tasks().insert(task("young", clock_.now() + Duration{2})));
  ASSERT_TRUE(tasks().insert(task("old", clock_.now() + Duration{1})));
  Task ended = task("ended", clock_.now());
  ended.state = Task::State::done;
  ASSERT_TRUE(tasks().insert(ended));
  EXPECT_EQ(claimed("one"), "old");
  EXPECT_EQ(claimed("two"), "young");
  EXPECT_EQ(claimed("three"), "");
}

TEST_P(TaskStoreContract, AClaimPassesOverWhatItIsToldTo) {
  ASSERT_TRUE(tasks().insert(task("old", clock_.now())));
  ASSERT_TRUE(tasks().insert(task("young", clock_.now() + Duration{1})));
  const auto passed_over = claim("one", {"old"});
  ASSERT_TRUE(passed_over);
  EXPECT_EQ(passed_over->task.id, "young");
  EXPECT_FALSE(claim("one", {"old"}));
  EXPECT_EQ(claimed("two"), "old");
}

TEST_P(TaskStoreContract, OneWaitsForAnotherThatIsHeldAndHasItsTarget) {
  const auto redrive = [&](const char* id, const char* topic, int age) {
    Task one = task(id, clock_.now() + Duration{age});
    one.kind = "redrive";
    one.spec = {{"topic", topic}};
    return one;
  };
  ASSERT_TRUE(tasks().insert(redrive("a", "user.events.dlq", 1)));
  ASSERT_TRUE(tasks().insert(redrive("b", "user.events.dlq", 2)));
  ASSERT_TRUE(tasks().insert(redrive("c", "chemical.events.dlq", 3)));
  const WantedTask wanted{{"redrive"}};
  const auto next = [&]() -> std::optional<ClaimedTask> {
    auto claimed = tasks().claim("x", wanted, kTtl);
    EXPECT_TRUE(succeeds(claimed));
    return claimed ? std::move(*claimed) : std::nullopt;
  };
  auto first = next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->task.id, "a");
  const auto second = next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->task.id, "c") << "b waits for a, and holds up nothing";
  EXPECT_FALSE(next());
  first->task.state = Task::State::done;
  ASSERT_TRUE(tasks().store(first->task, first->token));
  auto third = next();
  ASSERT_TRUE(third);
  EXPECT_EQ(third->task.id, "b");
  // A redrive that only waits for what comes of it is in nobody's way.
  ASSERT_TRUE(tasks().insert(redrive("d", "user.events.dlq", 4)));
  EXPECT_FALSE(next());
  third->task.checkpoint = {{kAllAppended, true}};
  ASSERT_TRUE(tasks().store(third->task, third->token));
  const auto fourth = next();
  ASSERT_TRUE(fourth);
  EXPECT_EQ(fourth->task.id, "d");
}

TEST_P(TaskStoreContract, OneMayBeClaimedByItsIdWhileNobodyHoldsIt) {
  ASSERT_TRUE(tasks().insert(task("older", clock_.now())));
  ASSERT_TRUE(tasks().insert(task("t", clock_.now() + Duration{1})));
  const WantedTask only{.kinds = {"replay"}, .only = "t"};
  const auto held = tasks().claim("one", only, kTtl);
  ASSERT_TRUE(succeeds(held));
  ASSERT_TRUE(*held);
  EXPECT_EQ((*held)->task.id, "t");
  const auto again = tasks().claim("two", only, kTtl);
  ASSERT_TRUE(succeeds(again));
  EXPECT_FALSE(*again) << "no other in its place";
}

TEST_P(TaskStoreContract, WhatAClientDoesIsClaimedWhenItsLastReportIsOldAlsoAfterARestart) {
  const auto seen_at = [](Timestamp time) {
    return Json{{kReportedAt, time.time_since_epoch().count()}};
  };
  Task import = task("t", clock_.now());
  import.kind = "import";
  import.checkpoint = seen_at(clock_.now() - Duration{100});
  ASSERT_TRUE(tasks().insert(import));
  const auto silent = [&](Timestamp since) {
    const auto one = tasks().claim("x", {.kinds = {"import"}, .reported_before = since}, kTtl);
    EXPECT_TRUE(succeeds(one));
    return one.value_or(std::nullopt);
  };
  auto held = silent(clock_.now());
  ASSERT_TRUE(held);
  held->task.checkpoint = seen_at(clock_.now());
  ASSERT_TRUE(succeeds(tasks().store(held->task, held->token)));
  tasks().release("t", held->token);
  EXPECT_FALSE(silent(clock_.now()));
  store_->reopen();
  EXPECT_FALSE(silent(clock_.now()));
  EXPECT_TRUE(silent(clock_.now() + Duration{1}));
}

TEST_P(TaskStoreContract, OfATenantNoMoreAreHeldThanItMayHave) {
  for (int i = 0; i < 3; ++i) {
    Task one = task("acme-" + std::to_string(i), clock_.now() + Duration{i});
    one.spec = {{"tenant", "acme"}};
    ASSERT_TRUE(tasks().insert(one));
  }
  ASSERT_TRUE(tasks().insert(task("everyones", clock_.now() + Duration{9})));
  const WantedTask two_each{{"replay"}, {}, 2};
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) {
    const auto claimed = tasks().claim("x", two_each, kTtl);
    ASSERT_TRUE(succeeds(claimed));
    ids.push_back(*claimed ? (*claimed)->task.id : "");
  }
  EXPECT_THAT(ids, ElementsAre("acme-0", "acme-1", "everyones", ""));
  clock_.advance(kTtl);
  const auto again = tasks().claim("x", two_each, kTtl);
  ASSERT_TRUE(succeeds(again));
  EXPECT_TRUE(*again) << "whose holder was too slow holds nothing any more";
}

// However the claims fall together, of one target one is held.
TEST_P(TaskStoreContract, OfClaimantsAtOnceOneGetsATarget) {
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < 4; ++i) {
      Task one = task(std::to_string(round) + "-" + std::to_string(i), clock_.now());
      one.kind = "rebuild";
      ASSERT_TRUE(tasks().insert(one));
    }
    std::atomic<int> held = 0;
    std::vector<std::thread> claimants;
    for (int i = 0; i < 4; ++i) {
      claimants.emplace_back([&] {
        const auto claimed = tasks().claim("x", {{"rebuild"}}, kTtl);
        if (claimed && *claimed) ++held;
      });
    }
    for (auto& claimant : claimants) claimant.join();
    EXPECT_EQ(held, 1) << "in round " << round;
    clock_.advance(kTtl);
  }
}

TEST_P(TaskStoreContract, AHolderStoresWhatItMadeOfItUntilItHasEnded) {
  ASSERT_TRUE(tasks().insert(task("t", clock_.now())));
  auto held = claim("one");
  ASSERT_TRUE(held);
  held->task.done = 7;
  held->task.checkpoint = {{"at", 7}};
  ASSERT_TRUE(succeeds(tasks().store(held->task, held->token)));
  EXPECT_EQ(tasks().get("t")->done, 7);
  held->task.state = Task::State::done;
  ASSERT_TRUE(succeeds(tasks().store(held->task, held->token)));
  EXPECT_EQ(tasks().get("t")->state, Task::State::done);
  clock_.advance(kTtl);
  EXPECT_EQ(claimed("two"), "");
}

TEST_P(TaskStoreContract, AClaimEndsWithItsTimeAndItsHolderChangesNothingMore) {
  ASSERT_TRUE(tasks().insert(task("t", clock_.now())));
  auto slow = claim("one");
  ASSERT_TRUE(slow);
  clock_.advance(kTtl - Duration{1});
  EXPECT_EQ(claimed("two"), "") << "it is held still";
  clock_.advance(Duration{1});
  EXPECT_TRUE(fails_with(tasks().renew("t", slow->token, kTtl), ErrorKind::conflict))
      << "lost is lost, also before another has it";
  EXPECT_TRUE(fails_with(tasks().store(slow->task, slow->token), ErrorKind::conflict));
  auto next = claim("two");
  ASSERT_TRUE(next);
  EXPECT_GT(next->token, slow->token);
  slow->task.state = Task::State::failed;
  EXPECT_TRUE(fails_with(tasks().store(slow->task, slow->token), ErrorKind::conflict));
  tasks().release("t", slow->token);
  EXPECT_EQ(claimed("three"), "") << "another's claim is not given up";
  EXPECT_EQ(tasks().get("t")->state, Task::State::running);
  EXPECT_TRUE(succeeds(tasks().store(next->task, next->token)));
}

TEST_P(TaskStoreContract, ARenewedClaimLasts) {
  ASSERT_TRUE(tasks().insert(task("t", clock_.now())));
  const auto held = claim("one");
  for (int i = 0; i < 5; ++i) {
    clock_.advance(kTtl - Duration{1});
    ASSERT_TRUE(succeeds(tasks().renew("t", held->token, kTtl)));
  }
  EXPECT_EQ(claimed("two"), "");
}

TEST_P(TaskStoreContract, WhatIsReleasedOrHeldAtARestartMayBeClaimedAtOnce) {
  ASSERT_TRUE(tasks().insert(task("t", clock_.now())));
  const auto held = claim("one");
  tasks().release("t", held->token);
  EXPECT_EQ(claimed("two"), "t");
  store_->reopen();
  EXPECT_EQ(claimed("three"), "t");
}

TEST_P(TaskStoreContract, OneThatWaitsIsCancelledAtOnce) {
  Task waits = task("t", clock_.now());
  waits.state = Task::State::queued;
  ASSERT_TRUE(tasks().insert(waits));
  const auto cancelled = tasks().request_cancel("t");
  ASSERT_TRUE(succeeds(cancelled));
  EXPECT_EQ(cancelled->state, Task::State::cancelled);
  EXPECT_EQ(cancelled->finished_at, clock_.now());
  EXPECT_EQ(claimed("one"), "");
}

TEST_P(TaskStoreContract, OfOneThatIsHeldOrWasBegunItsHolderLearnsOfTheRequest) {
  Task waits = task("held", clock_.now());
  waits.state = Task::State::queued;
  ASSERT_TRUE(tasks().insert(waits));
  auto held = claim("one");
  ASSERT_TRUE(held);
  EXPECT_EQ(tasks().request_cancel("held")->state, Task::State::queued);
  EXPECT_EQ(tasks().renew("held", held->token, kTtl).value(), true);
  ASSERT_TRUE(tasks().store(held->task, held->token));
  EXPECT_TRUE(tasks().get("held")->cancel_requested) << "what its holder stores leaves it";

  ASSERT_TRUE(tasks().insert(task("begun", clock_.now())));
  EXPECT_EQ(tasks().request_cancel("begun")->state, Task::State::running);
  auto begun = claim("two");
  ASSERT_TRUE(begun);
  EXPECT_TRUE(begun->task.cancel_requested);
}

TEST_P(TaskStoreContract, OfClaimantsAtOnceEachGetsTasksOfItsOwn) {
  constexpr int kTasks = 24;
  for (int i = 0; i < kTasks; ++i) {
    ASSERT_TRUE(tasks().insert(task("t" + std::to_string(i), clock_.now())));
  }
  std::vector<std::vector<std::string>> got(3);
  std::vector<std::thread> claimants;
  for (auto& own : got) {
    claimants.emplace_back([&] {
      for (auto id = claimed("x"); !id.empty(); id = claimed("x")) own.push_back(id);
    });
  }
  for (auto& claimant : claimants) claimant.join();
  std::set<std::string> all;
  std::size_t claims = 0;
  for (const auto& own : got) {
    all.insert(own.begin(), own.end());
    claims += own.size();
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kTasks));
  EXPECT_EQ(claims, static_cast<std::size_t>(kTasks)) << "some task has two holders";
}

// Whoever comes first, a task that was cancelled stays so, and one that goes on has a holder that
// learns of it, or a next one: none is left that nobody may claim.
TEST_P(TaskStoreContract, ACancelAndAClaimAtOnceLeaveNoTaskBehind) {
  for (int round = 0; round < 40; ++round) {
    const std::string id = "t" + std::to_string(round);
    Task waits = task(id, clock_.now());
    waits.state = Task::State::queued;
    ASSERT_TRUE(tasks().insert(waits));
    std::atomic<bool> asked = false;
    std::optional<ClaimedTask> held;
    Status begun;
    std::thread worker([&] {
      // So that the cancellation is on its way.
      for (int spin = 0; !asked || spin < 50 * round; ++spin) std::this_thread::yield();
      if (!(held = claim("worker"))) return;
      held->task.state = Task::State::running;
      begun = tasks().store(held->task, held->token);
    });
    asked = true;
    const auto answered = tasks().request_cancel(id);
    worker.join();
    ASSERT_TRUE(succeeds(answered));
    const auto is = tasks().get(id);
    ASSERT_TRUE(succeeds(is));
    if (answered->state == Task::State::cancelled) {
      EXPECT_EQ(is->state, Task::State::cancelled) << "in round " << round;
      EXPECT_TRUE(!held || fails_with(begun, ErrorKind::conflict)) << "in round " << round;
      continue;
    }
    ASSERT_TRUE(held);
    EXPECT_EQ(is->state, Task::State::running);
    EXPECT_EQ(tasks().renew(id, held->token, kTtl).value_or(false), true);
    clock_.advance(kTtl);
    auto next = claim("next");
    ASSERT_TRUE(next) << "in round " << round;
    next->task.state = Task::State::cancelled;
    ASSERT_TRUE(succeeds(tasks().store(next->task, next->token)));
  }
}

TEST_P(TaskStoreContract, AWatchTellsOfWhatIsNewOnce) {
  const auto tells_of = [&](const std::function<void()>& change) {
    std::promise<void> told;  // twice would throw
    const auto watch = tasks().watch([&] { told.set_value(); });
    change();
    return told.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready;
  };
  EXPECT_TRUE(tells_of([&] { ASSERT_TRUE(tasks().insert(task("t", clock_.now()))); }));
  auto held = claim("one");
  ASSERT_TRUE(held);
  EXPECT_TRUE(tells_of([&] { ASSERT_TRUE(tasks().request_cancel("t")); }));
  EXPECT_TRUE(tells_of([&] { tasks().release("t", held->token); }));
  held = claim("two");
  ASSERT_TRUE(held);
  held->task.state = Task::State::cancelled;
  EXPECT_TRUE(tells_of([&] { ASSERT_TRUE(tasks().store(held->task, held->token)); }));
}

TEST_P(TaskStoreContract, AWatchThatWasDroppedIsNotTold) {
  std::atomic<int> told = 0;
  tasks().watch([&] { ++told; }).reset();
  std::promise<void> kept;
  const auto watch = tasks().watch([&] { kept.set_value(); });
  ASSERT_TRUE(tasks().insert(task("t", clock_.now())));
  kept.get_future().wait();
  EXPECT_EQ(told, 0);
}

TEST_P(TaskStoreContract, OneThatHasEndedStaysSo) {
  Task ended = task("t", clock_.now());
  ended.state = Task::State::done;
  ASSERT_TRUE(tasks().insert(ended));
  const auto asked = tasks().request_cancel("t");
  ASSERT_TRUE(succeeds(asked));
  EXPECT_EQ(asked->state, Task::State::done);
  EXPECT_FALSE(asked->cancel_requested);
}

}  // namespace mesh::test
