#include "common/engines/hybrid/hybrid_embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/support/tenant_texts.h"

namespace mesh::hybrid {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;
using Vector = std::vector<float>;

// Knows the vectors of its texts; every other text has none. Counts what it is asked for.
struct Known final : Embedder {
  Known(std::string named, int dimension, std::map<std::string, Vector> known)
      : name(std::move(named)), size(dimension), vectors(std::move(known)) {}

  int dimension() const override { return size; }
  std::string id() const override { return name; }
  Result<std::vector<Vector>> embed(std::span<const TenantText> texts) override {
    if (error) return fail(*error);
    std::vector<Vector> found;
    for (const auto& text : texts) {
      ++asked;
      const auto it = vectors.find(text.text);
      found.push_back(it == vectors.end() ? Vector(static_cast<std::size_t>(size)) : it->second);
    }
    return found;
  }

  std::optional<Words> count_words(std::string_view) const override { return words; }

  std::string name;
  int size;
  std::optional<Words> words;  // of every text
  std::map<std::string, Vector> vectors;
  std::optional<Error> error;
  int asked = 0;
};

float product(const Vector& a, const Vector& b) {
  EXPECT_EQ(a.size(), b.size());
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// "q" and "d" are alike by 0.6 in letters, and by -0.8 in meaning; "letters" and "meaning" have
// one part only.
struct HybridEmbedder : testing::Test {
  std::shared_ptr<Known> letters = std::make_shared<Known>(
      "letters/2", 2,
      std::map<std::string, Vector>{{"q", {1, 0}}, {"d", {0.6f, 0.8f}}, {"letters", {0, 1}}});
  std::shared_ptr<Known> meaning = std::make_shared<Known>(
      "meaning/3", 3,
      std::map<std::string, Vector>{
          {"q", {0, 1, 0}}, {"d", {0.6f, -0.8f, 0}}, {"meaning", {1, 0, 0}}});
  std::unique_ptr<Embedder> hybrid = make_embedder(letters, meaning, 0.25);

  Vector stored(const std::string& text) { return test::vector_of(*hybrid, text); }
  Result<QueryVectors> queries(const std::string& text, std::optional<double> ratio = {}) {
    return hybrid->embed_query(test::texts_of_acme({text}).front(), ratio);
  }
  Result<Vector> query(const std::string& text, std::optional<double> ratio = {}) {
    return MESH_TRY(queries(text, ratio)).vector;
  }
  float score(const std::string& text, const std::string& of, std::optional<double> ratio = {}) {
    return product(query(text, ratio).value(), stored(of));
  }
};

TEST_F(HybridEmbedder, IsNamedAfterItsPartsAndAsLongAsBothAndOne) {
  EXPECT_EQ(hybrid->id(), "hybrid-v1(letters/2,meaning/3)");
  EXPECT_EQ(hybrid->dimension(), 6);
  EXPECT_EQ(stored("d").size(), 6u);
  EXPECT_EQ(query("q").value().size(), 6u);
}

TEST_F(HybridEmbedder, TheScoreIsTheWeighedSumOfBothCosines) {
  for (const double ratio : {0.0, 0.3, 0.5, 0.7, 1.0}) {
    EXPECT_NEAR(score("q", "d", ratio), (1 - ratio) * 0.6 + ratio * -0.8, 1e-6) << ratio;
    EXPECT_NEAR(score("q", "q", ratio), 1, 1e-6) << ratio;
  }
  EXPECT_NEAR(score("q", "d"), 0.75 * 0.6 - 0.25 * 0.8, 1e-6) << "its own ratio";
}

TEST_F(HybridEmbedder, WithoutARatioTheQueryDecides) {
  hybrid = make_embedder(letters, meaning);
  const auto by = [&](double ratio) { return (1 - ratio) * 0.6 + ratio * -0.8; };
  EXPECT_NEAR(score("q", "d"), by(kMixedRatio), 1e-6) << "nothing is told of its words";
  meaning->words = Embedder::Words{2, 1};
  EXPECT_NEAR(score("q", "d"), by(kNameRatio), 1e-6);
  EXPECT_NEAR(score("q", "d", 0.5), by(0.5), 1e-6) << "what is asked for counts";
  EXPECT_THAT(queries("q").value().letters, testing::IsEmpty());
  meaning->words = Embedder::Words{2, 2};
  const auto both = queries("q").value();
  EXPECT_NEAR(product(both.vector, stored("d")), by(kLanguageRatio), 1e-6);
  EXPECT_NEAR(product(both.letters, stored("d")), by(kNameRatio), 1e-6);
  EXPECT_THAT(queries("q", 0.5).value().letters, testing::IsEmpty()) << "a ratio was asked for";
  EXPECT_THAT(queries("letters").value().letters, testing::IsEmpty()) << "has no meaning";
  EXPECT_THAT(queries("meaning").value().letters, testing::IsEmpty()) << "has no letters";
  EXPECT_EQ(make_embedder(letters, meaning)->id(), make_embedder(letters, meaning, 0.25)->id());
}

TEST(HybridRatio, FollowsTheWords) {
  using Words = Embedder::Words;
  const Ratio either{kLanguageRatio, true}, name{kNameRatio}, mixed{kMixedRatio};
  EXPECT_EQ(ratio_of("my card was stolen", Words{4, 4}), either);
  EXPECT_EQ(ratio_of("who accpets my card", Words{4, 3}), either);
  EXPECT_EQ(ratio_of("cancel the mowing", Words{3, 2}), either);
  EXPECT_EQ(ratio_of("anna maria jones", Words{3, 3}), either);
  EXPECT_EQ(ratio_of("mary jones", Words{2, 2}), either);
  EXPECT_EQ(ratio_of("mary jnoes", Words{2, 1}), name) << "half";
  EXPECT_EQ(ratio_of("hwo accpets my card", Words{4, 2}), name);
  EXPECT_EQ(ratio_of("jones", Words{1, 1}), either);
  EXPECT_EQ(ratio_of("jnoes", Words{1, 0}), name);
  EXPECT_EQ(ratio_of("?", Words{0, 0}), name);
  EXPECT_EQ(ratio_of("mary.jones@acme.dev", Words{4, 4}), mixed);
  EXPECT_EQ(ratio_of("my card was stolen", std::nullopt), mixed);
}

TEST(QueryVectors, LettersAnswerWhereTheyAreClearlyCloser) {
  EXPECT_TRUE(QueryVectors::letters_answer(0.7F, 0.6F));
  EXPECT_FALSE(QueryVectors::letters_answer(0.7F, 0.63F));
  EXPECT_FALSE(QueryVectors::letters_answer(0.5F, 0.6F));
  EXPECT_TRUE(QueryVectors::letters_answer(0.1F, std::nullopt)) << "meaning found nothing";
  EXPECT_FALSE(QueryVectors::letters_answer(std::nullopt, 0.1F));
  EXPECT_FALSE(QueryVectors::letters_answer(std::nullopt, std::nullopt));
}

TEST_F(HybridEmbedder, WhatIsStoredHasLengthOne) {
  const auto h = static_cast<float>(std::sqrt(0.5));
  EXPECT_THAT(stored("q"), ElementsAre(FloatNear(h, 1e-6f), 0, 0, FloatNear(h, 1e-6f), 0, 0));
  EXPECT_THAT(stored("letters"), ElementsAre(0, FloatNear(h, 1e-6f), 0, 0, 0, FloatNear(h, 1e-6f)));
  EXPECT_THAT(stored("meaning"), ElementsAre(0, 0, FloatNear(h, 1e-6f), 0, 0, FloatNear(h, 1e-6f)));
  for (const char* text : {"q", "d", "letters", "meaning"}) {
    EXPECT_NEAR(product(stored(text), stored(text)), 1, 1e-6) << text;
  }
  EXPECT_THAT(stored("?"), testing::Each(0.f));
}

TEST_F(HybridEmbedder, ATextOfOnePartScoresByThatPartAlone) {
  EXPECT_NEAR(score("d", "letters", 0.5), 0.5 * 0.8, 1e-6);
  EXPECT_NEAR(score("d", "meaning", 0.5), 0.5 * 0.6, 1e-6);
  EXPECT_EQ(score("letters", "meaning"), 0);
}

TEST_F(HybridEmbedder, AQueryOfOnePartAsksByThatPartAlone) {
  for (const std::optional<double> ratio : {std::optional<double>(), {0.0}, {0.9}, {1.0}}) {
    EXPECT_NEAR(score("letters", "d", ratio), 0.8, 1e-6);
    EXPECT_NEAR(score("meaning", "d", ratio), 0.6, 1e-6);
  }
  EXPECT_THAT(query("?").value(), testing::Each(0.f));
}

TEST_F(HybridEmbedder, APartThatCountsForNothingIsNotAsked) {
  EXPECT_TRUE(query("q", 0));
  EXPECT_EQ(meaning->asked, 0);
  EXPECT_TRUE(query("q", 1));
  EXPECT_EQ(letters->asked, 1);
}

TEST_F(HybridEmbedder, RefusesRatiosThatAreNone) {
  for (const double ratio : {-0.1, 1.1, std::nan("")}) {
    const auto refused = query("q", ratio);
    ASSERT_FALSE(refused) << ratio;
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
    EXPECT_THAT(refused.error().message, HasSubstr("semantic_ratio"));
  }
}

TEST_F(HybridEmbedder, AnEmbedderOfOnePartRefusesAnyRatio) {
  const auto text = test::texts_of_acme({"q"}).front();
  EXPECT_EQ(letters->embed_query(text).value().vector, (Vector{1, 0}));
  const auto refused = letters->embed_query(text, 0.5);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_THAT(refused.error().message, HasSubstr("letters/2"));
}

TEST_F(HybridEmbedder, FailsWhereEitherPartFails) {
  for (auto* part : {letters.get(), meaning.get()}) {
    part->error = Error{.kind = ErrorKind::unavailable, .message = "down"};
    const auto texts = test::texts_of_acme({"q", "d"});
    EXPECT_EQ(hybrid->embed(texts).error().kind, ErrorKind::unavailable);
    EXPECT_EQ(query("q").error().kind, ErrorKind::unavailable);
    part->error.reset();
  }
  EXPECT_EQ(hybrid->embed(test::texts_of_acme({"q", "d"})).value().size(), 2u);
}

}  // namespace
}  // namespace mesh::hybrid
