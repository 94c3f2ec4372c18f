#include "common/engines/hashing/hashing_embedder.h"

#include <gtest/gtest.h>

#include "tests/support/tenant_texts.h"

namespace mesh::hashing {
namespace {

std::vector<float> vector_of(const std::string& text, int dimension = 384) {
  return test::vector_of(*make_embedder(dimension), text);
}

float cosine(const std::string& a, const std::string& b) {
  const auto x = vector_of(a), y = vector_of(b);
  float sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

// Stored vectors and queries of later versions meet: these values never change under one name.
TEST(HashingEmbedder, TheFormulaIsFixed) {
  EXPECT_EQ(make_embedder(384)->id(), "hashing-v2/384");
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
  const std::vector<float> others{0.0810208991f, 0.f,           0.453077406f, 0.385382295f,
                                  0.f,           0.f,           0.239864498f, 0.266516119f,
                                  -0.184429154f, -0.119932249f, 0.171103343f, 0.f,
                                  -0.60072732f,  -0.119932249f, -0.13325806f, 0.200953156f};
  EXPECT_EQ(vector_of("\u738b\u5c0f\u660e \U0001f389 I\u015f\u0131l", 16), others);
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

TEST(HashingEmbedder, FoldsWhatKeyboardsLack) {
  for (const auto& [typed, stored] : {std::pair{"isil", "I\u015f\u0131l"},
                                      {"ISPARTA", "\u0131sparta"},
                                      {"istanbul", "\u0130stanbul"},
                                      {"strasse", "STRA\u1e9eE"},
                                      {"soren", "S\u00f8ren"},
                                      {"lukasz", "\u0141ukasz"},
                                      {"aether", "\u00c6ther"},
                                      {"thor", "\u00deor"},
                                      {"office", "o\ufb03ce"},
                                      {"alice", "\uff21\uff2c\uff29\uff23\uff25"},
                                      {"alice", "A\u200bli\u00adce"}}) {
    EXPECT_EQ(vector_of(typed), vector_of(stored)) << typed << " " << stored;
  }
}

TEST(HashingEmbedder, ASymbolOrACharacterFindsWhoHasIt) {
  for (const auto& [query, user] :
       {std::pair{"\U0001f389", "Bob \U0001f389 bob@x.dev"},
        {"\U0001f389", "Alexandra Wonderland \U0001f389 alexandra.wonderland@acme.dev"},
        {"\U0001f468\u200d\U0001f469\u200d\U0001f467",
         "Lee \U0001f468\u200d\U0001f469\u200d\U0001f467 lee@x.dev"},
        {"\u2764", "Ann \u2764\ufe0f ann@x.dev"},
        {"\u738b", "\u738b\u5c0f\u660e wang.xiaoming@example.cn"},
        {"\u660e", "\u738b\u5c0f\u660e wang.xiaoming@example.cn"},
        {"\u5c0f\u660e", "\u738b\u5c0f\u660e wang.xiaoming@example.cn"},
        {"\uae40", "\uae40\ucca0\uc218 kim@x.kr"}}) {
    EXPECT_GT(cosine(query, user), 0.21f) << query << " in " << user;
  }
  EXPECT_LT(cosine("\U0001f389", "Bob \u2764 bob@x.dev"), 0.1f);
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
