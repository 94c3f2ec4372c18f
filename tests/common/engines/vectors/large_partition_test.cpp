// Approximate searches, compared with the exact scan of the same file.
#include <gmock/gmock.h>

#include <thread>

#include "common/domain/search.h"
#include "common/engines/hashing/hashing_embedder.h"
#include "common/engines/hybrid/hybrid_embedder.h"
#include "common/engines/sqlite/points/embedded_index.h"
#include "common/engines/vectors/partition.h"
#include "tests/common/engines/vectors/crowd.h"
#include "tests/common/engines/vectors/vectors.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tenant_texts.h"

namespace mesh::vectors {
namespace {

using test::Random;
using test::random_unit;
using test::TempDir;
using Vectors = std::vector<std::vector<float>>;

constexpr int kDimension = 384;
constexpr std::size_t kFrom = 1500;  // vectors: from here on approximate
constexpr std::size_t kNever = SIZE_MAX;

TenantId tenant(const std::string& text) { return TenantId::parse(text).value(); }

std::unique_ptr<VectorIndex> open(const TempDir& dir, std::size_t approximate_from,
                                  std::uint64_t fine_bytes = 64 << 20) {
  sqlite::IndexOptions options;
  options.fine_bytes = fine_bytes;
  options.approximate_from = approximate_from;
  auto index = sqlite::open_embedded_index(dir.path(), options);
  EXPECT_TRUE(index) << index.error().to_string();
  return std::move(*index);
}

int serving_generation(VectorIndex& index, int dimension = kDimension) {
  const int number = index.create_generation({dimension, "test"}, 0)->number;
  EXPECT_TRUE(index.serve(number, 0));
  return number;
}

// Users first…first+vectors.size()-1, with empty vectors removed.
void apply(VectorIndex& index, const std::string& to, std::int64_t first, const Vectors& vectors,
           std::int64_t version = 1) {
  std::vector<VectorChange> batch;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const auto user = first + static_cast<std::int64_t>(i);
    batch.push_back({tenant(to), user, version, vectors[i],
                     to + "." + std::to_string(user) + "@x.dev", "v" + std::to_string(version),
                     "e"});
    if (batch.size() == 1000 || i + 1 == vectors.size()) {
      ASSERT_TRUE(index.apply(index.generations()->at(0).number, batch));
      batch.clear();
    }
  }
}

using Answers = std::vector<std::vector<SearchHit>>;

Answers ask(VectorIndex& index, const Vectors& queries, int k = 10, float min_score = -1,
            const std::string& of = "acme") {
  Answers answers;
  for (const auto& query : queries) {
    answers.push_back(index.search(tenant(of), {query, "test"}, k, min_score).value());
  }
  return answers;
}

// A hit that scores like the k-th best is one of them.
double recall(const Answers& got, const Answers& exact) {
  double found = 0, wanted = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    wanted += static_cast<double>(exact[i].size());
    EXPECT_LE(got[i].size(), exact[i].size());
    if (exact[i].empty()) continue;
    for (const auto& hit : got[i]) found += hit.score >= exact[i].back().score - 1e-5F;
  }
  return wanted == 0 ? 1 : found / wanted;
}

std::vector<std::vector<std::pair<std::int64_t, float>>> plain(const Answers& answers) {
  std::vector<std::vector<std::pair<std::int64_t, float>>> out;
  for (const auto& hits : answers) {
    out.emplace_back();
    for (const auto& hit : hits) out.back().emplace_back(hit.user_id, hit.score);
  }
  return out;
}

template <typename Next>
Vectors some(std::size_t count, Next next) {
  Vectors vectors;
  while (vectors.size() < count) vectors.push_back(next());
  return vectors;
}

struct Sample {
  Vectors stored, queries;
};

Sample clustered(std::size_t count) {
  test::ClusteredVectors source(1, kDimension, static_cast<int>(count / 100), 0.7F);
  const auto next = [&] { return source.next(); };
  return {some(count, next), some(200, next)};
}

Sample randoms(std::size_t count) {
  Random random(2);
  const auto next = [&] { return random_unit(random, kDimension); };
  return {some(count, next), some(200, next)};
}

// What people type is less like a user than users are like each other.
Sample people(std::size_t count) {
  const auto embedder = hashing::make_embedder(kDimension);
  const auto embed = [&](const std::string& text) { return test::vector_of(*embedder, text); };
  test::Crowd crowd(3);
  Sample sample;
  for (std::size_t i = 0; i < count; ++i) {
    const auto who = crowd.next();
    sample.stored.push_back(embed(embedding_text(who.name(), who.email)));
    if (i >= 200) continue;
    const auto ask = static_cast<test::Crowd::Ask>(i % test::Crowd::kAsks);
    sample.queries.push_back(embed(crowd.query(who, ask)));
  }
  return sample;
}

