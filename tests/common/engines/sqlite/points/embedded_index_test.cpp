#include "common/engines/sqlite/points/embedded_index.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <condition_variable>
#include <fstream>
#include <set>

#include "tests/common/engines/vectors/vectors.h"
#include "tests/support/temp_dir.h"

namespace mesh::sqlite {
namespace {

using test::Random;
using test::random_unit;
using test::TempDir;

std::unique_ptr<VectorIndex> open_index(const TempDir& dir, std::uint64_t fine_bytes = 64 << 20) {
  auto index = open_embedded_index(dir.path(), {.fine_bytes = fine_bytes});
  EXPECT_TRUE(index) << index.error().to_string();
  return std::move(*index);
}

TenantId tenant_id(const std::string& text) { return TenantId::parse(text).value(); }

int served(VectorIndex& index, int dimension) {
  const int number = index.create_generation({dimension, "test"}, 0)->number;
  EXPECT_TRUE(index.serve(number, 0));
  return number;
}

VectorChange change(const TenantId& of, std::int64_t user, std::int64_t version,
                    std::vector<float> vector) {
  return {of,
          user,
          version,
          std::move(vector),
          "u" + std::to_string(user) + "@x.dev",
          "v" + std::to_string(version),
          "e"};
}

// What an index must hold: the last change of each user by version, scores in double.
class Model {
 public:
  void apply(const VectorChange& change) {
    auto& known = users_[{change.tenant.str(), change.user_id}];
    if (change.version >= known.version) known = {change.version, change.vector};
  }
  std::vector<std::pair<double, std::int64_t>> ranked(const TenantId& of,
                                                      const std::vector<float>& query) const {
    std::vector<std::pair<double, std::int64_t>> all;
    for (const auto& [key, user] : users_) {
      if (key.first == of.str() && !user.vector.empty()) {
        all.emplace_back(-test::dot(query, user.vector), key.second);
      }
    }
    std::sort(all.begin(), all.end());
    return all;
  }
  std::int64_t live() const {
    return std::count_if(users_.begin(), users_.end(),
                         [](const auto& user) { return !user.second.vector.empty(); });
  }
  std::int64_t version(const TenantId& of, std::int64_t user) const {
    return users_.at({of.str(), user}).version;
  }

