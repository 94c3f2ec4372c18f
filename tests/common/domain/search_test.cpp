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

}  // namespace
}  // namespace mesh
