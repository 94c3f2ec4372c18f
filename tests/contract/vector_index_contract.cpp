#include "tests/contract/vector_index_contract.h"

#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <numbers>

namespace mesh::test {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TenantId tenant_id(const std::string& text) { return TenantId::parse(text).value(); }

std::vector<float> direction(double degrees, int dimension) {
  std::vector<float> vector(static_cast<std::size_t>(dimension));
  vector[0] = static_cast<float>(std::cos(degrees * std::numbers::pi / 180));
  vector[1] = static_cast<float>(std::sin(degrees * std::numbers::pi / 180));
  return vector;
}

VectorChange upsert(const std::string& tenant, std::int64_t user, std::int64_t version,
                    std::vector<float> vector) {
  const auto name = "User " + std::to_string(user) + " v" + std::to_string(version);
  return {tenant_id(tenant),
          user,
          version,
          std::move(vector),
          std::to_string(user) + "@x.dev",
          name,
          "event-" + std::to_string(version)};
}

VectorChange removal(const std::string& tenant, std::int64_t user, std::int64_t version) {
  return {tenant_id(tenant), user, version, {}, "", "", "event-" + std::to_string(version)};
}

int VectorIndexContract::make_generation(int dimension) {
  auto made = index().create_generation({dimension, kEmbedder}, 0);
  EXPECT_TRUE(made) << made.error().to_string();
  return made ? made->number : 0;
}

int VectorIndexContract::make_serving_generation() {
  const int number = make_generation();
  const auto served = index().serve(number, 0);
  EXPECT_TRUE(served) << served.error().to_string();
  return number;
}

void VectorIndexContract::apply(int generation, std::vector<VectorChange> changes) {
  const auto applied = index().apply(generation, changes);
  EXPECT_TRUE(applied) << applied.error().to_string();
}

std::vector<SearchHit> VectorIndexContract::search(const std::string& tenant,
                                                   std::vector<float> vector, int k,
                                                   float min_score) {
  auto hits = index().search(tenant_id(tenant), query(vector), k, min_score);
  EXPECT_TRUE(hits) << hits.error().to_string();
  return hits ? std::move(*hits) : std::vector<SearchHit>{};
}

std::vector<std::int64_t> VectorIndexContract::ids(const std::string& tenant,
                                                   std::vector<float> vector, int k,
                                                   float min_score) {
  std::vector<std::int64_t> ids;
  for (const auto& hit : search(tenant, std::move(vector), k, min_score)) {
    ids.push_back(hit.user_id);
  }
  return ids;
}

GenerationInfo VectorIndexContract::info(int generation) {
  auto all = index().generations();
  EXPECT_TRUE(all) << all.error().to_string();
  for (const auto& one : *all) {
    if (one.number == generation) return one;
  }
  ADD_FAILURE() << "no generation " << generation;
  return {};
}

TEST_P(VectorIndexContract, WithoutAServingGenerationNothingIsFound) {
  EXPECT_THAT(ids("acme", direction(0)), IsEmpty());
  const int idle = make_generation();
  apply(idle, {upsert("acme", 1, 1, direction(0))});
  EXPECT_THAT(ids("acme", direction(0)), IsEmpty());
}

TEST_P(VectorIndexContract, TheNearestComeFirstWithTheirCosineAndPayload) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 1, direction(90)), upsert("acme", 2, 1, direction(10)),
                     upsert("acme", 3, 1, direction(180)), upsert("acme", 4, 1, direction(40))});
  const auto hits = search("acme", direction(0));
  ASSERT_THAT(hits, SizeIs(4));
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(2, 4, 1, 3));
  EXPECT_NEAR(hits[0].score, std::cos(10 * std::numbers::pi / 180), 1e-4);
  EXPECT_NEAR(hits[2].score, 0, 1e-4);
  EXPECT_NEAR(hits[3].score, -1, 1e-4);
  EXPECT_EQ(hits[0].tenant, tenant_id("acme"));
  EXPECT_EQ(hits[0].email, "2@x.dev");
  EXPECT_EQ(hits[0].name, "User 2 v1");
}

