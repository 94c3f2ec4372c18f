#include "common/engines/static_model/static_embedder.h"
#include "tests/contract/embedder_contract.h"
#include "tests/support/static_folder.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {
namespace {

// Vectors of lengths other than 1; the model is not normalized.
std::unique_ptr<Embedder> make_static_embedder() {
  const TempDir dir;
  EXPECT_TRUE(write_word_model(dir.path(), {{"alice", {3, 0, 0, 1}},
                                            {"bob", {0, 2, 0, 1}},
                                            {"carol", {0, 0, 5, -1}},
                                            {"smith", {1, 0, 0, 0}},
                                            {"jones", {0, 1, 0, 0}},
                                            {"zoe", {0, 1, 1, 0}},
                                            {"muller", {0, 1, -1, 4}}}));
  write_text(dir.file("config.json"), R"({"normalize": false})");
  // What is mapped stays when its name goes.
  return static_model::make_embedder(models::open_static_model(dir.path()).value());
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(StaticModel, EmbedderContract, testing::Values(&make_static_embedder));

TEST(StaticEmbedder, IsNamedByTheHashOfItsModel) {
  const TempDir dir;
  ASSERT_TRUE(write_word_model(dir.path(), {{"alice", {3, 0, 0, 1}}}));
  const auto model = models::open_static_model(dir.path()).value();
  EXPECT_EQ(static_model::make_embedder(model)->id(),
            "static:" + model->info().hash.substr(0, 16) + "/4");
}

TEST(StaticEmbedder, KnowsTheWordsOfItsModel) {
  const TempDir dir;
  ASSERT_TRUE(write_word_model(dir.path(), {{"alice", {3, 0, 0, 1}}}));
  const auto embedder = static_model::make_embedder(models::open_static_model(dir.path()).value());
  const auto words = embedder->count_words("Alice smith").value();
  EXPECT_EQ(words.all, 2u);
  EXPECT_EQ(words.known, 1u);
}

}  // namespace mesh::test
