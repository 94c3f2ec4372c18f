#include "daemon/pipeline/tasks/tasks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "common/domain/catalogue.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using TaskState = Task::State;

constexpr Duration kLong{3'600'000};  // by the manual clock: for ever

class TasksTest : public testing::Test {
 protected:
  TasksTest() {
    log.ensure("task.events", TopicKind::activity, 1);
    open();
  }
  void open() {
    runner = std::make_unique<TaskRunner>(store, log, "one", clock, metrics, bounds);
    define(*runner);
  }
  void define(TaskRunner& runner_of) {
    runner_of.define("quick", [this](TaskContext& context) -> Status {
      note(context.task().id);
      return context.progress(1, 1, {{"at", 1}}, {{"found", 7}});
    });
    runner_of.define("long", [this](TaskContext& context) -> Status {
      note(context.task().id);
      resumed_at = context.task().checkpoint.value("at", 0);
      (void)context.progress(3, 10, {{"at", 3}}, {});
      while (!context.stopping()) context.pause(kLong);
      cleaned_up = cleaned_up || context.cancelled();
      return fail(ErrorKind::cancelled, "stopped");
    });
    runner_of.define("broken", [](TaskContext&) -> Status {
      return fail(ErrorKind::conflict, "it does not fit", "the inner reason");
    });
  }
  void restart() {
    runner->stop();
    open();
    runner->start();
  }
  void note(const std::string& id) {
    std::lock_guard lock(mutex);
    ran.push_back(id);
  }
  std::vector<std::string> order() {
    std::lock_guard lock(mutex);
    return ran;
  }
  std::string submit(const std::string& kind) {
    auto task = runner->submit(kind, {{"of", kind}}, 10, "anna");
    EXPECT_TRUE(task);
    return task ? task->id : "";
  }
  // The task, once it has ended.
  Result<Task> ended(const std::string& id) {
    std::promise<void> told;
    const auto watch = runner->watch(id, [&] { told.set_value(); });
    told.get_future().wait();
    return store.get(id);
  }
  TaskState state(const std::string& id) { return store.get(id)->state; }
  bool runs(const std::string& id) {
    return eventually([&] { return store.get(id)->done == 3; });
  }
  std::vector<std::string> events() const {
    std::vector<std::string> types;
    for (const auto& record : log.records("task.events")) {
      types.emplace_back(find_header(record.headers, "ce_type"));
    }
    return types;
  }

  ManualClock clock;
  Metrics metrics;
  FakeEventLog log{clock};
  FakeTaskStore store{clock};
  std::mutex mutex;
  std::vector<std::string> ran;  // guarded by mutex
  std::atomic<int> resumed_at = -1;
  std::atomic<bool> cleaned_up = false;
  TaskBounds bounds;
  std::unique_ptr<TaskRunner> runner;
};

TEST_F(TasksTest, ATaskRunsAndKeepsItsResult) {
  runner->start();
  const auto task = ended(submit("quick"));
  ASSERT_TRUE(task);
  EXPECT_EQ(task->state, TaskState::done);
  EXPECT_EQ(task->result, (Json{{"found", 7}}));
  EXPECT_EQ(task->finished_at, clock.now());
}

TEST_F(TasksTest, AFailedTaskTellsWhyWithoutTheInnerReason) {
  runner->start();
  const auto task = ended(submit("broken"));
  EXPECT_EQ(task->state, TaskState::failed);
  EXPECT_EQ(task->error, "it does not fit");
}

TEST_F(TasksTest, WhatEndsIsCountedByKindAndOutcomeAndEachCountIsThereBefore) {
  const auto ended_so_far = [&](const std::string& kind, const std::string& outcome) {
    const std::string line =
        "\nmesh_tasks_ended_total{kind=\"" + kind + "\",outcome=\"" + outcome + "\"} ";
    const std::string shown = metrics.expose();
    const auto at = shown.find(line);
    return at == std::string::npos ? -1 : std::stoi(shown.substr(at + line.size()));
  };
  for (const auto* outcome : {"done", "failed", "cancelled"}) {
    EXPECT_EQ(ended_so_far("broken", outcome), 0);
  }
  runner->start();
  ASSERT_TRUE(ended(submit("broken")));
  ASSERT_TRUE(ended(submit("broken")));
  ASSERT_TRUE(ended(submit("quick")));
  const auto running = submit("long");
  ASSERT_TRUE(runs(running));
  ASSERT_TRUE(runner->cancel(running));
  ASSERT_TRUE(ended(running));
  EXPECT_EQ(ended_so_far("broken", "failed"), 2);
  EXPECT_EQ(ended_so_far("broken", "done"), 0);
  EXPECT_EQ(ended_so_far("quick", "done"), 1);
  EXPECT_EQ(ended_so_far("long", "cancelled"), 1);
}

