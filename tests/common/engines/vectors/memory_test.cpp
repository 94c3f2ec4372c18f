// The parts that partitions are made of: pools, slot table, shortlist.
#include <map>
#include <set>

#include "common/engines/vectors/pools.h"
#include "common/engines/vectors/shortlist.h"
#include "common/engines/vectors/slot_table.h"
#include "tests/common/engines/vectors/vectors.h"

namespace mesh::vectors {
namespace {

using test::Random;

TEST(ChunkPool, ChunksAreApartAlignedAndUsedAgain) {
  ChunkPool pool(6464);
  std::set<std::uint8_t*> chunks;
  for (int i = 0; i < 2000; ++i) {
    auto* chunk = pool.take();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(chunk) % 64, 0U);
    std::fill_n(chunk, pool.chunk_bytes(), static_cast<std::uint8_t>(i));
    chunks.insert(chunk);
  }
  for (auto it = chunks.begin(); std::next(it) != chunks.end(); ++it) {
    EXPECT_GE(*std::next(it) - *it, 6464);
  }
  const auto bytes = pool.bytes();
  auto* kept = *chunks.begin();
  chunks.erase(kept);
  for (auto* chunk : chunks) pool.give_back(chunk);
  for (int i = 0; i < 1999; ++i) EXPECT_TRUE(chunks.contains(pool.take()));
  EXPECT_EQ(pool.bytes(), bytes);
}

TEST(ChunkPool, AnEmptyPoolHoldsNoMemory) {
  ChunkPool pool(6464);
  for (int round = 0; round < 2; ++round) {
    std::vector<std::uint8_t*> chunks;
    for (int i = 0; i < 1000; ++i) chunks.push_back(pool.take());
    EXPECT_GE(pool.bytes(), 6464U * 1000);
    for (auto* chunk : chunks) pool.give_back(chunk);
    EXPECT_EQ(pool.bytes(), 0U);
  }
}

TEST(TextPool, TextsOfAnyLengthAreReadBack) {
  TextPool pool;
  Random random(1);
  struct Kept {
    const char* piece;
    std::string first, second;
  };
  std::vector<Kept> kept;
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 3 == 0 && !kept.empty()) {
      std::swap(kept[random() % kept.size()], kept.back());
      const auto pair = TextPool::read(kept.back().piece);
      ASSERT_EQ(pair.first, kept.back().first);
      ASSERT_EQ(pair.second, kept.back().second);
      pool.give_back(kept.back().piece);
      kept.pop_back();
    }
    const std::size_t longest = i % 50 == 0 ? 3000 : 40;
    std::string first(random() % longest, static_cast<char>('a' + i % 26));
    std::string second(random() % longest, static_cast<char>('A' + i % 26));
    kept.push_back({pool.take({first, second}), first, second});
  }
}

TEST(TextPool, MemoryOfTextsThatWentIsUsedAgain) {
  TextPool pool;
  std::vector<const char*> pieces;
  const auto fill = [&] {
    for (int i = 0; i < 10'000; ++i) {
      pieces.push_back(pool.take({"someone@example.dev", "Some One"}));
    }
  };
  fill();
  const auto bytes = pool.bytes();
  EXPECT_LT(bytes / 10'000, 48U);
  for (const char* piece : pieces) pool.give_back(piece);
  pieces.clear();
  fill();
  EXPECT_EQ(pool.bytes(), bytes);
}

TEST(SlotTable, BehavesLikeAMap) {
  std::vector<std::int64_t> keys(1000);
  const auto key_of = [&](std::uint32_t slot) { return keys[slot]; };
  SlotTable<decltype(key_of)> table(key_of);
  std::map<std::int64_t, std::uint32_t> model;
  std::vector<std::uint32_t> unused;
  for (std::uint32_t slot = 0; slot < keys.size(); ++slot) unused.push_back(slot);
  Random random(5);
  for (int i = 0; i < 50'000; ++i) {
    const auto key = static_cast<std::int64_t>(random() % 1500) * 4096 - 700;
    const auto it = model.find(key);
    ASSERT_EQ(table.find(key), it == model.end() ? table.kNone : it->second);
    if (it != model.end()) {
      table.erase(key);
      unused.push_back(it->second);
      model.erase(it);
    } else if (!unused.empty()) {
      const auto slot = unused.back();
      unused.pop_back();
      keys[slot] = key;
      table.insert(slot);
      model[key] = slot;
    }
  }
}

TEST(Shortlist, KeepsWhateverComesWithinTheMarginOfTheKth) {
  Shortlist list(2, 0.1F, -1);
  int id = 0;
  for (const float score : {0.1F, 0.5F, 0.75F, 0.72F, 0.9F, 0.8F, 0.65F}) {
    if (score >= list.floor()) list.add({score, ++id, 0});
  }
  auto kept = std::move(list).finish();
  keep_best(kept, 10);
  std::vector<float> scores;
  for (const auto& c : kept) scores.push_back(c.score);
  EXPECT_EQ(scores, (std::vector<float>{0.9F, 0.8F, 0.75F, 0.72F}));
}

TEST(Shortlist, LeavesOutWhatIsKnownToBeTooLittle) {
  Shortlist list(2, 0.1F, 0.4F);
  EXPECT_FLOAT_EQ(list.floor(), 0.3F);
  for (const float score : {0.35F, 0.32F}) list.add({score, 1, 0});
  EXPECT_FLOAT_EQ(list.floor(), 0.3F);
  for (const float score : {0.6F, 0.5F}) list.add({score, 1, 0});
  EXPECT_FLOAT_EQ(list.floor(), 0.4F);
}

TEST(Shortlist, OfEndlessTiesTheLowestIdsStay) {
  Shortlist list(3, 0.1F, -1);
  for (int id = 50'000; id > 0; --id) list.add({0.5F, id, 0});
  auto kept = std::move(list).finish();
  EXPECT_LE(kept.size(), Shortlist::kMost);
  keep_best(kept, 3);
  EXPECT_EQ(kept[0].user_id, 1);
  EXPECT_EQ(kept[2].user_id, 3);
}

}  // namespace
}  // namespace mesh::vectors
