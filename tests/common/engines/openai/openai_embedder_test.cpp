// What an embedder asks of a server that works, and makes of its answers.
#include "common/engines/openai/openai_embedder.h"

#include "common/engines/hashing/hashing_embedder.h"
#include "tests/common/engines/openai/embedder_fixture.h"

namespace mesh::openai {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class OpenAiEmbedderTest : public EmbedderFixture {
 protected:
  void expect_right(const std::vector<std::string>& texts) {
    const auto vectors = embed(texts);
    ASSERT_TRUE(vectors) << vectors.error().to_string();
    ASSERT_EQ(vectors->size(), texts.size());
    const auto hashing = hashing::make_embedder(options.dimension);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto expected = test::vector_of(*hashing, texts[i]);
      for (std::size_t j = 0; j < expected.size(); ++j) {
        EXPECT_NEAR((*vectors)[i].at(j), expected[j], 1e-5) << texts[i] << " at " << j;
      }
    }
  }
};

TEST_F(OpenAiEmbedderTest, IsNamedByModelAndDimension) {
  open();
  EXPECT_EQ(embedder->id(), "openai:fake-1/16");
  EXPECT_EQ(model.requests(), 0);
}

TEST_F(OpenAiEmbedderTest, AsksOnceForManyAndReadsWhateverFormTheAnswerHas) {
  const std::vector<std::string> texts{"alice", "bob", "carol"};
  for (const Form& form :
       {Form{}, Form{.base64 = true}, Form{.nested = true}, Form{.backwards = true},
        Form{.index = false}, Form{.usage = false}, Form{.base64 = true, .backwards = true}}) {
    open();
    model.form(form);
    const int before = model.requests();
    expect_right(texts);
    EXPECT_EQ(model.requests(), before + 1);
  }
}

TEST_F(OpenAiEmbedderTest, AsksForATextOnceAndForAnEmptyOneNever) {
  expect_right({"alice", "", "alice", " \n", "bob"});
  EXPECT_THAT(input(), ElementsAre("alice", "bob"));
  expect_right({"", " "});
  EXPECT_EQ(model.requests(), 1);
}

TEST_F(OpenAiEmbedderTest, ARequestIsBoundedInTextsAndInBytes) {
  options.max_batch = 3;
  options.max_batch_bytes = 20;
  expect_right({"a1", "a2", "a3", "a4", "twelve bytes", "fifteen bytes!!",
                "a text that is longer than all the others"});
  std::vector<std::size_t> sizes;
  for (const auto& body : model.bodies()) sizes.push_back(body.at("input").size());
  EXPECT_THAT(sizes, ElementsAre(3, 2, 1, 1));
}

TEST_F(OpenAiEmbedderTest, TextThatIsNoUtf8IsSentAsSome) {
  EXPECT_TRUE(
      embed({"al\xff"
             "ice"}));
}

TEST_F(OpenAiEmbedderTest, AModelOfAnotherDimensionIsAskedForOursFromThenOn) {
  model.form({.dimension = 32, .takes_dimensions = true});
  expect_right({"alice"});
  EXPECT_EQ(model.requests(), 2);
  EXPECT_EQ(model.bodies()[1].at("dimensions"), 16);
  expect_right({"bob"});
  EXPECT_EQ(model.requests(), 3);
}

TEST_F(OpenAiEmbedderTest, AModelThatHasNoSuchDimensionIsAnOutageThatNamesTheKey) {
  model.form({.dimension = 32});
  const Error error = error_of({"alice"});
  EXPECT_EQ(error.kind, ErrorKind::unavailable);
  EXPECT_THAT(error.message, HasSubstr("32"));
  EXPECT_THAT(error.message, HasSubstr("embedder.dimension says 16"));
  EXPECT_THAT(embedder->trouble()->message, HasSubstr("embedder.dimension"));
  // Each costs tokens: the breaker opens here as well.
  for (int i = 0; i < 10; ++i) error_of({"alice"});
  EXPECT_LE(model.requests(), 5);
  clock.advance(std::chrono::minutes(1));
  model.form({});
  expect_right({"alice"});
  EXPECT_FALSE(embedder->trouble());
}

TEST_F(OpenAiEmbedderTest, ASecondPassAsksForNothing) {
  options.cache_path = dir.file("cache.db");
  expect_right({"alice", "bob"});
  expect_right({"bob", "alice"});
  open();
  expect_right({"alice", "bob", "carol"});
  EXPECT_EQ(model.requests(), 2);
  EXPECT_THAT(input(), ElementsAre("carol"));
}

TEST_F(OpenAiEmbedderTest, AnotherModelOrDimensionFindsNothingOfTheFirst) {
  options.cache_path = dir.file("cache.db");
  expect_right({"alice"});
  options.dimension = 32;
  model.form({.dimension = 32});
  open();
  expect_right({"alice"});
  EXPECT_EQ(model.requests(), 2);
}

TEST_F(OpenAiEmbedderTest, ATenantPaysForItsOwnTextsAlsoWhereAnotherHasTheSame) {
  options.cache_path = dir.file("cache.db");
  open();
  const auto globex = TenantId::parse("globex").value();
  auto texts = test::texts_of_acme({"alice", "carol"});
  texts.push_back({globex, "alice"});
  ASSERT_TRUE(embedder->embed(texts));
  EXPECT_THAT(tokens, UnorderedElementsAre(Pair("acme", 2), Pair("globex", 1)));
  const std::vector<TenantText> more{{globex, "carol"}};
  ASSERT_TRUE(embedder->embed(more));
  EXPECT_THAT(tokens, UnorderedElementsAre(Pair("acme", 2), Pair("globex", 2)));
  ASSERT_TRUE(embedder->embed(texts));
  EXPECT_THAT(tokens, UnorderedElementsAre(Pair("acme", 2), Pair("globex", 2)));
}

TEST_F(OpenAiEmbedderTest, WhatAnOperatorAsksForATenantIsNotTheTenantsUse) {
  open();
  auto texts = test::texts_of_acme({"alice", "carol"});
  texts[0].billed = false;
  ASSERT_TRUE(embedder->embed(texts));
  EXPECT_THAT(tokens, UnorderedElementsAre(Pair("acme", 1)));
}

TEST_F(OpenAiEmbedderTest, WithoutUsageATokenIsTakenForFourBytes) {
  model.form({.usage = false});
  ASSERT_TRUE(embed({"four bytes and more"}));
  EXPECT_THAT(tokens, UnorderedElementsAre(Pair("acme", 5)));
}

TEST_F(OpenAiEmbedderTest, ConnectionsAreKeptFromOneRequestToTheNext) {
  for (const char* text : {"a", "b", "c", "d"}) ASSERT_TRUE(embed({text}));
  EXPECT_EQ(model.requests(), 4);
  EXPECT_EQ(model.connections(), 1);
}

TEST_F(OpenAiEmbedderTest, NoMoreRequestsAreUnderWayAtOnceThanAllowed) {
  options.max_in_flight = 2;
  open();
  std::atomic<int> now = 0, most = 0, entered = 0;
  std::atomic<bool> go = false;
  model.before_answer([&] {
    const int mine = ++now;
    int seen = most;
    while (mine > seen && !most.compare_exchange_weak(seen, mine)) {
    }
    ++entered;
    test::eventually([&] { return go.load(); });
    --now;
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([this, i] { EXPECT_TRUE(embed({"user" + std::to_string(i)})); });
  }
  EXPECT_TRUE(test::eventually([&] { return entered == 2; }));
  clock.await_waiters(3);
  go = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(most, 2);
}

}  // namespace
}  // namespace mesh::openai
