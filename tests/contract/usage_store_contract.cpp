#include "tests/contract/usage_store_contract.h"

#include <gmock/gmock.h>

#include <thread>

#include "common/base/time.h"

namespace mesh::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const TopicPartition kPartition{"billing.events", 3};

// The clock stands at 2026-01-01T00:00:00Z.
Timestamp at(const char* text) { return parse_rfc3339(text).value(); }
const Timestamp kNewYear = at("2026-01-01T00:00:00Z");

UsageAmounts events(std::int64_t n, std::int64_t bytes = 0) {
  UsageAmounts amounts;
  amounts[UsageKind::events] = n;
  amounts[UsageKind::bytes] = bytes;
  return amounts;
}

UsageIncrement increment(std::string id, const TenantId& tenant, const char* start,
                         UsageAmounts amounts) {
  const auto begun = at(start);
  return {std::move(id), tenant, begun + std::chrono::minutes{1}, begun, 60, "mesh-0", amounts};
}

UsageQuery query(UsageGrain grain, std::optional<TenantId> tenant = {}) {
  return {grain, kNewYear - std::chrono::days{1000}, kNewYear + std::chrono::days{1000},
          std::move(tenant)};
}

constexpr int kAny = 1000;

}  // namespace

TEST_P(UsageStoreContract, AnIncrementIsInItsMinuteItsHourAndItsDay) {
  ASSERT_TRUE(succeeds(record({increment("a", kAcme, "2025-12-31T08:32:00Z", events(3, 300)),
                               increment("b", kAcme, "2025-12-31T08:33:00Z", events(4)),
                               increment("c", kAcme, "2025-12-31T09:00:00Z", events(5))},
                              {{kPartition, 3}})));
  store_->reopen();
  EXPECT_THAT(usage().totals(query(UsageGrain::minute), kAny).value(),
              ElementsAre(UsageTotal{kAcme, at("2025-12-31T08:32:00Z"), events(3, 300)},
                          UsageTotal{kAcme, at("2025-12-31T08:33:00Z"), events(4)},
                          UsageTotal{kAcme, at("2025-12-31T09:00:00Z"), events(5)}));
  EXPECT_THAT(usage().totals(query(UsageGrain::hour), kAny).value(),
              ElementsAre(UsageTotal{kAcme, at("2025-12-31T08:00:00Z"), events(7, 300)},
                          UsageTotal{kAcme, at("2025-12-31T09:00:00Z"), events(5)}));
  EXPECT_THAT(usage().totals(query(UsageGrain::day), kAny).value(),
              ElementsAre(UsageTotal{kAcme, at("2025-12-31T00:00:00Z"), events(12, 300)}));
}

TEST_P(UsageStoreContract, AnIncrementCountsOnceHoweverOftenItComes) {
  const auto one = increment("a", kAcme, "2025-12-31T08:32:00Z", events(3));
  ASSERT_TRUE(succeeds(record({one, one})));
  ASSERT_TRUE(succeeds(record({one})));
  store_->reopen();
  ASSERT_TRUE(succeeds(record({increment("b", kAcme, "2025-12-31T08:32:00Z", events(1)), one})));
  EXPECT_EQ(usage().used(kAcme, at("2025-12-31T00:00:00Z")).value(), events(4));
}

TEST_P(UsageStoreContract, TheSameIdOfAnotherTenantIsAnotherIncrement) {
  ASSERT_TRUE(succeeds(record({increment("a", kAcme, "2025-12-31T08:32:00Z", events(3)),
                               increment("a", kGlobex, "2025-12-31T08:32:00Z", events(5))})));
  EXPECT_EQ(usage().used(kAcme, kNewYear - std::chrono::days{1}).value(), events(3));
  EXPECT_EQ(usage().used(kGlobex, kNewYear - std::chrono::days{1}).value(), events(5));
}

