#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "tests/daemon/pipeline/generations/fixture.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;

TEST_F(GenerationsTest, TheFirstStartMakesServesAndFillsAGeneration) {
  write("created", 1, 1);
  start();
  EXPECT_EQ(index.serving(), 1);
  EXPECT_TRUE(holds(1, 1));
  EXPECT_TRUE(log.has_group("user-index-1"));
  EXPECT_EQ(roles(), (Roles{{1, "serving"}}));
}

// A start without the server of the index ended, against docs/engines.md.
TEST_F(GenerationsTest, AServerThatIsAwayAtTheStartIsAskedAgain) {
  write("created", 1, 1);
  log.fail_opens(1);
  start();
  clock.await_waiters(1);
  clock.advance(Duration{2'000});
  EXPECT_TRUE(holds(1, 1));
}

TEST_F(GenerationsTest, ARestartKeepsTheServingGeneration) {
  start();
  open(embedder);
  start();
  EXPECT_EQ(index.serving(), 1);
  EXPECT_EQ(roles().size(), 1u);
}

TEST_F(GenerationsTest, AGroupOfALostIndexIsForgottenAndTheIndexFilledAnew) {
  const Position last = write("created", 1, 1);
  const TopicPartition partition{last.topic, last.partition};
  ASSERT_TRUE(log.seek_group("user-index-1", {{partition, last.offset + 1}}));
  ASSERT_TRUE(log.seek_group("user-index-7", {{partition, last.offset + 1}}));
  start();
  EXPECT_TRUE(holds(1, 1));
  EXPECT_FALSE(log.has_group("user-index-7"));
}

TEST_F(GenerationsTest, AnIndexThatIsBuiltAgainSaysSoUntilItIsThroughWhatTheLogHeld) {
  FakeEmbedder down;
  down.fail_next(1'000);
  open(down);
  write("created", 1, 1);
  start();
  EXPECT_TRUE(eventually([&] { return generations->filling() == 1; }));
  EXPECT_TRUE(generations->list()->front().filling);
  open(embedder);
  start();
  EXPECT_TRUE(eventually([&] { return !generations->filling(); }));
  EXPECT_FALSE(generations->list()->front().filling);
}

TEST_F(GenerationsTest, ARebuildOverADamagedRecordFailsAndSaysWhere) {
  write("created", 1, 1);
  start();
  ASSERT_TRUE(all_through());
  log.fail_polls(1'000, {ErrorKind::corrupt, "damaged at user.events/0@0", {}, {}, {}});
  const auto built = rebuild();
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().kind, ErrorKind::corrupt);
  EXPECT_NE(built.error().message.find("user.events/0@0"), std::string::npos)
      << built.error().message;
  EXPECT_EQ(roles(), (Roles{{1, "serving"}})) << "what was begun is dropped";
}

TEST_F(GenerationsTest, ACreatedGenerationThatWasNeverServedIsTakenAtTheNextStart) {
  ASSERT_TRUE(index.create_generation({4, embedder.id()}, 0));
  start();
  EXPECT_EQ(index.serving(), 1);
}

// Once a start flipped at once, also under processes that search with the other embedder still.
TEST_F(GenerationsTest, WithAnotherEmbedderWhatIsServedStaysUntilARebuildHasFilledANewOne) {
  write("created", 1, 1);
  start();
  ASSERT_TRUE(holds(1, 1));
  FakeEmbedder other("fake/8", 8);
  open(other);
  start();
  EXPECT_EQ(index.serving(), 1);
  ASSERT_TRUE(generations->foreign());
  EXPECT_EQ(generations->foreign()->info.name, "user_embeddings-1");
  EXPECT_TRUE(generations->is_lost(*generations->foreign()).value());
  EXPECT_FALSE(generations->serving_stage()) << "it is not fed";
  write("created", 2, 1);
  ASSERT_TRUE(rebuild());
  EXPECT_EQ(index.serving(), 2);
  EXPECT_FALSE(generations->foreign());
  EXPECT_TRUE(index.has(2, "acme", 1));
  EXPECT_TRUE(index.has(2, "acme", 2)) << "what came since the other was fed is in it, too";
  EXPECT_EQ(generations->rollback().error().kind, ErrorKind::conflict);
  const auto all = generations->list();
  ASSERT_EQ(all->size(), 2u);
  EXPECT_FALSE(all->front().follows) << "made with another embedder";
  EXPECT_TRUE(all->back().follows);
  generations.reset();  // before its embedder
}

TEST_F(GenerationsTest, ARebuildFillsANewGenerationFromTheLogAndFlips) {
  write("created", 1, 1);
  write("created", 2, 1);
  write("deleted", 2, 2);
  start();
  ASSERT_TRUE(all_through());
  ASSERT_TRUE(rebuild());
  EXPECT_EQ(index.serving(), 2);
  EXPECT_TRUE(index.has(2, "acme", 1));
  EXPECT_FALSE(index.has(2, "acme", 2));
  EXPECT_EQ(roles(), (Roles{{1, "previous"}, {2, "serving"}}));
  EXPECT_EQ(result, (Json{{"generation", 2}, {"previous", 1}}));
}

TEST_F(GenerationsTest, ARebuildFlipsOnlyWhenItHasCaughtUp) {
  for (int user = 1; user <= 5; ++user) write("created", user, 1);
  start();
  ASSERT_TRUE(all_through());
  embedder.fail_next(1'000'000);
  FakeTaskContext context(Json::object(), &clock);
  int looks = 0;
  context.on_pause = [&] {
    EXPECT_EQ(index.serving(), 1) << "flipped to a generation that lacks events";
    if (++looks == 20) {
      embedder.fail_next(0);
      write("created", 6, 1);
    }
  };
  ASSERT_TRUE(generations->rebuild(context));
  EXPECT_GE(looks, 20);
  EXPECT_EQ(index.serving(), 2);
  for (int user = 1; user <= 5; ++user) EXPECT_TRUE(index.has(2, "acme", user)) << user;
  EXPECT_TRUE(holds(2, 6)) << "what comes meanwhile is followed like the rest";
}

// Keeps back the calls with a text that contains what is held.
class HoldingEmbedder final : public Embedder {
 public:
  void hold(std::string text) {
    {
      std::lock_guard lock(mutex_);
      held_ = std::move(text);
    }
    changed_.notify_all();
  }
  void release() { hold("nothing that is ever embedded"); }
  int dimension() const override { return fake_.dimension(); }
  std::string id() const override { return fake_.id(); }
  Result<std::vector<std::vector<float>>> embed(std::span<const TenantText> texts) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return std::ranges::none_of(
          texts, [&](const auto& of) { return of.text.find(held_) != of.text.npos; });
    });
    return fake_.embed(texts);
  }
  Result<QueryVectors> embed_query(const TenantText& query, std::optional<double> ratio) override {
    return fake_.embed_query(query, ratio);
  }

 private:
  FakeEmbedder fake_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string held_ = "nothing that is ever embedded";
};