TEST_P(VectorIndexContract, ATenantSeesOnlyItsOwn) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 1, direction(0)), upsert("acme-2", 1, 1, direction(5)),
                     upsert("globex", 2, 1, direction(0))});
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(1));
  EXPECT_THAT(ids("globex", direction(0)), ElementsAre(2));
  EXPECT_THAT(ids("nobody", direction(0)), IsEmpty());
  apply(generation, {removal("acme-2", 1, 2)});
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(1));
  EXPECT_THAT(ids("acme-2", direction(0)), IsEmpty());
}

TEST_P(VectorIndexContract, NoMoreThanKAndNoMoreThanThereAre) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 1, direction(30)), upsert("acme", 2, 1, direction(20)),
                     upsert("acme", 3, 1, direction(10))});
  EXPECT_THAT(ids("acme", direction(0), 2), ElementsAre(3, 2));
  EXPECT_THAT(ids("acme", direction(0), 1000), ElementsAre(3, 2, 1));
  EXPECT_THAT(ids("acme", direction(0), 0), IsEmpty());
}

TEST_P(VectorIndexContract, MinScoreCutsOffWhatScoresLess) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 1, direction(0)), upsert("acme", 2, 1, direction(59)),
                     upsert("acme", 3, 1, direction(61))});
  EXPECT_THAT(ids("acme", direction(0), 10, 0.5F), ElementsAre(1, 2));
  EXPECT_THAT(ids("acme", direction(0), 10, 0.9F), ElementsAre(1));
}

// A query's length weighs its score, a stored vector's does not.
TEST_P(VectorIndexContract, TheScoreIsTheProductWithAQueryOfAnyLength) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 1, direction(50)), upsert("acme", 2, 1, direction(60)),
                     upsert("acme", 3, 1, direction(135))});
  for (const double length : {0.3, 1.4}) {
    auto asked = direction(0);
    for (auto& value : asked) value *= static_cast<float>(length);
    const auto hits = search("acme", asked);
    ASSERT_THAT(hits, SizeIs(3)) << length;
    EXPECT_EQ(hits[0].user_id, 1);
    for (std::size_t i = 0; i < 3; ++i) {
      const double degrees = std::array{50, 60, 135}[i];
      EXPECT_NEAR(hits[i].score, length * std::cos(degrees * std::numbers::pi / 180), 1e-4);
    }
    const auto between = static_cast<float>(length * 0.55);
    EXPECT_THAT(ids("acme", asked, 10, between), ElementsAre(1)) << length;
    EXPECT_THAT(ids("acme", asked, 10, static_cast<float>(length * 0.7)), IsEmpty()) << length;
    const auto named =
        index().search(tenant_id("acme"), query(asked), 10, between, SearchText("3@x.dev"));
    ASSERT_THAT(named.value(), SizeIs(2)) << "an exact match is a hit below min_score";
    EXPECT_EQ((*named)[0].user_id, 3);
    EXPECT_NEAR((*named)[0].score, length * std::cos(0.75 * std::numbers::pi), 1e-4);
    const auto prefix = index().search(tenant_id("acme"), query(asked), 10, -1, SearchText("2@x"));
    ASSERT_THAT(prefix.value(), SizeIs(3));
    EXPECT_EQ((*prefix)[0].user_id, 2) << "a prefix before better scores";
  }
}

TEST_P(VectorIndexContract, AQueryOfZerosScoresZero) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 1, direction(0)), upsert("acme", 2, 1, direction(100))});
  const std::vector<float> zeros(kDimension);
  EXPECT_THAT(ids("acme", zeros, 10, 0.01F), IsEmpty());
  EXPECT_THAT(ids("acme", zeros, 10, 0), ElementsAre(1, 2));
}

TEST_P(VectorIndexContract, EqualScoresComeByUserId) {
  const int generation = make_serving_generation();
  std::vector<VectorChange> changes;
  for (const int user : {7, 3, 9, 1, 5}) {
    changes.push_back(upsert("acme", user, 1, direction(30)));
  }
  apply(generation, changes);
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(1, 3, 5, 7, 9));
  EXPECT_THAT(ids("acme", direction(0), 3), ElementsAre(1, 3, 5));
}

TEST_P(VectorIndexContract, AZeroVectorScoresZero) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 1, std::vector<float>(kDimension)),
                     upsert("acme", 2, 1, direction(100))});
  EXPECT_THAT(ids("acme", direction(0), 10, 0.01F), IsEmpty());
  EXPECT_THAT(ids("acme", direction(0), 10, 0), ElementsAre(1));
}