TEST_P(UsageStoreContract, OfALevelTheHighestCounts) {
  const auto stored = [](std::int64_t n) {
    UsageAmounts amounts;
    amounts[UsageKind::stored_users] = n;
    return amounts;
  };
  ASSERT_TRUE(succeeds(record({increment("a", kAcme, "2025-12-31T08:00:00Z", stored(10)),
                               increment("b", kAcme, "2025-12-31T09:00:00Z", stored(12))})));
  ASSERT_TRUE(succeeds(record({increment("c", kAcme, "2025-12-31T10:00:00Z", stored(11))})));
  EXPECT_EQ(usage().used(kAcme, at("2025-12-31T00:00:00Z")).value(), stored(12));
  ASSERT_TRUE(succeeds(record({increment("d", kAcme, "2026-01-01T00:00:00Z", stored(9))})));
  EXPECT_EQ(usage().used(kAcme, at("2025-12-01T00:00:00Z")).value(), stored(12));
}

TEST_P(UsageStoreContract, UsedIsFromTheStartOfTheDayOn) {
  ASSERT_TRUE(succeeds(record({increment("a", kAcme, "2025-12-30T23:59:00Z", events(1)),
                               increment("b", kAcme, "2025-12-31T00:00:00Z", events(2)),
                               increment("c", kAcme, "2026-01-01T00:00:00Z", events(4))})));
  EXPECT_EQ(usage().used(kAcme, at("2026-01-01T17:00:00Z")).value(), events(4));
  EXPECT_EQ(usage().used(kAcme, at("2025-12-31T17:00:00Z")).value(), events(6));
  EXPECT_EQ(usage().used(kAcme, at("2025-12-01T00:00:00Z")).value(), events(7));
  EXPECT_EQ(usage().used(kGlobex, at("2025-12-01T00:00:00Z")).value(), UsageAmounts{});
  EXPECT_EQ(usage().used(kAcme, at("2026-02-01T00:00:00Z")).value(), UsageAmounts{});
}

TEST_P(UsageStoreContract, TotalsAreOfTheTimeAndTheTenantThatWereAskedFor) {
  ASSERT_TRUE(succeeds(record({increment("a", kGlobex, "2025-12-31T08:00:00Z", events(1)),
                               increment("b", kAcme, "2025-12-31T08:00:00Z", events(2)),
                               increment("c", kAcme, "2025-12-31T08:01:00Z", events(4)),
                               increment("d", kAcme, "2025-12-31T08:02:00Z", events(8))})));
  UsageQuery asked{UsageGrain::minute, at("2025-12-31T08:00:00Z"), at("2025-12-31T08:02:00Z"), {}};
  EXPECT_THAT(usage().totals(asked, kAny).value(),
              ElementsAre(UsageTotal{kAcme, at("2025-12-31T08:00:00Z"), events(2)},
                          UsageTotal{kGlobex, at("2025-12-31T08:00:00Z"), events(1)},
                          UsageTotal{kAcme, at("2025-12-31T08:01:00Z"), events(4)}));
  asked.tenant = kGlobex;
  EXPECT_THAT(usage().totals(asked, kAny).value(),
              ElementsAre(UsageTotal{kGlobex, at("2025-12-31T08:00:00Z"), events(1)}));
  asked.tenant = tenant("never-seen");
  EXPECT_THAT(usage().totals(asked, kAny).value(), IsEmpty());
}

TEST_P(UsageStoreContract, MoreTotalsThanTheLimitAreRefused) {
  ASSERT_TRUE(succeeds(record({increment("a", kAcme, "2025-12-31T08:00:00Z", events(1, 2)),
                               increment("b", kAcme, "2025-12-31T08:01:00Z", events(1, 2)),
                               increment("c", kAcme, "2025-12-31T08:02:00Z", events(1, 2))})));
  EXPECT_EQ(usage().totals(query(UsageGrain::minute), 3).value().size(), 3u);
  for (const auto& whose : {std::optional<TenantId>(), std::optional(kAcme)}) {
    EXPECT_TRUE(
        fails_with(usage().totals(query(UsageGrain::minute, whose), 2), ErrorKind::invalid));
  }
}

