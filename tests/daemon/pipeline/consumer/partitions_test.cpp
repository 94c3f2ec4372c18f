// Pipelines whose partitions change: taken away in the middle of a batch, shared with another of
// the same name, or lost while nobody heard of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <map>

#include "common/base/ids.h"
#include "common/engines/sqlite/log/sqlite_log.h"
#include "daemon/pipeline/consumer/runtime.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_stage.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"
#include "tests/support/read_all.h"
#include "tests/support/temp_dir.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Outcome = StageResult::Outcome;
using State = PipelineStatus::State;
using PartitionIds = std::vector<std::string>;

// So long that no retry is due by chance before a test moves the clock by some of it.
constexpr Duration kRetry{10'000'000};
const std::string kPartitionsTopic = "analytics.events";
const TopicPartition kPartitionsOne{kPartitionsTopic, 0}, kPartitionsOther{kPartitionsTopic, 1};

// An event of some user whose events are in that partition of two.
Record event_in(const TopicPartition& partition, const std::string& id, int user = 0) {
  for (int n = 0;; ++n) {
    Record record =
        to_record(analytics_event(id, "u" + std::to_string(user) + "-" + std::to_string(n)));
    if (static_cast<int>(stable_hash(record.key) % 2) == partition.partition) return record;
  }
}

// --- an adversary takes partitions away -------------------------------------------------------

class PartitionsTest : public testing::Test {
 protected:
  PartitionsTest() {
    log.ensure(kPartitionsTopic, TopicKind::activity);
    log.ensure("analytics.events.dlq", TopicKind::activity);
    options.name = "analytics";
    options.topics = {kPartitionsTopic};
    options.retry = {kRetry, kRetry, 3};
  }
  ~PartitionsTest() override { stage.release(); }
  void start() {
    pipeline =
        std::make_unique<Pipeline>(options, stage, PipelineDeps{log, log, retries, clock, metrics});
    ASSERT_TRUE(pipeline->start());
  }
  // With the first batch, of all that is there, under way.
  void start_and_hold() {
    stage.hold();
    start();
    ASSERT_TRUE(eventually([&] { return stage.calls().size() == 1; }));
  }
  std::int64_t committed(const TopicPartition& partition) {
    return log.groups()->front().committed.at(partition);
  }
  bool commits(const TopicPartition& partition, std::int64_t offset) {
    return eventually([&] { return committed(partition) == offset; });
  }
  bool has(std::size_t partitions) {
    return eventually([&] { return pipeline->committed().size() == partitions; });
  }
  PartitionIds letters() const {
    PartitionIds ids;
    for (const auto& letter : log.records("analytics.events.dlq")) {
      ids.emplace_back(find_header(letter.headers, "ce_id"));
    }
    return ids;
  }

  ManualClock clock;
  FakeEventLog log{clock};
  FakeRetryStore retries;
  Metrics metrics;
  FakeStage stage;
  PipelineOptions options;
  std::unique_ptr<Pipeline> pipeline;
};

TEST_F(PartitionsTest, ABatchUnderWayLeavesNothingOfWhatWasTakenAway) {
  for (const auto& partition : {kPartitionsOne, kPartitionsOther}) {
    const std::string p = std::to_string(partition.partition);
    log.append_now(event_in(partition, "dead" + p, 1));
    log.append_now(event_in(partition, "retry" + p, 2));
    log.append_now(event_in(partition, "done" + p, 3));
    stage.answer("dead" + p, Outcome::dead, 9);
    stage.answer("retry" + p, Outcome::retry);
  }
  start_and_hold();
  log.take_away("analytics", {kPartitionsOne});
  stage.release();
  ASSERT_TRUE(commits(kPartitionsOther, 3)) << "what it kept";
  EXPECT_THAT(letters(), ElementsAre("dead1"));
  EXPECT_THAT(retries.parked("analytics"), SizeIs(1));
  EXPECT_EQ(committed(kPartitionsOne), 0);
  ASSERT_TRUE(has(1));
  log.give_back("analytics", {{kPartitionsOne, 1}});
  ASSERT_TRUE(commits(kPartitionsOne, 3)) << "from where the other one committed";
  EXPECT_THAT(letters(), ElementsAre("dead1"));
  EXPECT_THAT(retries.parked("analytics"), SizeIs(1)) << "this time it was done";
}

