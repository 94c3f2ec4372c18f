#include "common/domain/search.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

TEST(Search, AHitHasTheFieldsOfTheContractAndARoundedScore) {
  const SearchHit hit{7, TenantId::parse("acme").value(), 0.123456789f, "a@b.de", "Alice"};
  EXPECT_EQ(dump(to_json(hit)),
            R"({"user_id":7,"tenant_id":"acme","score":0.123457,"email":"a@b.de","name":"Alice"})");
}

TEST(Search, AHitAsTextIsThatOfItsValue) {
  SearchHit hit{7, TenantId::parse("acme").value(), 0, "a@b.de", "Zo\xC3\xAB \"Z\" \xFF"};
  for (const float score : {0.123456789F, 1.0F, -1.0F, -0.25F, 0.0F, 0.000001F, 0.9999999F}) {
    hit.score = score;
    std::string text = "[";
    append_json(text, hit);
    EXPECT_EQ(dump(Json::parse(text.substr(1))), dump(to_json(hit)));
  }
}

// Changing this changes every stored vector: a new formula needs a new index generation.
TEST(Search, EmbeddingTextIsNameThenEmail) {
  EXPECT_EQ(embedding_text("Alice Smith", "alice@acme.dev"), "Alice Smith alice@acme.dev");
}

TEST(SearchText, MatchesWholeAddressesAndNamesBeforeTheirBeginnings) {
  const SearchText text(" Jose\u0301 LEE ");
  EXPECT_EQ(text.match("x@y.de", "Jos\u00e9 Lee"), TextMatch::exact);
  EXPECT_EQ(text.match("x@y.de", "Jos\u00e9 Leeds"), TextMatch::prefix);
  EXPECT_EQ(text.match("x@y.de", "Ann Jos\u00e9 Lee"), TextMatch::none);
  EXPECT_EQ(SearchText("A@M\u00dcNCHEN.de").match("a@xn--mnchen-3ya.de", "X"), TextMatch::exact);
  EXPECT_EQ(SearchText("a@m").match("a@m\u00fcnchen.de", "X"), TextMatch::prefix);
  for (const char* nothing : {"", " ", "\u200b"}) {
    EXPECT_TRUE(SearchText(nothing).empty());
    EXPECT_EQ(SearchText(nothing).match("", ""), TextMatch::none);
  }
}

TEST(SearchText, OrdersByMatchThenScoreThenId) {
  const TenantId acme = TenantId::parse("acme").value();
  const auto hits_of = [&] {
    return std::vector<SearchHit>{{5, acme, 0.9F, "e@x.de", "Mary Ann"},
                                  {4, acme, 0.2F, "d@x.de", "Ann"},
                                  {3, acme, 0.3F, "ann@x.de", "Z"},
                                  {2, acme, 0.4F, "b@x.de", "Annabel"},
                                  {1, acme, 0.4F, "c@x.de", "Anna"}};
  };
  const auto ids = [&](const SearchText& text, std::size_t k) {
    auto hits = hits_of();
    keep_first(hits, text, k);
    std::vector<std::int64_t> all;
    for (const auto& hit : hits) all.push_back(hit.user_id);
    return all;
  };
  EXPECT_EQ(ids(SearchText("ann"), 10), (std::vector<std::int64_t>{4, 1, 2, 3, 5}));
  EXPECT_EQ(ids(SearchText("ann"), 2), (std::vector<std::int64_t>{4, 1}));
  EXPECT_EQ(ids(SearchText(), 10), (std::vector<std::int64_t>{5, 1, 2, 3, 4}));
}

}  // namespace
}  // namespace mesh