TEST_P(VectorIndexContract, AnUpsertReplacesVectorAndPayload) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 1, direction(0)), upsert("acme", 2, 1, direction(20))});
  apply(generation, {upsert("acme", 1, 2, direction(80))});
  const auto hits = search("acme", direction(0));
  ASSERT_THAT(hits, SizeIs(2));
  EXPECT_EQ(hits[0].user_id, 2);
  EXPECT_EQ(hits[1].name, "User 1 v2");
  EXPECT_EQ(info(generation).vectors, 2);
}

TEST_P(VectorIndexContract, ARemovedUserIsNoLongerFound) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 1, direction(0)), upsert("acme", 2, 1, direction(20))});
  apply(generation, {removal("acme", 1, 2), removal("acme", 99, 1)});
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(2));
  EXPECT_EQ(info(generation).vectors, 1);
}

TEST_P(VectorIndexContract, AnOlderVersionChangesNothing) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 5, direction(0))});
  apply(generation, {upsert("acme", 1, 4, direction(90)), removal("acme", 1, 3)});
  const auto hits = search("acme", direction(0));
  ASSERT_THAT(hits, SizeIs(1));
  EXPECT_EQ(hits[0].name, "User 1 v5");
}

// Events of other producers carry no version: all have 0, and the last one in the log wins.
TEST_P(VectorIndexContract, AnEqualVersionOverwrites) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 0, direction(0))});
  apply(generation, {upsert("acme", 1, 0, direction(90))});
  EXPECT_THAT(ids("acme", direction(90), 10, 0.9F), ElementsAre(1));
  apply(generation, {removal("acme", 1, 0)});
  EXPECT_THAT(ids("acme", direction(90)), IsEmpty());
}

TEST_P(VectorIndexContract, AnOlderUpsertAfterARemovalIsIgnoredAndANewerOneIsNot) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 1, direction(0)), removal("acme", 1, 3)});
  apply(generation, {upsert("acme", 1, 2, direction(0))});
  EXPECT_THAT(ids("acme", direction(0)), IsEmpty());
  reopen();
  apply(generation, {upsert("acme", 1, 2, direction(0))});
  EXPECT_THAT(ids("acme", direction(0)), IsEmpty());
  apply(generation, {upsert("acme", 1, 4, direction(0))});
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(1));
}

TEST_P(VectorIndexContract, ARemovalThatComesBeforeItsUpsertHolds) {
  const int generation = make_serving_generation();
  apply(generation, {removal("acme", 1, 2)});
  apply(generation, {upsert("acme", 1, 1, direction(0))});
  EXPECT_THAT(ids("acme", direction(0)), IsEmpty());
  EXPECT_EQ(info(generation).vectors, 0);
}

TEST_P(VectorIndexContract, ChangesOfOneUserWithinABatchApplyInOrder) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 1, direction(0)), removal("acme", 1, 2),
                     upsert("acme", 1, 3, direction(50)), upsert("acme", 2, 1, direction(0)),
                     removal("acme", 2, 2)});
  const auto hits = search("acme", direction(50));
  ASSERT_THAT(hits, SizeIs(1));
  EXPECT_EQ(hits[0].name, "User 1 v3");
}

// Users named so, of whom the first is the farthest from what is asked for.
std::vector<VectorChange> named(const std::vector<std::pair<std::string, std::string>>& users) {
  std::vector<VectorChange> changes;
  for (std::size_t i = 0; i < users.size(); ++i) {
    const double degrees = 170 - 160.0 * static_cast<double>(i) / static_cast<double>(users.size());
    changes.push_back(upsert("acme", static_cast<std::int64_t>(i + 1), 1, direction(degrees)));
    changes.back().email = users[i].first;
    changes.back().name = users[i].second;
  }
  return changes;
}

