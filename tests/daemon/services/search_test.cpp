// What a search asks its embedder, and what its kept answers go by.
#include "daemon/services/search.h"

#include <gmock/gmock.h>

#include "common/engines/hybrid/hybrid_embedder.h"
#include "tests/daemon/services/write_wait_fixture.h"
#include "tests/support/fake_read_cache.h"

namespace mesh::services {
namespace {

using testing::HasSubstr;

class SearchTest : public WriteWait {
 protected:
  SearchTest() {
    routes_.clear();
    (void)index_.create_generation({hybrid_->dimension(), hybrid_->id()}, 0);
    (void)index_.serve(2, 0);
    add(search_routes(serving_hybrid_, index_, clock_, metrics_, usage_, waits_, &cache_));
  }
  http::Response search(const std::string& ratio) {
    Asked asked{"GET", "/ai/users/search", "", {}, {{"query", "u"}}};
    if (!ratio.empty()) asked.query.emplace_back("semantic_ratio", ratio);
    return answer(asked);
  }

  const std::shared_ptr<test::FakeEmbedder> letters_ =
      std::make_shared<test::FakeEmbedder>("letters/4");
  const std::shared_ptr<test::FakeEmbedder> meaning_ =
      std::make_shared<test::FakeEmbedder>("meaning/8", 8);
  const std::unique_ptr<Embedder> hybrid_ = hybrid::make_embedder(letters_, meaning_);
  test::FakeEmbedders both_{*hybrid_};
  pipeline::ServingEmbedder serving_hybrid_{index_, both_, clock_};
  test::FakeReadCache cache_;
};

TEST_F(SearchTest, TheRatioSaysWhichPartsAreAsked) {
  EXPECT_EQ(search("0").status, 200);
  EXPECT_EQ(letters_->calls(), 1);
  EXPECT_EQ(meaning_->calls(), 0);
  EXPECT_EQ(search("1").status, 200);
  EXPECT_EQ(letters_->calls(), 1);
  EXPECT_EQ(meaning_->calls(), 1);
  EXPECT_EQ(search("").status, 200);
  EXPECT_EQ(letters_->calls(), 2);
  EXPECT_EQ(meaning_->calls(), 2);
}

TEST_F(SearchTest, APhraseIsAskedByMeaningAndByLetters) {
  meaning_->know({2, 2});
  index_.plant(2, {"acme", 1}, {1, false, "", "user"});
  EXPECT_EQ(search("").status, 200);
  EXPECT_EQ(index_.searches(), 2);
  EXPECT_EQ(search("0.9").status, 200);
  EXPECT_EQ(index_.searches(), 3) << "a ratio was asked for";
}

TEST_F(SearchTest, AnAnswerIsKeptForItsRatioAlone) {
  for (int times = 0; times < 2; ++times) {
    for (const char* ratio : {"0", "0.25", "0.5", ""}) EXPECT_EQ(search(ratio).status, 200);
  }
  EXPECT_EQ(letters_->calls(), 4);
  EXPECT_EQ(search("0.50").status, 200);
  EXPECT_EQ(letters_->calls(), 4) << "the same number, written otherwise";
}

TEST_F(SearchTest, WhatIsNoRatioIsRefused) {
  for (const char* ratio : {"-0.1", "1.1", "nan", "half"}) {
    const auto refused = search(ratio);
    EXPECT_EQ(refused.status, 400) << ratio;
    EXPECT_THAT(refused.body, HasSubstr("semantic_ratio")) << ratio;
  }
  EXPECT_EQ(letters_->calls(), 0);
}

TEST_F(WriteWait, ASearchByAnEmbedderOfOnePartTakesNoRatio) {
  const auto refused =
      answer({"GET", "/ai/users/search", "", {}, {{"query", "u"}, {"semantic_ratio", "0.5"}}});
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("the embedder fake/4 has one part only"));
  EXPECT_EQ(embedder_.calls(), 0);
}

}  // namespace
}  // namespace mesh::services
