#include "daemon/pipeline/replay/replay.h"

#include <gtest/gtest.h>

#include "daemon/pipeline/replay/bounds.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/daemon/pipeline/fake_task_context.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_stage.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

std::shared_ptr<Stage> borrowed(Stage& stage) { return {std::shared_ptr<Stage>(), &stage}; }

using namespace mesh::test;
using Outcome = StageResult::Outcome;
using Ids = std::vector<std::string>;

class ReplayTest : public testing::Test {
 protected:
  ReplayTest() { log.ensure("analytics.events", TopicKind::activity, 1); }

  void append(int from, int to, const std::string& tenant_id = "acme") {
    for (int n = from; n <= to; ++n) {
      log.append_now(to_record(analytics_event("e" + std::to_string(n), "ann", tenant_id)));
    }
  }
  static Ids ids(int from, int to) {
    Ids all;
    for (int n = from; n <= to; ++n) all.push_back("e" + std::to_string(n));
    return all;
  }
  static ReplaySpec spec() {
    ReplaySpec spec;
    spec.topic = "analytics.events";
    spec.pipeline = "analytics";
    return spec;
  }
  FakeTaskContext context_of(const ReplaySpec& replay) {
    auto fixed = replayer.fix(replay);
    EXPECT_TRUE(fixed);
    return FakeTaskContext(fixed ? fixed->spec : Json::object(), &clock);
  }
  Ids run(const ReplaySpec& replay) {
    auto context = context_of(replay);
    EXPECT_TRUE(replayer.run(context));
    result = context.stored.result;
    return stage.effects();
  }

  ManualClock clock;
  FakeEventLog log{clock};
  FakeStage stage;
  Replayer replayer{log, log, clock,
                    [this](const std::string& name) -> Result<std::shared_ptr<Stage>> {
                      if (name == "analytics") return borrowed(stage);
                      return fail(ErrorKind::not_found, "no pipeline " + name);
                    }};
  Json result;
  const TopicPartition partition{"analytics.events", 0};
};

TEST_F(ReplayTest, BoundsAreWordsOffsetsTimesAndDurations) {
  append(1, 2);
  clock.advance(std::chrono::hours(2));
  append(3, 4);
  auto at = [&](std::string_view bound) {
    return resolve_bound(log, partition, bound, clock.now()).value();
  };
  EXPECT_EQ(at("start"), 0);
  EXPECT_EQ(at("end"), 4);
  EXPECT_EQ(at("3"), 3);
  EXPECT_EQ(at("99"), 4);
  EXPECT_EQ(at("-1h"), 2);
  EXPECT_EQ(at("@-1h"), 2);
  EXPECT_EQ(at("@-3h"), 0);
  EXPECT_EQ(at("@2026-01-01T01:00:00Z"), 2);
  EXPECT_EQ(at("@2026-01-01T04:00:00+02:00"), 2);
  EXPECT_EQ(at("@2027-01-01T00:00:00Z"), 4);
}

TEST_F(ReplayTest, WhatIsNoBoundIsRefusedWithWhatIsAllowed) {
  for (const char* bound : {"", "-5", "yesterday", "@", "@yesterday", "1h", "@1h", "1.5", "--1h"}) {
    const auto resolved = resolve_bound(log, partition, bound, clock.now());
    ASSERT_FALSE(resolved) << bound;
    EXPECT_EQ(resolved.error().kind, ErrorKind::invalid);
    EXPECT_NE(resolved.error().message.find("start, end, an offset"), std::string::npos);
  }
}