TEST_P(VectorIndexContract, TheQueryItselfComesFirstWhateverItScores) {
  const int generation = make_serving_generation();
  std::vector<std::pair<std::string, std::string>> users{{"Jos\u00e9@M\u00fcnchen.de", "Lee"},
                                                         {"a@x.dev", "Ann Lee"}};
  for (int i = 0; i < 50; ++i) users.emplace_back("u" + std::to_string(i) + "@x.dev", "User");
  apply(generation, named(users));
  for (const int k : {1, 3, 100}) {
    for (const auto& [text, id] :
         {std::pair{"jose\u0301@xn--mnchen-3ya.de", 1}, {"LEE", 1}, {" ann  lee ", 2}}) {
      const auto hits =
          index()
              .search(tenant_id("acme"), query(direction(0)), k, 0.99F, SearchText(text))
              .value();
      ASSERT_FALSE(hits.empty()) << text;
      EXPECT_EQ(hits[0].user_id, id) << text;
      EXPECT_LT(hits[0].score, 0) << text;
      EXPECT_LE(hits.size(), static_cast<std::size_t>(k));
    }
  }
  reopen();
  EXPECT_EQ(index()
                .search(tenant_id("acme"), query(direction(0)), 1, 0.99F, SearchText("a@x.dev"))
                .value()[0]
                .user_id,
            2);
  const auto foreign =
      index().search(tenant_id("globex"), query(direction(0)), 1, -1, SearchText("lee"));
  EXPECT_THAT(foreign.value(), IsEmpty());
}

TEST_P(VectorIndexContract, AnExactMatchFollowsItsUser) {
  const int generation = make_serving_generation();
  std::vector<VectorChange> changes;
  for (int user = 1; user <= 40; ++user)
    changes.push_back(upsert("acme", user, 1, direction(user)));
  apply(generation, changes);
  const auto first = [&](const std::string& text) -> std::int64_t {
    const auto hits =
        index().search(tenant_id("acme"), query(direction(1)), 5, 0.999F, SearchText(text));
    return hits->empty() ? 0 : hits->front().user_id;
  };
  EXPECT_EQ(first("30@x.dev"), 30);
  EXPECT_EQ(first("user 40 v1"), 40);
  auto renamed = upsert("acme", 30, 2, direction(30));
  renamed.email = "other@x.dev";
  apply(generation, {renamed, removal("acme", 1, 2), removal("acme", 20, 2)});
  EXPECT_EQ(first("other@x.dev"), 30);
  EXPECT_NE(first("30@x.dev"), 30);
  EXPECT_EQ(first("40@x.dev"), 40);  // it took the place of a removed one
  EXPECT_NE(first("20@x.dev"), 20);
}

TEST_P(VectorIndexContract, OfEqualNamesTheBestComeFirstAndBeforePrefixes) {
  const int generation = make_serving_generation();
  std::vector<std::pair<std::string, std::string>> users;
  for (int i = 0; i < 300; ++i) {
    users.emplace_back("u" + std::to_string(i) + "@x.dev", i % 3 == 0 ? "Ann" : "Annabel");
  }
  apply(generation, named(users));
  const auto hits =
      index().search(tenant_id("acme"), query(direction(0)), 100, -1, SearchText("ann")).value();
  ASSERT_THAT(hits, SizeIs(100));
  for (std::size_t i = 0; i < hits.size(); ++i) {
    EXPECT_EQ(hits[i].name, "Ann");
    EXPECT_GE(hits[i == 0 ? 0 : i - 1].score, hits[i].score);
  }
  // Of the best by score those who begin with it come first, also where only one is wanted.
  users.emplace_back("last@x.dev", "Bob Ann");
  apply(generation, named(users));
  const auto best =
      index().search(tenant_id("acme"), query(direction(0)), 1, 0.5F, SearchText("annab")).value();
  ASSERT_THAT(best, SizeIs(1));
  EXPECT_EQ(best[0].name, "Annabel");
}

TEST_P(VectorIndexContract, AnotherDimensionIsInvalid) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 1, direction(0))});
  const auto found = index().search(tenant_id("acme"), query(direction(0, kDimension + 1)), 10, -1);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::invalid);
  const std::vector<VectorChange> wrong{upsert("acme", 2, 1, direction(0)),
                                        upsert("acme", 3, 1, direction(0, kDimension - 1))};
  const auto applied = index().apply(generation, wrong);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::invalid);
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(1));
}

