#include "daemon/pipeline/stages/projection_stages.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "daemon/pipeline/consumer/pipeline_metrics.h"
#include "daemon/pipeline/stages/user_index_stage.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_read_cache.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using Outcome = StageResult::Outcome;
using Outcomes = std::vector<Outcome>;

const Through kThrough{{{"some.events", 0}, 7}};

Outcomes run(Stage& stage, const std::vector<Event>& events, const Through& through = kThrough) {
  std::vector<StageInput> inputs;
  for (const Event& event : events) {
    inputs.push_back({event, {"some.events", 0, static_cast<std::int64_t>(inputs.size())}});
  }
  Outcomes outcomes;
  for (const StageResult& result : stage.process(inputs, through)) {
    outcomes.push_back(result.outcome);
    if (result.outcome != Outcome::dead) continue;
    EXPECT_TRUE(std::ranges::any_of(
        kCausesOfDeath, [&](std::string_view cause) { return cause == result.cause_class; }))
        << result.cause_class << " has no counter from the start";
  }
  return outcomes;
}

class UserIndexStageTest : public testing::Test {
 protected:
  UserIndexStageTest() { generation = index.create_generation({4, embedder.id()}, 0)->number; }
  FakeEmbedder embedder;
  FakeVectorIndex index;
  int generation = 0;
  std::unique_ptr<Stage> stage = make_user_index_stage(1, embedder, index);
};

TEST_F(UserIndexStageTest, ABatchIsEmbeddedAndAppliedInOneCallEach) {
  EXPECT_EQ(run(*stage, {user_event("created", 1, 1), user_event("created", 2, 1)}),
            (Outcomes{Outcome::done, Outcome::done}));
  EXPECT_EQ(embedder.calls(), 1);
  EXPECT_EQ(index.applies(), 1);
  EXPECT_TRUE(index.has(generation, "acme", 1));
  EXPECT_TRUE(index.has(generation, "acme", 2));
}

TEST_F(UserIndexStageTest, TheLaterVersionOfAUserInABatchWins) {
  run(*stage, {user_event("created", 1, 1), user_event("updated", 1, 2)});
  EXPECT_EQ(index.entries(generation)[std::make_pair("acme", 1)].name, "Name 2");
}

TEST_F(UserIndexStageTest, ADeletionRemovesAndIsNotUndoneByAnOlderEvent) {
  run(*stage, {user_event("created", 1, 1)});
  run(*stage, {user_event("deleted", 1, 2)});
  run(*stage, {user_event("created", 1, 1)});
  EXPECT_FALSE(index.has(generation, "acme", 1));
}

TEST_F(UserIndexStageTest, ADeletionNeedsNoMoreThanTheId) {
  run(*stage, {user_event("created", 1, 1)});
  Event deletion = user_event("deleted", 1, 2);
  deletion.data = R"({"tenantId":"acme"})";
  EXPECT_EQ(run(*stage, {deletion}), (Outcomes{Outcome::done}));
  EXPECT_FALSE(index.has(generation, "acme", 1));
}

TEST_F(UserIndexStageTest, ADeletionOfAnIdBeyondAllIdsIsDead) {
  Event deletion = user_event("deleted", 1, 2);
  deletion.data = R"({"id":18446744073709551615})";
  EXPECT_EQ(run(*stage, {deletion}), (Outcomes{Outcome::dead}));
}

TEST_F(UserIndexStageTest, DataThatIsNoUserIsDeadAndTheRestIsDone) {
  Event broken = user_event("created", 1, 1);
  broken.data = R"({"id":"one"})";
  EXPECT_EQ(run(*stage, {broken, user_event("created", 2, 1)}),
            (Outcomes{Outcome::dead, Outcome::done}));
  EXPECT_TRUE(index.has(generation, "acme", 2));
}

TEST_F(UserIndexStageTest, AUserOfAnotherTenantThanItsEventIsDead) {
  Event event = user_event("created", 1, 1, "globex");
  event.tenant = tenant("acme");
  EXPECT_EQ(run(*stage, {event}), (Outcomes{Outcome::dead}));
  EXPECT_TRUE(index.entries(generation).empty());
}