// Made once for all tests.
const Sample& sample_of(Sample (*make)(std::size_t)) {
  static std::map<Sample (*)(std::size_t), Sample> made;
  const auto it = made.find(make);
  return it != made.end() ? it->second : made.emplace(make, make(6'000)).first->second;
}

class Recall : public testing::TestWithParam<Sample (*)(std::size_t)> {};

TEST_P(Recall, OfTheTenBestIsThatOfTheExactScan) {
  const auto& sample = sample_of(GetParam());
  TempDir dir;
  {
    auto index = open(dir, kFrom);
    serving_generation(*index);
    apply(*index, "acme", 0, sample.stored);
  }
  const auto exact = ask(*open(dir, kNever), sample.queries);
  const Vectors few(sample.queries.begin(), sample.queries.begin() + 20);
  constexpr int kDeep = 60;
  const auto exact_deep = ask(*open(dir, kNever), few, kDeep);
  const auto index = open(dir, kFrom);
  const auto got = ask(*index, sample.queries);
  for (const auto& hits : got) EXPECT_EQ(hits.size(), 10U);
  EXPECT_GE(recall(got, exact), 0.995);
  EXPECT_GE(recall(ask(*index, few, kDeep), exact_deep), 0.995);
}

TEST_P(Recall, IsKeptByUpdatesRemovalsAndGrowth) {
  const auto& sample = sample_of(GetParam());
  TempDir dir;
  auto index = open(dir, kFrom);
  serving_generation(*index);
  // Twice the size each time; then every other user becomes another one, every fourth goes.
  for (std::size_t size = 1'500; size <= 6'000; size *= 2) {
    const auto done = size == 1'500 ? 0 : size / 2;
    apply(*index, "acme", static_cast<std::int64_t>(done),
          Vectors(sample.stored.begin() + static_cast<std::ptrdiff_t>(done),
                  sample.stored.begin() + static_cast<std::ptrdiff_t>(size)));
  }
  auto changed = sample.stored;
  for (std::size_t i = 0; i < changed.size(); i += 2) {
    changed[i] = i % 4 == 0 ? std::vector<float>{} : sample.stored[(i + 3'001) % changed.size()];
  }
  apply(*index, "acme", 0, changed, 2);
  const auto got = ask(*index, sample.queries);
  index.reset();
  const auto exact = ask(*open(dir, kNever), sample.queries);
  EXPECT_GE(recall(got, exact), 0.995);
  for (const auto& hits : got) {
    for (const auto& hit : hits) EXPECT_NE(hit.user_id % 4, 0);
  }
}

std::string name_of(const testing::TestParamInfo<Sample (*)(std::size_t)>& info) {
  constexpr const char* kNames[] = {"Clustered", "People", "Random"};
  return kNames[info.index];
}

INSTANTIATE_TEST_SUITE_P(Of, Recall, testing::Values(&clustered, &people, &randoms), name_of);

// The engine's own vectors of meaning do not matter to it: here a text has one near to that of its
// name, whoever bears it.
class Meanings final : public Embedder {
 public:
  int dimension() const override { return 256; }
  std::string id() const override { return "meanings"; }
  Result<Vectors> embed(std::span<const TenantText> texts) override {
    Vectors vectors;
    for (const auto& text : texts) {
      const auto name = text.text.substr(0, text.text.find(' '));
      Random topic(std::hash<std::string>{}(name)), own(std::hash<std::string>{}(text.text));
      auto vector = random_unit(topic, dimension());
      const auto away = random_unit(own, dimension());
      double sum = 0;
      for (std::size_t i = 0; i < vector.size(); ++i) {
        vector[i] += 0.7F * away[i];
        sum += vector[i] * vector[i];
      }
      for (auto& value : vector) value = static_cast<float>(value / std::sqrt(sum));
      vectors.push_back(std::move(vector));
    }
    return vectors;
  }
};

// Weighed queries point away from what is stored: with a ratio of 0 or 1 half of each stored vector
// counts for nothing.
TEST(HybridRecall, OfTheTenBestIsThatOfTheExactScanWhateverTheRatio) {
  const auto hybrid = hybrid::make_embedder(
      std::shared_ptr<Embedder>(hashing::make_embedder(kDimension)), std::make_shared<Meanings>());
  test::Crowd crowd(3);
  Vectors stored;
  std::vector<std::string> asked;
  for (std::size_t i = 0; i < 6'000; ++i) {
    const auto who = crowd.next();
    stored.push_back(test::vector_of(*hybrid, embedding_text(who.name(), who.email)));
    if (i < 200) asked.push_back(crowd.query(who, static_cast<test::Crowd::Ask>(i % 6)));
  }
  TempDir dir;
  {
    auto index = open(dir, kFrom);
    serving_generation(*index, hybrid->dimension());
    apply(*index, "acme", 0, stored);
  }
  const auto index = open(dir, kFrom);
  const auto exact_index = open(dir, kNever);
  for (const double ratio : {0.0, 0.3, 0.7, 1.0}) {
    Vectors queries;
    for (const auto& text : test::texts_of_acme(asked)) {
      queries.push_back(hybrid->embed_query(text, ratio).value().vector);
    }
    for (const float least : {-1.0F, 0.2F}) {
      const auto exact = ask(*exact_index, queries, 10, least);
      const auto got = ask(*index, queries, 10, least);
      EXPECT_GE(recall(got, exact), 0.995) << ratio << " from " << least;
      EXPECT_NEAR(exact[0][0].score,
                  test::dot(queries[0], stored[static_cast<std::size_t>(exact[0][0].user_id)]),
                  1e-4)
          << ratio;
    }
  }
}

class LargePartition : public testing::Test {
 protected:
  LargePartition() {
    auto index = open(dir_, kFrom);
    serving_generation(*index);
    apply(*index, "acme", 0, sample_.stored);
  }
  // Of the clustered vectors the first 4,000.
  const Sample sample_{
      {sample_of(&clustered).stored.begin(), sample_of(&clustered).stored.begin() + 4'000},
      sample_of(&clustered).queries};
  TempDir dir_;
};

TEST_F(LargePartition, CostsSketchesOnlyFromTheThresholdOn) {
  const auto bytes = [&](std::size_t from) { return open(dir_, from)->generations()->at(0).bytes; };
  EXPECT_EQ(bytes(4'001), bytes(kNever));
  // What a partition lacks that just became large is made up by the changes that follow.
  EXPECT_GT(bytes(4'000), bytes(kNever));
  EXPECT_GE(bytes(3'900), bytes(kNever) + 4'000 / 64 * 64 * 52);
}

TEST_F(LargePartition, ThatShrinksIsExactAndGivesMemoryBack) {
  auto index = open(dir_, kFrom);
  apply(*index, "acme", 100, Vectors(3'900), 2);
  EXPECT_EQ(ask(*index, {sample_.stored[7]}, 10)[0][0].user_id, 7);
  const auto bytes = index->generations()->at(0).bytes;
  index.reset();
  EXPECT_LE(open(dir_, kNever)->generations()->at(0).bytes, bytes);
  index = open(dir_, kFrom);
  apply(*index, "acme", 0, Vectors(4'000), 3);
  EXPECT_TRUE(ask(*index, {sample_.stored[7]})[0].empty());
}

TEST_F(LargePartition, AnswersTheSameAfterAReopen) {
  auto index = open(dir_, kFrom);
  apply(*index, "acme", 500, Vectors(700), 2);
  apply(*index, "acme", 600, Vectors(sample_.stored.begin(), sample_.stored.begin() + 50), 3);
  const auto before = ask(*index, sample_.queries);
  index.reset();
  EXPECT_EQ(plain(ask(*open(dir_, kFrom), sample_.queries)), plain(before));
}

TEST_F(LargePartition, AnswersTheSameWithLowPlanesOnDisk) {
  const auto before = ask(*open(dir_, kFrom), sample_.queries);
  EXPECT_EQ(plain(ask(*open(dir_, kFrom, 0), sample_.queries)), plain(before));
}

TEST_F(LargePartition, ShowsNoHitBelowTheLeastScore) {
  const auto index = open(dir_, kFrom);
  const auto exact = open(dir_, kNever);
  std::size_t hits = 0;
  for (const float least : {0.3F, 0.68F, 0.75F, 2.0F}) {
    const auto got = ask(*index, sample_.queries, 10, least);
    EXPECT_GE(recall(got, ask(*exact, sample_.queries, 10, least)), 0.995);
    for (const auto& some_hits : got) {
      for (const auto& hit : some_hits) EXPECT_GE(hit.score, least);
      hits += some_hits.size();
    }
  }
  EXPECT_GT(hits, 2'000U);
  EXPECT_TRUE(ask(*index, sample_.queries, 10, 2)[0].empty());
}

TEST_F(LargePartition, AnswersWithAllWhenMoreAreWantedThanThereAre) {
  const auto index = open(dir_, kFrom);
  for (const int k : {4'000, 5'000, 1'000'000}) {
    EXPECT_EQ(ask(*index, {sample_.queries[0]}, k)[0].size(), 4'000U);
  }
  EXPECT_EQ(ask(*index, {sample_.queries[0]}, 3'999)[0].size(), 3'999U);
}

TEST_F(LargePartition, FindsEveryStoredVectorItself) {
  const auto index = open(dir_, kFrom);
  int missed = 0;
  for (std::size_t user = 0; user < 4'000; user += 3) {
    const auto hits = ask(*index, {sample_.stored[user]}, 1)[0];
    missed += hits.size() != 1 || hits[0].user_id != static_cast<std::int64_t>(user);
  }
  EXPECT_LE(missed, 2);  // of 1,334
}

TEST_F(LargePartition, ShowsNothingOfAnotherTenant) {
  auto index = open(dir_, kFrom);
  apply(*index, "globex", 100'000, sample_.stored);
  for (const std::string of : {"acme", "globex"}) {
    for (const auto& hits : ask(*index, sample_.queries, 10, -1, of)) {
      ASSERT_EQ(hits.size(), 10U);
      for (const auto& hit : hits) {
        EXPECT_EQ(hit.tenant.str(), of);
        EXPECT_EQ(hit.email, of + "." + std::to_string(hit.user_id) + "@x.dev");
        EXPECT_EQ(hit.user_id >= 100'000, of == "globex");
      }
    }
  }
}

// Beyond what is surveyed at once.
TEST(LargePartitionStretches, AreAllSearched) {
  constexpr int kSmall = 64;
  constexpr std::size_t kUsers = Sketches::Survey::kMostBlocks * kSketchBlock + 3'000;
  FineBudget budget(64 << 20);
  PartitionMemory memory(kSmall, budget, kFrom), exact_memory(kSmall, budget, kNever);
  TenantPartition partition(1, memory), exact(1, exact_memory);
  Random random(6);
  Vectors queries;
  for (std::size_t user = 0; user < kUsers; ++user) {
    const auto vector = random_unit(random, kSmall);
    if (user % 1'000 == 0) queries.push_back(vector);
    const auto code = encode(vector).value();
    for (auto* one : {&partition, &exact}) {
      one->upsert(static_cast<std::int64_t>(user), view_code(code, kSmall), {"a@x.dev", "A"});
    }
  }
  const auto ask_all = [&](const TenantPartition& of) {
    Answers answers;
    for (const auto& query : queries) {
      answers.push_back(of.search(tenant("acme"), Query::make(query).value(), 10, -1).hits);
    }
    return answers;
  };
  const auto got = ask_all(partition);
  EXPECT_GE(recall(got, ask_all(exact)), 0.995);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    EXPECT_EQ(got[i][0].user_id, static_cast<std::int64_t>(1'000 * i));
  }
}

// Users who are all alike: the lowest ids win, as in the exact scan.
TEST(LargePartitionTies, AreBrokenByUserId) {
  TempDir dir;
  auto index = open(dir, kFrom);
  serving_generation(*index);
  Random random(4);
  apply(*index, "acme", 0, Vectors(3'000, random_unit(random, kDimension)));
  const auto hits = ask(*index, {random_unit(random, kDimension)}, 5)[0];
  ASSERT_EQ(hits.size(), 5U);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(hits[static_cast<std::size_t>(i)].user_id, i);
}

// Whole users, in order, while the partition crosses the threshold up and down.
TEST(LargePartitionConcurrency, SearchesSeeWholeUsersWhileItGrowsAndShrinks) {
  constexpr int kSmall = 32;
  TempDir dir;
  auto index = open(dir, kFrom);
  serving_generation(*index, kSmall);
  Random random(9);
  const auto next = [&] { return random_unit(random, kSmall); };
  apply(*index, "acme", 0, some(1'400, next));
  std::atomic<bool> done{false};
  std::atomic<int> searches{0};
  std::vector<std::thread> searchers;
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    searchers.emplace_back([&, seed] {
      Random own(seed);
      while (!done) {
        const auto hits = index->search(tenant("acme"), {random_unit(own, kSmall), "test"}, 5, -1);
        ASSERT_TRUE(hits) << hits.error().to_string();
        ASSERT_EQ(hits->size(), 5U);
        for (std::size_t h = 0; h < hits->size(); ++h) {
          const auto& hit = (*hits)[h];
          ASSERT_EQ(hit.email, "acme." + std::to_string(hit.user_id) + "@x.dev");
          ASSERT_TRUE(h == 0 || (*hits)[h - 1].score >= hit.score);
        }
        ++searches;
      }
    });
  }
  for (std::int64_t version = 2; version < 8 || searches < 100; ++version) {
    apply(*index, "acme", 1'400, some(900, next), version);
    apply(*index, "acme", 300, some(400, next), version);
    apply(*index, "acme", 650, Vectors(1'650), version);
    apply(*index, "acme", 650, some(750, next), version);
  }
  done = true;
  for (auto& thread : searchers) thread.join();
}

}  // namespace
}  // namespace mesh::vectors
