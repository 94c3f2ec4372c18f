// Two processes, each with a pipeline of one group, over a log that moves no group that has
// members.
#include "daemon/pipeline/seek/seek.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "common/base/ids.h"
#include "daemon/pipeline/consumer/runtime.h"
#include "daemon/pipeline/seek/yielding_log.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/daemon/pipeline/fake_task_context.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_leases.h"
#include "tests/support/fake_stage.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using Outcome = StageResult::Outcome;
using State = Task::State;

constexpr Duration kStep{250};
constexpr Duration kRetry{100'000'000};  // so long that no retry is due by chance
const std::string kTopic = "analytics.events", kGroup = "analytics";
const TopicPartition kOne{kTopic, 0}, kOther{kTopic, 1};
constexpr int kPipelines = 2, kRunner = 2;  // threads that wait by the clock, while all is quiet

// What a process has of it.
struct Process {
  Process(const std::string& name, FakeEventLog& log, LeaseStore& leases, TaskStore& tasks,
          RetryStore& retries, Clock& clock, Metrics& metrics)
      : admin(log, leases, clock),
        seeker(log, leases, name, clock),
        runner(tasks, log, name, clock, metrics),
        pipeline({.name = kGroup, .topics = {kTopic}, .retry = {kRetry, kRetry, 3}, .member = name},
                 stage, {log, admin, retries, clock, metrics}) {
    runner.define("seek", [this](auto& context) { return seeker.run(context); });
  }
  FakeStage stage;
  YieldingLogAdmin admin;
  Seeker seeker;
  TaskRunner runner;
  Pipeline pipeline;
};

class SeekTest : public testing::Test {
 protected:
  SeekTest() {
    for (const auto& topic : {kTopic, kTopic + ".dlq"}) log.ensure(topic, TopicKind::activity);
    log.ensure("task.events", TopicKind::activity, 1);
    log.refuse_seeks_of_active_groups();
    for (int n = 0; n < 6; ++n) append(n % 2 == 0 ? kOne : kOther, "e" + std::to_string(n));
  }
  ~SeekTest() override {
    for (auto* process : {&one, &two}) process->stage.release();
  }
  // An event of some user whose events are in that partition.
  void append(const TopicPartition& partition, const std::string& id) {
    for (int user = 0;; ++user) {
      Record record = to_record(analytics_event(id, id + std::to_string(user)));
      if (static_cast<int>(stable_hash(record.key) % 2) != partition.partition) continue;
      log.append_now(std::move(record));
      return;
    }
  }
  void start_pipelines() {
    for (auto* process : {&one, &two}) ASSERT_TRUE(process->pipeline.start());
    ASSERT_TRUE(eventually([&] {
      return log.committed(kGroup) == 6 && one.pipeline.committed().size() == 1 &&
             two.pipeline.committed().size() == 1;
    }));
  }
  static Json to_start() {
    return seek_spec(kGroup, {{{"topic", kTopic}, {"partition", 0}, {"from", 3}, {"to", 0}},
                              {{"topic", kTopic}, {"partition", 1}, {"from", 3}, {"to", 0}}});
  }
  std::string submit() {
    auto task = one.runner.submit("seek", to_start(), 2, "anna");
    EXPECT_TRUE(task);
    return task ? task->id : "";
  }
  // Time passes in steps, each once so many threads have nothing to do but to wait.
  bool comes_true(int waiters, const std::function<bool()>& condition, Duration step = kStep) {
    return eventually([&] {
      if (condition()) return true;
      clock.await_waiters(waiters);
      clock.advance(step);
      clock.await_woken();
      return false;
    });
  }
  Task get(const std::string& id) { return store.get(id).value(); }
  bool ends(const std::string& id, int waiters = kPipelines + kRunner) {
    return comes_true(waiters, [&] { return has_ended(get(id)); });
  }
  bool waits_for(const std::string& id, const Json& members, int waiters) {
    return comes_true(waiters, [&] {
      const Json result = get(id).result;
      return result.is_object() && result.value("waits_for", Json()) == members;
    });
  }
  std::vector<std::string> members() {
    const auto groups = log.groups().value();
    return groups.front().members;
  }
  bool come_back(int waiters = kPipelines + kRunner) {
    return comes_true(waiters, [&] { return members().size() == 2; });
  }
  std::size_t effects() { return one.stage.effects().size() + two.stage.effects().size(); }