TEST_F(ReplayTest, ASpecNeedsATopicAndKnowsItsPipeline) {
  EXPECT_EQ(replay_spec_from_json({{"topic", "user.events"}})->pipeline, "user-index");
  EXPECT_EQ(replay_spec_from_json({{"topic", "user.events"}, {"from", 7}})->from, "7");
  EXPECT_FALSE(replay_spec_from_json(Json::object()));
  EXPECT_EQ(replay_spec_from_json({{"topic", "billing.events"}})->pipeline, "metering");
  EXPECT_FALSE(replay_spec_from_json({{"topic", "task.events"}}));
  EXPECT_FALSE(replay_spec_from_json({{"topic", "user.events"}, {"tenants", "acme"}}));
  EXPECT_FALSE(replay_spec_from_json({{"topic", "user.events"}, {"tenant", "No Tenant"}}));
  EXPECT_FALSE(replay_spec_from_json({{"topic", "user.events"}, {"partition", -1}}));
}

TEST_F(ReplayTest, NullIsNoMemberOfASpec) {
  for (const char* name : {"topic", "pipeline", "from", "to", "tenant", "type", "partition"}) {
    Json json{{"topic", "user.events"}};
    json[name] = nullptr;
    const auto spec = replay_spec_from_json(json);
    ASSERT_FALSE(spec) << name;
    EXPECT_EQ(spec.error().kind, ErrorKind::unprocessable) << name;
    EXPECT_EQ(spec.error().fields.at(0).pointer, "/" + std::string(name));
  }
}

TEST_F(ReplayTest, UnknownTopicsPartitionsAndPipelinesAreNotFound) {
  ReplaySpec replay = spec();
  replay.topic = "nothing.events";
  EXPECT_EQ(replayer.fix(replay).error().kind, ErrorKind::not_found);
  replay = spec();
  replay.partition = 1;
  EXPECT_EQ(replayer.fix(replay).error().kind, ErrorKind::not_found);
  replay = spec();
  replay.pipeline = "nothing";
  EXPECT_EQ(replayer.fix(replay).error().kind, ErrorKind::not_found);
  EXPECT_EQ(replayer.estimate(replay).error().kind, ErrorKind::not_found);
}

// It was a task once that did nothing, and was done.
TEST_F(ReplayTest, BoundsThatAreReversedAreRefused) {
  append(1, 5);
  ReplaySpec replay = spec();
  replay.from = "4";
  replay.to = "2";
  const auto refused = replayer.fix(replay);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unprocessable);
  EXPECT_EQ(refused.error().fields.at(0).pointer, "/to");
  replay.to = "4";
  EXPECT_EQ(replayer.fix(replay)->total, 0) << "nothing between is no mistake";
}

// Symptom: in a process that does not run pipelines, a replay of user-index was 503 for ever.
TEST_F(ReplayTest, WhereAnotherProcessHasTheStageATaskIsMadeAndEstimatedAllTheSame) {
  log.ensure("user.events", TopicKind::entity, 1);
  log.append_now(to_record(user_event("created", 1, 1)));
  Replayer elsewhere{log, log, clock, [](const std::string&) -> Result<std::shared_ptr<Stage>> {
                       return fail(ErrorKind::unavailable, "it is not fed by this process");
                     }};
  ReplaySpec replay;
  replay.topic = "user.events";
  replay.pipeline = "user-index";
  const auto fixed = elsewhere.fix(replay);
  ASSERT_TRUE(fixed) << fixed.error().to_string();
  EXPECT_EQ(fixed->total, 1);
  const auto estimate = elsewhere.estimate(replay);
  ASSERT_TRUE(estimate) << estimate.error().to_string();
  EXPECT_EQ(estimate->matching, 1);
  EXPECT_GT(estimate->seconds, 0) << "typical figures stand in";
  FakeTaskContext context(fixed->spec, &clock);
  EXPECT_EQ(elsewhere.run(context).error().kind, ErrorKind::unavailable) << "here it is needed";
}

TEST_F(ReplayTest, ARangeIsGivenToTheStageOnceAndInOrder) {
  append(1, 600);
  EXPECT_EQ(run(spec()), ids(1, 600));
  EXPECT_EQ(result.at("done"), 600);
  for (const Through& through : stage.throughs()) EXPECT_TRUE(through.empty());
}

