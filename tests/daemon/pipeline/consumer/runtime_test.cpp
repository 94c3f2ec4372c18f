#include "daemon/pipeline/consumer/runtime.h"

#include <gtest/gtest.h>

#include "daemon/pipeline/consumer/batch.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_stage.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using Outcome = StageResult::Outcome;
using State = PipelineStatus::State;
using Ids = std::vector<std::string>;

// So long that no retry is due by chance before a test moves the clock by some of it.
constexpr Duration kRetry{10'000'000};

class PipelineTest : public testing::Test {
 protected:
  PipelineTest() {
    log.ensure("analytics.events", TopicKind::activity);
    log.ensure("analytics.events.dlq", TopicKind::activity);
    options.name = "analytics";
    options.topics = {"analytics.events"};
    options.retry = {kRetry, kRetry, 3};
    open();
  }
  void open() {
    pipeline.reset();
    pipeline =
        std::make_unique<Pipeline>(options, stage, PipelineDeps{log, log, retries, clock, metrics});
  }
  void start() { ASSERT_TRUE(pipeline->start()); }
  void restart() {
    pipeline->stop();
    open();
    start();
  }
  Position append(const std::string& id, const std::string& user) {
    return log.append_now(to_record(analytics_event(id, user)));
  }
  // Goes on until the stage had these effects, in this order; retries get their time.
  void expect_effects(const Ids& ids) {
    EXPECT_TRUE(advance_until(clock, kRetry, [&] { return stage.effects().size() >= ids.size(); }));
    EXPECT_EQ(stage.effects(), ids);
  }
  bool commits(std::int64_t offsets) {
    return eventually([&] { return log.committed("analytics") == offsets; });
  }
  bool commits_after_outage(std::int64_t offsets) {
    return advance_until(clock, Duration{100},
                         [&] { return log.committed("analytics") == offsets; });
  }
  bool pauses() {
    return eventually([&] { return pipeline->status().state == State::paused_outage; });
  }
  std::vector<StoredRecord> letters() const { return log.records("analytics.events.dlq"); }
  static std::string header(const StoredRecord& record, std::string_view name) {
    return std::string(find_header(record.headers, name));
  }

  ManualClock clock;
  FakeEventLog log{clock};
  FakeRetryStore retries;
  Metrics metrics;
  FakeStage stage;
  PipelineOptions options;
  std::unique_ptr<Pipeline> pipeline;
};

TEST_F(PipelineTest, EventsOfAKeyAreProcessedInOrderAndCommitted) {
  for (const char* id : {"a1", "a2", "a3"}) append(id, "ann");
  start();
  expect_effects({"a1", "a2", "a3"});
  EXPECT_TRUE(commits(3));
}

TEST_F(PipelineTest, TheStageIsToldWhatWillBeCommitted) {
  const Position last = append("a1", "ann");
  start();
  expect_effects({"a1"});
  const Through expected{{{last.topic, last.partition}, last.offset + 1}};
  EXPECT_EQ(stage.throughs().front(), expected);
}

TEST_F(PipelineTest, AnEventThatNeedsAnotherAttemptDoesNotHoldUpOtherKeys) {
  stage.answer("a1", Outcome::retry);
  append("a1", "ann");
  append("b1", "bob");
  start();
  expect_effects({"b1", "a1"});
}

TEST_F(PipelineTest, LaterEventsOfTheSameBatchWaitBehindARetryingOneOfTheirKey) {
  stage.answer("a1", Outcome::retry, 2);
  for (const char* id : {"a1", "a2", "a3"}) append(id, "ann");
  start();
  expect_effects({"a1", "a2", "a3"});
}

TEST_F(PipelineTest, EventsThatComeLaterWaitBehindAParkedOneOfTheirKey) {
  stage.answer("a1", Outcome::retry, 1);
  append("a1", "ann");
  start();
  ASSERT_TRUE(commits(1));
  append("a2", "ann");
  append("b1", "bob");
  ASSERT_TRUE(commits(3));
  EXPECT_EQ(stage.effects(), (Ids{"b1"}));
  expect_effects({"b1", "a1", "a2"});
  EXPECT_TRUE(eventually([&] { return retries.parked("analytics").empty(); }));
}

