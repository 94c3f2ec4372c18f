// How collections follow the document, whatever fails or comes late.
#include <future>

#include "common/engines/qdrant/document.h"
#include "tests/common/engines/qdrant/qdrant_fixture.h"
#include "tests/support/manual_clock.h"

namespace mesh::qdrant {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct QdrantGenerations : QdrantTest {
  static constexpr const char* kDocument = "user_embeddings";
  Json document() { return Json::parse(epochs.read(kDocument)->body); }
  static auto create(VectorIndex& index, std::int64_t epoch = 0) {
    return index.create_generation({2, kEmbedder}, epoch);
  }
};

TEST_F(QdrantGenerations, TheAliasFollowsTheDocument) {
  const auto index = open();
  make_serving(*index);
  EXPECT_EQ(server.alias(), "user_embeddings-1");
  server.always("POST", "/aliases", {.status = 500});
  ASSERT_TRUE(create(*index));
  EXPECT_TRUE(index->serve(2, 0)) << "the document says so";
  EXPECT_EQ(document()["serving"], 2);
  EXPECT_EQ(server.alias(), "user_embeddings-1");
  server.as_ever();
  ASSERT_TRUE(index->take_over());
  EXPECT_EQ(server.alias(), "user_embeddings-2");
}

TEST_F(QdrantGenerations, SearchesGoByTheDocumentAndReadItOnceASecond) {
  ManualClock clock;
  const auto index = open(options(), clock);
  const auto other = open();
  make_serving(*other);
  ASSERT_TRUE(search(*index));
  const auto reads = epochs.reads();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(search(*index));
  EXPECT_EQ(epochs.reads(), reads);
  make_serving(*other);
  clock.advance(Duration{1'000});
  ASSERT_TRUE(search(*index));
  EXPECT_THAT(server.asked("POST", "/user_embeddings-2/points/query"), SizeIs(1));
}

TEST_F(QdrantGenerations, SearchesOutliveAnOutageOfTheStore) {
  ManualClock clock;
  const auto index = open(options(), clock);
  EXPECT_FALSE([&] {
    epochs.fail_next(1);
    return search(*index).has_value();
  }()) << "nothing is known yet";
  const int generation = make_serving(*index);
  epochs.fail_next(100);
  for (int i = 0; i < 3; ++i) {
    clock.advance(Duration{60'000});
    EXPECT_TRUE(search(*index));
    EXPECT_TRUE(apply(*index, generation, change_of(1, 1)));
  }
  EXPECT_EQ(index->generations().error().kind, ErrorKind::unavailable);
}

// A store that stands still answers after many seconds: one search waits for it, and not the rest.
TEST_F(QdrantGenerations, SearchesDoNotWaitForAStoreThatStandsStill) {
  ManualClock clock;
  const auto index = open(options(), clock);
  make_serving(*index);
  clock.advance(Duration{1'000});
  epochs.hold_reads(true);
  const auto reads = epochs.reads();
  auto first = std::async(std::launch::async, [&] { return search(*index).has_value(); });
  ASSERT_TRUE(test::eventually([&] { return epochs.reads() == reads + 1; }));
  auto second = std::async(std::launch::async, [&] { return search(*index).has_value(); });
  const bool waited = !test::eventually(
      [&] { return second.wait_for(Duration::zero()) == std::future_status::ready; });
  EXPECT_FALSE(waited);
  clock.advance(Duration{12'000});
  epochs.fail_next(waited ? 2 : 1);
  epochs.hold_reads(false);
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  const auto later = epochs.reads();
  EXPECT_TRUE(search(*index));
  EXPECT_EQ(epochs.reads(), later) << "it is asked again a second after it failed";
}

TEST_F(QdrantGenerations, ASearchOfADroppedGenerationGoesOnInTheNext) {
  ManualClock clock;
  const auto index = open(options(), clock);
  const auto other = open();
  const int first = make_serving(*other);
  ASSERT_TRUE(search(*index));
  const int second = make_serving(*other);
  ASSERT_TRUE(other->drop_generation(first, 0));
  EXPECT_TRUE(search(*index)) << "it still takes the first for the serving one";
  EXPECT_THAT(server.asked("POST", "/user_embeddings-" + std::to_string(second) + "/points/query"),
              SizeIs(1));
}

TEST_F(QdrantGenerations, ALostCollectionIsTold) {
  const auto index = open();
  const int generation = make_serving(*index);
  server.always("POST", "/query", {.status = 404});
  server.always("PUT", "/points", {.status = 404});
  server.always("GET", "/user_embeddings-1/exists", {.body = R"({"result":{"exists":false}})"});
  for (const auto& error :
       {search(*index).error(), apply(*index, generation, change_of(1, 1)).error(),
        index->serve(generation, 0).error()}) {
    EXPECT_EQ(error.kind, ErrorKind::unavailable);
    EXPECT_THAT(error.message, HasSubstr("mesh index rebuild"));
  }
}

TEST_F(QdrantGenerations, ACollectionWhoseAnswerWasLostIsTaken) {
  const auto index = open();
  server.next("PUT", "/user_embeddings-1", {.done = true, .cut = true});
  const auto made = create(*index);
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(made->number, 1);
  EXPECT_THAT(server.asked("PUT", "/user_embeddings-1"), SizeIs(2));
}

TEST_F(QdrantGenerations, AForeignCollectionIsNeitherTakenNorDropped) {
  server.hold("user_embeddings-1", {{"mesh", "another"}, {"made", "1"}});
  server.hold("user_embeddings-2", nullptr);
  const auto index = open();
  for (int i = 0; i < 2; ++i) {
    const auto made = create(*index);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::unavailable);
    EXPECT_THAT(made.error().message, HasSubstr("qdrant.prefix"));
  }
  ASSERT_TRUE(index->take_over());
  EXPECT_THAT(server.collections(), ElementsAre("user_embeddings-1", "user_embeddings-2"));
  EXPECT_THAT(index->generations().value(), IsEmpty());
}

TEST_F(QdrantGenerations, WhatAStoreFromABackupDoesNotKnowIsPassedOverAndLaterDropped) {
  const auto index = open();
  make_serving(*index);
  const auto backup = epochs.read(kDocument)->body;
  ASSERT_TRUE(create(*index));
  ASSERT_TRUE(create(*index));
  ASSERT_TRUE(epochs.write(kDocument, 0, backup));
  EXPECT_EQ(create(*index)->number, 4);
  const auto epoch = index->take_over();
  EXPECT_THAT(server.collections(), ElementsAre("user_embeddings-1", "user_embeddings-4"));
  EXPECT_EQ(create(*index, *epoch)->number, 5);
}

TEST_F(QdrantGenerations, WhatCannotBeIndexedIsNotEntered) {
  const auto index = open();
  server.always("PUT", "/index", {.status = 400});
  EXPECT_FALSE(create(*index));
  EXPECT_THAT(server.collections(), IsEmpty());
  EXPECT_THAT(index->generations().value(), IsEmpty());
  server.as_ever();
  EXPECT_EQ(create(*index)->number, 2) << "a number is not used twice";
}

TEST_F(QdrantGenerations, WhatCannotBeDroppedIsStruckOutAndDroppedByTheNextHand) {
  const auto index = open();
  make_serving(*index);
  ASSERT_TRUE(create(*index));
  server.always("DELETE", "", {.status = 503});
  EXPECT_TRUE(index->drop_generation(2, 0));
  EXPECT_THAT(index->generations().value(), SizeIs(1));
  EXPECT_THAT(server.collections(), SizeIs(2));
  server.as_ever();
  ASSERT_TRUE(index->take_over());
  EXPECT_THAT(server.collections(), ElementsAre("user_embeddings-1"));
}

TEST_F(QdrantGenerations, OrphansOfOthersAndOfLaterNumbersStay) {
  const auto index = open();
  make_serving(*index);
  const auto mine = server.metadata("user_embeddings-1");
  ASSERT_TRUE(index->drop_generation(create(*index)->number, 0));
  server.hold("user_embeddings-2", mine);        // an orphan
  server.hold("user_embeddings-3", mine);        // of whoever took over since
  server.hold("user_embeddings-02x", mine);      // no generation's name
  server.hold("other-user_embeddings-2", mine);  // of another prefix
  server.hold("user_embeddings", mine);
  ASSERT_TRUE(index->take_over());
  EXPECT_THAT(server.collections(),
              ElementsAre("other-user_embeddings-2", "user_embeddings", "user_embeddings-02x",
                          "user_embeddings-1", "user_embeddings-3"));
}

// Its document is refused at the end; the number was its own, so that it takes nobody's collection
// along.
TEST_F(QdrantGenerations, AHandTakenOverFromWhileItCreatesLeavesNothing) {
  const auto slow = open();
  const auto next = open();
  make_serving(*next);
  std::optional<std::int64_t> epoch;
  struct Hook final : EpochStore {
    Hook(test::FakeEpochStore& s, std::function<void()> c)
        : store(s), before_second(std::move(c)) {}
    Result<EpochDocument> take_over(const std::string& name) override {
      return store.take_over(name);
    }
    Result<EpochDocument> read(const std::string& name) override { return store.read(name); }
    Status write(const std::string& name, std::int64_t e, const std::string& body) override {
      if (++writes == 2) before_second();
      return store.write(name, e, body);
    }
    test::FakeEpochStore& store;
    std::function<void()> before_second;
    int writes = 0;
  };
  Hook hook(epochs, [&] {
    epoch = next->take_over().value();
    ASSERT_EQ(create(*next, *epoch)->number, 3);
  });
  const auto late = QdrantIndex::open(options(), hook, system_clock()).value();
  EXPECT_EQ(create(*late).error().kind, ErrorKind::conflict);
  EXPECT_THAT(server.collections(), ElementsAre("user_embeddings-1", "user_embeddings-3"));
  EXPECT_THAT(next->generations().value(), SizeIs(2));
}

TEST_F(QdrantGenerations, TakingOverNeedsTheStoreAlone) {
  const auto index = open();
  make_serving(*index);
  server.always("GET", "/collections", {.status = 500});
  server.always("POST", "/aliases", {.status = 500});
  EXPECT_EQ(index->take_over().value(), 1);
  epochs.fail_next(1);
  EXPECT_EQ(index->take_over().error().kind, ErrorKind::unavailable);
}

TEST_F(QdrantGenerations, ADamagedDocumentIsCorrupt) {
  const auto index = open();
  for (const char* body : {"{", "[]", R"({"mesh":"x","last":1,"serving":1,"generations":[]})",
                           R"({"mesh":1,"last":1,"serving":0,"generations":[]})"}) {
    ASSERT_TRUE(epochs.write(kDocument, 0, body));
    EXPECT_EQ(index->generations().error().kind, ErrorKind::corrupt) << body;
    EXPECT_EQ(create(*index).error().kind, ErrorKind::corrupt) << body;
  }
  EXPECT_EQ(epochs.read(kDocument)->body.substr(0, 10), R"({"mesh":1,)") << "it stays as it was";
}

TEST_F(QdrantGenerations, ADocumentOfAProgramThatKnewOfNoModelsIsRead) {
  const auto read = Generations::parse(R"({"mesh":"x","last":2,"serving":2,"generations":[)"
                                       R"({"number":2,"dimension":384,"embedder":"hashing-v1"}]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->specs.at(2).model, "");
  EXPECT_FALSE(read->specs.at(2).shadow);
  EXPECT_EQ(read->text().find("model"), std::string::npos) << read->text();
}

TEST_F(QdrantGenerations, TheDocumentSaysWhereAModelLiesAndWhatIsAShadow) {
  const auto index = open();
  ASSERT_TRUE(index->create_generation({2, kEmbedder, "/models/names", true}, 0));
  EXPECT_EQ(document()["generations"][0]["model"], "/models/names");
  EXPECT_EQ(document()["generations"][0]["shadow"], true);
  EXPECT_TRUE(open()->generations()->front().spec.shadow);
  ASSERT_TRUE(index->serve(1, 0));
  EXPECT_FALSE(document()["generations"][0].contains("shadow"));
}

// A search with the embedder that another process flips to was refused for as long as the document
// of before was kept.
TEST_F(QdrantGenerations, ASearchWithTheEmbedderThatServesByNowReadsTheDocumentAnew) {
  const auto one = open();
  const auto other = open();
  make_serving(*one);
  const std::vector<float> vector{1, 0};
  const auto search = [&](const char* embedder) {
    return one->search(TenantId::parse("acme").value(), {vector, embedder}, 0, -1, {});
  };
  ASSERT_TRUE(search(kEmbedder));
  ASSERT_TRUE(other->create_generation({2, "another"}, 0));
  ASSERT_TRUE(other->serve(2, 0));
  EXPECT_TRUE(search("another"));
  const auto refused = search(kEmbedder);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(is_other_embedder(refused.error()));
}

TEST_F(QdrantGenerations, OptionsThatCannotBeAreInvalid) {
  auto wrong = options();
  wrong.prefix = "a/b";
  EXPECT_EQ(QdrantIndex::open(wrong, epochs, system_clock()).error().kind, ErrorKind::invalid);
  wrong = options();
  wrong.url = "127.0.0.1:6333";
  EXPECT_THAT(QdrantIndex::open(wrong, epochs, system_clock()).error().message,
              HasSubstr("qdrant.url"));
}

}  // namespace
}  // namespace mesh::qdrant
