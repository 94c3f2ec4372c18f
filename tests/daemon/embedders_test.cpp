#include "daemon/embedders.h"

#include <gmock/gmock.h>

#include <future>

#include "common/engines/hashing/hashing_embedder.h"
#include "tests/support/fake_engines.h"
#include "tests/support/manual_clock.h"

namespace mesh {
namespace {

using testing::HasSubstr;

// A model's folder is a name here, and the model in it what `folders` says.
class OpenedEmbeddersTest : public testing::Test {
 protected:
  OpenedEmbeddersTest() {
    engines.hashing = [](int dimension) { return hashing::make_embedder(dimension); };
    engines.static_model = [this](const std::string& folder) -> Result<std::shared_ptr<Embedder>> {
      ++reads;
      const auto found = folders.find(folder);
      if (found == folders.end()) return fail(ErrorKind::not_found, folder + " is not there");
      return std::make_shared<test::FakeEmbedder>(found->second, 8);
    };
    engines.hybrid = [](const auto& letters, const auto& meaning) {
      return std::make_shared<test::FakeEmbedder>(
          "hybrid-v1(" + letters->id() + "," + meaning->id() + ")",
          letters->dimension() + meaning->dimension() + 1);
    };
    open({hashing::make_embedder(64), "hashing", "", 64, 32});
  }
  void open(ConfiguredEmbedder configured) {
    embedders = std::make_unique<OpenedEmbedders>(std::move(configured), engines, clock);
  }

