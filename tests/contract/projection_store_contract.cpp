#include "tests/contract/projection_store_contract.h"

#include <gmock/gmock.h>

#include <thread>

namespace mesh::test {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

const TopicPartition kPartition{"analytics.events", 0};

AnalyticsEvent analytics(std::string id, const TenantId& tenant, std::string user, std::string type,
                         std::string source = "/app") {
  return {std::move(id),
          std::move(source),
          tenant,
          std::move(user),
          std::move(type),
          "2026-01-01T10:00:00+02:00",
          {{"page", "/home"}, {"n", 1.5}},
          Timestamp{std::chrono::milliseconds(1'767'225'600'123)}};
}

ChemicalEvent chemical(std::string id, const TenantId& tenant, std::string researcher,
                       std::string molecule, std::string source = "/lab") {
  return {std::move(id),
          std::move(source),
          tenant,
          std::move(molecule),
          std::move(researcher),
          "2026-01-01T10:00:00Z",
          {{"formula", "H2O"}},
          {{"molar_mass", 18.015}},
          Timestamp{std::chrono::milliseconds(1'767'225'600'123)}};
}

template <typename Event>
std::vector<std::string> event_ids(const Result<std::vector<Event>>& events) {
  std::vector<std::string> out;
  for (const Event& event : events.value()) out.push_back(event.id);
  return out;
}

}  // namespace

TEST_P(AnalyticsStoreContract, ARecordedEventIsReadBackWhole) {
  const auto written = analytics("0198c9a0-7c00-7000-8000-00000000abcd", kAcme, "u1", "click");
  ASSERT_TRUE(succeeds(store_->analytics().record(std::span(&written, 1), {{kPartition, 1}})));
  store_->reopen();
  auto read = store_->analytics().recent(kAcme, "u1", 10);
  ASSERT_TRUE(succeeds(read));
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ(dump(to_json(read->front())), dump(to_json(written)));
  EXPECT_EQ(read->front().tenant, kAcme);
  EXPECT_EQ(read->front().source, "/app");
}

TEST_P(AnalyticsStoreContract, OneEventIsKnownByItsTenantSourceAndId) {
  const auto written = analytics("0198c9a0-7c00-7000-8000-00000000abcd", kAcme, "u1", "click");
  ASSERT_TRUE(succeeds(store_->analytics().record(std::span(&written, 1), {})));
  const auto recorded = [&](const TenantId& tenant, const char* source, const std::string& id) {
    return store_->analytics().recorded(tenant, source, id).value();
  };
  EXPECT_EQ(recorded(kAcme, "/app", written.id), written.processed_at);
  EXPECT_EQ(recorded(kGlobex, "/app", written.id), std::nullopt);
  EXPECT_EQ(recorded(kAcme, "/other", written.id), std::nullopt);
  EXPECT_EQ(recorded(kAcme, "/app", "other"), std::nullopt);
  EXPECT_EQ(store_->chemical().recorded(kAcme, "/app", written.id).value(), std::nullopt);
}

TEST_P(AnalyticsStoreContract, ForeignEventIdsAreKeptAsTheyAre) {
  // A UUID in upper case, one of its length, texts of 16 and 17 bytes, and one with dashes astray.
  const std::vector<std::string> written = {"0198C9A0-7C00-7000-8000-00000000ABCD",
                                            "0198c9a0-7c00-7000-8000-00000000abcx",
                                            "sixteen bytes id",
                                            "seventeen bytes..",
                                            "0198c9a07c00-7000-8000-0000-0000abcd",
                                            "e"};
  for (const auto& id : written) {
    const auto event = analytics(id, kAcme, "u1", "click");
    ASSERT_TRUE(store_->analytics().record(std::span(&event, 1), {}));
  }
  auto read = event_ids(store_->analytics().recent(kAcme, "u1", 10));
  std::reverse(read.begin(), read.end());
  EXPECT_EQ(read, written);
}

