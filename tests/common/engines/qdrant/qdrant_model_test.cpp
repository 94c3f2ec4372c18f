// Two processes change users at random, late and repeated ones among them; what is found is what a
// map holds.
#include <cmath>
#include <random>

#include "tests/common/engines/qdrant/qdrant_fixture.h"
#include "tests/support/qdrant_server.h"

namespace mesh::qdrant {
namespace {

using test::QdrantServer;
using testing::ElementsAreArray;

constexpr int kDimension = 8;
constexpr const char* kEmbedder = "test-embedder";

using Vector = std::vector<float>;

float cosine(const Vector& a, const Vector& b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return static_cast<float>(dot / std::sqrt(aa * bb));
}

class QdrantModel : public testing::Test {
 protected:
  void SetUp() override {
    if (!QdrantServer::installed()) GTEST_SKIP() << QdrantServer::kMissing;
    server_ = std::make_unique<QdrantServer>();
    for (auto& process : processes_) {
      IndexOptions options;
      options.url = server_->url();
      options.api_key = server_->api_key();
      options.prefix = prefix_;
      options.timeout = Duration{60'000};
      process = QdrantIndex::open(options, epochs_, system_clock()).value();
    }
    number_ = processes_[0]->create_generation({kDimension, kEmbedder}, 0).value().number;
    ASSERT_TRUE(processes_[0]->serve(number_, 0));
    // A real server moves points from segment to segment all the time then.
    if (QdrantServer::real()) {
      server_->ask(
          "PATCH", "/collections/" + prefix_ + "user_embeddings-1",
          {{"optimizers_config", {{"indexing_threshold", 1}, {"default_segment_number", 3}}}});
    }
  }
  void TearDown() override {
    for (auto& process : processes_) process.reset();
    if (server_) server_->drop_collections(prefix_);
  }

  int some(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  Vector some_vector() {
    std::normal_distribution<float> normal;
    Vector vector(kDimension);
    for (auto& value : vector) value = normal(random_);
    return vector;
  }
  VectorChange some_change(int users) {
    VectorChange change = change_of(1 + some(users), some(30), some_vector());
    if (some(4) == 0) change.vector.clear();
    if (some(3) == 0) change.tenant = tenant("globex");
    change.name = "Version " + std::to_string(change.version);
    return change;
  }
  void apply(const std::vector<VectorChange>& changes) {
    const auto applied = processes_[static_cast<std::size_t>(some(2))]->apply(number_, changes);
    ASSERT_TRUE(applied) << applied.error().to_string();
    for (const auto& change : changes) {
      const auto [held, first] = model_.try_emplace({change.tenant.str(), change.user_id}, change);
      if (!first && change.version >= held->second.version) held->second = change;
    }
  }
  void compare(const std::string& name) {
    std::vector<std::pair<std::int64_t, std::string>> expected, got;
    std::vector<std::pair<float, std::int64_t>> scores;
    // Of unit length, with which the product is the cosine.
    auto query = some_vector();
    double sum = 0;
    for (const float value : query) sum += static_cast<double>(value) * value;
    for (float& value : query) value = static_cast<float>(value / std::sqrt(sum));
    for (const auto& [key, change] : model_) {
      if (key.first != name || change.vector.empty()) continue;
      expected.emplace_back(key.second, change.name);
      scores.emplace_back(-cosine(query, change.vector), key.second);
    }
    const auto users = processes_[0]->scan(number_, tenant(name), 0, 1'000'000);
    ASSERT_TRUE(users) << users.error().to_string();
    for (const auto& user : *users) got.emplace_back(user.user_id, user.name);
    ASSERT_THAT(got, ElementsAreArray(expected));
    std::ranges::sort(scores);
    const auto hits = processes_[1]->search(tenant(name), {query, kEmbedder}, 10, -1);
    ASSERT_TRUE(hits) << hits.error().to_string();
    ASSERT_EQ(hits->size(), std::min<std::size_t>(10, scores.size()));
    for (std::size_t i = 0; i < hits->size(); ++i) {
      EXPECT_NEAR((*hits)[i].score, -scores[i].first, 1e-4) << i;
    }
  }

  std::mt19937_64 random_{20261129};
  std::unique_ptr<QdrantServer> server_;
  const std::string prefix_ = test::own_prefix();
  test::FakeEpochStore epochs_;
  std::array<std::unique_ptr<QdrantIndex>, 2> processes_;
  int number_ = 0;
  std::map<std::pair<std::string, std::int64_t>, VectorChange> model_;
};

TEST_F(QdrantModel, WhatIsFoundIsWhatWasAppliedLast) {
  const int rounds = QdrantServer::real() ? 15 : 12;
  const int users = QdrantServer::real() ? 1'500 : 60;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < 5; ++i) {
      std::vector<VectorChange> changes;
      for (int left = 1 + some(users / 3); left > 0; --left) changes.push_back(some_change(users));
      ASSERT_NO_FATAL_FAILURE(apply(changes));
    }
    ASSERT_NO_FATAL_FAILURE(compare("acme")) << round;
    ASSERT_NO_FATAL_FAILURE(compare("globex")) << round;
  }
  // In a server that has just moved points some count twice until it has let go of them.
  const auto live =
      std::ranges::count_if(model_, [](const auto& p) { return !p.second.vector.empty(); });
  EXPECT_TRUE(test::eventually([&] {
    processes_[0]->apply(number_, std::vector{model_.begin()->second});  // counts anew
    return processes_[0]->generations()->at(0).vectors == live;
  }));
}

}  // namespace
}  // namespace mesh::qdrant