TEST_F(TasksTest, WhereOneMayRunTasksRunOneAfterTheOtherInTheirOrder) {
  bounds.running = 1;
  open();
  const std::vector<std::string> ids{submit("quick"), submit("quick"), submit("quick")};
  runner->start();
  ASSERT_TRUE(ended(ids.back()));
  EXPECT_EQ(order(), ids);
}

TEST_F(TasksTest, AnUnknownKindIsRefused) {
  const auto task = runner->submit("nonsense", {}, 0, "anna");
  ASSERT_FALSE(task);
  EXPECT_EQ(task.error().kind, ErrorKind::invalid);
}

TEST_F(TasksTest, WhatNobodyDoesIsRefused) {
  bool elsewhere = false;
  runner->ask_elsewhere([&]() -> Result<bool> { return elsewhere; });
  const auto refused = runner->submit("redrive", {}, 0, "anna");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_TRUE(runner->submit("quick", {}, 0, "anna")) << "this process does it";
  elsewhere = true;
  EXPECT_TRUE(runner->submit("redrive", {}, 0, "anna"));
}

TEST_F(TasksTest, StopLeavesARunningTaskToResumeFromItsCheckpointBeforeYoungerOnes) {
  bounds.running = 1;
  open();
  runner->start();
  const std::string first = submit("long");
  ASSERT_TRUE(runs(first));
  const std::string second = submit("quick");
  runner->stop();
  EXPECT_EQ(state(first), TaskState::running);
  EXPECT_EQ(state(second), TaskState::queued);
  restart();
  ASSERT_TRUE(eventually([&] { return resumed_at == 3; }));
  EXPECT_EQ(order(), (std::vector<std::string>{first, first}));
  ASSERT_TRUE(runner->cancel(first));
  EXPECT_EQ(ended(second)->state, TaskState::done);
}

TEST_F(TasksTest, ARunningTaskIsCancelledAtOnce) {
  runner->start();
  const std::string id = submit("long");
  ASSERT_TRUE(runs(id));
  ASSERT_TRUE(runner->cancel(id));
  EXPECT_EQ(ended(id)->state, TaskState::cancelled);
  EXPECT_TRUE(cleaned_up);
  EXPECT_TRUE(runner->cancel(id)) << "to cancel twice is harmless";
}

TEST_F(TasksTest, AWaitingTaskIsCancelledWithoutRunning) {
  bounds.running = 1;
  open();
  runner->start();
  const std::string running = submit("long");
  ASSERT_TRUE(runs(running));
  const std::string waiting = submit("quick");
  ASSERT_TRUE(runner->cancel(waiting));
  EXPECT_EQ(state(waiting), TaskState::cancelled);
  EXPECT_EQ(order().size(), 1u);
}

TEST_F(TasksTest, ATaskCancelledWhileTheProcessWasDownCleansUp) {
  runner->start();
  const std::string id = submit("long");
  ASSERT_TRUE(runs(id));
  runner->stop();
  ASSERT_TRUE(runner->cancel(id));
  EXPECT_EQ(state(id), TaskState::running);
  restart();
  EXPECT_EQ(ended(id)->state, TaskState::cancelled);
  EXPECT_TRUE(cleaned_up);
}

TEST_F(TasksTest, WhatHasEndedCannotBeCancelled) {
  runner->start();
  const std::string id = submit("quick");
  ASSERT_TRUE(ended(id));
  const auto cancelled = runner->cancel(id);
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().kind, ErrorKind::conflict);
  EXPECT_EQ(runner->cancel("nobody").error().kind, ErrorKind::not_found);
}