TEST_P(AnalyticsStoreContract, TheSummaryCountsByType) {
  const std::vector<AnalyticsEvent> events = {
      analytics("1", kAcme, "u1", "view"), analytics("2", kAcme, "u1", "click"),
      analytics("3", kAcme, "u1", "view"), analytics("4", kAcme, "u2", "view")};
  ASSERT_TRUE(store_->analytics().record(events, {}));
  auto summary = store_->analytics().summary(kAcme, "u1");
  ASSERT_TRUE(succeeds(summary));
  EXPECT_EQ(summary->user_id, "u1");
  EXPECT_EQ(summary->total_events, 3);
  EXPECT_THAT(summary->event_types, ElementsAre(Pair("click", 1), Pair("view", 2)));
  ASSERT_EQ(summary->recent_events.size(), 3u);
  EXPECT_EQ(summary->recent_events[0].id, "3");
}

TEST_P(AnalyticsStoreContract, AnEventRecordedBeforeChangesNothing) {
  const std::vector<AnalyticsEvent> first = {analytics("1", kAcme, "u1", "view"),
                                             analytics("2", kAcme, "u1", "view")};
  const std::vector<AnalyticsEvent> again = {analytics("2", kAcme, "u1", "other"),
                                             analytics("3", kAcme, "u1", "view"),
                                             analytics("3", kAcme, "u1", "view")};
  ASSERT_TRUE(store_->analytics().record(first, {}));
  ASSERT_TRUE(store_->analytics().record(again, {}));
  auto summary = store_->analytics().summary(kAcme, "u1");
  EXPECT_EQ(summary->total_events, 3);
  EXPECT_THAT(summary->event_types, ElementsAre(Pair("view", 3)));
}

TEST_P(AnalyticsStoreContract, TheSameIdFromAnotherSourceIsAnotherEvent) {
  const std::vector<AnalyticsEvent> events = {analytics("1", kAcme, "u1", "view", "/a"),
                                              analytics("1", kAcme, "u1", "view", "/b"),
                                              analytics("1", kAcme, "u1", "view", "/a")};
  ASSERT_TRUE(store_->analytics().record(events, {}));
  ASSERT_TRUE(store_->analytics().record(events, {}));
  EXPECT_EQ(store_->analytics().summary(kAcme, "u1")->total_events, 2);
  auto read = store_->analytics().recent(kAcme, "u1", 10);
  ASSERT_THAT(event_ids(read), ElementsAre("1", "1"));
  EXPECT_EQ(read->at(0).source, "/b");
  EXPECT_EQ(read->at(1).source, "/a");
}

TEST_P(AnalyticsStoreContract, TheSameIdInAnotherTenantIsAnotherEvent) {
  const std::vector<AnalyticsEvent> events = {analytics("1", kAcme, "u1", "view"),
                                              analytics("1", kGlobex, "u1", "view")};
  ASSERT_TRUE(store_->analytics().record(events, {}));
  EXPECT_EQ(store_->analytics().summary(kAcme, "u1")->total_events, 1);
  EXPECT_EQ(store_->analytics().summary(kGlobex, "u1")->total_events, 1);
}

TEST_P(AnalyticsStoreContract, NoMethodShowsEventsOfAnotherTenant) {
  const std::vector<AnalyticsEvent> events = {analytics("1", kAcme, "u1", "view"),
                                              analytics("2", kGlobex, "u1", "click"),
                                              analytics("3", kAcme, "only-acme", "view")};
  ASSERT_TRUE(store_->analytics().record(events, {}));
  EXPECT_THAT(event_ids(store_->analytics().recent(kGlobex, "u1", 10)), ElementsAre("2"));
  EXPECT_THAT(store_->analytics().summary(kGlobex, "u1")->event_types,
              ElementsAre(Pair("click", 1)));
  EXPECT_TRUE(
      fails_with(store_->analytics().recent(kGlobex, "only-acme", 10), ErrorKind::not_found));
  EXPECT_TRUE(fails_with(store_->analytics().summary(kGlobex, "only-acme"), ErrorKind::not_found));
}

TEST_P(AnalyticsStoreContract, RecentIsNewestFirstUpToALimit) {
  std::vector<AnalyticsEvent> events;
  for (int i = 0; i < 15; ++i) {
    events.push_back(analytics(std::to_string(i), kAcme, i % 5 == 4 ? "u2" : "u1", "view"));
  }
  ASSERT_TRUE(store_->analytics().record(events, {}));
  EXPECT_THAT(event_ids(store_->analytics().recent(kAcme, "u1", 3)), ElementsAre("13", "12", "11"));
  EXPECT_THAT(event_ids(store_->analytics().recent(kAcme, "u2", 10)), ElementsAre("14", "9", "4"));
  EXPECT_EQ(store_->analytics().summary(kAcme, "u1")->recent_events.size(), 10u);
}

