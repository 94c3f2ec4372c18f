#include "daemon/pipeline/generations/compare.h"

#include <gmock/gmock.h>

#include "common/engines/hybrid/hybrid_embedder.h"
#include "tests/support/fake_engines.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using testing::SizeIs;

std::vector<SearchHit> hits(std::initializer_list<std::int64_t> users) {
  std::vector<SearchHit> all;
  for (const auto user : users) all.push_back({user, TenantId::parse("acme").value(), 0, "", ""});
  return all;
}

TEST(KendallTau, IsOneForOneOrderAndMinusOneForItsReverse) {
  EXPECT_EQ(kendall_tau(hits({1, 2, 3}), hits({1, 2, 3})), 1);
  EXPECT_EQ(kendall_tau(hits({1, 2, 3}), hits({3, 2, 1})), -1);
  // Of three pairs one is discordant.
  EXPECT_NEAR(*kendall_tau(hits({1, 2, 3}), hits({2, 1, 3})), 1.0 / 3, 1e-12);
}

TEST(KendallTau, IsOfCommonHitsAlone) {
  EXPECT_EQ(kendall_tau(hits({1, 9, 2}), hits({8, 1, 2})), 1);
  EXPECT_FALSE(kendall_tau(hits({1, 2}), hits({2, 3})));
  EXPECT_FALSE(kendall_tau(hits({}), hits({})));
}

class CompareGenerations : public testing::Test {
 protected:
  CompareGenerations() {
    embedders.add(other);
    (void)index.create_generation({4, "fake/4"}, 0);
    (void)index.create_generation({8, "other/8"}, 0);
    (void)index.serve(1, 0);
    for (const int generation : {1, 2}) {
      for (std::int64_t user = 1; user <= 4; ++user) {
        index.plant(generation, {"acme", user}, {1, false, "", "user " + std::to_string(user)});
      }
    }
  }
  Result<Comparison> compare(CompareRequest request) {
    return compare_generations(index, embedders, clock, request);
  }
  CompareRequest asking(std::vector<std::string> queries) {
    CompareRequest request;
    for (auto& query : queries) request.queries.push_back({acme, std::move(query)});
    return request;
  }

  const TenantId acme = TenantId::parse("acme").value();
  ManualClock clock;
  FakeEmbedder embedder, other{"other/8", 8};
  FakeEmbedders embedders{embedder};
  FakeVectorIndex index;
};

TEST_F(CompareGenerations, EachIsAskedByItsOwnEmbedder) {
  const auto compared = compare(asking({"ann", "bob"}));
  ASSERT_TRUE(compared) << compared.error().to_string();
  EXPECT_EQ(embedder.calls(), 2);
  EXPECT_EQ(other.calls(), 2);
  EXPECT_EQ(compared->queries, 2);
  EXPECT_EQ(compared->overlap, 1);
  EXPECT_EQ(compared->tau, 1);
  EXPECT_THAT(compared->most_different, SizeIs(0)) << "both agree";
  EXPECT_EQ(compared->other.generation.number, 2);
}

TEST_F(CompareGenerations, APhraseIsAskedByMeaningAndByLetters) {
  const auto meaning = std::make_shared<FakeEmbedder>("meaning/8", 8);
  meaning->know({2, 2});
  const auto both = hybrid::make_embedder(std::make_shared<FakeEmbedder>("letters/4"), meaning);
  embedders.add(*both);
  ASSERT_TRUE(index.create_generation({both->dimension(), both->id()}, 0));
  index.plant(3, {"acme", 1}, {1, false, "", "user 1"});
  ASSERT_TRUE(compare(asking({"mow lawn"})));
  EXPECT_EQ(index.searches(), 3) << "once in the serving one, twice in the other";
}

TEST_F(CompareGenerations, OverlapAndTauSayHowFarBothAgree) {
  index.rank(1, {1, 2, 3});
  index.rank(2, {2, 1, 4});
  const auto compared = compare(asking({"ann"}));
  ASSERT_TRUE(compared);
  EXPECT_NEAR(*compared->overlap, 2.0 / 3, 1e-12);
  EXPECT_EQ(compared->tau, -1);
  EXPECT_NEAR(*compared->serving.mean_score, (1 + 0.5 + 1.0 / 3) / 3, 1e-6);
  ASSERT_THAT(compared->most_different, SizeIs(1));
  EXPECT_EQ(compared->most_different[0].serving[0].user_id, 1);
  EXPECT_EQ(compared->most_different[0].other[0].user_id, 2);
  const Json json = to_json(*compared);
  EXPECT_EQ(json["overlap"], 0.6667);
  EXPECT_EQ(json["most_different"][0]["other"][0]["name"], "user 2");
}

TEST_F(CompareGenerations, TheShadowIsTakenWhereNoneIsNamed) {
  ASSERT_TRUE(index.create_generation({8, "other/8", "", true}, 0));
  ASSERT_TRUE(index.create_generation({8, "other/8"}, 0));
  EXPECT_EQ(compare(asking({"ann"}))->other.generation.number, 3);
  auto named = asking({"ann"});
  named.generation = 2;
  EXPECT_EQ(compare(named)->other.generation.number, 2);
}

TEST_F(CompareGenerations, WhatCannotBeComparedIsSaid) {
  auto request = asking({"ann"});
  request.generation = 7;
  EXPECT_EQ(compare(request).error().kind, ErrorKind::not_found);
  request.generation = 1;
  EXPECT_EQ(compare(request).error().kind, ErrorKind::conflict) << "it serves";
  embedders.remove(other);
  request.generation = 2;
  EXPECT_EQ(compare(request).error().kind, ErrorKind::unavailable);
  ASSERT_TRUE(index.drop_generation(2, 0));
  request.generation.reset();
  EXPECT_EQ(compare(request).error().kind, ErrorKind::conflict) << "there is no second one";
}

// One query that a model refused failed all, as of those that users had searched for.
TEST_F(CompareGenerations, AQueryThatFailsIsLeftOutAndSaid) {
  other.refuse("too long");
  const auto compared = compare(asking({"too long", "ann"}));
  ASSERT_TRUE(compared) << compared.error().to_string();
  EXPECT_EQ(compared->queries, 1);
  EXPECT_EQ(compared->left_out, 1);
  EXPECT_EQ(compared->overlap, 1);
  EXPECT_NEAR(*compared->serving.mean_score, (1 + 0.5 + 1.0 / 3 + 0.25) / 4, 1e-6)
      << "of what both answered";
  EXPECT_THAT(to_json(*compared)["failure"].get<std::string>(), testing::HasSubstr("cannot embed"));
  EXPECT_FALSE(to_json(*compare(asking({"ann"}))).contains("failure"));
}

TEST_F(CompareGenerations, WhereNoneCanBeAnsweredItFails) {
  other.refuse("long", ErrorKind::unavailable);
  EXPECT_EQ(compare(asking({"too long", "longer"})).error().kind, ErrorKind::unavailable);
}

TEST_F(CompareGenerations, WithoutQueriesThereIsNoMean) {
  const auto compared = compare({});
  ASSERT_TRUE(compared);
  EXPECT_EQ(compared->queries, 0);
  EXPECT_FALSE(compared->overlap);
  EXPECT_EQ(to_json(*compared)["tau"], nullptr);
}

}  // namespace
}  // namespace mesh::pipeline