TEST_F(UserIndexStageTest, AnEmbedderThatIsDownIsAnOutageForAll) {
  embedder.fail_next(1);
  EXPECT_EQ(run(*stage, {user_event("created", 1, 1), user_event("created", 2, 1)}),
            (Outcomes{Outcome::outage, Outcome::outage}));
}

TEST_F(UserIndexStageTest, AnIndexThatIsDownIsAnOutageForAll) {
  index.fail_applies(1);
  EXPECT_EQ(run(*stage, {user_event("created", 1, 1), user_event("deleted", 2, 1)}),
            (Outcomes{Outcome::outage, Outcome::outage}));
}

TEST_F(UserIndexStageTest, AUserThatCannotBeEmbeddedFailsAlone) {
  embedder.refuse("user2@");
  EXPECT_EQ(run(*stage, {user_event("created", 1, 1), user_event("created", 2, 1),
                         user_event("updated", 2, 2), user_event("created", 3, 1)}),
            (Outcomes{Outcome::done, Outcome::retry, Outcome::retry, Outcome::done}));
  EXPECT_TRUE(index.has(generation, "acme", 3));
  EXPECT_FALSE(index.has(generation, "acme", 2));
}

// A model's server refuses a text that is too long for the model, whenever it is asked.
TEST_F(UserIndexStageTest, AUserThatCanNeverBeEmbeddedDiesAloneAndHoldsNothingUp) {
  embedder.refuse("user2@", ErrorKind::unprocessable);
  EXPECT_EQ(run(*stage, {user_event("created", 1, 1), user_event("created", 2, 1),
                         user_event("deleted", 2, 2), user_event("created", 3, 1)}),
            (Outcomes{Outcome::done, Outcome::dead, Outcome::done, Outcome::done}));
  EXPECT_TRUE(index.has(generation, "acme", 3));
  EXPECT_FALSE(index.has(generation, "acme", 2));
}

TEST_F(UserIndexStageTest, SearchesOfTenantsWhoseUsersMayHaveChangedAreForgottenInTheCache) {
  FakeReadCache cache;
  const auto cached = make_user_index_stage(generation, embedder, index, &cache);
  run(*cached, {user_event("created", 1, 1), user_event("created", 2, 1)});
  EXPECT_EQ(cache.forgotten(), (std::vector<std::vector<std::string>>{{"acme/search"}}));
  index.fail_applies(1);
  run(*cached, {user_event("created", 3, 1)});
  EXPECT_EQ(cache.forgotten().size(), 2u);
}

TEST_F(UserIndexStageTest, TypesOfOthersAreLeftAlone) {
  EXPECT_EQ(run(*stage, {analytics_event("a1", "ann")}), (Outcomes{Outcome::done}));
  EXPECT_EQ(index.applies(), 0);
}

class MeteringStageTest : public testing::Test {
 protected:
  Event event(const std::string& id, Duration ago = Duration{0}) {
    const Timestamp end = clock.now() - ago;
    UsageIncrement made{id, tenant("acme"), end, end - std::chrono::minutes{1}, 60, "mesh-0", {}};
    made.amounts[UsageKind::events] = 3;
    return usage_event(made);
  }

  ManualClock clock;
  FakeUsageStore store;
  std::unique_ptr<Stage> stage = make_metering_stage(store, clock);
};

TEST_F(MeteringStageTest, IncrementsAreRecordedInOneCallWithTheOffsets) {
  EXPECT_EQ(run(*stage, {event("u1"), event("u2")}), (Outcomes{Outcome::done, Outcome::done}));
  EXPECT_EQ(store.calls(), 1);
  EXPECT_EQ(store.through(), kThrough);
  EXPECT_EQ(store.rows().at("u1").amounts[UsageKind::events], 3);
}

