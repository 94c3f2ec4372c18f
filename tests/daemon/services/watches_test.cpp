#include "daemon/services/watches.h"

#include <gtest/gtest.h>

#include "tests/support/fake_engines.h"
#include "tests/support/stream_watcher.h"

namespace mesh::services {
namespace {

class WatchesTest : public ::testing::Test {
 protected:
  struct Watcher : test::Watcher {
    Watches::Open open() {
      return [this] { return stream(); };
    }
  };

  static TenantId tenant(const char* id) { return *TenantId::parse(id); }
  WatchSpec spec(const char* of = "acme", std::string type = "order.placed") {
    return {.tenant = tenant(of),
            .type = std::move(type),
            .query = {1, 0},
            .embedder = e1,
            .min_score = 0.5F};
  }
  static EventDocument document(std::vector<float> vector, const char* of = "acme") {
    EventDocument made{.tenant = tenant(of), .type = "order.placed", .event_id = "id"};
    made.position = {"order.events", 3, 17};
    made.fields.emplace("country", "DE");
    made.vectors.emplace("e1", std::move(vector));
    return made;
  }

  // To those of both kinds.
  std::size_t offer(const EventDocument& document, const Json& hit = Json::object()) {
    return watches.offer(document, hit, WatchKind::filter_alone) +
           watches.offer(document, hit, WatchKind::query);
  }

  std::shared_ptr<Embedder> e1 = std::make_shared<test::FakeEmbedder>("e1", 2);
  Metrics metrics;
  Watches watches{metrics, {.most = 3, .most_of_tenant = 2}};
};

TEST_F(WatchesTest, WhatIsNearTheQueryIsSentWithItsScore) {
  Watcher watcher;
  ASSERT_TRUE(watches.add(spec(), watcher.open()));
  EXPECT_EQ(offer(document({0.75F, 0.5F}), {{"event_id", "id"}}), 1u);
  EXPECT_EQ(offer(document({0.25F, 0.9F}), {{"event_id", "far"}}), 0u);
  const auto events = watcher.read();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].type, "hit");
  EXPECT_EQ(events[0].id, "order.events/3@17");
  EXPECT_EQ(Json::parse(events[0].data), (Json{{"event_id", "id"}, {"score", 0.75}}));
  EXPECT_NE(metrics.expose().find("mesh_watch_hits_total 1"), std::string::npos);
}

TEST_F(WatchesTest, AnotherTenantsEventsAndOtherTypesAreNotSeen) {
  Watcher globex, other_type;
  ASSERT_TRUE(watches.add(spec("globex"), globex.open()));
  ASSERT_TRUE(watches.add(spec("acme", "order.paid"), other_type.open()));
  EXPECT_EQ(offer(document({1, 0})), 0u);
  EXPECT_TRUE(globex.read().empty());
  EXPECT_TRUE(other_type.read().empty());
  EXPECT_TRUE(watches.wanted(tenant("globex"), "order.placed"));
  EXPECT_FALSE(watches.wanted(tenant("acme"), "order.placed"));
}

TEST_F(WatchesTest, FieldsMustMatchToo) {
  Watcher watcher;
  auto german = spec();
  german.filter = {{.field = "country", .values = {"FR"}}};
  ASSERT_TRUE(watches.add(german, watcher.open()));
  EXPECT_EQ(offer(document({1, 0})), 0u);
}

TEST_F(WatchesTest, WithoutAQueryEveryEventIsAHitWithoutAScore) {
  Watcher watcher;
  ASSERT_TRUE(watches.add({.tenant = tenant("acme"), .type = "order.placed"}, watcher.open()));
  auto bare = document({});
  bare.vectors.clear();
  EXPECT_EQ(offer(bare, {{"a", 1}}), 1u);
  EXPECT_EQ(watcher.read().at(0).data, R"({"a":1})");
}

TEST_F(WatchesTest, ATenantHasSoManyAndAllTogetherToo) {
  Watcher all[5];
  ASSERT_TRUE(watches.add(spec(), all[0].open()));
  const auto second = watches.add(spec(), all[1].open());
  ASSERT_TRUE(second);
  const auto third = watches.add(spec(), all[2].open());
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().kind, ErrorKind::rate_limited);
  EXPECT_FALSE(all[2].read().size()) << "no stream was opened";
  ASSERT_TRUE(watches.add(spec("globex"), all[3].open()));
  const auto beyond = watches.add(spec("initech"), all[4].open());
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().kind, ErrorKind::unavailable);
  EXPECT_TRUE(beyond.error().retry_after);
  watches.remove(*second);
  EXPECT_TRUE(watches.add(spec("initech"), all[4].open()));
}