  ManualClock clock;
  FakeEventLog log{clock};
  FakeLeaseStore leases{clock};
  FakeTaskStore store{clock};
  FakeRetryStore retries;
  Metrics metrics;
  Process one{"one", log, leases, store, retries, clock, metrics};
  Process two{"two", log, leases, store, retries, clock, metrics};
};

TEST_F(SeekTest, MembersLetGoTheOffsetsAreSetAndTheyComeBack) {
  for (auto* process : {&one, &two}) process->stage.answer("e0", Outcome::retry);
  start_pipelines();
  ASSERT_THAT(retries.parked(kGroup), SizeIs(1));
  const std::size_t before = effects();
  one.runner.start();
  const auto id = submit();
  ASSERT_TRUE(ends(id));
  EXPECT_EQ(get(id).state, State::done) << get(id).error;
  EXPECT_EQ(get(id).result["moved"], 2);
  EXPECT_EQ(get(id).result["partitions"], to_start()["partitions"]);
  ASSERT_TRUE(come_back());
  ASSERT_TRUE(comes_true(kPipelines + kRunner, [&] { return log.committed(kGroup) == 6; }));
  EXPECT_GE(effects() - before, 5u) << "all but that which is parked";
  EXPECT_THAT(retries.parked(kGroup), SizeIs(1)) << "it waits for its next attempt still";
  EXPECT_EQ(leases.holder(seek_lease(kGroup)), "");
}

TEST_F(SeekTest, OneThatIsSlowToLetGoIsWaitedFor) {
  start_pipelines();
  const auto its = one.pipeline.committed().begin()->first;
  one.stage.hold();
  append(its, "slow");
  ASSERT_TRUE(
      eventually([&] { return one.stage.calls().back() == std::vector<std::string>{"slow"}; }));
  two.runner.start();
  const auto id = submit();
  ASSERT_TRUE(waits_for(id, {"one"}, kPipelines - 1 + kRunner));
  EXPECT_THAT(members(), ElementsAre("one"));
  EXPECT_EQ(log.committed(kGroup), 6) << "nothing is moved before";
  one.stage.release();
  ASSERT_TRUE(ends(id));
  EXPECT_EQ(get(id).state, State::done) << get(id).error;
  ASSERT_TRUE(come_back());
  EXPECT_TRUE(comes_true(kPipelines + kRunner, [&] { return log.committed(kGroup) == 7; }));
}

// In a pause of up to half a minute, in which it polls nothing.
TEST_F(SeekTest, OneInAnOutageLetsGo) {
  start_pipelines();
  one.stage.fail_calls(1'000'000);
  append(one.pipeline.committed().begin()->first, "e6");
  ASSERT_TRUE(comes_true(kPipelines, [&] {
    return one.pipeline.status().state == PipelineStatus::State::paused_outage;
  }));
  two.runner.start();
  const auto id = submit();
  ASSERT_TRUE(ends(id));
  EXPECT_EQ(get(id).state, State::done) << get(id).error;
}

TEST_F(SeekTest, OneThatIsDeadIsGoneWithItsSession) {
  auto dead = log.open_consumer(kGroup, {kTopic}, "dead").value();
  for (auto* process : {&one, &two}) ASSERT_TRUE(process->pipeline.start());
  one.runner.start();
  const auto id = submit();
  ASSERT_TRUE(waits_for(id, {"dead"}, kPipelines + kRunner));
  dead.reset();
  ASSERT_TRUE(ends(id));
  EXPECT_EQ(get(id).state, State::done) << get(id).error;
  ASSERT_TRUE(come_back());
}