TEST_F(TasksTest, CreationAndCompletionAreAppendedToTaskEvents) {
  runner->start();
  const std::string id = submit("quick");
  ASSERT_TRUE(eventually([&] { return events().size() == 2; }));
  EXPECT_EQ(events(), (std::vector<std::string>{"task.created", "task.completed"}));
  const StoredRecord record = log.records("task.events").back();
  EXPECT_EQ(record.key, "operator/" + id);
  const Json data = *parse_json(*record.value);
  EXPECT_EQ(data.at("state"), "done");
  EXPECT_EQ(data.at("started_by"), "anna");
  EXPECT_EQ(parse_json(*log.records("task.events").front().value)->at("started_by"), "anna");
  EXPECT_TRUE(validate_data(*find_event_type("task.completed"), data));
}

TEST_F(TasksTest, ALogThatIsDownFailsNoTask) {
  log.fail_appends(1'000);
  runner->start();
  EXPECT_EQ(ended(submit("quick"))->state, TaskState::done);
}

TEST_F(TasksTest, AStateThatCannotBeStoredIsStoredLater) {
  runner->start();
  const std::string id = submit("long");
  ASSERT_TRUE(runs(id));
  store.fail_stores(2);
  ASSERT_TRUE(runner->cancel(id));
  EXPECT_TRUE(
      advance_until(clock, Duration{1'000}, [&] { return state(id) == TaskState::cancelled; }));
}

TEST_F(TasksTest, AWatchTellsOfItsOwnTaskAndOfTheStop) {
  runner->start();
  const std::string first = submit("long");
  const std::string second = submit("long");
  std::atomic<int> told_first = 0, told_second = 0;
  const auto of_first = runner->watch(first, [&] { ++told_first; });
  const auto of_second = runner->watch(second, [&] { ++told_second; });
  ASSERT_TRUE(runs(first));
  ASSERT_TRUE(runner->cancel(first));
  EXPECT_TRUE(eventually([&] { return told_first == 1; }));
  EXPECT_EQ(told_second, 0);
  runner->stop();
  EXPECT_EQ(told_second, 1);
}

TEST_F(TasksTest, AWatchOfATaskThatHasEndedTellsAtOnce) {
  runner->start();
  const std::string id = submit("quick");
  ASSERT_TRUE(ended(id));
  int told = 0;
  const auto watch = runner->watch(id, [&] { ++told; });
  EXPECT_EQ(told, 1);
}

TEST_F(TasksTest, SeveralRunAtOnceUpToTheBound) {
  bounds.running = 2;
  open();
  runner->start();
  const std::string first = submit("long"), second = submit("long"), third = submit("long");
  ASSERT_TRUE(runs(first));
  ASSERT_TRUE(runs(second));
  EXPECT_EQ(state(third), TaskState::queued);
  ASSERT_TRUE(runner->cancel(second));
  ASSERT_TRUE(runs(third));
  EXPECT_EQ(state(first), TaskState::running) << "another's end is nothing to it";
}

TEST_F(TasksTest, ATenantsTasksLeaveRoomForOthers) {
  bounds.running_per_tenant = 1;
  open();
  runner->start();
  const auto of = [&](const char* tenant) {
    return runner->submit("long", {{"tenant", tenant}}, 0, "anna")->id;
  };
  const std::string first = of("acme"), second = of("acme"), other = of("globex");
  ASSERT_TRUE(runs(first));
  ASSERT_TRUE(runs(other));
  EXPECT_EQ(state(second), TaskState::queued);
  ASSERT_TRUE(runner->cancel(first));
  ASSERT_TRUE(runs(second));
}

TEST_F(TasksTest, TasksThatExcludeEachOtherWaitForEachOther) {
  runner->define("redrive", [&](TaskContext& context) -> Status {
    (void)context.progress(3, 10, {}, {});
    while (!context.stopping()) context.pause(kLong);
    return fail(ErrorKind::cancelled, "stopped");
  });
  runner->start();
  const auto of = [&](const char* topic) {
    return runner->submit("redrive", {{"topic", topic}}, 0, "anna")->id;
  };
  const std::string first = of("a.dlq"), second = of("a.dlq"), other = of("b.dlq");
  ASSERT_TRUE(runs(first));
  ASSERT_TRUE(runs(other));
  EXPECT_EQ(state(second), TaskState::queued);
  ASSERT_TRUE(runner->cancel(first));
  ASSERT_TRUE(runs(second));
}

// Two processes over one store.
class TwoRunners : public TasksTest {
 protected:
  TwoRunners() { define(other); }
  // Time passes in steps that both take part in.
  bool comes_true(const std::function<bool()>& condition) {
    return advance_until(clock, Duration{1'000}, condition);
  }

  TaskRunner other{store, log, "two", clock, metrics};
};

TEST_F(TwoRunners, EachTaskRunsOnce) {
  runner->start();
  other.start();
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(submit("quick"));
  ASSERT_TRUE(
      comes_true([&] { return state(ids.back()) == TaskState::done && order().size() >= 20; }));
  auto ran_ids = order();
  std::ranges::sort(ran_ids);
  EXPECT_EQ(ran_ids, ids);
}

TEST_F(TwoRunners, WhatOneSubmitsAnotherRunsAndTheFirstIsTold) {
  TaskRunner admin(store, log, "admin", clock, metrics);  // has no work
  admin.start();
  other.start();
  const auto task = admin.submit("redrive", {}, 0, "anna");
  ASSERT_TRUE(task);
  EXPECT_EQ(state(task->id), TaskState::queued) << "there is no work for it yet";
  const auto quick = store.insert({.id = "z", .kind = "quick", .spec = Json::object()});
  ASSERT_TRUE(quick);
  std::atomic<bool> told = false;
  const auto watch = admin.watch("z", [&] { told = true; });
  EXPECT_TRUE(comes_true([&] { return told.load(); }));
  EXPECT_EQ(state("z"), TaskState::done);
}

TEST_F(TwoRunners, WhatTheOtherCancelsEndsHere) {
  runner->start();
  const std::string id = submit("long");
  ASSERT_TRUE(runs(id));
  ASSERT_TRUE(other.cancel(id));
  EXPECT_TRUE(comes_true([&] { return state(id) == TaskState::cancelled; }));
  EXPECT_TRUE(cleaned_up);
}

// The clock stands still: nobody looks of himself.
TEST_F(TwoRunners, WhatOneSubmitsOrCancelsTheOtherIsToldOfAtOnce) {
  other.start();
  clock.await_waiters(2);
  const std::string id = submit("long");
  ASSERT_TRUE(runs(id));
  ASSERT_TRUE(runner->cancel(id));
  EXPECT_TRUE(eventually([&] { return state(id) == TaskState::cancelled; }));
  EXPECT_TRUE(cleaned_up);
}

TEST_F(TwoRunners, WhoeverWaitsForTheEndOfAnothersTaskIsToldAtOnce) {
  TaskRunner admin(store, log, "admin", clock, metrics);  // has no work
  admin.start();
  other.start();
  const std::string id = submit("long");
  ASSERT_TRUE(runs(id));
  std::atomic<bool> told = false;
  const auto watch = admin.watch(id, [&] { told = true; });
  ASSERT_TRUE(other.cancel(id));
  EXPECT_TRUE(eventually([&] { return told.load(); }));
}

TEST_F(TwoRunners, WhatTheStoreDidNotTellIsFoundNevertheless) {
  store.say_nothing();
  other.start();
  clock.await_waiters(2);
  const std::string id = submit("long");
  ASSERT_TRUE(comes_true([&] { return store.get(id)->done == 3; }));
  ASSERT_TRUE(runner->cancel(id));
  EXPECT_TRUE(comes_true([&] { return state(id) == TaskState::cancelled; }));
}

TEST_F(TwoRunners, LongWorkThatReportsNothingKeepsItsClaim) {
  runner->start();
  other.start();
  const std::string id = submit("long");
  ASSERT_TRUE(runs(id));
  for (int second = 0; second < 120; ++second) {
    clock.await_waiters(5);  // two that look for tasks, one that pauses in one, two that beat
    clock.advance(Duration{1'000});
  }
  EXPECT_EQ(order().size(), 1u);
}

// The work stands still, as its process does, until the other has done the task.
TEST_F(TwoRunners, OneThatSleptBeyondItsClaimIsTakenOverAndChangesNothing) {
  std::promise<void> asleep, woken;
  Status late;
  std::atomic<bool> over = false;
  runner->define("rebuild", [&](TaskContext& context) -> Status {
    (void)context.progress(1, 2, {{"at", 1}}, {});
    asleep.set_value();
    woken.get_future().wait();
    late = context.progress(9, 9, {{"at", 9}}, {{"by", "the sleeper"}});
    over = context.stopping() && !context.cancelled();
    return {};
  });
  std::atomic<int> taken_at = -1;
  other.define("rebuild", [&](TaskContext& context) -> Status {
    taken_at = context.task().checkpoint.value("at", 0);
    return context.progress(2, 2, {{"at", 2}}, {{"by", "the other"}});
  });
  runner->start();
  const std::string id = submit("rebuild");
  asleep.get_future().wait();
  store.take_away(id);
  other.start();
  ASSERT_TRUE(comes_true([&] { return state(id) == TaskState::done; }));
  EXPECT_EQ(taken_at, 1) << "from where the first had come";
  woken.set_value();
  ASSERT_TRUE(eventually([&] { return over.load(); }));
  EXPECT_EQ(late.error().kind, ErrorKind::conflict);
  runner->stop();
  EXPECT_EQ(store.get(id)->result, (Json{{"by", "the other"}}));
  other.stop();  // its event comes after the end is stored
  EXPECT_EQ(std::ranges::count(events(), "task.completed"), 1);
}

// As a rebuild that was asked for with an embedder that only the other one has.
TEST_F(TwoRunners, ATaskThatDoesNotFitIsLeftToTheOtherAndHoldsUpNothing) {
  const auto work = [](std::string by) {
    return [by](TaskContext& context) { return context.progress(1, 1, {}, {{"by", by}}); };
  };
  const auto fits_none = [](const Task& task) { return task.spec.value("for", "") != "other"; };
  runner->define("rebuild", work("one"), fits_none);
  other.define("rebuild", work("other"));
  runner->start();
  const std::string hers = runner->submit("rebuild", {{"for", "other"}}, 0, "anna")->id;
  const std::string anyones = runner->submit("rebuild", Json::object(), 0, "anna")->id;
  ASSERT_TRUE(comes_true([&] { return state(anyones) == TaskState::done; })) << "it waits for hers";
  EXPECT_EQ(state(hers), TaskState::queued);
  other.start();
  ASSERT_TRUE(comes_true([&] { return state(hers) == TaskState::done; }));
  EXPECT_EQ(store.get(hers)->result, (Json{{"by", "other"}}));
  EXPECT_EQ(store.get(anyones)->result, (Json{{"by", "one"}}));
}

TEST_F(TwoRunners, OneThatDoesNotFitIsCleanedUpByAnyWhenItIsCancelled) {
  std::atomic<bool> asked_to_clean_up = false;
  runner->define(
      "rebuild",
      [&](TaskContext& context) -> Status {
        asked_to_clean_up = context.cancelled();
        return fail(ErrorKind::cancelled, "cleaned up");
      },
      [](const Task&) { return false; });
  Task begun{.id = "begun", .kind = "rebuild", .state = TaskState::running};
  ASSERT_TRUE(store.insert(begun));
  runner->start();
  clock.await_waiters(2);
  EXPECT_EQ(state("begun"), TaskState::running);
  ASSERT_TRUE(runner->cancel("begun"));
  ASSERT_TRUE(comes_true([&] { return state("begun") == TaskState::cancelled; }));
  EXPECT_TRUE(asked_to_clean_up);
}

TEST_F(TasksTest, StopMayComeTwiceAndBeforeStart) {
  runner->stop();
  runner->start();
  runner->stop();
  runner->stop();
}

TEST_F(TasksTest, AnExceptionOfTheWorkFailsItsTaskOnly) {
  runner->define("throws", [](TaskContext&) -> Status { throw std::runtime_error("boo"); });
  runner->start();
  EXPECT_EQ(ended(submit("throws"))->state, TaskState::failed);
  EXPECT_EQ(ended(submit("quick"))->state, TaskState::done);
}

}  // namespace
}  // namespace mesh::pipeline