// Of one dimension, so that only the name tells that the vectors mean something else.
TEST_P(VectorIndexContract, AQueryOfAnotherEmbedderIsRefused) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 1, direction(0))});
  const auto vector = direction(0);
  for (const char* tenant : {"acme", "globex"}) {
    const auto found = index().search(tenant_id(tenant), {vector, "another"}, 10, -1);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, ErrorKind::unavailable);
    EXPECT_TRUE(is_other_embedder(found.error())) << found.error().to_string();
    const auto in = index().search_in(generation, tenant_id(tenant), {vector, "another"}, 10, -1);
    ASSERT_FALSE(in);
    EXPECT_TRUE(is_other_embedder(in.error())) << in.error().to_string();
  }
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(1));
}

TEST_P(VectorIndexContract, AnyGenerationCanBeSearched) {
  const int serving = make_serving_generation();
  const int other = make_generation();
  apply(serving, {upsert("acme", 1, 1, direction(0))});
  apply(other, {upsert("acme", 2, 1, direction(0)), upsert("acme", 3, 1, direction(50)),
                upsert("globex", 4, 1, direction(0))});
  const auto vector = direction(10);
  const auto found = index().search_in(other, tenant_id("acme"), query(vector), 10, -1);
  ASSERT_TRUE(found) << found.error().to_string();
  ASSERT_THAT(*found, SizeIs(2));
  EXPECT_EQ(found->front().user_id, 2);
  EXPECT_NEAR(found->front().score, std::cos(10 * std::numbers::pi / 180), 1e-4);
  EXPECT_EQ(found->back().user_id, 3);
  EXPECT_THAT(index().search_in(other, tenant_id("acme"), query(vector), 1, -1).value(), SizeIs(1));
  EXPECT_THAT(index().search_in(other, tenant_id("acme"), query(vector), 10, 0.9F).value(),
              SizeIs(1));
  EXPECT_THAT(ids("acme", vector), ElementsAre(1)) << "nothing else serves for it";
  const auto none = index().search_in(other + 1, tenant_id("acme"), query(vector), 10, -1);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::not_found);
}

TEST_P(VectorIndexContract, WhatWasAppliedIsThereAfterReopening) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 1, direction(0)), upsert("acme", 2, 3, direction(30)),
                     upsert("globex", 1, 1, direction(60)), upsert("acme", 3, 1, direction(10))});
  apply(generation, {removal("acme", 3, 2)});
  const auto before = search("acme", direction(0));
  reopen();
  const auto after = search("acme", direction(0));
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].user_id, before[i].user_id);
    EXPECT_EQ(after[i].score, before[i].score);
    EXPECT_EQ(after[i].email, before[i].email);
    EXPECT_EQ(after[i].name, before[i].name);
  }
  EXPECT_EQ(info(generation).vectors, 3);
  EXPECT_EQ(info(generation).tenants, 2);
}

TEST_P(VectorIndexContract, AScanPagesThroughATenantById) {
  const int generation = make_generation();
  apply(generation, {upsert("acme", 5, 7, direction(0)), upsert("acme", 1, 1, direction(0)),
                     upsert("acme", 9, 1, direction(0)), upsert("acme", 7, 1, direction(0)),
                     upsert("globex", 2, 1, direction(0)), removal("acme", 7, 2)});
  const auto page = index().scan(generation, tenant_id("acme"), 0, 2).value();
  ASSERT_THAT(page, SizeIs(2));
  EXPECT_EQ(page[0].user_id, 1);
  EXPECT_EQ(page[1].user_id, 5);
  EXPECT_EQ(page[1].version, 7);
  EXPECT_EQ(page[1].email, "5@x.dev");
  EXPECT_EQ(page[1].name, "User 5 v7");
  const auto rest = index().scan(generation, tenant_id("acme"), 5, 10).value();
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_EQ(rest[0].user_id, 9);
  EXPECT_THAT(index().scan(generation, tenant_id("nobody"), 0, 10).value(), IsEmpty());
}

