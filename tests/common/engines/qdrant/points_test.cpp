#include "common/engines/qdrant/points.h"

#include <cmath>

#include "common/base/ids.h"
#include "common/engines/qdrant/bodies.h"
#include "tests/common/engines/qdrant/qdrant_fixture.h"

namespace mesh::qdrant {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

std::vector<std::string> bodies(const std::vector<VectorChange>& changes,
                                std::size_t max_bytes = 16 << 20) {
  const auto newest = newest_of(changes, 2).value();
  return upserts(newest, 2, Timestamp{Duration{1234}}, max_bytes);
}

// Stored points carry it: another one would be another user.
TEST(QdrantPoints, TheIdOfAUserStays) {
  EXPECT_EQ(point_id(tenant("acme"), 7),
            uuid_v5("b64ee3be-1dc6-5d1b-9d0c-6f3a7d8f3f6e", "4:acme:7"));
  EXPECT_NE(point_id(tenant("acme"), 71), point_id(tenant("acme7"), 1));
}

TEST(QdrantPoints, AnUpsertHasPayloadKeysAndGuard) {
  const auto all = bodies({change_of(7, 3, {0.5F, -0.25F})});
  ASSERT_THAT(all, SizeIs(1));
  const auto body = Json::parse(all[0]);
  const auto& point = body["points"][0];
  EXPECT_EQ(point["id"], point_id(tenant("acme"), 7));
  EXPECT_EQ(point["vector"], Json::array({0.5, -0.25}));
  EXPECT_EQ(dump(point["payload"]),
            R"({"tenantId":"acme","userId":7,"eventId":"event","version":3,"email":"7@x.dev",)"
            R"("name":"User 7","emailKey":"7@x.dev","nameKey":"user 7"})");
  EXPECT_EQ(dump(body["update_filter"]), R"({"must":[{"key":"version","range":{"lte":3}}]})");
}

TEST(QdrantPoints, ARemovalBelongsToNoTenant) {
  const auto point = Json::parse(bodies({removal_of(7, 3)})[0])["points"][0];
  EXPECT_EQ(point["vector"], Json::array({0.0, 0.0}));
  EXPECT_EQ(dump(point["payload"]),
            R"({"removedTenantId":"acme","userId":7,"eventId":"event","version":3,)"
            R"("removedAt":1234})");
}

TEST(QdrantPoints, EachVersionGuardsItsOwnUsers) {
  const auto body = Json::parse(bodies({change_of(1, 5), change_of(2, 9), removal_of(3, 5)})[0]);
  const auto& guards = body["update_filter"]["should"];
  ASSERT_THAT(guards, SizeIs(2));
  EXPECT_EQ(guards[0]["must"][0]["range"]["lte"], 5);
  EXPECT_EQ(guards[0]["must"][1]["has_id"],
            Json::array({point_id(tenant("acme"), 1), point_id(tenant("acme"), 3)}));
  EXPECT_EQ(guards[1]["must"][0]["range"]["lte"], 9);
  EXPECT_EQ(guards[1]["must"][1]["has_id"], Json::array({point_id(tenant("acme"), 2)}));
}

TEST(QdrantPoints, OfOneUserTheNewestStaysAndOfEqualOnesTheLast) {
  const std::vector<VectorChange> changes{change_of(1, 2), removal_of(1, 3), change_of(2, 0),
                                          change_of(1, 1), change_of(2, 0, {0, 1})};
  const auto newest = newest_of(changes, 2).value();
  EXPECT_THAT(newest, ElementsAre(&changes[1], &changes[4]));
}

TEST(QdrantPoints, WhatCannotBeStoredIsInvalid) {
  const auto kind = [](const VectorChange& change) {
    return newest_of(std::vector{change_of(1, 1), change}, 2).error().kind;
  };
  EXPECT_EQ(kind(change_of(2, 1, {1})), ErrorKind::invalid);
  EXPECT_EQ(kind(change_of(2, 1, {1, NAN})), ErrorKind::invalid);
  EXPECT_EQ(kind(change_of(2, 1, {1, INFINITY})), ErrorKind::invalid);
  EXPECT_EQ(kind(change_of(2, (std::int64_t{1} << 53) + 1)), ErrorKind::invalid);
  EXPECT_EQ(kind(change_of((std::int64_t{1} << 53) + 1, 1)), ErrorKind::invalid);
  EXPECT_TRUE(newest_of(std::vector{change_of(std::int64_t{1} << 53, 1)}, 2));
}

TEST(QdrantPoints, BodiesStayWithinTheLimitAndLoseNobody) {
  std::vector<VectorChange> changes;
  for (int user = 0; user < 1'200; ++user) changes.push_back(change_of(user, user % 40));
  for (const std::size_t limit : {std::size_t{4'000}, std::size_t{50'000}, std::size_t{16 << 20}}) {
    std::vector<std::string> ids;
    for (const auto& body : bodies(changes, limit)) {
      EXPECT_LE(body.size(), limit);
      const Json json = Json::parse(body);
      for (const auto& point : json["points"]) ids.push_back(point["id"].get<std::string>());
    }
    ASSERT_THAT(ids, SizeIs(changes.size())) << limit;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      EXPECT_EQ(ids[i], point_id(tenant("acme"), static_cast<std::int64_t>(i)));
    }
  }
  EXPECT_THAT(bodies({change_of(1, 1), change_of(2, 1)}, 10), SizeIs(2)) << "one each, at least";
}

TEST(QdrantPoints, EverySearchNamesItsTenant) {
  const std::vector<float> vector{1, 0};
  const auto queries =
      Json::parse(matching_queries(tenant("acme"), vector, 5, 0.5F, SearchText("Ann Lee"), 1'000));
  ASSERT_THAT(queries["searches"], SizeIs(2));
  for (const auto& query : queries["searches"]) {
    EXPECT_EQ(dump(query["filter"]["must"]), R"([{"key":"tenantId","match":{"value":"acme"}}])");
  }
  const auto &best = queries["searches"][0], &exact = queries["searches"][1];
  EXPECT_LT(best["score_threshold"].get<float>(), 0.5F) << "Qdrant leaves out what scores the same";
  EXPECT_FALSE(exact.contains("score_threshold"));
  EXPECT_EQ(exact["limit"], 1'000);
  EXPECT_THAT(dump(exact["filter"]["should"]),
              HasSubstr(R"("nameKey","match":{"value":"ann lee"})"));
}

// The server compares directions alone.
TEST(QdrantPoints, ThresholdsAndScoresAreWeighedByTheQuerysLength) {
  const auto threshold = [](const std::vector<float>& vector, float min_score) {
    return Json::parse(best_query(tenant("acme"), vector, 5, min_score))["score_threshold"]
        .get<double>();
  };
  EXPECT_NEAR(threshold({0, 0.5F}, 0.2F), 0.4, 2e-5);
  EXPECT_NEAR(threshold({0, 2}, 0.2F), 0.1, 2e-5);
  EXPECT_NEAR(threshold({0, 0}, 0.2F), 0.2, 2e-5);
  EXPECT_EQ(threshold({0, 1e-30F}, -1), -2) << "a number, and below all";
  const auto result = Json::parse(
      R"({"points":[{"score":0.5,"payload":{"tenantId":"acme","userId":7,"email":"e","name":"n"}}]})");
  EXPECT_EQ(hits_of(result, tenant("acme"), 1.5).value()[0].score, 0.75F);
  EXPECT_EQ(hits_of(result, tenant("acme"), 2.5).value()[0].score, 1) << "no more";
}

// Removals have no tenantId, so that another member tells whose they were.
TEST(QdrantPoints, OfATenantPointsAndRemovalsAreKept) {
  const std::string whose = R"({"should":[{"key":"tenantId","match":{"value":"acme"}},)"
                            R"({"key":"removedTenantId","match":{"value":"acme"}}]})";
  EXPECT_EQ(drop_kept(tenant("acme"), std::nullopt), R"({"filter":)" + whose + "}");
  EXPECT_EQ(kept_page(tenant("acme"), std::nullopt, "", 9),
            R"({"filter":)" + whose + R"(,"limit":9,"with_payload":["tenantId"]})");
  EXPECT_EQ(kept_of(Json::parse(R"({"points":[{"id":"a","payload":{"tenantId":"acme"}},)"
                                R"({"id":"b","payload":{}}]})"))
                .value(),
            (KeptPoints{1, 1}));
  EXPECT_EQ(Json::parse(kept_page(tenant("acme"), std::nullopt, "an id", 9))["offset"], "an id");
  EXPECT_EQ(removals_index(16),
            R"({"field_name":"removedTenantId","field_schema":{"type":"keyword"}})");
  EXPECT_EQ(
      removals_index(17),
      R"({"field_name":"removedTenantId","field_schema":{"type":"keyword","enable_hnsw":false}})");
}

TEST(QdrantPoints, OfAUserThePointIsKept) {
  EXPECT_EQ(Json::parse(drop_kept(tenant("acme"), 7))["filter"]["must"],
            Json::array({{{"has_id", Json::array({point_id(tenant("acme"), 7)})}}}));
}

TEST(QdrantPoints, APageSaysWhereTheNextOneBegins) {
  EXPECT_EQ(next_page_of(Json::parse(R"({"points":[],"next_page_offset":"an id"})")), "an id");
  EXPECT_EQ(next_page_of(Json::parse(R"({"points":[],"next_page_offset":null})")), "");
  EXPECT_EQ(next_page_of(Json::parse(R"({"points":[]})")), "");
}

}  // namespace
}  // namespace mesh::qdrant