TEST_F(SeekTest, WhereOneStaysNothingIsMovedAndItIsNamed) {
  start_pipelines();
  const auto stays = log.open_consumer(kGroup, {kTopic}, "a tool").value();
  one.runner.start();
  const auto id = submit();
  ASSERT_TRUE(comes_true(
      kPipelines + kRunner, [&] { return has_ended(get(id)); }, Duration{1'000}));
  EXPECT_EQ(get(id).state, State::failed);
  EXPECT_THAT(get(id).error, HasSubstr("still has the members a tool; stop"));
  EXPECT_EQ(log.committed(kGroup), 6);
  EXPECT_TRUE(comes_true(kPipelines + kRunner, [&] { return members().size() == 3; }));
}

TEST_F(SeekTest, ACancelInTheMiddleMovesNothingAndLetsThemBack) {
  start_pipelines();
  const auto stays = log.open_consumer(kGroup, {kTopic}, "a tool").value();
  one.runner.start();
  const auto id = submit();
  ASSERT_TRUE(waits_for(id, {"a tool"}, kPipelines + kRunner));
  ASSERT_TRUE(two.runner.cancel(id)) << "in whatever process";
  ASSERT_TRUE(ends(id));
  EXPECT_EQ(get(id).state, State::cancelled);
  EXPECT_EQ(leases.holder(seek_lease(kGroup)), "");
  EXPECT_TRUE(comes_true(kPipelines + kRunner, [&] { return members().size() == 3; }));
  EXPECT_EQ(log.committed(kGroup), 6);
}

// It stands still just before it moves the group, as its process does, and goes on much later.
TEST_F(SeekTest, ARunnerThatDiesInTheMiddleIsTakenOverAndItsLateSeekIsRefused) {
  start_pipelines();
  std::promise<void> dead, back;
  std::atomic<bool> first = true;
  log.before_seek([&] {
    if (!first.exchange(false)) return;
    dead.set_value();
    back.get_future().wait();
  });
  one.runner.start();
  const auto id = submit();
  ASSERT_TRUE(comes_true(kPipelines + 1, [&] { return !first; }));
  dead.get_future().wait();
  store.take_away(id);
  two.runner.start();
  // Of the first runner the heart alone beats.
  ASSERT_TRUE(ends(id, kPipelines + 1 + kRunner));
  EXPECT_EQ(get(id).state, State::done) << get(id).error;
  ASSERT_TRUE(come_back(kPipelines + 1 + kRunner));
  ASSERT_TRUE(comes_true(kPipelines + 1 + kRunner, [&] { return log.committed(kGroup) == 6; }));
  const int refused = log.seeks_refused();
  back.set_value();
  ASSERT_TRUE(eventually([&] { return log.seeks_refused() == refused + 1; }));
  EXPECT_EQ(log.committed(kGroup), 6);
  EXPECT_EQ(leases.holder(seek_lease(kGroup)), "") << "nor are they asked to go again";
  EXPECT_EQ(get(id).state, State::done);
}

TEST_F(SeekTest, WhatWasMovedIsNotMovedAgain) {
  ASSERT_TRUE(log.ensure_group(kGroup, {kTopic}));
  FakeTaskContext first(to_start(), &clock);
  ASSERT_TRUE(one.seeker.run(first));
  ASSERT_TRUE(log.seek_group(kGroup, {{kOne, 2}}));
  auto again = first.resumed();
  ASSERT_TRUE(two.seeker.run(again));
  EXPECT_EQ(log.committed(kGroup), 2);
}

TEST_F(SeekTest, AGroupThatIsGoneIsNotMadeAnew) {
  FakeTaskContext context(to_start(), &clock);
  EXPECT_EQ(one.seeker.run(context).error().kind, ErrorKind::not_found);
  EXPECT_FALSE(log.has_group(kGroup));
  EXPECT_EQ(leases.holder(seek_lease(kGroup)), "");
}

TEST_F(SeekTest, TwoSeeksOfAGroupGoOneAfterTheOther) {
  ASSERT_TRUE(log.ensure_group(kGroup, {kTopic}));
  ASSERT_TRUE(leases.acquire(seek_lease(kGroup), "another", Duration{3'000}).value());
  FakeTaskContext context(to_start(), &clock);
  EXPECT_TRUE(one.seeker.run(context));
  EXPECT_GE(context.pauses, 6);
}

TEST_F(SeekTest, AStoreThatIsDownIsWaitedFor) {
  ASSERT_TRUE(log.ensure_group(kGroup, {kTopic}));
  leases.cut_off("one");
  FakeTaskContext context(to_start(), &clock);
  context.on_pause = [&] { leases.cut_off(""); };
  EXPECT_TRUE(one.seeker.run(context));
}

}  // namespace
}  // namespace mesh::pipeline