// One order over all users.
class GenerationsOfOnePartition : public GenerationsTest {
 protected:
  GenerationsOfOnePartition() : GenerationsTest(1) {}
};

// A rebuild under steady writes waited for the log's end and never flipped.
TEST_F(GenerationsOfOnePartition, ARebuildFlipsWhileEventsKeepComing) {
  HoldingEmbedder holding;
  open(holding, 1);  // an event at a time
  int last = 0;
  auto write_next = [&] {  // the one before goes on, the new one waits
    holding.hold("user" + std::to_string(last + 1) + "@");
    write("created", ++last, 1);
  };
  start();
  for (int n = 0; n < 5; ++n) write_next();
  ASSERT_TRUE(holds(1, 4));
  FakeTaskContext context(Json::object(), &clock);
  context.on_pause = [&] {
    write_next();
    const std::int64_t all_but_one = last - 1;
    EXPECT_TRUE(eventually([&] {
      return log.committed("user-index-1") == all_but_one &&
             log.committed("user-index-2") == all_but_one;
    }));
    if (last < 50) return;
    holding.release();
    context.cancel();
  };
  EXPECT_TRUE(generations->rebuild(context)) << "not flipped after " << last << " events";
  EXPECT_EQ(index.serving(), 2);
  EXPECT_FALSE(index.has(1, "acme", last)) << "the end was reached: the test shows nothing";
  holding.release();
  EXPECT_TRUE(holds(2, last));
  generations.reset();  // before its embedder
}