TEST_F(ReplayTest, TheBoundsAreFixedWhenTheTaskIsMade) {
  append(1, 3);
  ReplaySpec replay = spec();
  replay.from = "1";
  auto context = context_of(replay);
  append(4, 9);
  EXPECT_TRUE(replayer.run(context));
  EXPECT_EQ(stage.effects(), ids(2, 3));
}

TEST_F(ReplayTest, OnlyTheTenantAndTypeAskedForAreReplayed) {
  append(1, 2, "acme");
  append(3, 4, "globex");
  ReplaySpec replay = spec();
  replay.tenant = "globex";
  EXPECT_EQ(run(replay), ids(3, 4));
  EXPECT_EQ(result.at("skipped"), 2);
  replay.type = "analytics.other";
  run(replay);
  EXPECT_EQ(result.at("done"), 0);
}

TEST_F(ReplayTest, AReplayGoesOnExactlyWhereItsCheckpointSays) {
  append(1, 600);
  auto first = context_of(spec());
  first.on_progress = [&] { first.stopped = true; };
  EXPECT_FALSE(replayer.run(first));
  const std::size_t before = stage.effects().size();
  ASSERT_GT(before, 0u);
  ASSERT_LT(before, 600u);
  auto second = first.resumed();
  EXPECT_TRUE(replayer.run(second));
  EXPECT_EQ(stage.effects(), ids(1, 600));
  EXPECT_EQ(second.stored.result.at("done"), 600);
  EXPECT_EQ(second.stored.done, 600);
}

TEST_F(ReplayTest, ACancelledReplayEndsAtOnce) {
  append(1, 600);
  auto context = context_of(spec());
  context.on_progress = [&] { context.cancel(); };
  const auto ended = replayer.run(context);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().kind, ErrorKind::cancelled);
  EXPECT_EQ(stage.calls().size(), 1u);
}

TEST_F(ReplayTest, AnOutageIsWaitedFor) {
  append(1, 3);
  stage.fail_calls(5);
  EXPECT_EQ(run(spec()), ids(1, 3));
  EXPECT_EQ(result.at("dead"), 0);
}

TEST_F(ReplayTest, ACancelEndsTheWaitForAnOutage) {
  append(1, 3);
  stage.fail_calls(1'000'000);
  auto context = context_of(spec());
  context.on_pause = [&] { context.cancel(); };
  EXPECT_FALSE(replayer.run(context));
  EXPECT_EQ(context.pauses, 1);
}

TEST_F(ReplayTest, ARetriedEventKeepsItsPlaceBeforeTheNextOfItsKey) {
  append(1, 3);
  stage.answer("e2", Outcome::retry, 3);
  EXPECT_EQ(run(spec()), ids(1, 3));
}

