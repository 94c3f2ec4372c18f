// Tenants share a pipeline: who has much to do does not hold up the others.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "daemon/pipeline/consumer/runtime.h"
#include "daemon/pipeline/consumer/window.h"
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
using FairState = PipelineStatus::State;

constexpr Duration kFairRetry{10'000'000};

// Does as many batches as it is allowed to.
class GatedStage final : public Stage {
 public:
  void allow(int batches) {
    std::lock_guard lock(mutex_);
    allowed_ += batches;
    changed_.notify_all();
  }
  int begun() const {
    std::lock_guard lock(mutex_);
    return static_cast<int>(calls_.size());
  }
  bool has_begun(const std::string& id) const {
    std::lock_guard lock(mutex_);
    return std::ranges::any_of(
        calls_, [&](const auto& call) { return std::ranges::find(call, id) != call.end(); });
  }
  std::vector<std::vector<std::string>> calls() const {
    std::lock_guard lock(mutex_);
    return calls_;
  }
  // Whether some call was told of offsets that were not all done with it.
  bool told_too_much() const {
    std::lock_guard lock(mutex_);
    return told_too_much_;
  }

  std::vector<StageResult> process(std::span<const StageInput> batch,
                                   const Through& through) override {
    std::unique_lock lock(mutex_);
    calls_.emplace_back();
    for (const StageInput& input : batch) {
      calls_.back().push_back(input.event.id);
      given_[{input.position.topic, input.position.partition}].insert(input.position.offset);
    }
    for (const auto& [partition, next] : through) {
      const auto& given = given_[partition];
      const auto below = std::distance(given.begin(), given.lower_bound(next));
      told_too_much_ = told_too_much_ || below != next;
    }
    changed_.wait(lock, [this] { return allowed_ > 0; });
    --allowed_;
    return std::vector<StageResult>(batch.size());
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int allowed_ = 0;
  std::vector<std::vector<std::string>> calls_;
  std::map<TopicPartition, std::set<std::int64_t>> given_;
  bool told_too_much_ = false;
};

class FairnessTest : public testing::Test {
 protected:
  static constexpr int kMany = 1'000'000;

  FairnessTest() {
    log.ensure(kTopic, TopicKind::activity, 1);
    log.ensure("analytics.events.dlq", TopicKind::activity);
    options.name = "analytics";
    options.topics = {kTopic};
    options.batch = 10;
    options.first_batch = 1'000;  // the stage is known to be quick
    options.retry = {kFairRetry, kFairRetry, 100};
  }
  ~FairnessTest() override { gated.allow(kMany); }