// A backfill's events came first, however long ago they happened.
TEST_P(AnalyticsStoreContract, NewestFirstGoesByTheEventsTimeThenByRecording) {
  std::vector<AnalyticsEvent> events;
  for (const auto& [id, hour] :
       {std::pair{"noon", 12}, {"night", 0}, {"evening", 20}, {"noon again", 12}}) {
    events.push_back(analytics(id, kAcme, "u1", "view"));
    events.back().time = Timestamp{} + std::chrono::hours(hour);
  }
  for (const auto& event : events) {
    ASSERT_TRUE(store_->analytics().record(std::span(&event, 1), {}));
  }
  store_->reopen();
  const auto read = store_->analytics().recent(kAcme, "u1", 10);
  EXPECT_THAT(event_ids(read), ElementsAre("evening", "noon again", "noon", "night"));
  EXPECT_EQ(read->front().time, events[2].time);
  EXPECT_EQ(store_->analytics().summary(kAcme, "u1")->recent_events[0].id, "evening");
}

TEST_P(AnalyticsStoreContract, MetadataIsReadBackAsItWasWritten) {
  auto event = analytics("1", kAcme, "u1", "view");
  event.metadata = raw_json(R"({"price":1.10,"n":12345678901234567890123})");
  ASSERT_TRUE(store_->analytics().record(std::span(&event, 1), {}));
  const auto read = store_->analytics().recent(kAcme, "u1", 1);
  ASSERT_TRUE(succeeds(read));
  EXPECT_EQ(dump(read->front().metadata), R"({"price":1.10,"n":12345678901234567890123})");
}

TEST_P(AnalyticsStoreContract, NamesAreComparedInOneNormalForm) {
  const std::string composed = "jos\u00e9", decomposed = "jose\u0301";
  ASSERT_TRUE(
      store_->analytics().record(std::vector{analytics("a", kAcme, composed, "caf\u00e9"),
                                             analytics("b", kAcme, decomposed, "cafe\u0301")},
                                 {}));
  for (const auto& name : {composed, decomposed}) {
    const auto summary = store_->analytics().summary(kAcme, name);
    ASSERT_TRUE(succeeds(summary));
    EXPECT_EQ(summary->total_events, 2);
    EXPECT_THAT(summary->event_types, ElementsAre(Pair("caf\u00e9", 2)));
    EXPECT_THAT(event_ids(store_->analytics().recent(kAcme, name, 10)), ElementsAre("b", "a"));
  }
  ASSERT_TRUE(store_->chemical().record(std::vector{chemical("a", kAcme, composed, "\u00e9"),
                                                    chemical("b", kAcme, decomposed, "e\u0301")},
                                        {}));
  const auto researcher = store_->chemical().summary(kAcme, decomposed);
  ASSERT_TRUE(succeeds(researcher));
  EXPECT_EQ(researcher->total_experiments, 2);
  EXPECT_THAT(researcher->molecules, ElementsAre("\u00e9"));
}

TEST_P(AnalyticsStoreContract, AUserWithoutEventsIsNotFound) {
  EXPECT_TRUE(fails_with(store_->analytics().recent(kAcme, "u1", 10), ErrorKind::not_found));
  EXPECT_TRUE(fails_with(store_->analytics().summary(kAcme, "u1"), ErrorKind::not_found));
}

TEST_P(AnalyticsStoreContract, BatchesFromManyThreadsAreAllCounted) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int batch = 0; batch < 10; ++batch) {
        std::vector<AnalyticsEvent> events;
        for (int i = 0; i < 10; ++i) {
          // Every id comes from two threads.
          events.push_back(analytics(std::to_string((t / 2 * 10 + batch) * 10 + i), kAcme, "u1",
                                     i % 2 ? "view" : "click"));
        }
        ASSERT_TRUE(store_->analytics().record(events, {}));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(store_->analytics().summary(kAcme, "u1")->event_types,
              ElementsAre(Pair("click", 100), Pair("view", 100)));
}

TEST_P(ChemicalStoreContract, ARecordedEventIsReadBackWhole) {
  const auto written = chemical("e1", kAcme, "Dr. Jane Smith", "mol-1");
  ASSERT_TRUE(succeeds(store_->chemical().record(std::span(&written, 1), {{kPartition, 1}})));
  store_->reopen();
  auto read = store_->chemical().recent(kAcme, "Dr. Jane Smith", 10);
  ASSERT_TRUE(succeeds(read));
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ(dump(to_json(read->front())), dump(to_json(written)));
}