  ManualClock clock;
  EmbedderEngines engines;
  std::map<std::string, std::string> folders{{"/models/a", "static:0123456789abcdef/8"}};
  int reads = 0;
  std::unique_ptr<OpenedEmbedders> embedders;
};

TEST_F(OpenedEmbeddersTest, TheConfiguredOneIsGivenForItsId) {
  EXPECT_EQ(embedders->configured_spec().embedder, "hashing-v2/64");
  EXPECT_EQ(embedders->of({64, "hashing-v2/64"}).value(), embedders->configured());
}

TEST_F(OpenedEmbeddersTest, AHashingOneOfAnyDimensionCanBeHad) {
  const auto other = embedders->of({128, "hashing-v2/128"});
  ASSERT_TRUE(other) << other.error().to_string();
  EXPECT_EQ((*other)->id(), "hashing-v2/128");
  EXPECT_EQ(embedders->of({128, "hashing-v2/128"}).value(), *other) << "opened once";
}

TEST_F(OpenedEmbeddersTest, WhatIsNotUnderstoodIsUnavailable) {
  for (const char* id :
       {"hashing-v1/64", "hashing-v2/x", "hashing-v2/8", "hashing-v2/", "", "openai:model/1536",
        "hybrid-v1(hashing-v2/64)", "hybrid-v1(", "static:/"}) {
    const auto none = embedders->of({64, id, "/models/a"});
    ASSERT_FALSE(none) << id;
    EXPECT_EQ(none.error().kind, ErrorKind::unavailable) << id;
  }
}

TEST_F(OpenedEmbeddersTest, AStaticOneIsOpenedFromItsFolderOnce) {
  const GenerationSpec spec{8, "static:0123456789abcdef/8", "/models/a"};
  auto one = embedders->of(spec);
  ASSERT_TRUE(one) << one.error().to_string();
  EXPECT_EQ(embedders->of(spec).value(), *one);
  EXPECT_EQ(reads, 1);
  one = fail(ErrorKind::internal, "let go");
  ASSERT_TRUE(embedders->of(spec));
  EXPECT_EQ(reads, 1) << "whoever asks now and then has it open";
  clock.advance(Duration{60'000});
  ASSERT_TRUE(embedders->of(spec));
  EXPECT_EQ(reads, 2) << "what nobody uses for long is closed";
}

TEST_F(OpenedEmbeddersTest, AFolderThatHoldsAnotherModelIsRefused) {
  const auto other = embedders->of({8, "static:ffffffffffffffff/8", "/models/a"});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(other.error().message, HasSubstr("/models/a holds another model"));
}

TEST_F(OpenedEmbeddersTest, AFolderThatIsGoneIsLookedForAgainAfterAWhile) {
  const GenerationSpec spec{8, "static:00000000000000bb/8", "/models/b"};
  EXPECT_THAT(embedders->of(spec).error().message, HasSubstr("/models/b is not there"));
  folders["/models/b"] = spec.embedder;
  EXPECT_FALSE(embedders->of(spec));
  EXPECT_EQ(reads, 1);
  clock.advance(Duration{10'000});
  EXPECT_TRUE(embedders->of(spec));
}

TEST_F(OpenedEmbeddersTest, AHybridOneIsMadeOfItsParts) {
  const std::string id = "hybrid-v1(hashing-v2/32,static:0123456789abcdef/8)";
  const auto hybrid = embedders->of({41, id, "/models/a"});
  ASSERT_TRUE(hybrid) << hybrid.error().to_string();
  EXPECT_EQ((*hybrid)->id(), id);
  EXPECT_FALSE(
      embedders->of({40, "hybrid-v1(hashing-v2/16,static:0123456789abcdef/8)", "/models/a"}))
      << "a generation of another dimension than its embedder's";
}

TEST_F(OpenedEmbeddersTest, AnOpenAiOneIsHadWhereItIsConfiguredAlsoAsAPart) {
  open({std::make_shared<test::FakeEmbedder>("openai:m,n/8", 8), "openai", "", 32});
  EXPECT_TRUE(embedders->of({8, "openai:m,n/8"}));
  EXPECT_FALSE(embedders->of({8, "openai:other/8"}));
  EXPECT_EQ(embedders->spec_of("openai", "").value().embedder, "openai:m,n/8");
  EXPECT_EQ(embedders->spec_of("hashing", "").value().embedder, "hashing-v2/32");
}

TEST_F(OpenedEmbeddersTest, SpecsAreOfWhatCanBeOpened) {
  EXPECT_EQ(embedders->spec_of("", "").value().embedder, "hashing-v2/64");
  const auto made = embedders->spec_of("static", "/models/./a/");
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(made->embedder, "hybrid-v1(hashing-v2/32,static:0123456789abcdef/8)");
  EXPECT_EQ(made->dimension, 41);
  EXPECT_EQ(made->model, "/models/a");
  EXPECT_TRUE(embedders->of(*made));
  open({hashing::make_embedder(64), "hashing", "", 64, 0});
  EXPECT_EQ(embedders->spec_of("static", "/models/a").value().embedder,
            "static:0123456789abcdef/8");
}

// Each search asks for the serving one: a slow disk under another model held up all of them.
TEST_F(OpenedEmbeddersTest, WhatIsOpenWaitsForNoModelThatIsRead) {
  const GenerationSpec spec{8, "static:0123456789abcdef/8", "/models/a"};
  const GenerationSpec slow{8, "static:00000000000000bb/8", "/models/b"};
  engines.static_model = [&](const std::string& folder) -> Result<std::shared_ptr<Embedder>> {
    if (folder == spec.model) return std::make_shared<test::FakeEmbedder>(spec.embedder, 8);
    auto meanwhile = std::async(std::launch::async, [&] {
      return embedders->of(spec) && embedders->of(embedders->configured_spec());
    });
    EXPECT_TRUE(meanwhile.get());
    return std::make_shared<test::FakeEmbedder>(slow.embedder, 8);
  };
  open({hashing::make_embedder(64), "hashing", "", 64, 32});
  const auto held = embedders->of(spec);
  ASSERT_TRUE(held);
  EXPECT_TRUE(embedders->of(slow));
}

TEST_F(OpenedEmbeddersTest, TheMeaningOfTheConfiguredOneIsHadAlone) {
  const auto meaning = std::make_shared<test::FakeEmbedder>("openai:m/8", 8);
  open({engines.hybrid(hashing::make_embedder(32), meaning), "openai", "", 64, 32, meaning});
  EXPECT_EQ(embedders->of({8, "openai:m/8"}).value(), meaning);
  EXPECT_EQ(embedders->configured_spec().embedder, "hybrid-v1(hashing-v2/32,openai:m/8)");
}

TEST_F(OpenedEmbeddersTest, WhatARebuildCannotBeAskedForIsSaid) {
  const auto refusal = [&](const char* engine, const char* model) {
    const auto spec = embedders->spec_of(engine, model);
    EXPECT_FALSE(spec) << engine << " " << model;
    if (spec) return std::string();
    EXPECT_EQ(spec.error().kind, ErrorKind::unprocessable);
    return spec.error().fields.at(0).pointer + " " + spec.error().message;
  };
  EXPECT_THAT(refusal("word2vec", ""), HasSubstr("hashing, static"));
  EXPECT_THAT(refusal("static", ""), HasSubstr("/model"));
  EXPECT_THAT(refusal("static", "models/a"), HasSubstr("absolute"));
  EXPECT_THAT(refusal("static", "/models/none"), HasSubstr("/models/none is not there"));
  EXPECT_THAT(refusal("hashing", "/models/a"), HasSubstr("/model"));
  EXPECT_THAT(refusal("openai", ""), HasSubstr("/embedder"));
  engines = {};
  open({std::make_shared<test::FakeEmbedder>(), "fake", "", 4});
  EXPECT_THAT(refusal("static", "/models/a"), HasSubstr("/embedder"));
}

}  // namespace
}  // namespace mesh
