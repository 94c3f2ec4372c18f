#include "tests/contract/embedder_contract.h"

#include <cmath>
#include <thread>

#include "tests/support/tenant_texts.h"

namespace mesh::test {
namespace {

double length(const std::vector<float>& vector) {
  double squares = 0;
  for (const double x : vector) squares += x * x;
  return std::sqrt(squares);
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace

std::vector<std::vector<float>> EmbedderContract::embed(const std::vector<std::string>& texts) {
  auto vectors = embedder_->embed(texts_of_acme(texts));
  EXPECT_TRUE(vectors) << vectors.error().to_string();
  if (!vectors) return std::vector<std::vector<float>>(texts.size());
  EXPECT_EQ(vectors->size(), texts.size());
  return *vectors;
}

TEST_P(EmbedderContract, NamesItselfAndItsDimension) {
  EXPECT_FALSE(embedder_->id().empty());
  EXPECT_EQ(embedder_->id(), GetParam()()->id());
  EXPECT_GT(embedder_->dimension(), 0);
}

TEST_P(EmbedderContract, GivesOneUnitVectorPerText) {
  for (const auto& vector : embed({"Alice Smith alice@acme.dev", "Bob", "Zoë Müller"})) {
    EXPECT_EQ(vector.size(), static_cast<std::size_t>(embedder_->dimension()));
    EXPECT_NEAR(length(vector), 1.0, 1e-4);
  }
}

TEST_P(EmbedderContract, NoTextsGiveNoVectors) { EXPECT_TRUE(embed({}).empty()); }

TEST_P(EmbedderContract, ATextWithoutAnyFeatureGivesTheZeroVector) {
  for (const auto& vector : embed({"", "   "})) {
    EXPECT_EQ(vector.size(), static_cast<std::size_t>(embedder_->dimension()));
    EXPECT_EQ(length(vector), 0.0);
  }
}

TEST_P(EmbedderContract, EqualTextsGiveEqualVectorsWhereverTheyStand) {
  const auto alone = embed_one("Alice Smith");
  const auto batch = embed({"Bob Jones", "Alice Smith", "", "Alice Smith"});
  EXPECT_EQ(batch[1], alone);
  EXPECT_EQ(batch[3], alone);
  EXPECT_EQ(vector_of(*GetParam()(), "Alice Smith"), alone);
}

TEST_P(EmbedderContract, TextsOfManyTenantsComeTogetherAndTheTenantChangesNoVector) {
  const auto alone = embed_one("Alice Smith");
  auto texts = texts_of_acme({"Bob Jones", "Alice Smith"});
  for (const char* tenant : {"globex", "initech"}) {
    texts.push_back({TenantId::parse(tenant).value(), "Alice Smith"});
  }
  const auto vectors = embedder_->embed(texts).value();
  for (const std::size_t i : {1u, 2u, 3u}) EXPECT_EQ(vectors.at(i), alone) << i;
}

TEST_P(EmbedderContract, ATextIsNearestToItself) {
  const std::vector<std::string> texts{"Alice Smith alice@acme.dev", "Bob Jones bob@globex.org",
                                       "Carol White carol@initech.io"};
  const auto vectors = embed(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto query = embed_one(texts[i]);
    for (std::size_t j = 0; j < texts.size(); ++j) {
      if (i != j) {
        EXPECT_GT(cosine(query, vectors[i]), cosine(query, vectors[j]));
      }
    }
  }
}

TEST_P(EmbedderContract, ManyThreadsMayUseItAtOnce) {
  const auto expected = embed_one("Alice Smith");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) EXPECT_EQ(embed_one("Alice Smith"), expected);
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace mesh::test