TEST_P(UsageStoreContract, SumsAreOfATimeAndTheirLimitIsOfSums) {
  UsageAmounts stored;
  stored[UsageKind::stored_users] = 9;
  std::vector<UsageIncrement> many{increment("s", kAcme, "2025-12-31T07:00:00Z", stored),
                                   increment("g", kGlobex, "2025-12-31T08:00:00Z", events(7)),
                                   increment("late", kAcme, "2026-01-02T00:00:00Z", events(1'000))};
  stored[UsageKind::stored_users] = 8;
  many.push_back(increment("t", kAcme, "2025-12-31T08:00:00Z", stored));
  for (int i = 0; i < 30; ++i) {
    many.push_back(
        increment("m" + std::to_string(i), kAcme, "2025-12-31T09:00:00Z", events(1, 10)));
    many.back().period_start += std::chrono::minutes{i};
  }
  ASSERT_TRUE(succeeds(record(many)));
  UsageQuery asked{UsageGrain::minute, at("2025-12-31T00:00:00Z"), kNewYear, {}};
  const UsageSum acme[] = {{kAcme, UsageKind::events, 30},
                           {kAcme, UsageKind::bytes, 300},
                           {kAcme, UsageKind::stored_users, 9}};
  // Of 33 totals there are four sums.
  EXPECT_THAT(usage().sums(asked, 4).value(),
              ElementsAre(acme[0], acme[1], acme[2], UsageSum{kGlobex, UsageKind::events, 7}));
  const auto refused = usage().sums(asked, 3);
  ASSERT_TRUE(fails_with(refused, ErrorKind::invalid));
  EXPECT_EQ(refused.error().message, "more than 3 sums: ask for one tenant");
  asked.tenant = kAcme;
  EXPECT_THAT(usage().sums(asked, 3).value(), ElementsAre(acme[0], acme[1], acme[2]));
  EXPECT_TRUE(fails_with(usage().sums(asked, 2), ErrorKind::invalid));
  asked.tenant = tenant("never-seen");
  EXPECT_THAT(usage().sums(asked, 3).value(), IsEmpty());
}

TEST_P(UsageStoreContract, WhatIsTooOldGoesMinutesFirstAndDaysStay) {
  ASSERT_TRUE(succeeds(record({increment("a", kAcme, "2025-12-31T08:32:00Z", events(3))})));
  clock_.advance(std::chrono::days{3});
  ASSERT_TRUE(succeeds(record({}, {{kPartition, 1}})));
  EXPECT_THAT(usage().totals(query(UsageGrain::minute), kAny).value(), IsEmpty());
  EXPECT_EQ(usage().totals(query(UsageGrain::hour), kAny).value().size(), 1u);
  clock_.advance(std::chrono::days{90});
  ASSERT_TRUE(succeeds(record({}, {{kPartition, 2}})));
  EXPECT_THAT(usage().totals(query(UsageGrain::hour), kAny).value(), IsEmpty());
  EXPECT_EQ(usage().used(kAcme, at("2025-12-31T00:00:00Z")).value(), events(3));
}

TEST_P(UsageStoreContract, IdsAreKnownForAsLongAsIncrementsAreTaken) {
  const auto one = increment("a", kAcme, "2025-12-31T23:58:00Z", events(3));
  ASSERT_TRUE(succeeds(record({one})));
  clock_.advance(kUsageTakenFor);
  ASSERT_TRUE(succeeds(record({one})));
  EXPECT_EQ(usage().used(kAcme, at("2025-12-31T00:00:00Z")).value(), events(3));
  clock_.advance(std::chrono::days{2});
  ASSERT_TRUE(succeeds(record({}, {{kPartition, 1}})));
  ASSERT_TRUE(succeeds(record({one})));
  EXPECT_EQ(usage().used(kAcme, at("2025-12-31T00:00:00Z")).value(), events(6))
      << "the ids are not kept for ever";
}

TEST_P(UsageStoreContract, IncrementsFromManyThreadsAreAllCounted) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      for (int i = 0; i < 25; ++i) {
        const std::string id = std::to_string(thread) + "-" + std::to_string(i);
        // Two of each, in both orders of the tenants.
        auto some = std::vector{increment(id, kAcme, "2025-12-31T08:32:00Z", events(1)),
                                increment(id, kGlobex, "2025-12-31T08:32:00Z", events(2))};
        if (thread % 2 == 1) std::swap(some[0], some[1]);
        EXPECT_TRUE(succeeds(record(some)));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(usage().used(kAcme, kNewYear - std::chrono::days{1}).value(), events(100));
  EXPECT_EQ(usage().used(kGlobex, kNewYear - std::chrono::days{1}).value(), events(200));
}

TEST_P(UsageStoreContract, WhatIsStoredIsCountedByTenant) {
  const auto on = [] { return true; };
  EXPECT_THAT(usage().stored(on).value(), IsEmpty());
  ASSERT_TRUE(succeeds(create(store_->users(), kGlobex, "a@globex.dev", "Zo\u00eb")));
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "a@acme.dev")));
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "b@acme.dev")));
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "c@acme.dev")));
  ASSERT_TRUE(succeeds(remove(store_->users(), kAcme, 1)));
  // Two of ten bytes and a name of five; one of twelve and a name of four, whose last letter is
  // two.
  EXPECT_THAT(usage().stored(on).value(),
              ElementsAre(Pair(kAcme, Stored{2, 30}), Pair(kGlobex, Stored{1, 16})));
  const std::vector<AnalyticsEvent> views{{.id = "1",
                                           .source = "/shop",
                                           .tenant = kAcme,
                                           .user_id = "u1",
                                           .event_type = "view",
                                           .timestamp = "2025-12-31T08:32:00Z",
                                           .metadata = {{"page", "\u00e9"}}}};
  ASSERT_TRUE(succeeds(store_->analytics().record(views, {})));
  const std::vector<ChemicalEvent> experiments{{.id = "1",
                                                .source = "/lab",
                                                .tenant = tenant("initech"),
                                                .molecule_id = "caffeine",
                                                .researcher = "Marie Curie",
                                                .timestamp = "2025-12-31T08:32:00Z",
                                                .data = {{"n", 10}},
                                                .llm_properties = {{"ring", true}}}};
  ASSERT_TRUE(succeeds(store_->chemical().record(experiments, {})));
  // {"page":"é"} has 13 bytes; {"n":10} has 8, {"ring":true} 13.
  EXPECT_THAT(usage().stored(on).value(),
              ElementsAre(Pair(kAcme, Stored{2, 43}), Pair(kGlobex, Stored{1, 16}),
                          Pair(tenant("initech"), Stored{0, 21})));
}