TEST_F(MeteringStageTest, BadDataAndWhatIsTooLateIsDead) {
  Event bad = event("bad");
  bad.data = "{}";
  EXPECT_EQ(run(*stage, {bad, event("late", kUsageTakenFor + std::chrono::minutes{1}),
                         event("just", kUsageTakenFor), analytics_event("other", "ann")}),
            (Outcomes{Outcome::dead, Outcome::dead, Outcome::done, Outcome::done}));
  EXPECT_EQ(store.rows().size(), 1u);
}

TEST_F(MeteringStageTest, AStoreThatIsDownIsAnOutageAndOneRefusedIncrementFailsAlone) {
  store.fail_next(1, {ErrorKind::unavailable, "down", {}, {}, {}});
  EXPECT_EQ(run(*stage, {event("u1"), event("u2")}), (Outcomes{Outcome::outage, Outcome::outage}));
  store.refuse("u1");
  EXPECT_EQ(run(*stage, {event("u1"), event("u2")}), (Outcomes{Outcome::retry, Outcome::done}));
}

class AnalyticsStageTest : public testing::Test {
 protected:
  ManualClock clock;
  FakeAnalyticsStore store;
  std::unique_ptr<Stage> stage = make_analytics_stage(store, clock);
};

TEST_F(AnalyticsStageTest, EventsAreRecordedInOneCallWithTheOffsets) {
  EXPECT_EQ(run(*stage, {analytics_event("a1", "ann"), analytics_event("b1", "bob")}),
            (Outcomes{Outcome::done, Outcome::done}));
  EXPECT_EQ(store.calls(), 1);
  EXPECT_EQ(store.through(), kThrough);
  const AnalyticsEvent row = store.rows().at("a1");
  EXPECT_EQ(row.user_id, "ann");
  EXPECT_EQ(row.event_type, "click");
  EXPECT_EQ(row.processed_at, clock.now());
  EXPECT_EQ(row.metadata, Json::object());
}

TEST_F(AnalyticsStageTest, WithoutATimestampTheEventsTimeCounts) {
  run(*stage, {analytics_event("a1", "ann")});
  EXPECT_EQ(store.rows().at("a1").timestamp, "2026-05-28T20:26:40.000Z");
}

TEST_F(AnalyticsStageTest, TheClientsTimestampIsKeptAsWritten) {
  Event event = analytics_event("a1", "ann");
  event.data = R"({"user_id":"ann","event_type":"click","timestamp":"2026-01-02T03:04:05+02:00"})";
  run(*stage, {event});
  EXPECT_EQ(store.rows().at("a1").timestamp, "2026-01-02T03:04:05+02:00");
}

TEST_F(AnalyticsStageTest, MetadataIsKeptAsTheClientWroteIt) {
  Event event = analytics_event("a1", "ann");
  event.data =
      R"({"user_id":"ann","event_type":"buy","m\u0065tadata":{"price":1.10,"n":12345678901234567890123}})";
  run(*stage, {event});
  EXPECT_EQ(dump(store.rows().at("a1").metadata), R"({"price":1.10,"n":12345678901234567890123})");
}

TEST_F(AnalyticsStageTest, ARowIsOfTheEventsTime) {
  Event before = analytics_event("a1", "ann");
  before.time = clock.now() - std::chrono::hours(48);
  run(*stage, {before});
  EXPECT_EQ(store.rows().at("a1").time, before.time);
}

TEST_F(AnalyticsStageTest, BadDataIsDeadAndSaysWhere) {
  Event event = analytics_event("a1", "ann");
  event.data = R"({"user_id":"ann","event_type":"click","metadata":[]})";
  const std::vector<StageInput> inputs{{event, {"some.events", 0, 0}}};
  const auto results = stage->process(inputs, {});
  ASSERT_EQ(results[0].outcome, Outcome::dead);
  EXPECT_EQ(results[0].cause_class, "schema");
  EXPECT_EQ(results[0].cause, "/metadata must be an object");
}