TEST_F(PartitionsTest, WhatIsToLeaveTheStoreLaterStaysWhereItsPartitionIsTakenAway) {
  options.commit_delay = Duration{5'000};
  stage.answer("retry", Outcome::retry);
  log.append_now(event_in(kPartitionsOne, "retry"));
  start();
  ASSERT_TRUE(eventually([&] { return retries.parked("analytics").size() == 1; }));
  clock.advance(2 * kRetry);  // once: more would be beyond the commit's delay
  ASSERT_TRUE(eventually([&] { return stage.effects().size() == 1; }));
  ASSERT_TRUE(eventually([&] { return pipeline->status().parked == 0; }));
  log.take_away("analytics", {kPartitionsOne});
  ASSERT_TRUE(has(1));
  clock.advance(options.commit_delay);
  clock.await_woken();
  log.give_back("analytics", {{kPartitionsOne, 1}});
  ASSERT_TRUE(advance_until(clock, kRetry, [&] { return stage.effects().size() == 2; }));
  EXPECT_TRUE(advance_until(clock, options.commit_delay,
                            [&] { return retries.parked("analytics").empty(); }));
}

TEST_F(PartitionsTest, ACommitThatComesTooLateForSomeIsMadeForTheRest) {
  log.append_now(event_in(kPartitionsOne, "a1"));
  log.append_now(event_in(kPartitionsOther, "b1"));
  stage.answer("b1", Outcome::dead);
  // Behind the last look, while the letter is written.
  log.before_append([&](const std::vector<Record>& records) {
    if (records.front().topic == "analytics.events.dlq")
      log.take_away("analytics", {kPartitionsOne});
  });
  start();
  ASSERT_TRUE(commits(kPartitionsOther, 1));
  EXPECT_EQ(committed(kPartitionsOne), 0);
  log.before_append({});
  log.give_back("analytics", {{kPartitionsOne, 0}});
  ASSERT_TRUE(commits(kPartitionsOne, 1));
  EXPECT_EQ(std::ranges::count(stage.effects(), "a1"), 2);
  EXPECT_THAT(letters(), ElementsAre("b1"));
}

TEST_F(PartitionsTest, WhatWasPolledOfAPartitionThatIsTakenAwayIsDropped) {
  log.append_now(event_in(kPartitionsOne, "a1"));
  log.append_now(event_in(kPartitionsOther, "b1"));
  log.while_polling([&] { log.take_away("analytics", {kPartitionsOne}); });
  start();
  ASSERT_TRUE(commits(kPartitionsOther, 1));
  EXPECT_EQ(stage.effects(), (PartitionIds{"b1"}));
}

// What waits are offsets, or records in the window.
class PartitionsOfBothLogs : public PartitionsTest, public testing::WithParamInterface<bool> {
 protected:
  PartitionsOfBothLogs() {
    if (!GetParam()) log.reads_again_at_a_price();
    options.window_bytes = 5'000;  // full at once: what stayed in it would end all reading
  }
};
INSTANTIATE_TEST_SUITE_P(ReadsAgainCheaply, PartitionsOfBothLogs, testing::Bool());

TEST_P(PartitionsOfBothLogs, WhatWaitsOfAPartitionThatIsTakenAwayIsDropped) {
  options.batch = 2;
  for (int i = 0; i < 20; ++i) {
    log.append_now(event_in(i % 2 == 0 ? kPartitionsOne : kPartitionsOther, std::to_string(i)));
  }
  start_and_hold();
  log.take_away("analytics", {kPartitionsOne});
  stage.release();
  ASSERT_TRUE(commits(kPartitionsOther, 10));
  EXPECT_EQ(committed(kPartitionsOne), 0);
  ASSERT_TRUE(eventually([&] { return pipeline->status().lag_events == 0; }))
      << "what is another's is no lag of its own";
  log.give_back("analytics", {{kPartitionsOne, 4}});
  ASSERT_TRUE(commits(kPartitionsOne, 10));
  const auto effects = stage.effects();
  for (const char* theirs : {"4", "6"})
    EXPECT_THAT(effects, testing::Not(testing::Contains(theirs)));
  for (const char* own : {"8", "10", "18", "19"}) EXPECT_EQ(std::ranges::count(effects, own), 1);
}

TEST_F(PartitionsTest, ParkedEventsFollowTheirPartition) {
  stage.answer("a1", Outcome::retry);
  stage.answer("b1", Outcome::retry);
  log.append_now(event_in(kPartitionsOne, "a1"));
  log.append_now(event_in(kPartitionsOther, "b1"));
  start();
  ASSERT_TRUE(eventually([&] { return pipeline->status().parked == 2; }));
  log.take_away("analytics", {kPartitionsOne});
  ASSERT_TRUE(eventually([&] { return pipeline->status().parked == 1; }));
  EXPECT_TRUE(advance_until(clock, kRetry, [&] { return !stage.effects().empty(); }));
  EXPECT_EQ(stage.effects(), (PartitionIds{"b1"})) << "the other one is another's to try again";
  EXPECT_TRUE(eventually([&] { return retries.parked("analytics").size() == 1; }));
  log.give_back("analytics", {{kPartitionsOne, 1}});
  EXPECT_TRUE(advance_until(clock, kRetry, [&] { return stage.effects().size() == 2; }));
  EXPECT_EQ(stage.effects(), (PartitionIds{"b1", "a1"}));
  EXPECT_TRUE(eventually([&] { return retries.parked("analytics").empty(); }));
}

TEST_F(PartitionsTest, NothingOfAGainedPartitionGoesBeforeItsParkedEventsAreLoaded) {
  stage.answer("a1", Outcome::retry);
  log.append_now(event_in(kPartitionsOne, "a1"));
  start();
  ASSERT_TRUE(eventually([&] { return pipeline->status().parked == 1; }));
  log.take_away("analytics", {kPartitionsOne});
  ASSERT_TRUE(has(1));
  log.append_now(event_in(kPartitionsOne, "a2"));
  retries.fail_takes(2);
  log.give_back("analytics", {{kPartitionsOne, 1}});
  ASSERT_TRUE(eventually([&] { return pipeline->status().state == State::paused_outage; }));
  EXPECT_TRUE(
      advance_until(clock, Duration{1'000}, [&] { return committed(kPartitionsOne) == 2; }));
  EXPECT_TRUE(advance_until(clock, kRetry, [&] { return stage.effects().size() == 2; }));
  EXPECT_EQ(stage.effects(), (PartitionIds{"a1", "a2"}));
}

TEST_F(PartitionsTest, WhileNothingChangesTheStoreIsNotAsked) {
  start();
  for (int i = 0; i < 20; ++i) {
    log.append_now(event_in(i % 2 == 0 ? kPartitionsOne : kPartitionsOther, std::to_string(i)));
    ASSERT_TRUE(eventually([&] { return log.committed("analytics") == i + 1; }));
  }
  EXPECT_EQ(retries.takes(), 1);
}

TEST_F(PartitionsTest, PausesOfAnyKindTellThatItIsNotGone) {
  options.max_parked = 1;
  options.retry.max_attempts = 1'000'000;  // however far the clock is moved
  stage.fail_calls(1);
  log.append_now(event_in(kPartitionsOne, "a1"));
  start();
  ASSERT_TRUE(eventually([&] { return pipeline->status().state == State::paused_outage; }));
  EXPECT_TRUE(eventually([&] { return log.kept_alive("analytics") > 0; }));
  stage.answer("a1", Outcome::retry);
  ASSERT_TRUE(advance_until(clock, Duration{500},
                            [&] { return pipeline->status().state == State::paused_backlog; }));
  const int before = log.kept_alive("analytics");
  EXPECT_TRUE(advance_until(clock, Duration{5'000},
                            [&] { return log.kept_alive("analytics") > before + 2; }));
}

TEST_F(PartitionsTest, WhatAnotherHadParkedMayBeMoreThanThereIsRoomFor) {
  options.max_parked = 2;
  std::vector<ParkedEvent> theirs;
  for (int i = 0; i < 4; ++i) {
    const auto at = log.append_now(event_in(kPartitionsOne, std::to_string(i), i));
    theirs.push_back({log.records(kPartitionsTopic).back(), 1, clock.now() + kRetry, "c", "cause"});
    ASSERT_EQ(at.partition, 0);
  }
  ASSERT_TRUE(retries.park({"analytics", "theirs"}, theirs));
  ASSERT_TRUE(log.seek_group("analytics", {{kPartitionsOne, 4}}));
  start();
  log.append_now(event_in(kPartitionsOther, "b1"));
  ASSERT_TRUE(eventually([&] { return pipeline->status().state == State::paused_backlog; }));
  EXPECT_TRUE(advance_until(clock, kRetry, [&] { return stage.effects().size() == 5; }));
  EXPECT_TRUE(commits(kPartitionsOther, 1));
}

// As a slow model would, it takes so long for each event.
class SlowPartitionStage final : public Stage {
 public:
  SlowPartitionStage(ManualClock& clock, Duration each) : clock_(clock), each_(each) {}
  std::vector<StageResult> process(std::span<const StageInput> batch, const Through&) override {
    const Duration took = std::ssize(batch) * each_;
    clock_.advance(took);
    longest = std::max(longest.load(), took);
    done += static_cast<int>(batch.size());
    ++calls;
    return std::vector<StageResult>(batch.size());
  }
  std::atomic<Duration> longest{Duration{0}};
  std::atomic<int> done = 0, calls = 0;

 private:
  ManualClock& clock_;
  const Duration each_;
};

class SlowStageTest : public PartitionsTest {
 protected:
  ~SlowStageTest() override { pipeline.reset(); }
  void start_with(Stage& slow) {
    pipeline =
        std::make_unique<Pipeline>(options, slow, PipelineDeps{log, log, retries, clock, metrics});
    ASSERT_TRUE(pipeline->start());
  }
};

TEST_F(SlowStageTest, NoBatchOfOneThatIsNewTakesLongerThanItsTime) {
  for (int i = 0; i < 300; ++i) log.append_now(event_in(kPartitionsOne, std::to_string(i)));
  SlowPartitionStage slow(clock, Duration{2'000});
  start_with(slow);
  ASSERT_TRUE(commits(kPartitionsOne, 300));
  EXPECT_LE(slow.longest.load(), options.longest_batch);
  EXPECT_LE(slow.calls.load(), 14) << "and they are not smaller than that needs";
  pipeline.reset();
}

TEST_F(SlowStageTest, OneThatIsMuchSlowerThanItsTimeIsGivenOneEventEach) {
  for (int i = 0; i < 30; ++i) log.append_now(event_in(kPartitionsOne, std::to_string(i)));
  SlowPartitionStage slow(clock, Duration{35'000});
  start_with(slow);
  ASSERT_TRUE(commits(kPartitionsOne, 30));
  EXPECT_LE(slow.longest.load(), 8 * Duration{35'000}) << "within a session";
  EXPECT_EQ(slow.calls.load(), 1 + 22);
  pipeline.reset();
}

TEST_F(SlowStageTest, RetriesThatAreDueTogetherAreOfAsManyEventsAsFitIntoTheirTime) {
  std::vector<ParkedEvent> theirs;
  for (int i = 0; i < 100; ++i) {
    log.append_now(event_in(kPartitionsOne, std::to_string(i), i));
    theirs.push_back({log.records(kPartitionsTopic).back(), 1, clock.now(), "c", "cause"});
  }
  ASSERT_TRUE(retries.park({"analytics", "theirs"}, theirs));
  ASSERT_TRUE(log.seek_group("analytics", {{kPartitionsOne, 100}}));
  SlowPartitionStage slow(clock, Duration{2'000});
  start_with(slow);
  ASSERT_TRUE(advance_until(clock, Duration{1'000}, [&] { return slow.done == 100; }));
  EXPECT_LE(slow.longest.load(), options.longest_batch);
  pipeline.reset();
}

// As by SIGSTOP, between the look at its partitions and the write.
TEST_F(PartitionsTest, WhatIsParkedAfterAnotherHasTakenThePartitionIsNotParked) {
  log.append_now(event_in(kPartitionsOne, "a1"));
  stage.answer("a1", Outcome::retry);
  std::promise<void> go;
  retries.stop_in_park(go.get_future().share());
  start();
  ASSERT_TRUE(eventually([&] { return retries.stands_in_park(); }));
  log.take_away("analytics", {kPartitionsOne});
  ASSERT_TRUE(retries.take({"analytics", "other"}, {kPartitionsOne}));
  go.set_value();
  log.append_now(event_in(kPartitionsOther, "b1"));
  EXPECT_TRUE(
      advance_until(clock, Duration{1'000}, [&] { return committed(kPartitionsOther) == 1; }));
  EXPECT_THAT(retries.parked("analytics"), IsEmpty()) << "nobody would look at it";
  EXPECT_EQ(pipeline->status().parked, 0);
}

// The other had lost them before it asked for what is parked of them.
TEST_F(PartitionsTest, OneThatTookParkedEventsTooLateLosesThemToWhoHasThePartition) {
  log.append_now(event_in(kPartitionsOne, "a1", 1));
  start();
  ASSERT_TRUE(commits(kPartitionsOne, 1));
  ASSERT_TRUE(retries.take({"analytics", "late"}, {kPartitionsOne}));
  const std::vector<ParkedEvent> late{
      {log.records(kPartitionsTopic).back(), 1, clock.now(), "c", "cause"}};
  ASSERT_TRUE(retries.park({"analytics", "late"}, late));
  stage.answer("a2", Outcome::retry);
  log.append_now(event_in(kPartitionsOne, "a2", 2));
  EXPECT_TRUE(
      advance_until(clock, Duration{1'000}, [&] { return committed(kPartitionsOne) == 2; }));
  EXPECT_TRUE(advance_until(clock, kRetry, [&] { return retries.parked("analytics").empty(); }));
  EXPECT_EQ(stage.effects(), (PartitionIds{"a1", "a1", "a2"}));
}

// --- several of one name over one log ---------------------------------------------------------

// Effects that are idempotent by event, as those of the projections: what counts is the first.
class Ledger {
 public:
  void note(const std::string& key, const std::string& id) {
    std::lock_guard lock(mutex_);
    if (all_.insert(id).second) of_[key].push_back(id);
  }
  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return all_.size();
  }
  std::map<std::string, PartitionIds> by_key() const {
    std::lock_guard lock(mutex_);
    return of_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> all_;
  std::map<std::string, PartitionIds> of_;
};

class LedgerStage final : public Stage {
 public:
  explicit LedgerStage(Ledger& ledger) : ledger_(ledger) {}
  std::vector<StageResult> process(std::span<const StageInput> batch, const Through&) override {
    for (const StageInput& input : batch) {
      ledger_.note(input.event.subject, input.event.id);
      ++done;
    }
    return std::vector<StageResult>(batch.size());
  }
  std::atomic<int> done = 0;

 private:
  Ledger& ledger_;
};

class MembersTest : public testing::Test {
 protected:
  void open(int partitions) {
    log = sqlite::SqliteLog::open(dir.path(), log_options, clock).value();
    ASSERT_TRUE(log->ensure_topic({kPartitionsTopic, TopicKind::activity, partitions, {}, {}}));
    ASSERT_TRUE(log->ensure_topic({kPartitionsTopic + ".dlq", TopicKind::activity, 1, {}, {}}));
    options.name = "analytics";
    options.topics = {kPartitionsTopic};
    options.retry = {kRetry, kRetry, 3};
  }
  ~MembersTest() override {
    for (auto* stage : {&first_stage, &second_stage}) stage->release();
    first.reset();
    second.reset();
  }
  std::unique_ptr<Pipeline> member(Stage& stage) {
    auto pipeline = std::make_unique<Pipeline>(options, stage,
                                               PipelineDeps{*log, *log, retries, clock, metrics});
    EXPECT_TRUE(pipeline->start());
    return pipeline;
  }
  void start_both() {
    first = member(first_stage);
    second = member(second_stage);
    ASSERT_TRUE(eventually(
        [&] { return first->committed().size() == 1 && second->committed().size() == 1; }));
    firsts = first->committed().begin()->first;
    seconds = second->committed().begin()->first;
  }
  void append(Record record) { ASSERT_TRUE(append_and_wait(*log, {std::move(record)})); }
  std::int64_t committed() {
    std::int64_t sum = 0;
    const auto groups = log->groups().value();
    for (const auto& group : groups) {
      for (const auto& [partition, next] : group.committed) sum += next;
    }
    return sum;
  }
  bool commits(std::int64_t offsets) {
    return eventually([&] { return committed() == offsets; });
  }
  PartitionIds letters() {
    PartitionIds ids;
    const auto records = read_all(*log, {kPartitionsTopic + ".dlq", 0}, 0, {});
    for (const auto& letter : records.value()) {
      ids.emplace_back(find_header(letter.headers, "ce_id"));
    }
    std::ranges::sort(ids);
    return ids;
  }

  ManualClock clock;
  TempDir dir;
  sqlite::LogOptions log_options{.upkeep_interval = Duration(0)};
  std::unique_ptr<sqlite::SqliteLog> log;
  FakeRetryStore retries;
  Metrics metrics;
  FakeStage first_stage, second_stage;
  PipelineOptions options;
  std::unique_ptr<Pipeline> first, second;
  TopicPartition firsts, seconds;  // what each of both has
};

TEST_F(MembersTest, EveryEventIsDoneInTheOrderOfItsKeyWhileMembersComeAndGo) {
  open(8);
  options.batch = 8;
  Ledger ledger;
  LedgerStage one(ledger), other(ledger);
  constexpr int kUsers = 30, kEach = 40;
  std::map<std::string, PartitionIds> expected;
  auto stays = member(one);
  std::unique_ptr<Pipeline> guest;
  for (int n = 0; n < kEach; ++n) {
    std::vector<Record> records;
    for (int user = 0; user < kUsers; ++user) {
      const std::string name = "u" + std::to_string(user), id = name + "#" + std::to_string(n);
      records.push_back(to_record(analytics_event(id, name)));
      expected[name].push_back(id);
    }
    ASSERT_TRUE(append_and_wait(*log, std::move(records)));
    if (n % 8 == 2) guest = member(other);
    if (n % 8 == 6) guest.reset();
  }
  guest = member(other);
  ASSERT_TRUE(commits(kUsers * kEach));
  EXPECT_EQ(ledger.by_key(), expected);
  ASSERT_TRUE(
      eventually([&] { return stays->committed().size() == 4 && guest->committed().size() == 4; }));
  const int before = other.done;
  for (int user = 0; user < kUsers; ++user) {
    append(to_record(analytics_event("last" + std::to_string(user), "u" + std::to_string(user))));
  }
  ASSERT_TRUE(commits(kUsers * (kEach + 1)));
  EXPECT_GT(other.done, before) << "it has a share of the work";
  stays.reset();
  guest.reset();
}

TEST_F(MembersTest, WhoJoinsInTheMiddleOfABatchDoublesNoLetterAndNoParkedEvent) {
  open(2);
  for (const auto& partition : {kPartitionsOne, kPartitionsOther}) {
    const std::string p = std::to_string(partition.partition);
    append(event_in(partition, "dead" + p, 1));
    append(event_in(partition, "retry" + p, 2));
    for (auto* stage : {&first_stage, &second_stage}) {
      stage->answer("dead" + p, Outcome::dead, 9);
      stage->answer("retry" + p, Outcome::retry);
    }
  }
  first_stage.hold();
  first = member(first_stage);
  ASSERT_TRUE(eventually([&] { return first_stage.calls().size() == 1; }));
  second = member(second_stage);
  ASSERT_TRUE(commits(2)) << "its share, which the first one is at";
  first_stage.release();
  ASSERT_TRUE(commits(4));
  EXPECT_EQ(letters(), (PartitionIds{"dead0", "dead1"}));
  EXPECT_THAT(retries.parked("analytics"), SizeIs(2));
  EXPECT_TRUE(
      eventually([&] { return first->status().parked == 1 && second->status().parked == 1; }));
}

TEST_F(MembersTest, AZombieChangesNothingAndThenWorksOn) {
  open(2);
  start_both();
  first_stage.hold();
  first_stage.answer("dead", Outcome::dead);
  first_stage.answer("retry", Outcome::retry);
  std::vector<Record> records{event_in(firsts, "dead", 1), event_in(firsts, "retry", 2)};
  ASSERT_TRUE(append_and_wait(*log, std::move(records)));
  ASSERT_TRUE(eventually([&] { return first_stage.calls().size() == 1; }));
  clock.advance(log_options.session);
  ASSERT_TRUE(commits(2)) << "the other one did them";
  EXPECT_EQ(second_stage.effects(), (PartitionIds{"dead", "retry"}));
  EXPECT_THAT(log->groups()->front().members, SizeIs(1));
  append(event_in(firsts, "more", 3));
  ASSERT_TRUE(commits(3));

  first_stage.release();
  ASSERT_TRUE(eventually([&] {
    return first->committed().size() == 1 && second->committed().size() == 1;
  })) << "it is a member again";
  EXPECT_THAT(letters(), IsEmpty());
  EXPECT_THAT(retries.parked("analytics"), IsEmpty());
  EXPECT_EQ(committed(), 3);
  EXPECT_EQ(first_stage.effects(), PartitionIds{});
  append(event_in(first->committed().begin()->first, "own", 4));
  ASSERT_TRUE(commits(4));
  EXPECT_EQ(first_stage.effects(), (PartitionIds{"own"}));
}

TEST_F(MembersTest, AnOutageLongerThanTheSessionCostsNoPartition) {
  open(2);
  start_both();
  first_stage.fail_calls(1'000'000);
  append(event_in(firsts, "a1"));
  ASSERT_TRUE(eventually([&] { return first->status().state == State::paused_outage; }));
  for (Duration passed{0}; passed < 3 * log_options.session; passed += Duration{5'000}) {
    clock.await_waiters(2);  // the pause of the one, the poll of the other
    clock.advance(Duration{5'000});
  }
  EXPECT_THAT(second_stage.effects(), IsEmpty());
  EXPECT_THAT(log->groups()->front().members, SizeIs(2));
  first_stage.fail_calls(0);
  EXPECT_TRUE(advance_until(clock, Duration{5'000}, [&] { return committed() == 1; }));
  EXPECT_EQ(first_stage.effects(), (PartitionIds{"a1"}));
}

}  // namespace
}  // namespace mesh::pipeline