TEST_P(ChemicalStoreContract, TheSummaryNamesEachMoleculeOnce) {
  const std::vector<ChemicalEvent> events = {
      chemical("1", kAcme, "jane", "water"), chemical("2", kAcme, "jane", "ethanol"),
      chemical("3", kAcme, "jane", "water"), chemical("4", kAcme, "joe", "benzene")};
  ASSERT_TRUE(store_->chemical().record(events, {}));
  ASSERT_TRUE(store_->chemical().record(events, {}));
  auto summary = store_->chemical().summary(kAcme, "jane");
  ASSERT_TRUE(succeeds(summary));
  EXPECT_EQ(summary->researcher, "jane");
  EXPECT_EQ(summary->total_experiments, 3);
  EXPECT_THAT(summary->molecules, ElementsAre("ethanol", "water"));
  ASSERT_EQ(summary->recent_experiments.size(), 3u);
  EXPECT_EQ(summary->recent_experiments[0].id, "3");
}

TEST_P(ChemicalStoreContract, TheSameIdFromAnotherSourceIsAnotherExperiment) {
  const std::vector<ChemicalEvent> events = {chemical("1", kAcme, "jane", "water", "/a"),
                                             chemical("1", kAcme, "jane", "ethanol", "/b"),
                                             chemical("1", kAcme, "jane", "water", "/a")};
  ASSERT_TRUE(store_->chemical().record(events, {}));
  ASSERT_TRUE(store_->chemical().record(events, {}));
  auto summary = store_->chemical().summary(kAcme, "jane");
  EXPECT_EQ(summary->total_experiments, 2);
  EXPECT_THAT(summary->molecules, ElementsAre("ethanol", "water"));
  ASSERT_EQ(summary->recent_experiments.size(), 2u);
  EXPECT_EQ(summary->recent_experiments[0].source, "/b");
}

TEST_P(ChemicalStoreContract, NoMethodShowsExperimentsOfAnotherTenant) {
  const std::vector<ChemicalEvent> events = {chemical("1", kAcme, "jane", "water"),
                                             chemical("2", kGlobex, "jane", "ethanol")};
  ASSERT_TRUE(store_->chemical().record(events, {}));
  EXPECT_THAT(store_->chemical().summary(kGlobex, "jane")->molecules, ElementsAre("ethanol"));
  EXPECT_THAT(event_ids(store_->chemical().recent(kAcme, "jane", 10)), ElementsAre("1"));
  EXPECT_TRUE(
      fails_with(store_->chemical().recent(tenant("other"), "jane", 10), ErrorKind::not_found));
  EXPECT_TRUE(
      fails_with(store_->chemical().summary(tenant("other"), "jane"), ErrorKind::not_found));
}

TEST_P(ChemicalStoreContract, ProjectionsDoNotSeeEachOthersEvents) {
  const auto view = analytics("1", kAcme, "jane", "view");
  const auto experiment = chemical("1", kAcme, "jane", "water");
  ASSERT_TRUE(store_->analytics().record(std::span(&view, 1), {}));
  EXPECT_TRUE(fails_with(store_->chemical().summary(kAcme, "jane"), ErrorKind::not_found));
  ASSERT_TRUE(store_->chemical().record(std::span(&experiment, 1), {}));
  EXPECT_THAT(store_->chemical().summary(kAcme, "jane")->molecules, ElementsAre("water"));
  EXPECT_EQ(store_->analytics().summary(kAcme, "jane")->total_events, 1);
}

TEST_P(ChemicalStoreContract, RecentIsNewestFirstUpToALimit) {
  std::vector<ChemicalEvent> events;
  for (int i = 0; i < 12; ++i) {
    events.push_back(chemical(std::to_string(i), kAcme, "jane", "m" + std::to_string(i)));
  }
  ASSERT_TRUE(store_->chemical().record(events, {}));
  EXPECT_THAT(event_ids(store_->chemical().recent(kAcme, "jane", 2)), ElementsAre("11", "10"));
  EXPECT_EQ(store_->chemical().summary(kAcme, "jane")->recent_experiments.size(), 10u);
}

}  // namespace mesh::test
