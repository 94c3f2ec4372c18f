// What only a server that keeps points can show: ties, removals, what strict mode refuses.
#include "tests/common/engines/qdrant/qdrant_fixture.h"
#include "tests/support/qdrant_server.h"

namespace mesh::qdrant {
namespace {

using test::QdrantServer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class QdrantSearches : public testing::Test {
 protected:
  static constexpr const char* kEmbedder = "test-embedder";

  static void SetUpTestSuite() {
    if (QdrantServer::installed()) server_ = std::make_unique<QdrantServer>();
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override {
    if (!server_) GTEST_SKIP() << QdrantServer::kMissing;
    index_ = open();
    generation_ = index_->create_generation({2, kEmbedder}, 0).value().number;
    ASSERT_TRUE(index_->serve(generation_, 0));
  }
  void TearDown() override {
    index_.reset();
    if (server_) server_->drop_collections(prefix_);
  }

  std::unique_ptr<QdrantIndex> open(std::size_t max_body_bytes = 16 << 20) {
    IndexOptions options;
    options.url = server_->url();
    options.api_key = server_->api_key();
    options.prefix = prefix_;
    options.max_body_bytes = max_body_bytes;
    options.timeout = Duration{60'000};
    // A repeat would wait by a clock that nobody moves: a server that is too slow is to be told.
    options.max_retries = 0;
    return QdrantIndex::open(options, epochs_, clock_).value();
  }
  void apply(const std::vector<VectorChange>& changes) {
    const auto applied = index_->apply(generation_, changes);
    ASSERT_TRUE(applied) << applied.error().to_string();
  }
  std::vector<std::int64_t> found(int k, float min_score = -1, const SearchText& text = {}) {
    const std::vector<float> vector{1, 0};
    const auto hits = index_->search(tenant("acme"), {vector, kEmbedder}, k, min_score, text);
    EXPECT_TRUE(hits) << hits.error().to_string();
    std::vector<std::int64_t> ids;
    for (const auto& hit : *hits) ids.push_back(hit.user_id);
    return ids;
  }
  std::string collection() const {
    return "/collections/" + prefix_ + "user_embeddings-" + std::to_string(generation_);
  }
  Json ask(const std::string& path_end, const Json& body) {
    return server_->ask("POST", collection() + path_end, body);
  }

  static std::unique_ptr<QdrantServer> server_;
  const std::string prefix_ = test::own_prefix();
  ManualClock clock_;
  test::FakeEpochStore epochs_;
  std::unique_ptr<QdrantIndex> index_;
  int generation_ = 0;
};
std::unique_ptr<QdrantServer> QdrantSearches::server_;

TEST_F(QdrantSearches, ManyEqualScoresComeByUserId) {
  std::vector<VectorChange> changes;
  // 211 is a prime: each once, in an order that is no order.
  for (int i = 1; i < 211; ++i) changes.push_back(change_of(i * 77 % 211, 1, {0.6F, 0.8F}));
  changes.push_back(change_of(300, 1, {1, 0}));
  apply(changes);
  EXPECT_THAT(found(4), ElementsAre(300, 1, 2, 3));
}

TEST_F(QdrantSearches, AScoreThatEqualsTheLeastIsFound) {
  apply({change_of(1, 1, {1, 0}), change_of(2, 1, {0, 1})});
  EXPECT_THAT(found(10, 0), ElementsAre(1, 2));
  EXPECT_THAT(found(10, 1), ElementsAre(1));
  apply({change_of(3, 1, {0.6F, 0.8F})});
  EXPECT_THAT(found(10, 0.599995F), ElementsAre(1, 3));
  EXPECT_THAT(found(10, 0.600005F), ElementsAre(1));
}

TEST_F(QdrantSearches, ASmallLimitOfBodiesChangesNothing) {
  index_ = open(2'000);
  std::vector<VectorChange> changes;
  for (int user = 1; user <= 60; ++user) changes.push_back(change_of(user, user, {1, 0}));
  apply(changes);
  EXPECT_THAT(found(100), SizeIs(60));
  EXPECT_EQ(index_->generations()->at(0).vectors, 60);
}

// More than a megabyte, before which libcurl asks whether it may send it.
TEST_F(QdrantSearches, ALargeBatchArrives) {
  constexpr int kLargeDimension = 1'024;
  const int large = index_->create_generation({kLargeDimension, kEmbedder}, 0)->number;
  std::vector<VectorChange> changes;
  for (int user = 1; user <= 200; ++user) {
    changes.push_back(change_of(user, 1, std::vector<float>(kLargeDimension, 0.03125F)));
    changes.back().vector[0] += static_cast<float>(user) / 1'000;
  }
  const auto applied = index_->apply(large, changes);
  ASSERT_TRUE(applied) << applied.error().to_string();
  EXPECT_THAT(index_->scan(large, tenant("acme"), 0, 1'000).value(), SizeIs(200));
}

TEST_F(QdrantSearches, AScanGoesBeyondOnePage) {
  std::vector<VectorChange> changes;
  for (int user = 1; user <= 1'050; ++user) changes.push_back(change_of(user, 1));
  apply(changes);
  const auto users = index_->scan(generation_, tenant("acme"), 10, 5'000).value();
  ASSERT_THAT(users, SizeIs(1'040));
  EXPECT_EQ(users.front().user_id, 11);
  EXPECT_EQ(users.back().user_id, 1'050);
}

TEST_F(QdrantSearches, RemovalsAreForgottenOnceTheyAreOldEnough) {
  apply({change_of(1, 1), change_of(2, 1), change_of(3, 1)});
  apply({removal_of(1, 2), removal_of(3, 2)});
  clock_.advance(Duration{1'000});
  apply({removal_of(2, 2), change_of(3, 3)});
  const auto points = [&] {
    return ask("/points/scroll",
               {{"filter", {{"must", Json::array({{{"key", "version"}, {"range", {{"gt", 0}}}}})}}},
                {"limit", 100},
                {"with_payload", false}})["result"]["points"]
        .size();
  };
  EXPECT_EQ(points(), 3u);
  EXPECT_EQ(index_->sweep(clock_.now()).value(), 1) << "of the one removed before now";
  EXPECT_EQ(points(), 2u);
  EXPECT_THAT(found(10), ElementsAre(3)) << "who came back is no removal";
  apply({change_of(2, 1)});
  EXPECT_THAT(found(10), ElementsAre(3)) << "a removal that stays still guards";
  apply({change_of(1, 1)});
  EXPECT_THAT(found(10), ElementsAre(1, 3)) << "nothing is known of the first any more";
}

TEST_F(QdrantSearches, ARemovedUserIsNotMatchedByText) {
  apply({change_of(1, 1), change_of(2, 1)});
  EXPECT_THAT(found(10, 0.99F, SearchText("1@x.dev")), ElementsAre(1, 2));
  apply({removal_of(1, 2)});
  EXPECT_THAT(found(10, 0.99F, SearchText("1@x.dev")), ElementsAre(2));
}

// A guard in the server, should a search ever be sent without its tenant.
TEST_F(QdrantSearches, TheServerRefusesASearchAcrossTenants) {
  apply({change_of(1, 1)});
  Json query{{"query", {1, 0}}, {"limit", 10}, {"with_payload", Json::array({"userId"})}};
  const auto refusal = [&] { return dump(ask("/points/query", query)); };
  EXPECT_THAT(refusal(), HasSubstr("global vector indexing is disabled"));
  const Json by_name{{"key", "nameKey"}, {"match", {{"value", "user 1"}}}};
  query["filter"] = {{"must", Json::array({by_name})}};
  EXPECT_THAT(refusal(), HasSubstr("global vector indexing is disabled"));
}

TEST_F(QdrantSearches, AliasAndCollectionsAreNamedByThePrefix) {
  const auto aliases = server_->ask("GET", "/aliases")["result"]["aliases"];
  const Json mine{{"alias_name", prefix_ + "user_embeddings"},
                  {"collection_name", prefix_ + "user_embeddings-1"}};
  EXPECT_THAT(aliases, testing::Contains(mine));
  EXPECT_THAT(server_->collections(prefix_), ElementsAre(prefix_ + "user_embeddings-1"));
  const auto number = index_->create_generation({2, kEmbedder}, 0)->number;
  ASSERT_TRUE(index_->drop_generation(number, 0));
  EXPECT_THAT(server_->collections(prefix_), SizeIs(1));
}

// Of two processes, whoever's change is newer stands, whichever comes first.
TEST_F(QdrantSearches, ProcessesGuardEachOther) {
  const auto other = open();
  apply({change_of(1, 2, {0, 1})});
  const std::vector<VectorChange> late{change_of(1, 1, {1, 0}), change_of(2, 1, {1, 0})};
  ASSERT_TRUE(other->apply(generation_, late));
  EXPECT_THAT(found(10, 0.9F), ElementsAre(2));
}

// A verification took what another process had removed a moment ago for vectors of nobody.
TEST_F(QdrantSearches, WhoeverHasReadWhatIsThereGetsTheCountOfNow) {
  const auto other = open();
  apply({change_of(1, 1), change_of(2, 1)});
  ASSERT_EQ(index_->generations()->front().vectors, 2);
  const std::vector<VectorChange> removal{removal_of(1, 2)};
  ASSERT_TRUE(other->apply(generation_, removal));
  ASSERT_THAT(index_->scan(generation_, tenant("acme"), 0, 10).value(), SizeIs(1));
  EXPECT_EQ(index_->generations()->front().vectors, 1);
}

}  // namespace
}  // namespace mesh::qdrant