TEST_F(ReplayTest, DeadOutcomesAreListedAndWriteNoLetters) {
  log.ensure("analytics.events.dlq", TopicKind::activity, 1);
  append(1, 3);
  stage.answer("e2", Outcome::dead);
  stage.answer("e3", Outcome::retry, 1'000);
  run(spec());
  EXPECT_EQ(result.at("done"), 1);
  EXPECT_EQ(result.at("dead"), 2);
  EXPECT_EQ(result.at("dead_events").at(0).at("position"), "analytics.events/0@1");
  EXPECT_EQ(result.at("dead_events").at(1).at("cause_class"), "exhausted");
  EXPECT_TRUE(log.records("analytics.events.dlq").empty());
}

TEST_F(ReplayTest, ALogThatCannotBeReadIsReadAgain) {
  append(1, 3);
  auto context = context_of(spec());
  log.fail_reads(2);
  EXPECT_TRUE(replayer.run(context));
  EXPECT_EQ(stage.effects(), ids(1, 3));
}

TEST_F(ReplayTest, GapsAreNoObstacle) {
  append(1, 4);
  log.drop({"analytics.events", 0, 1});
  log.drop({"analytics.events", 0, 3});
  EXPECT_EQ(run(spec()), (Ids{"e1", "e3"}));
}

TEST_F(ReplayTest, TheEstimateCountsWhatWouldRunAndChangesNothing) {
  append(1, 3, "acme");
  clock.advance(Duration{60'000});
  append(4, 5, "globex");
  ReplaySpec replay = spec();
  replay.from = "1";
  const auto estimate = replayer.estimate(replay);
  ASSERT_TRUE(estimate);
  EXPECT_EQ(estimate->scanned, 4);
  EXPECT_EQ(estimate->matching, 4);
  EXPECT_EQ(estimate->by_type.at("analytics.recorded"), 4);
  EXPECT_EQ(estimate->by_tenant.at("globex"), 2);
  EXPECT_EQ(estimate->last - estimate->first, Duration{60'000});
  replay.tenant = "globex";
  EXPECT_EQ(replayer.estimate(replay)->matching, 2);
  EXPECT_TRUE(stage.calls().empty());
}

// A stage whose batches take a fixed time and some more for each event.
class SlowStage final : public Stage {
 public:
  SlowStage(ManualClock& clock, Duration batch, Duration event)
      : clock_(clock), batch_(batch), event_(event) {}
  std::vector<StageResult> process(std::span<const StageInput> batch, const Through&) override {
    clock_.advance(batch_ + static_cast<int>(batch.size()) * event_);
    return std::vector<StageResult>(batch.size());
  }

 private:
  ManualClock& clock_;
  const Duration batch_, event_;
};

class EstimateTest : public ReplayTest {
 protected:
  double estimated(Stage& slow, const ReplaySpec& replay) {
    return of(slow).estimate(replay).value().seconds;
  }
  double measured(Stage& slow, const ReplaySpec& replay) {
    auto fixed = of(slow).fix(replay);
    FakeTaskContext context(fixed->spec, &clock);
    const SteadyTime begin = clock.steady();
    EXPECT_TRUE(of(slow).run(context));
    return std::chrono::duration<double>(clock.steady() - begin).count();
  }
  Replayer of(Stage& slow) {
    return Replayer{log, log, clock, [&](const std::string&) -> Result<std::shared_ptr<Stage>> {
                      return borrowed(slow);
                    }};
  }
  static void expect_close(double estimate, double real) {
    EXPECT_GE(estimate, real / 2);
    EXPECT_LE(estimate, real * 2);
  }
};

// It was the time of the counting alone, until a replay had run; then the rate of that one, whose
// share of matching records was another.
TEST_F(EstimateTest, ItIsWithinAFactorOfTwoOfTheRunWhateverTheStageTakes) {
  for (const auto& [batch, event] : {std::pair{1, 1}, {2'000, 1}, {1, 20}, {200, 5}}) {
    SlowStage slow(clock, Duration{batch}, Duration{event});
    append(1, 3'000, "acme");
    append(1, 30, "globex");
    ReplaySpec few = spec();
    few.tenant = "globex";
    // What the pipeline did: a backlog in large batches, and events as they came.
    for (const int events : {256, 1, 2, 100, 256, 1}) {
      slow.cost().observe(events, Duration{batch + events * event});
    }
    expect_close(estimated(slow, spec()), measured(slow, spec()));
    expect_close(estimated(slow, few), measured(slow, few));
    expect_close(estimated(slow, spec()), measured(slow, spec()));
  }
}

TEST_F(EstimateTest, SingleEventsTellWhatABatchTakes) {
  SlowStage slow(clock, Duration{50}, Duration{0});
  append(1, 2'000);
  for (int n = 0; n < 200; ++n) slow.cost().observe(1, Duration{50});
  expect_close(estimated(slow, spec()), measured(slow, spec()));
}

TEST_F(EstimateTest, ItHasNoMoreDigitsThanMeanSomething) {
  SlowStage slow(clock, Duration{0}, Duration{0});
  append(1, 777);
  const Json json = to_json(of(slow).estimate(spec()).value());
  EXPECT_LE(json.at("seconds").dump().size(), 6u) << json.dump();
  EXPECT_GT(json.at("seconds"), 0);
}

}  // namespace
}  // namespace mesh::pipeline
