#include "common/engines/hashing/hashing_embedder.h"

#include <gtest/gtest.h>

namespace mesh::hashing {
namespace {

std::vector<float> vector_of(const std::string& text, int dimension = 384) {
  return make_embedder(dimension)->embed(std::vector<std::string>{text}).value()[0];
}

float cosine(const std::string& a, const std::string& b) {
  const auto x = vector_of(a), y = vector_of(b);
  float sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

// Stored vectors and queries of later versions meet: these values never change under one name.
TEST(HashingEmbedder, TheFormulaIsFixed) {
  EXPECT_EQ(make_embedder(384)->id(), "hashing-v1/384");
  const std::vector<float> alice{-0.319153816f, -0.260251582f, 0.149659693f,  -0.0174302459f,
                                 0.15807429f,   0.326366305f,  -0.272873491f, 0.0210365038f,
                                 0.498865634f,  0.0384667479f, 0.499466687f,  -0.112996072f,
                                 0.157473251f,  -0.198344171f, 0.153265953f,  0.0330573618f};
  EXPECT_EQ(vector_of("Alice Smith alice@acme.dev", 16), alice);
  const std::vector<float> mueller{0.241536558f,  -0.120768279f, 0.468685567f,  0.135155842f,
                                   -0.643952191f, -0.106380723f, -0.120768279f, -0.135155842f,
                                   0.120768279f,  -0.120768279f, 0.f,           -0.135155842f,
                                   0.22714901f,   0.f,           0.f,           0.362304837f};
  EXPECT_EQ(vector_of("Jürgen Müller", 16), mueller);
}

TEST(HashingEmbedder, IgnoresCaseAccentsPunctuationAndTheOrderOfWords) {
  EXPECT_EQ(vector_of("Alice Smith"), vector_of("ALICE smith"));
  EXPECT_EQ(vector_of("Jürgen Müller"), vector_of("jurgen muller"));
  EXPECT_EQ(vector_of("Straße"), vector_of("STRASSE"));
  EXPECT_EQ(vector_of("Zoe\xcc\x88"), vector_of("Zoë"));  // composed or not
  EXPECT_EQ(vector_of("alice, smith!"), vector_of("smith/alice"));
  EXPECT_EQ(vector_of("alice smith alice"), vector_of("alice smith"));
}

TEST(HashingEmbedder, SplitsLettersFromDigits) {
  EXPECT_EQ(vector_of("alice99"), vector_of("99 alice"));
}

TEST(HashingEmbedder, ForgivesTyposButNotOtherNames) {
  for (const char* query : {"alcie", "alce", "alixe", "aalice"}) {
    EXPECT_GT(cosine(query, "alice"), 0.3f) << query;
  }
  EXPECT_LT(cosine("alice", "robert"), 0.15f);
}

TEST(HashingEmbedder, TheDomainOfAnAddressWeighsLess) {
  const std::string user = "Alice Smith alice@acme.dev";
  EXPECT_GT(cosine("smith", user), cosine("acme", user));
  EXPECT_GT(cosine("acme", user), cosine("globex", user));
  EXPECT_GT(cosine("acme", "bob@acme.dev acme"), cosine("acme", "bob@acme.dev"));
}

TEST(HashingEmbedder, WorksForScriptsWithoutSpaces) {
  EXPECT_GT(cosine("山田", "山田太郎"), 0.2f);
  EXPECT_LT(cosine("鈴木", "山田太郎"), 0.15f);
}

TEST(HashingEmbedder, StrangeTextsAreHarmless) {
  const std::vector<float> zero(384);
  EXPECT_EQ(vector_of("\xff\xfe broken"), zero);
  EXPECT_EQ(vector_of("... --- !!!"), zero);
  EXPECT_EQ(vector_of(std::string(3, '\0')), zero);
  EXPECT_NE(vector_of(std::string(100'000, 'x')), zero);
  std::string many;
  for (int i = 0; i < 20'000; ++i) many += std::to_string(i) + " ";
  EXPECT_NE(vector_of(many), zero);
}

TEST(HashingEmbedder, DimensionsAreBounded) {
  EXPECT_EQ(make_embedder(1)->dimension(), 16);
  EXPECT_EQ(make_embedder(1'000'000)->dimension(), 4096);
  EXPECT_EQ(vector_of("x", 4096).size(), 4096u);
}

}  // namespace
}  // namespace mesh::hashing
