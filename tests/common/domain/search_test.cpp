#include "common/domain/search.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

TEST(Search, AHitHasTheFieldsOfTheContractAndARoundedScore) {
  const SearchHit hit{7, TenantId::parse("acme").value(), 0.123456789f, "a@b.de", "Alice"};
  EXPECT_EQ(dump(to_json(hit)),
            R"({"user_id":7,"tenant_id":"acme","score":0.123457,"email":"a@b.de","name":"Alice"})");
}

// Changing this changes every stored vector: a new formula needs a new index generation.
TEST(Search, EmbeddingTextIsNameThenEmail) {
  EXPECT_EQ(embedding_text("Alice Smith", "alice@acme.dev"), "Alice Smith alice@acme.dev");
}

}  // namespace
}  // namespace mesh