 private:
  struct User {
    std::int64_t version = -1;
    std::vector<float> vector;
  };
  std::map<std::pair<std::string, std::int64_t>, User> users_;
};

// Scores match in order; ids may differ only where scores are closer than the codes' precision.
void expect_same(const Model& model, VectorIndex& index, const TenantId& of,
                 const std::vector<float>& query, int k) {
  const auto want = model.ranked(of, query);
  const auto hits = index.search(of, {query, "test"}, k, -1).value();
  ASSERT_EQ(hits.size(), std::min(want.size(), static_cast<std::size_t>(k)));
  std::set<std::int64_t> seen;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    EXPECT_NEAR(hits[i].score, -want[i].first, 2e-5);
    EXPECT_EQ(hits[i].tenant, of);
    EXPECT_EQ(hits[i].email, "u" + std::to_string(hits[i].user_id) + "@x.dev");
    EXPECT_EQ(hits[i].name, "v" + std::to_string(model.version(of, hits[i].user_id)));
    EXPECT_TRUE(seen.insert(hits[i].user_id).second) << "twice: " << hits[i].user_id;
  }
}

class RandomChanges : public testing::TestWithParam<std::tuple<int, int>> {};

TEST_P(RandomChanges, EverySearchAnswersWhatBruteForceDoes) {
  const auto [seed, fine_vectors] = GetParam();
  constexpr int kDimension = 24;
  const auto fine_bytes = static_cast<std::uint64_t>(fine_vectors) * 64;
  TempDir dir;
  auto index = open_index(dir, fine_bytes);
  const int generation = served(*index, kDimension);
  const std::vector<TenantId> tenants{tenant_id("a"), tenant_id("b"), tenant_id("a-b")};
  Model model;
  Random random(static_cast<std::uint64_t>(seed));
  for (int round = 0; round < 60; ++round) {
    std::vector<VectorChange> batch;
    for (auto n = random() % 40; n > 0; --n) {
      const bool removes = random() % (round / 20 % 2 == 0 ? 5 : 2) == 0;
      batch.push_back(change(tenants[random() % 3], static_cast<std::int64_t>(random() % 120),
                             static_cast<std::int64_t>(random() % 50),
                             removes ? std::vector<float>{} : random_unit(random, kDimension)));
    }
    ASSERT_TRUE(index->apply(generation, batch));
    for (const auto& one : batch) model.apply(one);
    if (random() % 10 == 0) {
      index.reset();
      index = open_index(dir, fine_bytes);
    }
    expect_same(model, *index, tenants[random() % 3], random_unit(random, kDimension),
                static_cast<int>(1 + random() % 20));
    EXPECT_EQ(index->generations()->at(0).vectors, model.live());
  }
}

// The low planes of all partitions in memory, of none, and of one that outgrows the budget.
INSTANTIATE_TEST_SUITE_P(EmbeddedIndex, RandomChanges,
                         testing::Combine(testing::Range(1, 5), testing::Values(100'000, 0, 96)));

TEST(EmbeddedIndex, RecallOnClusteredVectorsIsThatOfBruteForce) {
  constexpr int kDimension = 96;
  TempDir dir;
  auto index = open_index(dir);
  const int generation = served(*index, kDimension);
  test::ClusteredVectors vectors(3, kDimension, 20, 0.5F);
  Model model;
  std::vector<VectorChange> batch;
  for (int user = 1; user <= 3000; ++user) {
    batch.push_back(change(tenant_id("acme"), user, 1, vectors.next()));
    model.apply(batch.back());
  }
  ASSERT_TRUE(index->apply(generation, batch));
  int same = 0;
  for (int i = 0; i < 20; ++i) {
    const auto query = vectors.next();
    const auto want = model.ranked(tenant_id("acme"), query);
    const auto hits = index->search(tenant_id("acme"), {query, "test"}, 10, -1).value();
    for (std::size_t rank = 0; rank < 10; ++rank) same += hits[rank].user_id == want[rank].second;
  }
  EXPECT_GE(same, 198);  // of 200: neighbours in rank may be closer than 1e-5
}

TEST(EmbeddedIndex, DroppedPointsLeaveTheFile) {
  TempDir dir;
  const auto rows = [&](const char* table) {
    auto db = Database::open(dir.file("vectors.db"), Database::Mode::read_only).value();
    auto count = db->prepare(std::string("SELECT count(*) FROM ") + table).value();
    EXPECT_TRUE(count.step());
    return count.integer(0);
  };
  auto index = open_index(dir);
  const int kept = served(*index, 4);
  const int dropped = index->create_generation({4, "test"}, 0)->number;
  std::vector<VectorChange> batch;
  for (int user = 0; user < 1500; ++user) {
    batch.push_back(change(tenant_id(user % 2 == 0 ? "a" : "b"), user, 1, {1, 2, 3, 4}));
  }
  ASSERT_TRUE(index->apply(kept, std::span(batch).first(10)));
  ASSERT_TRUE(index->apply(dropped, batch));
  EXPECT_EQ(rows("points"), 1510);
  ASSERT_TRUE(index->drop_generation(dropped, 0));
  // The steps follow each other in the committer; each change here waits for one of them.
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(index->apply(kept, std::span(batch).first(1)));
  EXPECT_EQ(rows("points"), 10);
  EXPECT_EQ(rows("partitions"), 2);
  EXPECT_EQ(rows("generations"), 1);
}

TEST(EmbeddedIndex, AChangeThatFailsChangesNothing) {
  TempDir dir;
  auto index = open_index(dir);
  const int generation = served(*index, 2);
  const std::vector<VectorChange> batch{
      change(tenant_id("a"), 1, 1, {1, 0}),
      change(tenant_id("a"), 2, 1, {1, std::numeric_limits<float>::quiet_NaN()})};
  EXPECT_EQ(index->apply(generation, batch).error().kind, ErrorKind::invalid);
  const std::vector<float> query{1, 0};
  EXPECT_TRUE(index->search(tenant_id("a"), {query, "test"}, 10, -1)->empty());
  EXPECT_EQ(index->search(tenant_id("a"), {batch[1].vector, "test"}, 10, -1).error().kind,
            ErrorKind::invalid);
}

TEST(EmbeddedIndex, ADimensionOutOfRangeIsInvalid) {
  TempDir dir;
  auto index = open_index(dir);
  EXPECT_EQ(index->create_generation({0, "test"}, 0).error().kind, ErrorKind::invalid);
  EXPECT_EQ(index->create_generation({1 << 20, "test"}, 0).error().kind, ErrorKind::invalid);
}

void expect_corrupt(const TempDir& dir) {
  const auto index = open_embedded_index(dir.path(), {});
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().kind, ErrorKind::corrupt) << index.error().to_string();
  EXPECT_THAT(index.error().message, testing::HasSubstr("vectors.db is damaged: `mesh check`"));
  EXPECT_NE(index.error().cause, "");
}

void fill(const TempDir& dir, int users) {
  auto index = open_index(dir);
  const int generation = served(*index, 16);
  Random random(1);
  std::vector<VectorChange> batch;
  for (int user = 1; user <= users; ++user) {
    batch.push_back(change(tenant_id("acme"), user, 1, random_unit(random, 16)));
  }
  ASSERT_TRUE(index->apply(generation, batch));
}

// As a program left it that knew of no models.
TEST(EmbeddedIndexUpgrade, AFileWithoutModelsIsReadAndWritten) {
  TempDir dir;
  fill(dir, 3);
  {
    auto db = Database::open(dir.file("vectors.db"), Database::Mode::read_write).value();
    ASSERT_TRUE(
        db->execute("ALTER TABLE generations DROP COLUMN model;"
                    "ALTER TABLE generations DROP COLUMN shadow;"
                    "PRAGMA user_version = 2"));
  }
  auto index = open_index(dir);
  const auto before = index->generations().value();
  ASSERT_EQ(before.size(), 1u);
  EXPECT_EQ(before[0].vectors, 3);
  EXPECT_TRUE(before[0].serving);
  EXPECT_EQ(before[0].spec.model, "");
  EXPECT_FALSE(before[0].spec.shadow);
  ASSERT_TRUE(index->create_generation({16, "static:0/16", "/models/names", true}, 0));
  EXPECT_EQ(index->generations().value()[1].spec.model, "/models/names");
}

TEST(EmbeddedIndexDamage, EveryColumnOfAPointIsGuarded) {
  for (const char* damage :
       {"code = zeroblob(36)", "code = x'00'", "code = NULL", "email = 'eve@x.dev'", "name = email",
        "version = 2", "event_id = ''", "user_id = 4", "partition = 2"}) {
    SCOPED_TRACE(damage);
    TempDir dir;
    fill(dir, 3);
    {
      auto db = Database::open(dir.file("vectors.db"), Database::Mode::read_write).value();
      ASSERT_TRUE(db->execute("INSERT INTO partitions(generation, tenant) VALUES(1, 'globex')"));
      ASSERT_TRUE(db->execute(std::string("UPDATE points SET ") + damage + " WHERE user_id = 3"));
    }
    expect_corrupt(dir);
  }
}

TEST(EmbeddedIndexDamage, AFileThatIsNoDatabaseIsCorrupt) {
  TempDir dir;
  std::ofstream(dir.file("vectors.db")) << std::string(8192, 'x');
  expect_corrupt(dir);
}

TEST(EmbeddedIndexDamage, AFlippedByteInThePointsIsFound) {
  TempDir dir;
  fill(dir, 500);
  std::string bytes;
  {
    std::ifstream in(dir.file("vectors.db"), std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto at = bytes.find("u250@x.dev");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  std::ofstream(dir.file("vectors.db"), std::ios::binary) << bytes;
  expect_corrupt(dir);
}

// Each user's vector and name move together, so a hit that mixes two versions would show.
TEST(EmbeddedIndexConcurrency, SearchesSeeWholeUsersWhileChangesArrive) {
  for (const std::uint64_t fine_bytes : {64 << 20, 0}) {
    TempDir dir;
    auto index = open_index(dir, fine_bytes);
    const int generation = served(*index, 32);
    std::atomic<bool> done{false};
    std::atomic<int> searches{0};
    std::vector<std::thread> searchers;
    for (int i = 0; i < 3; ++i) {
      searchers.emplace_back([&, i] {
        Random random(static_cast<std::uint64_t>(i));
        while (!done) {
          const auto hits =
              index->search(tenant_id("acme"), {random_unit(random, 32), "test"}, 10, -1);
          ASSERT_TRUE(hits) << hits.error().to_string();
          for (std::size_t h = 0; h < hits->size(); ++h) {
            const auto& hit = (*hits)[h];
            ASSERT_EQ(hit.email, "u" + std::to_string(hit.user_id) + "@x.dev");
            ASSERT_TRUE(h == 0 || (*hits)[h - 1].score >= hit.score);
          }
          ++searches;
        }
      });
    }
    Random random(99);
    for (int version = 0; version < 40 || searches < 50; ++version) {
      std::vector<VectorChange> batch;
      for (int i = 0; i < 32; ++i) {
        batch.push_back(change(tenant_id(i % 8 == 0 ? "globex" : "acme"),
                               static_cast<std::int64_t>(random() % 100), version,
                               random() % 3 == 0 ? std::vector<float>{} : random_unit(random, 32)));
      }
      ASSERT_TRUE(index->apply(generation, batch));
    }
    done = true;
    for (auto& thread : searchers) thread.join();
  }
}

TEST(EmbeddedIndexConcurrency, ASearchFollowsTheAliasThroughRebuilds) {
  TempDir dir;
  auto index = open_index(dir);
  const std::vector<float> query{1, 0};
  int serving = served(*index, 2);
  const std::vector<VectorChange> batch{change(tenant_id("a"), 1, 1, {1, 0})};
  ASSERT_TRUE(index->apply(serving, batch));
  std::atomic<bool> done{false};
  std::atomic<int> searches{0};
  std::thread searcher([&] {
    while (!done) {
      ASSERT_EQ(index->search(tenant_id("a"), {query, "test"}, 5, -1)->size(), 1U);
      ++searches;
    }
  });
  for (int round = 0; round < 10 || searches < 10; ++round) {
    const int next = index->create_generation({2, "test"}, 0)->number;
    ASSERT_TRUE(index->apply(next, batch));
    ASSERT_TRUE(index->serve(next, 0));
    ASSERT_TRUE(index->drop_generation(serving, 0));
    serving = next;
  }
  done = true;
  searcher.join();
}

// Two appliers race on the same users; whoever wins in the file must win in memory too.
TEST(EmbeddedIndexConcurrency, MemoryAgreesWithTheFileAfterRacingChanges) {
  TempDir dir;
  auto index = open_index(dir);
  const int generation = served(*index, 8);
  std::vector<std::thread> appliers;
  for (int a = 0; a < 3; ++a) {
    appliers.emplace_back([&, a] {
      Random random(static_cast<std::uint64_t>(a));
      for (int i = 0; i < 60; ++i) {
        const std::vector<VectorChange> one{
            change(tenant_id("acme"), static_cast<std::int64_t>(random() % 10),
                   static_cast<std::int64_t>(random() % 200),
                   random() % 2 == 0 ? std::vector<float>{} : random_unit(random, 8))};
        ASSERT_TRUE(index->apply(generation, one));
      }
    });
  }
  for (auto& thread : appliers) thread.join();
  const auto state = [&] {
    std::map<std::int64_t, std::pair<std::string, float>> users;
    const std::vector<float> query{1, 2, 3, 4, 5, 6, 7, 8};
    const auto hits = index->search(tenant_id("acme"), {query, "test"}, 100, -1).value();
    for (const auto& hit : hits) {
      users[hit.user_id] = {hit.name, hit.score};
    }
    return users;
  };
  const auto before = state();
  index.reset();
  index = open_index(dir);
  EXPECT_EQ(state(), before);
}

}  // namespace
}  // namespace mesh::sqlite