TEST_F(WatchesTest, OneThatIsRemovedSeesNothingAndEnds) {
  Watcher watcher;
  const auto id = watches.add(spec(), watcher.open());
  ASSERT_TRUE(id);
  watches.remove(*id);
  watches.remove(*id);
  EXPECT_EQ(offer(document({1, 0})), 0u);
  EXPECT_TRUE(watcher.read().empty());
  EXPECT_TRUE(watcher.ended);
  EXPECT_EQ(watches.size(), 0u);
}

TEST_F(WatchesTest, OneWhoseStreamIsOverIsForgotten) {
  Watcher watcher;
  ASSERT_TRUE(watches.add(spec(), watcher.open()));
  watcher.queue->end();
  EXPECT_EQ(offer(document({1, 0})), 0u);
  EXPECT_EQ(watches.size(), 0u);
}

TEST_F(WatchesTest, ADocumentWithoutItsVectorIsNoHitAndTheWatchStays) {
  Watcher watcher;
  ASSERT_TRUE(watches.add(spec(), watcher.open()));
  auto other = document({1, 0});
  other.vectors.clear();
  EXPECT_EQ(offer(other), 0u);
  other.vectors.emplace("e2", std::vector<float>{1, 0});
  EXPECT_EQ(offer(other), 0u) << "vectors of another embedder tell nothing of the query";
  EXPECT_EQ(offer(document({1, 0, 0})), 0u) << "nor do those of another size";
  EXPECT_EQ(offer(document({1, 0})), 1u);
}

TEST_F(WatchesTest, EachKindIsOfferedToAlone) {
  Watcher by_query, by_filter;
  ASSERT_TRUE(watches.add(spec(), by_query.open()));
  EXPECT_TRUE(watches.wants_vectors(tenant("acme"), "order.placed"));
  ASSERT_TRUE(watches.add({.tenant = tenant("globex"), .type = "order.placed"}, by_filter.open()));
  EXPECT_FALSE(watches.wants_vectors(tenant("globex"), "order.placed"));
  EXPECT_EQ(watches.offer(document({1, 0}), Json::object(), WatchKind::filter_alone), 0u);
  EXPECT_EQ(watches.offer(document({1, 0}), Json::object(), WatchKind::query), 1u);
  EXPECT_EQ(watches.offer(document({1, 0}, "globex"), Json::object(), WatchKind::query), 0u);
  EXPECT_EQ(watches.offer(document({1, 0}, "globex"), Json::object(), WatchKind::filter_alone), 1u);
}

TEST_F(WatchesTest, WhatWasLoggedBeforeTheWatchIsNotSeen) {
  Watcher watcher;
  auto late = spec();
  late.since = {{{"order.events", 3}, 18}};
  ASSERT_TRUE(watches.add(late, watcher.open()));
  auto made = document({1, 0});
  EXPECT_EQ(offer(made), 0u);
  made.position.offset = 18;
  EXPECT_EQ(offer(made), 1u);
  made.position = {"order.events", 4, 0};
  EXPECT_EQ(offer(made), 1u) << "a partition that came later is new as a whole";
}

TEST_F(WatchesTest, EmbeddersAreThoseOfLiveWatchesEachOnce) {
  Watcher all[3];
  ASSERT_TRUE(watches.add(spec(), all[0].open()));
  ASSERT_TRUE(watches.add(spec("globex"), all[1].open()));
  auto newer = spec();
  newer.embedder = std::make_shared<test::FakeEmbedder>("e2", 2);
  const auto second = watches.add(newer, all[2].open());
  EXPECT_EQ(watches.embedders("order.placed").size(), 2u);
  EXPECT_TRUE(watches.embedders("order.paid").empty());
  watches.remove(*second);
  ASSERT_EQ(watches.embedders("order.placed").size(), 1u);
  EXPECT_EQ(watches.embedders("order.placed")[0]->id(), "e1");
}

TEST_F(WatchesTest, ATenantThatIsClosedIsWatchedNoMore) {
  Watcher acme, paid, globex;
  ASSERT_TRUE(watches.add(spec(), acme.open()));
  ASSERT_TRUE(watches.add(spec("acme", "order.paid"), paid.open()));
  ASSERT_TRUE(watches.add(spec("globex"), globex.open()));
  watches.close(tenant("acme"));
  for (Watcher* ended : {&acme, &paid}) {
    EXPECT_TRUE(ended->read().empty());
    EXPECT_TRUE(ended->ended);
  }
  EXPECT_EQ(watches.size(), 1u);
  EXPECT_EQ(offer(document({1, 0})), 0u);
  EXPECT_EQ(offer(document({1, 0}, "globex")), 1u);
}

}  // namespace
}  // namespace mesh::services