TEST_F(AnalyticsStageTest, AStoreThatIsDownIsAnOutageForAllButTheDead) {
  store.fail_next(1, {ErrorKind::unavailable, "down", {}, {}, {}});
  Event broken = analytics_event("x", "xan");
  broken.data = "[]";
  EXPECT_EQ(run(*stage, {analytics_event("a1", "ann"), broken}),
            (Outcomes{Outcome::outage, Outcome::dead}));
}

TEST_F(AnalyticsStageTest, ARowThatTheStoreRefusesFailsAlone) {
  store.refuse("b1");
  EXPECT_EQ(run(*stage, {analytics_event("a1", "ann"), analytics_event("b1", "bob"),
                         analytics_event("c1", "cid")}),
            (Outcomes{Outcome::done, Outcome::retry, Outcome::done}));
  EXPECT_EQ(store.rows().size(), 2u);
  EXPECT_TRUE(store.through().empty()) << "offsets of an event that is not recorded";
}

// A reader that is told that the event counts must not be given what was kept before.
TEST_F(AnalyticsStageTest, WhatMayHaveBeenRecordedIsForgottenInTheCache) {
  FakeReadCache cache;
  const auto cached = make_analytics_stage(store, clock, &cache);
  run(*cached,
      {analytics_event("a1", "ann"), analytics_event("b1", "bob"), analytics_event("a2", "ann")});
  EXPECT_EQ(cache.forgotten(),
            (std::vector<std::vector<std::string>>{{"acme/analytics/ann", "acme/analytics/bob"}}));
  store.fail_next(1, {ErrorKind::uncertain, "the answer to the commit was lost", {}, {}, {}});
  run(*cached, {analytics_event("c1", "cid")});
  EXPECT_EQ(cache.forgotten().back(), (std::vector<std::string>{"acme/analytics/cid"}));
}

class ChemicalStageTest : public testing::Test {
 protected:
  ManualClock clock;
  FakeExtractor extractor;
  FakeChemicalStore store;
  std::unique_ptr<Stage> stage = make_chemical_stage(extractor, store, clock);
};

TEST_F(ChemicalStageTest, WhatTheExtractorSaysIsRecorded) {
  EXPECT_EQ(run(*stage, {chemical_event("c1", "M-1")}), (Outcomes{Outcome::done}));
  const ChemicalEvent row = store.rows().at("c1");
  EXPECT_EQ(row.llm_properties, (Json{{"of", "M-1"}}));
  EXPECT_EQ(dump(row.data), R"({"formula":"H2O"})");
  EXPECT_EQ(store.through(), kThrough);
}

TEST_F(ChemicalStageTest, WhatCanNeverBeExtractedIsDead) {
  extractor.fail_next(1, ErrorKind::unprocessable);
  EXPECT_EQ(run(*stage, {chemical_event("c1", "M-1"), chemical_event("c2", "M-2")}),
            (Outcomes{Outcome::dead, Outcome::done}));
}

TEST_F(ChemicalStageTest, OtherFailuresAreRetriedAndHoldBackTheirMolecule) {
  extractor.fail_next(1, ErrorKind::internal);
  EXPECT_EQ(run(*stage, {chemical_event("c1", "M-1"), chemical_event("c2", "M-1"),
                         chemical_event("c3", "M-2")}),
            (Outcomes{Outcome::retry, Outcome::retry, Outcome::done}));
  EXPECT_FALSE(store.rows().contains("c2"));
}

TEST_F(ChemicalStageTest, AnOutageKeepsWhatWasExtractedBesideIt) {
  const std::vector<Event> events{chemical_event("c1", "M-1"), chemical_event("c2", "M-2"),
                                  chemical_event("c3", "M-3")};
  run(*stage, {events[0]});
  extractor.fail_next(1, ErrorKind::unavailable);
  EXPECT_EQ(run(*stage, {events[1], events[2]}), (Outcomes{Outcome::outage, Outcome::done}));
  EXPECT_EQ(extractor.calls(), 2) << "once for all of a batch";
  EXPECT_EQ(store.rows().size(), 2u);
}

}  // namespace
}  // namespace mesh::pipeline
