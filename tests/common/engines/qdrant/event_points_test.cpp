#include "common/engines/qdrant/event_points.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace mesh::qdrant {
namespace {

using Op = Condition::Op;

TenantId acme() { return TenantId::parse("acme").value(); }

EventDocument placed(const std::string& id, FieldValues fields = {}) {
  return {.tenant = acme(),
          .type = "order.placed",
          .event_id = id,
          .subject = "7",
          .position = {"order.events", 3, 17},
          .time = Timestamp{Duration{5}},
          .title = "An order",
          .fields = std::move(fields),
          .terms = terms_of("red red chair"),
          .vectors = {{"words", {1, 0}}}};
}

Json filter_by(EventFilter filter) {
  return event_filter(acme(),
                      {.type = "order.placed", .filter = std::move(filter), .from = {}, .to = {}})
      .value();
}

TEST(EventPoints, FieldsOfAnyNameAndKindAreToldApart) {
  const auto document =
      placed("e1", {{"a", "b=c"}, {"a=b", "c"}, {"size", "10"}, {"size", 10.0}, {"m.\"x\"", -0.0}});
  const std::vector<const EventDocument*> documents{&document};
  const auto bodies = event_upserts(documents, "words", 1 << 20);
  ASSERT_EQ(bodies.size(), 1u);
  const auto payload = Json::parse(bodies[0])["points"][0]["payload"];
  EXPECT_EQ(payload["values"],
            Json::parse(R"(["1:a=b=c","3:a=b=c","5:m.\"x\"#0","4:size=10","4:size#10"])"));
  EXPECT_EQ(payload["numbers"], Json::parse(R"({"m_2e_22x_22":[0.0],"size":[10.0]})"));
  EXPECT_EQ(payload["partition"], "order.events/3");
}

TEST(EventPoints, FiltersAreOfTheTenantFirst) {
  EXPECT_EQ(filter_by({{"country", Op::equal, {"DE", "AT"}},
                       {"size", Op::unequal, {"10", 10.0}},
                       {"meta.total", Op::at_least, {2.5}}}),
            Json::parse(R"({"must":[{"key":"tenantId","match":{"value":"acme"}},
              {"key":"values","match":{"any":["7:country=DE","7:country=AT"]}},
              {"key":"numbers.meta_2etotal","range":{"gte":2.5}}],
              "must_not":[{"key":"values","match":{"any":["4:size=10","4:size#10"]}}]})"));
}

TEST(EventPoints, WhatNothingCanPassIsNotAskedFor) {
  EventScope scope{"order.placed"};
  scope.filter = {{"size", Op::less, {"many"}}};
  EXPECT_FALSE(event_filter(acme(), scope));
  scope.filter = {{"size", Op::equal, {}}};
  EXPECT_FALSE(event_filter(acme(), scope));
  scope.filter = {{"size", Op::unequal, {}}};
  EXPECT_TRUE(event_filter(acme(), scope));
}

TEST(EventPoints, TermsCarryTheirPartOfBm25) {
  const auto document = placed("e1");
  const std::vector<const EventDocument*> documents{&document};
  const auto words =
      Json::parse(event_upserts(documents, "words", 1 << 20)[0])["points"][0]["vector"]["words"];
  ASSERT_EQ(words["indices"].size(), 2u);
  // With N = n(t) = 1, the idf that the server multiplies with.
  const double idf = std::log(1 + 0.5 / 1.5);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& term = document.terms.terms[i];
    EXPECT_EQ(words["indices"][i], term.id);
    EXPECT_NEAR(words["values"][i].get<double>() * idf, bm25(1, 1, term.count, 3, kAverageLength),
                1e-6);
  }
}

TEST(EventPoints, AnEventWithoutWordsHasNoSuchVector) {
  auto document = placed("e1");
  document.terms = {};
  const std::vector<const EventDocument*> documents{&document};
  const auto point = Json::parse(event_upserts(documents, "words", 1 << 20)[0])["points"][0];
  EXPECT_EQ(point["vector"], Json::parse(R"({"meaning":[1.0,0.0]})"));
}

TEST(EventPoints, BodiesKeepTheirBound) {
  std::vector<EventDocument> documents;
  for (int i = 0; i < 20; ++i) documents.push_back(placed("e" + std::to_string(i)));
  std::vector<const EventDocument*> all;
  for (const auto& document : documents) all.push_back(&document);
  const std::size_t one = event_upserts({all.data(), 1}, "words", 1)[0].size();
  const auto bodies = event_upserts(all, "words", 5 * one);
  EXPECT_GT(bodies.size(), 3u);
  std::size_t points = 0;
  for (const auto& body : bodies) {
    EXPECT_LE(body.size(), 5 * one);
    points += Json::parse(body)["points"].size();
  }
  EXPECT_EQ(points, 20u);
}

TEST(EventPoints, IdsAreOfTheTenantToo) {
  const auto a = TenantId::parse("a").value();
  EXPECT_NE(event_point_id(acme(), "e1"), event_point_id(a, "e1"));
  EXPECT_EQ(event_point_id(acme(), "e1"), event_point_id(acme(), "e1"));
}

TEST(EventPoints, APointOfAnotherTenantOrOfNoMeshIsCorrupt) {
  const auto document = placed("e1", {{"country", "DE"}});
  const std::vector<const EventDocument*> documents{&document};
  auto point = Json::parse(event_upserts(documents, "words", 1 << 20)[0])["points"][0];
  point["score"] = 0.5;
  const auto result = [](const Json& one) { return Json{{"points", Json::array({one})}}; };
  const auto hits = event_hits_of(result(point), acme(), 2);
  ASSERT_TRUE(hits) << hits.error().to_string();
  EXPECT_EQ((*hits)[0].position, document.position);
  EXPECT_EQ((*hits)[0].fields, document.fields);
  EXPECT_EQ((*hits)[0].score, 1);
  const auto other = TenantId::parse("globex").value();
  EXPECT_EQ(event_hits_of(result(point), other, 1).error().kind, ErrorKind::corrupt);
  point["payload"].erase("partition");
  EXPECT_EQ(event_hits_of(result(point), acme(), 1).error().kind, ErrorKind::corrupt);
}

TEST(EventPoints, RarityIsAskedOfTheTenantWhereTheServerCan) {
  const auto filter = filter_by({});
  const auto asked = [&](bool own) {
    return Json::parse(matching_events(acme(), filter, terms_of("chair"), 5, own));
  };
  EXPECT_EQ(asked(true)["params"]["idf"]["corpus"], filter);
  EXPECT_FALSE(asked(false).contains("params"));
  EXPECT_EQ(asked(false)["query"]["values"], Json::array({1.0}));
}

}  // namespace
}  // namespace mesh::qdrant