TEST_F(PipelineTest, SuccessorsOfADeadEventAreReleased) {
  stage.answer("a1", Outcome::retry, 3);
  append("a1", "ann");
  append("a2", "ann");
  start();
  expect_effects({"a2"});
  ASSERT_EQ(letters().size(), 1u);
  EXPECT_EQ(header(letters()[0], "ce_id"), "a1");
}

TEST_F(PipelineTest, ARetriedEventIsParkedBeforeItsOffsetIsCommitted) {
  stage.answer("a1", Outcome::retry, 2);
  retries.fail_next(1);
  append("a1", "ann");
  start();
  ASSERT_TRUE(pauses());
  EXPECT_EQ(log.committed("analytics"), 0);
  EXPECT_TRUE(commits_after_outage(1));
  expect_effects({"a1"});
  EXPECT_EQ(stage.calls().size(), 3u) << "the outage of the store counted as an attempt";
}

// A power cut of the stage's server lost what a later try had done: nothing had the event any more.
TEST_F(PipelineTest, AParkedEventThatIsDoneLeavesTheStoreAsLateAsCommitsAreMade) {
  options.commit_delay = Duration{5'000};
  open();
  stage.answer("a1", Outcome::retry);
  append("a1", "ann");
  append("a2", "ann");
  start();
  ASSERT_TRUE(eventually([&] { return retries.parked("analytics").size() == 2; }));
  ASSERT_TRUE(eventually([&] { return pipeline->status().parked == 2; }));
  clock.advance(2 * kRetry);
  // A thread that was about to wait then is woken by small steps, which do not make the commit due.
  ASSERT_TRUE(advance_until(clock, Duration{1}, [&] {
    return stage.effects() == Ids{"a1", "a2"};
  }));
  ASSERT_TRUE(eventually([&] { return pipeline->status().parked == 0; }));
  EXPECT_EQ(retries.parked("analytics").size(), 2u);
  restart();
  expect_effects({"a1", "a2", "a1", "a2"});
  EXPECT_TRUE(advance_until(clock, options.commit_delay,
                            [&] { return retries.parked("analytics").empty(); }));
}

TEST_F(PipelineTest, AParkedEventWhoseLetterIsWrittenLeavesTheStoreAtOnce) {
  options.commit_delay = Duration{5'000};
  open();
  stage.answer("a1", Outcome::retry, 1);
  append("a1", "ann");
  start();
  ASSERT_TRUE(eventually([&] { return retries.parked("analytics").size() == 1; }));
  stage.answer("a1", Outcome::dead);
  EXPECT_TRUE(advance_until(clock, kRetry, [&] { return letters().size() == 1; }));
  EXPECT_TRUE(eventually([&] { return retries.parked("analytics").empty(); }));
}

TEST_F(PipelineTest, TheCountOfAttemptsSurvivesARestart) {
  stage.answer("a1", Outcome::retry, 100);
  append("a1", "ann");
  start();
  for (int attempts = 1; attempts <= 2; ++attempts) {
    ASSERT_TRUE(eventually([&] {
      const auto parked = retries.parked("analytics");
      return parked.size() == 1 && parked[0].attempts == attempts;
    }));
    pipeline->stop();
    clock.advance(kRetry);
    open();
    start();
  }
  ASSERT_TRUE(eventually([&] { return letters().size() == 1; }));
  EXPECT_EQ(stage.calls().size(), 3u);
  EXPECT_EQ(header(letters()[0], dead_letter::kAttempts), "3");
}

TEST_F(PipelineTest, ParkedSuccessorsKeepTheirOrderAcrossARestart) {
  stage.answer("a1", Outcome::retry, 1);
  for (const char* id : {"a1", "a2", "a3"}) append(id, "ann");
  start();
  ASSERT_TRUE(eventually([&] { return retries.parked("analytics").size() == 3; }));
  restart();
  expect_effects({"a1", "a2", "a3"});
}

TEST_F(PipelineTest, AnExhaustedEventDiesWithItsLastCause) {
  stage.answer("a1", Outcome::retry, 3);
  append("a1", "ann");
  start();
  ASSERT_TRUE(advance_until(clock, kRetry, [&] { return letters().size() == 1; }));
  EXPECT_EQ(header(letters()[0], dead_letter::kCauseClass), "exhausted");
  EXPECT_EQ(header(letters()[0], dead_letter::kCause), "fake: as the test said");
  const auto history = attempts_of(header(letters()[0], dead_letter::kHistory));
  ASSERT_EQ(history.size(), 3u) << "its attempts survive in the retry record";
  EXPECT_EQ(history[0].cause_class, "fake");
  EXPECT_LT(history[0].ended, history[2].ended);
  EXPECT_TRUE(eventually([&] { return retries.parked("analytics").empty(); }));
}

TEST_F(PipelineTest, ADeadLetterCarriesTheEventUnchangedAndItsCause) {
  stage.answer("a1", Outcome::dead);
  const Position position = append("a1", "ann");
  const StoredRecord source = log.records("analytics.events").front();
  start();
  ASSERT_TRUE(eventually([&] { return log.committed("analytics") == 1; }));
  ASSERT_EQ(letters().size(), 1u);
  const StoredRecord letter = letters()[0];
  EXPECT_EQ(letter.key, source.key);
  EXPECT_EQ(letter.value, source.value);
  for (const auto& [name, value] : source.headers) EXPECT_EQ(header(letter, name), value);
  EXPECT_EQ(header(letter, dead_letter::kPipeline), "analytics");
  EXPECT_EQ(header(letter, dead_letter::kSourceTopic), "analytics.events");
  EXPECT_EQ(header(letter, dead_letter::kSourcePartition), std::to_string(position.partition));
  EXPECT_EQ(header(letter, dead_letter::kSourceOffset), std::to_string(position.offset));
  EXPECT_EQ(header(letter, dead_letter::kAttempts), "1");
  EXPECT_EQ(header(letter, dead_letter::kCauseClass), "fake");
  EXPECT_EQ(header(letter, dead_letter::kTenant), "acme");
  EXPECT_EQ(header(letter, dead_letter::kDiedAt), "2026-01-01T00:00:00.000Z");
}

TEST_F(PipelineTest, AProducersOwnDeathHeadersAreNotBelieved) {
  stage.answer("a1", Outcome::dead);
  Record record = to_record(analytics_event("a1", "ann"));
  record.headers.emplace_back(std::string(dead_letter::kTenant), "somebody-else");
  log.append_now(record);
  start();
  ASSERT_TRUE(commits(1));
  EXPECT_EQ(header(letters().at(0), dead_letter::kTenant), "acme");
}

TEST_F(PipelineTest, AnUndecodableRecordDiesAtOnceAndItsKeyGoesOn) {
  log.append_now({"analytics.events", "acme/ann", "no JSON", {}});
  append("a2", "ann");
  start();
  expect_effects({"a2"});
  ASSERT_TRUE(commits(2));
  ASSERT_EQ(letters().size(), 1u);
  EXPECT_EQ(header(letters()[0], dead_letter::kCauseClass), "decode");
  EXPECT_EQ(header(letters()[0], dead_letter::kTenant), "");
}

// It died as an event that cannot be decoded.
TEST(PipelineBatch, ATombstoneIsDoneAndNobodysWork) {
  Batch batch;
  batch.add({{{"user.events", 0, 7}, {}, "acme/1", std::nullopt, {}}, 0, {}, {}, {}});
  EXPECT_EQ(batch.open(), 0u);
  ASSERT_EQ(batch.works().size(), 1u);
  EXPECT_EQ(batch.works()[0].verdict, Work::Verdict::done);
  EXPECT_EQ(batch.works()[0].tenant, "");
}

TEST_F(PipelineTest, AnOutagePausesWithoutParkingOrCountingAttempts) {
  stage.fail_calls(20);
  append("a1", "ann");
  append("b1", "bob");
  start();
  ASSERT_TRUE(pauses());
  EXPECT_EQ(pipeline->status().last_error, "unavailable: engine: the fake engine is down");
  EXPECT_TRUE(advance_until(clock, Duration{30'000}, [&] { return stage.effects().size() == 2; }));
  EXPECT_EQ(stage.calls().size(), 21u);
  for (const auto& call : stage.calls()) EXPECT_EQ(call, stage.calls().front());
  EXPECT_TRUE(letters().empty());
  EXPECT_TRUE(retries.parked("analytics").empty());
  EXPECT_TRUE(eventually([&] { return pipeline->status().state == State::running; }));
}

TEST_F(PipelineTest, AfterAPartialOutageOnlyTheRestIsTriedAgain) {
  stage.answer("a1", Outcome::outage);
  for (const char* id : {"a1", "a2"}) append(id, "ann");
  append("b1", "bob");
  start();
  ASSERT_TRUE(commits_after_outage(3));
  ASSERT_EQ(stage.calls().size(), 2u);
  EXPECT_EQ(stage.calls()[1], (Ids{"a1", "a2"}));
  EXPECT_EQ(stage.effects(), (Ids{"b1", "a1", "a2"}));
}

TEST_F(PipelineTest, StopEndsAnOutageAtOnceAndTheEventIsTriedAgainAfterARestart) {
  stage.fail_calls(1);
  append("a1", "ann");
  start();
  ASSERT_TRUE(pauses());
  pipeline->stop();
  EXPECT_EQ(log.committed("analytics"), 0);
  EXPECT_EQ(pipeline->status().state, State::stopped);
  open();
  start();
  expect_effects({"a1"});
}

TEST_F(PipelineTest, AnOutageDuringARetryKeepsItsCountOfAttempts) {
  stage.answer("a1", Outcome::retry, 1);
  append("a1", "ann");
  start();
  ASSERT_TRUE(commits(1));
  stage.fail_calls(5);
  ASSERT_TRUE(advance_until(clock, kRetry, [&] { return stage.effects().size() == 1; }));
  EXPECT_TRUE(letters().empty());
}

TEST_F(PipelineTest, ALetterThatCannotBeWrittenPausesBeforeTheCommit) {
  stage.answer("a1", Outcome::dead);
  stage.hold();
  append("a1", "ann");
  start();
  ASSERT_TRUE(eventually([&] { return stage.calls().size() == 1; }));
  log.fail_appends(1);
  stage.release();
  ASSERT_TRUE(pauses());
  EXPECT_EQ(log.committed("analytics"), 0);
  EXPECT_TRUE(commits_after_outage(1));
  EXPECT_EQ(letters().size(), 1u);
  EXPECT_EQ(stage.calls().size(), 1u);
}

TEST_F(PipelineTest, AParkedEventIsForgottenOnlyWhenItsLetterIsDurable) {
  stage.answer("a1", Outcome::retry, 3);
  append("a1", "ann");
  start();
  ASSERT_TRUE(commits(1));
  log.fail_appends(1);
  ASSERT_TRUE(advance_until(clock, kRetry,
                            [&] { return pipeline->status().state == State::paused_outage; }));
  EXPECT_EQ(retries.parked("analytics").size(), 1u);
  EXPECT_TRUE(advance_until(clock, Duration{100}, [&] {
    return letters().size() == 1 && retries.parked("analytics").empty();
  }));
}

TEST_F(PipelineTest, ACrashBetweenEffectAndCommitRepeatsTheEffect) {
  log.fail_commits(1'000'000);
  append("a1", "ann");
  start();
  expect_effects({"a1"});
  // As if killed: what the group knows is what was committed.
  pipeline->stop();
  ASSERT_EQ(log.committed("analytics"), 0);
  log.fail_commits(0);
  open();
  start();
  ASSERT_TRUE(eventually([&] { return stage.effects().size() >= 2; }));
  EXPECT_EQ(stage.effects(), (Ids{"a1", "a1"}));
}

// Else it would be lag until something is appended there.
TEST_F(PipelineTest, AGapAtTheEndIsCommitted) {
  append("a1", "ann");
  log.drop(append("a2", "ann"));
  start();
  expect_effects({"a1"});
  EXPECT_TRUE(
      advance_until(clock, Duration{1'000}, [&] { return log.committed("analytics") == 2; }));
  EXPECT_TRUE(eventually([&] {
    std::int64_t sum = 0;
    for (const auto& [partition, next] : pipeline->committed()) sum += next;
    return sum == 2;
  })) << "else it would be committed again at every heartbeat";
}

TEST_F(PipelineTest, AParkedEventThatIsReadAgainIsNotTakenTwice) {
  stage.answer("a1", Outcome::retry, 1);
  log.fail_commits(1);
  append("a1", "ann");
  start();
  ASSERT_TRUE(pauses());
  restart();  // parked, but not committed
  expect_effects({"a1"});
  EXPECT_TRUE(commits(1));
  EXPECT_EQ(stage.effects().size(), 1u);
}

TEST_F(PipelineTest, AFullBacklogEndsPollingUntilSomeAreThrough) {
  options.max_parked = 2;
  open();
  stage.answer("a1", Outcome::retry, 1);
  stage.answer("b1", Outcome::retry, 1);
  append("a1", "ann");
  append("b1", "bob");
  append("c1", "cid");
  start();
  ASSERT_TRUE(eventually(
      [&] { return retries.parked("analytics").size() == 2 || stage.effects().size() == 1; }));
  EXPECT_LE(retries.parked("analytics").size(), 2u);
  EXPECT_TRUE(advance_until(clock, kRetry, [&] { return stage.effects().size() == 3; }));
  EXPECT_TRUE(commits(3));
  EXPECT_TRUE(eventually([&] { return pipeline->status().state == State::running; }));
}

TEST_F(PipelineTest, WhilePausedByItsBacklogNothingIsRead) {
  options.max_parked = 1;
  open();
  stage.answer("a1", Outcome::retry, 1);
  append("a1", "ann");
  start();
  ASSERT_TRUE(eventually([&] { return pipeline->status().state == State::paused_backlog; }));
  append("b1", "bob");
  EXPECT_EQ(log.committed("analytics"), 1);
  expect_effects({"a1", "b1"});
}

TEST_F(PipelineTest, StopFinishesTheBatchUnderWay) {
  stage.hold();
  append("a1", "ann");
  start();
  ASSERT_TRUE(eventually([&] { return stage.calls().size() == 1; }));
  std::thread stopper([&] { pipeline->stop(); });
  stage.release();
  stopper.join();
  EXPECT_EQ(log.committed("analytics"), 1);
}

TEST_F(PipelineTest, StopMayComeTwiceAndBeforeStart) {
  pipeline->stop();
  start();
  pipeline->stop();
  pipeline->stop();
  EXPECT_EQ(pipeline->status().state, State::stopped);
}

TEST_F(PipelineTest, ASecondPipelineOfTheSameNameGetsItsShare) {
  start();
  Pipeline second(options, stage, {log, log, retries, clock, metrics});
  ASSERT_TRUE(second.start());
  EXPECT_TRUE(eventually(
      [&] { return pipeline->committed().size() == 1 && second.committed().size() == 1; }));
}

TEST_F(PipelineTest, AStageThatAnswersTooFewIsTreatedAsDown) {
  stage.answer_too_few(1);
  append("a1", "ann");
  append("b1", "bob");
  start();
  ASSERT_TRUE(pauses());
  ASSERT_TRUE(commits_after_outage(2));
  EXPECT_EQ(stage.effects().size(), 2u);
  EXPECT_TRUE(retries.parked("analytics").empty());
}

TEST_F(PipelineTest, AnOperatorsSeekRepeatsEventsAndKeepsParkedOnes) {
  const Position first = append("a1", "ann");
  stage.answer("b1", Outcome::retry, 1);
  append("b1", "bob");
  start();
  ASSERT_TRUE(eventually([&] { return log.committed("analytics") == 2; }));
  ASSERT_TRUE(log.seek_group("analytics", {{{first.topic, first.partition}, 0}}));
  append("a2", "ann");  // wakes the poll
  ASSERT_TRUE(eventually([&] { return stage.effects().size() == 3; }));
  EXPECT_EQ(stage.effects(), (Ids{"a1", "a1", "a2"}));
  EXPECT_EQ(retries.parked("analytics").size(), 1u);
}

TEST_F(PipelineTest, LagIsShownInEventsAndSeconds) {
  stage.fail_calls(1'000);
  append("a1", "ann");
  append("b1", "bob");
  start();
  EXPECT_TRUE(advance_until(clock, Duration{1'000}, [&] {
    return pipeline->status().lag_seconds >= 10 && pipeline->status().lag_events == 2;
  }));
  stage.fail_calls(0);
  EXPECT_TRUE(advance_until(clock, Duration{1'000}, [&] {
    return pipeline->status().lag_seconds == 0 && pipeline->status().lag_events == 0;
  }));
}

TEST_F(PipelineTest, ADamagedLogIsShownAndLeftWhenTheGroupIsMoved) {
  log.fail_polls(2, {ErrorKind::corrupt, "damaged", {}, {}, {}});
  append("a1", "ann");
  start();
  ASSERT_TRUE(eventually([&] { return pipeline->status().state == State::failed; }));
  EXPECT_TRUE(advance_until(clock, Duration{1'000}, [&] { return stage.effects().size() == 1; }));
  EXPECT_TRUE(eventually([&] { return pipeline->status().state == State::running; }));
}

TEST_F(PipelineTest, ACommitThatIsRefusedForGoodDoesNotStandInTheWay) {
  log.fail_commits(1, {ErrorKind::conflict, "not yours any more", {}, {}, {}});
  append("a1", "ann");
  start();
  expect_effects({"a1"});
  append("a2", "ann");
  expect_effects({"a1", "a2"});
  EXPECT_TRUE(commits(2));
}

TEST_F(PipelineTest, RecordsWithoutAKeyDoNotWaitForEachOther) {
  stage.answer("a1", Outcome::retry, 1);
  for (const char* id : {"a1", "a2"}) {
    Record record = to_record(analytics_event(id, id));
    record.key.clear();
    log.append_now(record);
  }
  start();
  expect_effects({"a2", "a1"});
}

TEST_F(PipelineTest, OutcomesAreCounted) {
  stage.answer("a1", Outcome::dead);
  append("a1", "ann");
  append("b1", "bob");
  start();
  ASSERT_TRUE(commits(2));
  ASSERT_TRUE(eventually([&] { return pipeline->status().lag_events == 0; }));
  const std::string text = metrics.expose();
  EXPECT_NE(text.find("mesh_pipeline_events_total{outcome=\"done\",pipeline=\"analytics\"} 1"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("mesh_dead_letters_total{cause_class=\"fake\",topic=\"analytics.events\"} 1"),
            std::string::npos)
      << text;
  EXPECT_NE(
      text.find("mesh_dead_letters_total{cause_class=\"schema\",topic=\"analytics.events\"} 0"),
      std::string::npos)
      << "the first letter of a cause is no increase where there was nothing before";
}

}  // namespace
}  // namespace mesh::pipeline
