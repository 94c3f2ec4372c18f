// How generations come and go, and who may change them.
#include <gmock/gmock.h>

#include "tests/contract/vector_index_contract.h"

namespace mesh::test {

using testing::ElementsAre;
using testing::SizeIs;

TEST_P(VectorIndexContract, GenerationsAreNumberedAndListedWithWhatTheyHold) {
  const int first = make_generation();
  const int second = make_generation(16);
  EXPECT_GT(second, first);
  ASSERT_TRUE(index().serve(second, 0));
  apply(first, {upsert("acme", 1, 1, direction(0)), upsert("acme", 2, 1, direction(0)),
                upsert("globex", 1, 1, direction(0)), removal("acme", 2, 2)});
  const auto all = index().generations().value();
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].name, "user_embeddings-" + std::to_string(first));
  EXPECT_EQ(all[0].number, first);
  EXPECT_EQ(all[0].spec.dimension, kDimension);
  EXPECT_EQ(all[0].spec.embedder, "test-embedder");
  EXPECT_FALSE(all[0].serving);
  EXPECT_EQ(all[0].vectors, 2);
  EXPECT_EQ(all[0].tenants, 2);
  EXPECT_EQ(all[1].number, second);
  EXPECT_EQ(all[1].spec.dimension, 16);
  EXPECT_TRUE(all[1].serving);
  EXPECT_EQ(all[1].vectors, 0);
}

TEST_P(VectorIndexContract, ServeFlipsWhatSearchesSee) {
  const int first = make_serving_generation();
  apply(first, {upsert("acme", 1, 1, direction(0))});
  const int second = make_generation();
  apply(second, {upsert("acme", 2, 1, direction(0))});
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(1));
  ASSERT_TRUE(index().serve(second, 0));
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(2));
  EXPECT_FALSE(info(first).serving);
  EXPECT_TRUE(info(second).serving);
  reopen();
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(2));
  ASSERT_TRUE(index().serve(first, 0));
  EXPECT_THAT(ids("acme", direction(0)), ElementsAre(1));
}

TEST_P(VectorIndexContract, AGenerationKeepsWhereItsModelLiesAndThatItIsAShadow) {
  const int plain = make_serving_generation();
  const auto made = index().create_generation({kDimension, kEmbedder, "/models/a b", true}, 0);
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_TRUE(made->spec.shadow);
  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    EXPECT_EQ(info(made->number).spec.model, "/models/a b");
    EXPECT_TRUE(info(made->number).spec.shadow);
    EXPECT_EQ(info(plain).spec.model, "");
    EXPECT_FALSE(info(plain).spec.shadow);
  }
}

TEST_P(VectorIndexContract, WhatHasServedIsNoShadow) {
  const int plain = make_serving_generation();
  const int shadow = index().create_generation({kDimension, kEmbedder, "", true}, 0)->number;
  const int another = index().create_generation({kDimension, kEmbedder, "", true}, 0)->number;
  ASSERT_TRUE(index().serve(shadow, 0));
  ASSERT_TRUE(index().serve(plain, 0));
  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    EXPECT_FALSE(info(shadow).spec.shadow);
    EXPECT_TRUE(info(another).spec.shadow);
  }
}

TEST_P(VectorIndexContract, TheServingGenerationCannotBeDropped) {
  const int first = make_serving_generation();
  const int second = make_generation();
  apply(second, {upsert("acme", 1, 1, direction(0))});
  const auto refused = index().drop_generation(first, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_TRUE(index().drop_generation(second, 0));
  EXPECT_THAT(index().generations().value(), SizeIs(1));
  reopen();
  EXPECT_THAT(index().generations().value(), SizeIs(1));
}

TEST_P(VectorIndexContract, WhoeverWasTakenOverFromChangesNothing) {
  const int first = make_serving_generation();
  const int second = make_generation();
  const auto early = index().take_over().value();
  ASSERT_TRUE(index().serve(second, early));
  const auto late = index().take_over().value();
  EXPECT_GT(late, early);
  for (bool reopened : {false, true}) {
    if (reopened) reopen();
    for (const auto epoch : {std::int64_t{0}, early}) {
      EXPECT_EQ(index().serve(first, epoch).error().kind, ErrorKind::conflict);
      EXPECT_EQ(index().drop_generation(first, epoch).error().kind, ErrorKind::conflict);
      EXPECT_EQ(index().create_generation({kDimension, kEmbedder}, epoch).error().kind,
                ErrorKind::conflict);
    }
    EXPECT_THAT(index().generations().value(), SizeIs(2));
    EXPECT_TRUE(info(second).serving);
  }
  EXPECT_GT(index().take_over().value(), late) << "epochs rise over restarts";
  apply(first, {upsert("acme", 1, 1, direction(0))});  // of pipelines, which need no epoch
}

TEST_P(VectorIndexContract, WhoeverTookOverLastChangesWhatItLikes) {
  const int first = make_serving_generation();
  const auto epoch = index().take_over().value();
  const auto second = index().create_generation({kDimension, kEmbedder}, epoch).value();
  ASSERT_TRUE(index().serve(second.number, epoch));
  ASSERT_TRUE(index().drop_generation(first, epoch));
  EXPECT_THAT(index().generations().value(), SizeIs(1));
}

TEST_P(VectorIndexContract, ANumberIsNotUsedTwice) {
  const int first = make_generation();
  ASSERT_TRUE(index().drop_generation(first, 0));
  reopen();
  EXPECT_GT(make_generation(), first);
}

TEST_P(VectorIndexContract, AnUnknownGenerationIsNotFound) {
  const std::vector<VectorChange> changes{upsert("acme", 1, 1, direction(0))};
  EXPECT_EQ(index().serve(77, 0).error().kind, ErrorKind::not_found);
  EXPECT_EQ(index().drop_generation(77, 0).error().kind, ErrorKind::not_found);
  EXPECT_EQ(index().apply(77, changes).error().kind, ErrorKind::not_found);
  EXPECT_EQ(index().scan(77, tenant_id("acme"), 0, 10).error().kind, ErrorKind::not_found);
}

}  // namespace mesh::test