// They were counted by one statement, which ran out of time where there were millions.
TEST_P(UsageStoreContract, ACountOfManyUsersHasThemAllAndCanBeEnded) {
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "a@acme.dev", "Al")));
  ASSERT_TRUE(succeeds(create(store_->users(), kGlobex, "a@globex.dev", "Al")));
  std::vector<StoredRow> rows;
  for (std::int64_t id = 2; id < 10'002; ++id) {
    const std::string email = std::to_string(10'000 + id);
    for (const char* tenant : {"acme", "globex"}) {
      rows.push_back({tenant, id, std::int64_t{1}, email, email, "A"});
    }
  }
  ASSERT_TRUE(succeeds(store_->stores().transfer().write(stored_table(stored::kUsers), rows)));
  int parts = 0;
  const auto on = [&] {
    ++parts;
    return true;
  };
  EXPECT_THAT(usage().stored(on).value(), ElementsAre(Pair(kAcme, Stored{10'001, 60'012}),
                                                      Pair(kGlobex, Stored{10'001, 60'014})));
  EXPECT_EQ(parts, 5) << "three with users, their end, and no events";
  const auto ended = usage().stored([&] { return --parts > 3; });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().kind, ErrorKind::unavailable);
}

TEST_P(UsageStoreContract, ACountOfManyEventsHasThemAllAndCanBeEnded) {
  std::vector<AnalyticsEvent> events;
  for (int i = 0; i < 10'001; ++i) {
    events.push_back({.id = std::to_string(i),
                      .source = "/shop",
                      .tenant = i % 2 == 0 ? kAcme : kGlobex,
                      .user_id = "u1",
                      .event_type = "view",
                      .timestamp = "2025-12-31T08:32:00Z",
                      .metadata = Json::object()});
  }
  ASSERT_TRUE(succeeds(store_->analytics().record(events, {})));
  int parts = 0;
  EXPECT_THAT(usage()
                  .stored([&] {
                    ++parts;
                    return true;
                  })
                  .value(),
              ElementsAre(Pair(kAcme, Stored{0, 10'002}), Pair(kGlobex, Stored{0, 10'000})));
  EXPECT_EQ(parts, 4) << "no users, two with events, and their end";
  const auto ended = usage().stored([&] { return --parts > 1; });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().kind, ErrorKind::unavailable);
}

}  // namespace mesh::test