TEST_P(VectorIndexContract, WhatIsKeptOfATenantIsCountedWithItsRemovals) {
  const int generation = make_generation();
  apply(generation, {upsert("acme", 1, 1, direction(0)), upsert("acme", 2, 1, direction(0)),
                     removal("acme", 3, 4), upsert("globex", 1, 1, direction(0))});
  const auto kept = [&](const char* tenant, std::optional<std::int64_t> user = {}) {
    return index().kept(generation, tenant_id(tenant), user).value();
  };
  EXPECT_EQ(kept("acme"), (KeptPoints{2, 1}));
  EXPECT_EQ(kept("acme", 1), (KeptPoints{1, 0}));
  EXPECT_EQ(kept("acme", 3), (KeptPoints{0, 1}));
  EXPECT_EQ(kept("acme", 4), KeptPoints());
  EXPECT_EQ(kept("globex"), (KeptPoints{1, 0}));
  EXPECT_EQ(kept("nobody"), KeptPoints());
}

TEST_P(VectorIndexContract, AnErasedTenantIsFoundNoMoreAndBeginsAnew) {
  const int generation = make_serving_generation(), idle = make_generation();
  for (const int one : {generation, idle}) {
    apply(one, {upsert("acme", 1, 5, direction(0)), upsert("acme", 2, 5, direction(10)),
                removal("acme", 3, 5), upsert("globex", 1, 5, direction(0))});
  }
  const auto erased = index().erase(generation, tenant_id("acme"), std::nullopt);
  ASSERT_TRUE(erased) << erased.error().to_string();
  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    EXPECT_EQ(index().kept(generation, tenant_id("acme"), std::nullopt).value(), KeptPoints());
    EXPECT_THAT(ids("acme", direction(0)), IsEmpty());
    EXPECT_THAT(index().scan(generation, tenant_id("acme"), 0, 10).value(), IsEmpty());
    EXPECT_THAT(ids("globex", direction(0)), ElementsAre(1));
    EXPECT_EQ(info(generation).vectors, 1);
    EXPECT_EQ(info(generation).tenants, 1);
    EXPECT_EQ(index().kept(idle, tenant_id("acme"), std::nullopt).value(), (KeptPoints{2, 1}));
  }
  // Nothing is remembered, so that what is older than all before is taken.
  apply(generation, {upsert("acme", 2, 1, direction(20)), upsert("acme", 3, 1, direction(0))});
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(3, 2));
  reopen();
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(3, 2));
}

TEST_P(VectorIndexContract, OfAnErasedUserNothingIsLeftAndOthersStay) {
  const int generation = make_serving_generation();
  apply(generation, {upsert("acme", 1, 5, direction(0)), upsert("acme", 2, 5, direction(10)),
                     removal("acme", 3, 5), upsert("globex", 1, 5, direction(0))});
  for (const std::int64_t user : {1, 3}) {
    ASSERT_TRUE(index().erase(generation, tenant_id("acme"), user));
    EXPECT_EQ(index().kept(generation, tenant_id("acme"), user).value(), KeptPoints());
  }
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(2));
  EXPECT_THAT(ids("globex", direction(0)), ElementsAre(1));
  apply(generation, {upsert("acme", 3, 1, direction(0))});
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(3, 2));
}

TEST_P(VectorIndexContract, ATenantOfManyIsErasedWhole) {
  const int generation = make_serving_generation();
  std::vector<VectorChange> changes;
  for (int user = 1; user <= 1'100; ++user)
    changes.push_back(upsert("acme", user, 1, direction(0)));
  apply(generation, std::move(changes));
  apply(generation, {upsert("globex", 1, 1, direction(0))});
  EXPECT_EQ(index().kept(generation, tenant_id("acme"), std::nullopt).value().vectors, 1'100);
  ASSERT_TRUE(index().erase(generation, tenant_id("acme"), std::nullopt));
  EXPECT_EQ(index().kept(generation, tenant_id("acme"), std::nullopt).value(), KeptPoints());
  EXPECT_EQ(info(generation).vectors, 1);
}

TEST_P(VectorIndexContract, ErasingWhatIsNotThereIsNoErrorAndAGenerationHasToBe) {
  const int generation = make_generation();
  EXPECT_TRUE(index().erase(generation, tenant_id("nobody"), std::nullopt));
  EXPECT_TRUE(index().erase(generation, tenant_id("nobody"), 7));
  const auto kept = index().kept(generation + 1, tenant_id("acme"), std::nullopt);
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().kind, ErrorKind::not_found);
  const auto erased = index().erase(generation + 1, tenant_id("acme"), 7);
  ASSERT_FALSE(erased);
  EXPECT_EQ(erased.error().kind, ErrorKind::not_found);
}

}  // namespace mesh::test
