#include "daemon/pipeline/generations/generations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "daemon/pipeline/generations/standing.h"
#include "daemon/pipeline/scan.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/daemon/pipeline/fake_task_context.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_leases.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;

class GenerationsTest : public testing::Test {
 protected:
  explicit GenerationsTest(int partitions = 2) {
    log.ensure("user.events", TopicKind::entity, partitions);
    log.ensure("user.events.dlq", TopicKind::activity);
    open(embedder);
  }
  void open(Embedder& with, int batch = 256) {
    generations.reset();
    PipelineOptions base;
    base.name = "user-index";
    base.topics = {"user.events"};
    base.batch = batch;
    generations = std::make_unique<Generations>(Generations::Deps{
        index, with, leases, tasks, "one", base, PipelineDeps{log, log, retries, clock, metrics}});
  }
  void start() { ASSERT_TRUE(generations->start()); }
  Position write(const std::string& action, std::int64_t user, std::int64_t version) {
    return log.append_now(to_record(user_event(action, user, version)));
  }
  bool holds(int generation, std::int64_t user) {
    return eventually([&] { return index.has(generation, "acme", user); });
  }
  // Waits until the serving generation is at the log's end. verify and rollback wait, too, but by
  // a clock that stands still.
  bool all_through() { return through(index.serving()); }
  bool through(int generation) {
    const auto group = "user-index-" + std::to_string(generation);
    return eventually([&] {
      const auto end = ends(log, log, {"user.events"});
      return end && is_through(log, retries, group, *end).value_or(false);
    });
  }
  // Runs a rebuild to its end.
  Status rebuild(Json checkpoint = Json::object()) {
    FakeTaskContext context(Json::object(), &clock);
    (void)context.progress(0, 0, std::move(checkpoint), Json::object());
    auto built = generations->rebuild(context);
    result = context.stored.result;
    return built;
  }
  std::map<int, std::string> roles() {
    std::map<int, std::string> roles;
    const auto all = generations->list();
    for (const auto& status : *all) roles[status.info.number] = status.role;
    return roles;
  }
  using Roles = std::map<int, std::string>;

  ManualClock clock;
  FakeEventLog log{clock};
  FakeRetryStore retries;
  FakeLeaseStore leases{clock};
  FakeTaskStore tasks{clock};
  Metrics metrics;
  FakeEmbedder embedder;
  FakeVectorIndex index;
  std::unique_ptr<Generations> generations;
  Json result;
};

TEST_F(GenerationsTest, TheFirstStartMakesServesAndFillsAGeneration) {
  write("created", 1, 1);
  start();
  EXPECT_EQ(index.serving(), 1);
  EXPECT_TRUE(holds(1, 1));
  EXPECT_TRUE(log.has_group("user-index-1"));
  EXPECT_EQ(roles(), (Roles{{1, "serving"}}));
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
  ASSERT_TRUE(index.create_generation({4, embedder.id()}));
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
  EXPECT_EQ(generations->foreign()->name, "user_embeddings-1");
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
  Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return std::ranges::none_of(texts,
                                  [&](const auto& text) { return text.find(held_) != text.npos; });
    });
    return fake_.embed(texts);
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

// Every generation once wrote a letter of its own for the same event, and a redrive one copy each.
TEST_F(GenerationsTest, OnlyTheServingGenerationWritesDeadLetters) {
  start();
  ASSERT_TRUE(rebuild());
  log.append_now({"user.events", "acme/9", "garbage", {}});
  ASSERT_TRUE(all_through());
  ASSERT_TRUE(eventually(
      [&] { return log.committed("user-index-1") == 1 && log.committed("user-index-2") == 1; }));
  EXPECT_EQ(log.records("user.events.dlq").size(), 1u);
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

// Two processes over the same index, log and store.
class TwoProcesses : public GenerationsTest {
 protected:
  TwoProcesses() : other(other_deps()) {}
  Generations::Deps other_deps() {
    PipelineOptions base;
    base.name = "user-index";
    base.topics = {"user.events"};
    return {index,
            embedder,
            leases,
            tasks,
            "two",
            base,
            PipelineDeps{log, log, retries, clock, other_metrics}};
  }
  // Both look at what the index holds.
  void look() {
    clock.await_waiters(2);
    clock.advance(Duration{2'000});
  }
  bool feeds(Generations& process, const std::string& group) {
    return eventually([&] {
      auto& of = &process == &other ? other_metrics : metrics;
      return of.expose().find("pipeline=\"" + group + "\"") != std::string::npos;
    });
  }

  Metrics other_metrics;
  Generations other;
};

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
  };
  const auto built = generations->rebuild(asleep);
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().kind, ErrorKind::conflict);
  EXPECT_EQ(index.serving(), 4) << "it flipped away from what the other has built";
  EXPECT_EQ(index.generations()->size(), 2u) << "nor does it drop anything";
}

TEST_F(TwoProcesses, WhileOneRebuildsTheOtherDoesNotRollBack) {
  start();
  ASSERT_TRUE(other.start());
  ASSERT_TRUE(rebuild());
  FakeTaskContext context(Json::object(), &clock);
  context.on_pause = [&] { EXPECT_EQ(other.rollback().error().kind, ErrorKind::conflict); };
  ASSERT_TRUE(generations->rebuild(context));
  EXPECT_EQ(index.serving(), 3);
}

TEST_F(GenerationsTest, NobodyRollsBackWhileARebuildIsAskedFor) {
  start();
  ASSERT_TRUE(rebuild());
  ASSERT_TRUE(tasks.insert({.id = "t", .kind = "rebuild"}));
  EXPECT_EQ(generations->rollback().error().kind, ErrorKind::conflict);
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