TEST_F(GenerationsTest, ARebuildWaitsForEventsThatAreTriedAgain) {
  write("created", 1, 1);
  start();
  ASSERT_TRUE(all_through());
  embedder.refuse("user1@");
  FakeTaskContext context(Json::object(), &clock);
  context.on_pause = [&] {
    const auto parked = retries.parked("user-index-2");
    if (!parked.empty()) embedder.refuse("");
  };
  ASSERT_TRUE(generations->rebuild(context));
  EXPECT_TRUE(index.has(2, "acme", 1));
}

TEST_F(GenerationsTest, AResumedRebuildWaitsForEventsThatWereParkedBefore) {
  write("created", 1, 1);
  start();
  ASSERT_TRUE(all_through());
  embedder.refuse("user1@");
  FakeTaskContext first(Json::object(), &clock);
  first.on_pause = [&] { first.stopped = !retries.parked("user-index-2").empty(); };
  EXPECT_FALSE(generations->rebuild(first));
  open(embedder);
  start();
  auto second = first.resumed();
  second.on_pause = [&] { embedder.refuse(""); };
  ASSERT_TRUE(generations->rebuild(second));
  EXPECT_TRUE(index.has(2, "acme", 1));
}

TEST_F(GenerationsTest, GenerationsOlderThanThePreviousAreDroppedWithTheirGroups) {
  start();
  ASSERT_TRUE(rebuild());
  ASSERT_TRUE(rebuild());
  EXPECT_EQ(roles(), (Roles{{2, "previous"}, {3, "serving"}}));
  EXPECT_FALSE(log.has_group("user-index-1"));
  const std::string shown = metrics.expose();
  EXPECT_EQ(shown.find("\"user-index-1\""), std::string::npos) << "nor do its metrics stay";
  EXPECT_NE(shown.find("\"user-index-2\""), std::string::npos);
}

TEST_F(GenerationsTest, ThePreviousGenerationFollowsTheLogAndServesAgainAfterARollback) {
  start();
  ASSERT_TRUE(rebuild());
  write("created", 7, 1);
  EXPECT_TRUE(holds(1, 7));
  ASSERT_TRUE(through(1) && through(2));
  const auto now = generations->rollback();
  ASSERT_TRUE(now);
  EXPECT_EQ(now->number, 1);
  EXPECT_EQ(index.serving(), 1);
  EXPECT_EQ(generations->rollback()->number, 2) << "a rollback can be taken back";
}

// Else it could flip away from what a rebuild that waits is about to build on.
TEST_F(GenerationsTest, WhereNobodyKnowsWhetherARebuildWaitsThereIsNoRollback) {
  start();
  ASSERT_TRUE(rebuild());
  tasks.fail_lists(1);
  EXPECT_EQ(generations->rollback().error().kind, ErrorKind::unavailable);
  EXPECT_EQ(index.serving(), 2);
}

TEST_F(GenerationsTest, WithoutAPreviousGenerationThereIsNoRollback) {
  start();
  EXPECT_EQ(generations->rollback().error().kind, ErrorKind::conflict);
}

TEST_F(GenerationsTest, AStoppedRebuildGoesOnWithItsGeneration) {
  for (int user = 1; user <= 3; ++user) write("created", user, 1);
  start();
  ASSERT_TRUE(all_through());
  embedder.fail_next(1'000'000);
  FakeTaskContext first(Json::object(), &clock);
  first.on_pause = [&] { first.stopped = true; };
  EXPECT_FALSE(generations->rebuild(first));
  EXPECT_EQ(index.serving(), 1);
  open(embedder);
  embedder.fail_next(0);
  start();
  auto second = first.resumed();
  ASSERT_TRUE(generations->rebuild(second));
  EXPECT_EQ(index.serving(), 2);
  EXPECT_EQ(roles(), (Roles{{1, "previous"}, {2, "serving"}}));
}