  void start(Stage& with) {
    pipeline =
        std::make_unique<Pipeline>(options, with, PipelineDeps{log, log, retries, clock, metrics});
    ASSERT_TRUE(pipeline->start());
  }
  void append(const std::string& tenant, int count) {
    for (int i = 0; i < count; ++i) append_one(tenant);
  }
  Position append_one(const std::string& tenant) {
    const std::string id = tenant + std::to_string(++appended[tenant]);
    return log.append_now(to_record(analytics_event(id, id, tenant)));
  }
  // Lets the gated stage do so many batches; the next one is then under way.
  void do_batches(int batches) {
    const int before = gated.begun();
    gated.allow(batches);
    ASSERT_TRUE(eventually([&] { return gated.begun() == before + batches; }));
  }
  void begin() {
    start(gated);
    ASSERT_TRUE(eventually([&] { return gated.begun() == 1; }));
  }
  void expect_equal_shares() {
    options.batch = 60;
    append("acme", 1'000);
    append("beta", 500);
    append("gamma", 500);
    begin();
    for (const std::string tenant : {"acme", "beta", "gamma"}) {
      EXPECT_EQ(std::ranges::count_if(gated.calls().front(),
                                      [&](const auto& id) { return id.starts_with(tenant); }),
                20)
          << tenant;
    }
  }
  void seek(std::int64_t offset) {
    ASSERT_TRUE(log.seek_group("analytics", {{{kTopic, 0}, offset}}));
  }
  bool commits(std::int64_t offset) {
    return eventually([&] { return log.committed("analytics") == offset; });
  }
  std::size_t parked_of(const std::string& tenant) {
    std::size_t count = 0;
    for (const auto& event : retries.parked("analytics")) {
      count += event.record.key.starts_with(tenant + "/") ? 1 : 0;
    }
    return count;
  }

  inline static const std::string kTopic = "analytics.events";
  ManualClock clock;
  FakeEventLog log{clock};
  FakeRetryStore retries;
  Metrics metrics;
  FakeStage stage;
  GatedStage gated;
  PipelineOptions options;
  std::map<std::string, int> appended;
  std::unique_ptr<Pipeline> pipeline;
};

TEST_F(FairnessTest, AnEventBehindABacklogOfAnotherTenantIsAmongTheFirstBatches) {
  options.batch = 256;
  append("acme", 30'000);
  append("beta", 1);
  start(gated);
  gated.allow(8);
  ASSERT_TRUE(eventually([&] { return gated.begun() == 9; }));
  std::size_t batch_of_beta = 0;
  const auto calls = gated.calls();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (std::ranges::find(calls[i], "beta1") != calls[i].end()) batch_of_beta = i + 1;
  }
  EXPECT_GE(batch_of_beta, 1u);
  EXPECT_LE(batch_of_beta, 3u) << "the backlog is read 16,000 at a time between batches";
  EXPECT_EQ(log.committed("analytics"), 8 * 256 - 1);
}

TEST_F(FairnessTest, AnEventThatComesWhileAnotherTenantFloodsIsInTheNextBatchButOne) {
  append("acme", 1'000);
  begin();
  do_batches(5);
  append("acme", 1'000);
  append("beta", 1);
  do_batches(2);
  const auto calls = gated.calls();
  EXPECT_EQ(std::ranges::count(calls.back(), "beta1"), 1);
}

TEST_F(FairnessTest, TenantsWithABacklogGetEqualShares) { expect_equal_shares(); }

TEST_F(FairnessTest, TheCommittedOffsetStaysBehindTheOldestThatWaits) {
  append("acme", 100);
  append("beta", 1);
  begin();
  do_batches(2);
  EXPECT_TRUE(gated.has_begun("beta1"));
  EXPECT_EQ(log.committed("analytics"), 19);
  EXPECT_EQ(pipeline->committed().at({kTopic, 0}), 19);
}

TEST_F(FairnessTest, TheStageIsNeverToldOfMoreThanIsDone) {
  for (int i = 0; i < 300; ++i) append(i % 7 == 0 ? "beta" : i % 3 == 0 ? "gamma" : "acme", 1);
  begin();
  gated.allow(kMany);
  ASSERT_TRUE(commits(300));
  EXPECT_FALSE(gated.told_too_much());
}

TEST_F(FairnessTest, TheLagIsWhatIsNotDoneAndTheAgeThatOfTheOldest) {
  append("acme", 100);
  clock.advance(Duration{5'000});
  append("beta", 1);
  clock.advance(Duration{1'000});
  begin();
  clock.advance(Duration{2'000});
  do_batches(2);
  EXPECT_EQ(pipeline->status().lag_events, 81);
  EXPECT_EQ(pipeline->status().lag_seconds, 8);
}

TEST_F(FairnessTest, AnOperatorsSeekForwardVoidsWhatWaits) {
  append("acme", 100);
  append("beta", 30);
  begin();
  seek(125);
  gated.allow(kMany);
  ASSERT_TRUE(commits(130));
  const auto calls = gated.calls();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[1], (std::vector<std::string>{"beta26", "beta27", "beta28", "beta29", "beta30"}));
}

TEST_F(FairnessTest, ASeekThatComesWhileAPollReadsIsFollowed) {
  append("acme", 5);
  log.while_polling([this] { seek(3); });
  gated.allow(kMany);
  start(gated);
  ASSERT_TRUE(commits(5));
  const auto calls = gated.calls();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0], (std::vector<std::string>{"acme4", "acme5"}));
}

TEST_F(FairnessTest, AnOperatorsSeekBackRepeatsAll) {
  append("acme", 100);
  append("beta", 1);
  begin();
  do_batches(3);
  seek(0);
  gated.allow(kMany);
  ASSERT_TRUE(commits(101));
  std::map<std::string, int> times;
  for (const auto& call : gated.calls()) {
    for (const auto& id : call) ++times[id];
  }
  EXPECT_EQ(times.size(), 101u);
  EXPECT_EQ(times["acme1"], 2);
  EXPECT_EQ(times["beta1"], 2);
  EXPECT_EQ(times["acme100"], 1);
}

TEST_F(FairnessTest, WhatRetentionTookMeanwhileIsPassed) {
  append("acme", 100);
  append("beta", 1);
  begin();
  for (int offset = 40; offset < 100; ++offset) log.drop({kTopic, 0, offset});
  gated.allow(kMany);
  EXPECT_TRUE(commits(101));
  EXPECT_TRUE(eventually([&] { return pipeline->status().lag_events == 0; }));
}

TEST_F(FairnessTest, AStopFinishesTheBatchAndDropsWhatWaits) {
  append("acme", 100);
  append("beta", 1);
  begin();
  do_batches(1);
  std::thread stopper([&] { pipeline->stop(); });
  ASSERT_TRUE(eventually([&] { return log.wakes() == 1; })) << "the stop is under way";
  gated.allow(1);
  stopper.join();
  EXPECT_EQ(gated.begun(), 2);
  EXPECT_EQ(log.committed("analytics"), 19);
  ASSERT_TRUE(pipeline->start());
  gated.allow(kMany);
  EXPECT_TRUE(commits(101));
}

TEST_F(FairnessTest, ALogThatCannotBeReadPausesWithoutALoss) {
  append("acme", 100);
  append("beta", 1);
  begin();
  log.fail_reads(3);
  gated.allow(kMany);
  ASSERT_TRUE(
      advance_until(clock, Duration{1'000}, [&] { return log.committed("analytics") == 101; }));
  std::set<std::string> done;
  for (const auto& call : gated.calls()) done.insert(call.begin(), call.end());
  EXPECT_EQ(done.size(), 101u);
}

TEST_F(FairnessTest, ATenantWhoseEventsAllRetryDoesNotHoldUpTheOthers) {
  options.max_parked = 8;
  append("acme", 50);
  append("beta", 20);
  for (int i = 1; i <= 50; ++i) stage.answer("acme" + std::to_string(i), Outcome::retry, 2);
  start(stage);
  ASSERT_TRUE(eventually([&] { return stage.effects().size() == 20; }));
  ASSERT_TRUE(eventually([&] { return pipeline->status().state == FairState::paused_backlog; }));
  EXPECT_EQ(parked_of("acme"), 4u);
  EXPECT_EQ(pipeline->status().lag_events, 46);
  append("beta", 1);
  EXPECT_TRUE(eventually([&] { return stage.effects().size() == 21; }));
  EXPECT_TRUE(advance_until(clock, kFairRetry, [&] { return log.committed("analytics") == 71; }));
  EXPECT_TRUE(advance_until(clock, kFairRetry, [&] { return stage.effects().size() == 71; }));
}

TEST_F(FairnessTest, AParkedEventThatIsSeenAgainAndDoneBeforeItsTurnIsNotTakenTwice) {
  append("acme", 100);
  stage.answer("acme90", Outcome::retry);
  start(stage);
  ASSERT_TRUE(commits(100));
  pipeline->stop();
  seek(0);
  stage.hold();
  const std::size_t calls = stage.calls().size();
  ASSERT_TRUE(pipeline->start());
  ASSERT_TRUE(eventually([&] { return stage.calls().size() == calls + 1; }));
  clock.advance(kFairRetry);  // due while all but one batch of its tenant waits
  stage.release();
  ASSERT_TRUE(commits(100));
  EXPECT_EQ(parked_of("acme"), 0u);
  EXPECT_EQ(std::ranges::count(stage.effects(), "acme90"), 1);
}

// What happens to a pipeline in a random run.
struct Turmoil {
  std::vector<std::tuple<int, int, int>> events;  // tenant, key, what the stage says
  int batch, max_parked, portions;
  std::vector<std::pair<int, bool>> stops;  // after so many effects; without the last commits
  std::size_t window;                       // bytes; 0: the log reads again at little cost
};

class TurmoilRun {
 public:
  explicit TurmoilRun(const Turmoil& turmoil) : turmoil_(turmoil) {
    log_.ensure("analytics.events", TopicKind::activity, 2);
    log_.ensure("analytics.events.dlq", TopicKind::activity);
    options_.name = "analytics";
    options_.topics = {"analytics.events"};
    options_.batch = turmoil.batch;
    options_.max_parked = turmoil.max_parked;
    if (turmoil.window > 0) {
      log_.reads_again_at_a_price();
      options_.window_bytes = turmoil.window;
    }
    options_.retry = {kFairRetry, kFairRetry, 100};
    pipeline_ = std::make_unique<Pipeline>(options_, stage_,
                                           PipelineDeps{log_, log_, retries_, clock_, metrics_});
  }

  void run() {
    auto next = turmoil_.events.begin();
    const auto portion = 1 + turmoil_.events.size() / static_cast<std::size_t>(turmoil_.portions);
    auto stop = turmoil_.stops.begin();
    while (next != turmoil_.events.end()) {
      for (std::size_t i = 0; i < portion && next != turmoil_.events.end(); ++i) append(*next++);
      RC_ASSERT(pipeline_->start().has_value());
      if (stop == turmoil_.stops.end()) continue;
      if (stop->second) log_.fail_commits(1'000'000);  // as if killed
      const auto effects = stage_.effects().size() + static_cast<std::size_t>(stop->first);
      int patience = 50;
      advance_until(clock_, kFairRetry,
                    [&] { return stage_.effects().size() >= effects || --patience < 0; });
      pipeline_->stop();
      log_.fail_commits(0);
      ++stop;
    }
    RC_ASSERT(pipeline_->start().has_value());
    RC_ASSERT(advance_until(clock_, kFairRetry, [&] { return ended(); }));
    pipeline_->stop();
  }

  void check() {
    const auto effects = stage_.effects();
    std::map<std::string, int> times;
    std::map<std::string, std::vector<std::string>> firsts;  // by key
    for (const std::string& id : effects) {
      if (++times[id] == 1) firsts[id.substr(0, id.find('#'))].push_back(id);
    }
    std::map<std::string, int> letters;
    for (const auto& letter : log_.records("analytics.events.dlq")) {
      ++letters[std::string(find_header(letter.headers, "ce_id"))];
    }
    for (const auto& [key, ids] : alive_) RC_ASSERT(firsts[key] == ids);
    for (const std::string& id : dead_) {
      RC_ASSERT(letters[id] >= 1);
      RC_ASSERT(!times.contains(id));
    }
    if (!turmoil_.stops.empty()) return;
    for (const auto& [id, count] : times) RC_ASSERT(count == 1);
    for (const auto& [id, count] : letters) RC_ASSERT(count == 1);
  }

 private:
  void append(const std::tuple<int, int, int>& event) {
    const auto [tenant, user, answer] = event;
    const std::string key = "t" + std::to_string(tenant) + "u" + std::to_string(user);
    const std::string id = key + "#" + std::to_string(++count_);
    if (answer == 0) stage_.answer(id, Outcome::dead, 1'000);
    if (answer == 1) stage_.answer(id, Outcome::retry, 2);
    if (answer == 2) stage_.answer(id, Outcome::outage, 1);
    if (answer == 0) {
      dead_.push_back(id);
    } else {
      alive_[key].push_back(id);
    }
    log_.append_now(to_record(analytics_event(id, key, "t" + std::to_string(tenant))));
  }
  bool ended() {
    return log_.committed("analytics") == count_ && retries_.parked("analytics").empty();
  }

  const Turmoil& turmoil_;
  ManualClock clock_;
  FakeEventLog log_{clock_};
  FakeRetryStore retries_;
  Metrics metrics_;
  FakeStage stage_;
  PipelineOptions options_;
  std::unique_ptr<Pipeline> pipeline_;
  int count_ = 0;
  std::map<std::string, std::vector<std::string>> alive_;  // by key, in order
  std::vector<std::string> dead_;
};

TEST(FairnessModel, EveryEventEndsAndKeysKeepTheirOrderThroughRetriesOutagesAndRestarts) {
  EXPECT_TRUE(rc::check([] {
    const auto event = rc::gen::tuple(rc::gen::weightedElement<int>({{8, 0}, {2, 1}, {1, 2}}),
                                      rc::gen::inRange(0, 3), rc::gen::inRange(0, 30));
    Turmoil turmoil;
    turmoil.events =
        *rc::gen::scale(3.0, rc::gen::container<std::vector<std::tuple<int, int, int>>>(event));
    turmoil.batch = *rc::gen::inRange(1, 9);
    turmoil.max_parked = *rc::gen::inRange(1, 30);
    turmoil.portions = *rc::gen::inRange(1, 6);
    turmoil.stops =
        *rc::gen::scale(0.05, rc::gen::container<std::vector<std::pair<int, bool>>>(rc::gen::pair(
                                  rc::gen::inRange(0, 40), rc::gen::arbitrary<bool>())));
    turmoil.window = *rc::gen::element<std::size_t>(0, 1, 3'000, 100'000);
    TurmoilRun run(turmoil);
    run.run();
    run.check();
  }));
}

// --- a log that reads again at a price: records wait in a window ------------------------------

class WindowedTest : public FairnessTest {
 protected:
  WindowedTest() { log.reads_again_at_a_price(); }
  // The memory of events of one tenant; another's come to nearly the same.
  static std::size_t bytes_of_events(int count) {
    Record record = to_record(analytics_event("acme100", "acme100", "acme"));
    return static_cast<std::size_t>(count) *
           memory_of(
               {{}, {}, std::move(record.key), std::move(record.value), std::move(record.headers)});
  }
};

TEST_F(WindowedTest, NoRecordIsReadTwice) {
  append("acme", 1'000);
  append("beta", 500);
  start(stage);
  ASSERT_TRUE(eventually([&] { return stage.effects().size() == 1'500; }));
  ASSERT_TRUE(commits(1'500));
  EXPECT_LE(log.reads(), 40) << "for the age of the oldest alone, once a second at most";
}

TEST_F(WindowedTest, TenantsWithABacklogGetEqualShares) { expect_equal_shares(); }

TEST_F(WindowedTest, AFloodBeyondTheWindowIsBeforeTheOthers) {
  options.window_bytes = bytes_of_events(100);
  append("acme", 3'000);
  append("beta", 1);
  begin();
  do_batches(9);
  EXPECT_FALSE(gated.has_begun("beta1")) << "the window and what one poll brings are the flood's";
  gated.allow(kMany);
  ASSERT_TRUE(commits(3'001));
  EXPECT_FALSE(gated.told_too_much());
}

TEST_F(WindowedTest, EveryEventIsDoneOnceWhateverTheWindow) {
  for (const std::size_t bytes : {std::size_t{1}, bytes_of_events(7), bytes_of_events(50)}) {
    SCOPED_TRACE(bytes);
    options.window_bytes = bytes;
    options.name = "analytics-" + std::to_string(bytes);
    for (int i = 0; i < 60; ++i) append(i % 7 == 0 ? "beta" : i % 3 == 0 ? "gamma" : "acme", 1);
    FakeStage each;
    start(each);
    const auto all = static_cast<std::size_t>(log.records(kTopic).size());
    ASSERT_TRUE(eventually([&] { return each.effects().size() >= all; }));
    pipeline->stop();
    const auto effects = each.effects();
    EXPECT_EQ(effects.size(), all);
    EXPECT_EQ(std::set<std::string>(effects.begin(), effects.end()).size(), all);
  }
}

TEST_F(WindowedTest, ATenantThatMayNotGoOnWaitsWithoutASpin) {
  options.max_parked = 8;
  options.window_bytes = bytes_of_events(20);
  append("acme", 100);
  for (int i = 1; i <= 100; ++i) stage.answer("acme" + std::to_string(i), Outcome::retry, 1);
  start(stage);
  ASSERT_TRUE(eventually([&] { return pipeline->status().state == FairState::paused_backlog; }));
  clock.await_waiters(1);
  EXPECT_TRUE(advance_until(clock, kFairRetry, [&] { return log.committed("analytics") == 100; }));
  EXPECT_TRUE(advance_until(clock, kFairRetry, [&] { return stage.effects().size() == 100; }));
}

}  // namespace
}  // namespace mesh::pipeline