TEST_F(GenerationsTest, ARebuildThatHadFlippedBeforeACrashIsFinished) {
  start();
  ASSERT_TRUE(rebuild());
  ASSERT_TRUE(rebuild());
  // Again with the checkpoint of the last: nothing is left to do but to clean up.
  ASSERT_TRUE(rebuild({{"generation", 3}, {"previous", 2}}));
  EXPECT_EQ(roles(), (Roles{{2, "previous"}, {3, "serving"}}));
}

TEST_F(GenerationsTest, ACancelledRebuildDropsItsGeneration) {
  write("created", 1, 1);
  start();
  ASSERT_TRUE(all_through());
  embedder.fail_next(1'000'000);
  FakeTaskContext context(Json::object(), &clock);
  context.on_pause = [&] { context.cancel(); };
  EXPECT_FALSE(generations->rebuild(context));
  EXPECT_EQ(roles(), (Roles{{1, "serving"}}));
  EXPECT_FALSE(log.has_group("user-index-2"));
}

TEST_F(GenerationsTest, VerifyFindsNothingWhereNothingIsWrong) {
  write("created", 1, 1);
  write("updated", 1, 2);
  write("created", 2, 1);
  write("deleted", 2, 2);
  start();
  ASSERT_TRUE(all_through());
  const auto report = generations->verify();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->expected, 1);
  EXPECT_EQ(report->found, 1);
  EXPECT_EQ(report->missing + report->extra + report->stale, 0);
}

TEST_F(GenerationsTest, VerifyFindsPlantedDifferences) {
  for (int user = 1; user <= 4; ++user) write("created", user, 2);
  start();
  ASSERT_TRUE(all_through());
  index.forget(1, {"acme", 1});
  index.plant(1, {"acme", 2}, {1, false, "old@acme.dev", "Old"});
  index.plant(1, {"acme", 9}, {1, false, "ghost@acme.dev", "Ghost"});
  index.plant(1, {"globex", 1}, {1, false, "ghost@globex.dev", "Ghost"});
  const auto report = generations->verify();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->expected, 4);
  EXPECT_EQ(report->missing, 1);
  EXPECT_EQ(report->stale, 1);
  EXPECT_EQ(report->extra, 2);
  EXPECT_EQ(report->examples,
            (std::vector<std::string>{"acme/1 missing", "acme/2 stale", "acme/9 extra",
                                      "1 vectors of tenants that the log does not hold"}));
}

TEST_F(GenerationsTest, VerifyTellsThatTheLogHoldsNothing) {
  start();
  index.plant(1, {"acme", 1}, {1, false, "ann@acme.dev", "Ann"});
  const auto lost = generations->verify();
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->log_events, 0);
  EXPECT_EQ(lost->extra, 1);
  // A user that was deleted is an event: the index is then wrong indeed.
  write("deleted", 7, 2);
  ASSERT_TRUE(all_through());
  const auto wrong = generations->verify();
  ASSERT_TRUE(wrong);
  EXPECT_EQ(wrong->log_events, 1);
  EXPECT_EQ(wrong->expected, 0);
}

TEST_F(GenerationsTest, NobodyRollsBackWhileARebuildIsAskedFor) {
  start();
  ASSERT_TRUE(rebuild());
  ASSERT_TRUE(tasks.insert({.id = "t", .kind = "rebuild"}));
  EXPECT_EQ(generations->rollback().error().kind, ErrorKind::conflict);
}

TEST_F(GenerationsTest, TheServingStageIsForReplays) {
  EXPECT_FALSE(generations->serving_stage());
  start();
  EXPECT_TRUE(generations->serving_stage());
}

TEST_F(GenerationsTest, StopMayComeTwiceAndBeforeStart) {
  generations->stop();
  start();
  generations->stop();
  generations->stop();
  EXPECT_EQ(generations->list()->size(), 1u);
}

}  // namespace
}  // namespace mesh::pipeline
