#include "common/engines/openai/answer_cache.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/core/database.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh::openai {
namespace {

const TenantId acme = TenantId::parse("acme").value();

class AnswerCacheTest : public testing::Test {
 protected:
  void open(std::uint64_t max_bytes = 1 << 20) {
    cache.reset();
    cache = open_disk_cache(path, max_bytes, clock);
  }
  void keep(const std::string& key, const std::string& answer) { cache->keep({{key, answer}}); }

  test::TempDir dir;
  const std::string path = dir.file("cache.db");
  ManualClock clock;
  std::unique_ptr<AnswerCache> cache = open_disk_cache(path, 1 << 20, clock);
};

TEST_F(AnswerCacheTest, WhatWasKeptIsThereAfterARestart) {
  keep("a", std::string("1\0002", 3));
  open();
  EXPECT_EQ(cache->find("a"), std::string("1\0002", 3));
  EXPECT_EQ(cache->find("b"), std::nullopt);
}

TEST_F(AnswerCacheTest, TheFirstOfAKeyStays) {
  keep("a", "1");
  keep("a", "2");
  EXPECT_EQ(cache->find("a"), "1");
}

TEST_F(AnswerCacheTest, BeyondItsBytesWhatWasNotUsedForLongestGoes) {
  const std::string answer(4000, 'x');
  open(40'000);
  for (int i = 0; i < 9; ++i) {
    keep("v" + std::to_string(i), answer);
    clock.advance(std::chrono::hours(2));
  }
  ASSERT_TRUE(cache->find("v0"));  // used now
  keep("v9", answer);
  EXPECT_TRUE(cache->find("v0"));
  EXPECT_TRUE(cache->find("v9"));
  EXPECT_FALSE(cache->find("v1"));
}

TEST_F(AnswerCacheTest, TheBoundHoldsOverARestart) {
  const std::string answer(4000, 'x');
  for (int i = 0; i < 9; ++i) keep("v" + std::to_string(i), answer);
  open(40'000);
  for (int i = 9; i < 50; ++i) keep("v" + std::to_string(i), answer);
  int there = 0;
  for (int i = 0; i < 50; ++i) there += cache->find("v" + std::to_string(i)).has_value();
  EXPECT_GE(there, 8);
  EXPECT_LE(there, 9);
  EXPECT_TRUE(cache->find("v49"));
}

TEST_F(AnswerCacheTest, AFileThatIsNoDatabaseIsPutAside) {
  cache.reset();
  for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
  std::ofstream(path) << std::string(10'000, 'x');
  open();
  EXPECT_EQ(cache->find("a"), std::nullopt);
  keep("a", "1");
  open();
  EXPECT_EQ(cache->find("a"), "1");
  EXPECT_EQ(std::filesystem::file_size(path + ".unusable"), 10'000u);
  EXPECT_THAT(sqlite::damage_met(), testing::IsEmpty()) << "nothing that an operator must mend";
}

TEST_F(AnswerCacheTest, DamageThatIsMetLaterMakesTheFileAnew) {
  const std::string answer(4000, 'x');
  for (int i = 0; i < 50; ++i) keep("v" + std::to_string(i), answer);
  cache.reset();  // what was in the log is in the file now
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 2; page < 40; ++page) {
      file.seekp(page * 4096 + 2000);
      file.write("damage", 6);
    }
  }
  open();
  int lost = 0;
  for (int i = 0; i < 50; ++i) lost += !cache->find("v" + std::to_string(i));
  EXPECT_GT(lost, 0);
  keep("new", "1");
  EXPECT_EQ(cache->find("new"), "1");
  EXPECT_THAT(sqlite::damage_met(), testing::IsEmpty());
}

TEST_F(AnswerCacheTest, AFileOfANewerVersionIsPutAside) {
  cache.reset();
  (void)sqlite::Database::open(path, sqlite::Database::Mode::read_write)
      .value()
      ->execute("PRAGMA user_version=9");
  open();
  keep("a", "1");
  EXPECT_EQ(cache->find("a"), "1");
  EXPECT_TRUE(std::filesystem::exists(path + ".unusable"));
}

TEST_F(AnswerCacheTest, WhereThereCanBeNoFileNothingIsKeptAndNothingFails) {
  cache = open_disk_cache(dir.file("missing/folder/cache.db"), 1 << 20, clock);
  keep("a", "1");
  EXPECT_EQ(cache->find("a"), std::nullopt);
}

TEST(MemoryCache, BeyondItsBytesWhatWasNotUsedForLongestGoes) {
  const auto cache = make_memory_cache(3 * 4'200);
  const std::string answer(4000, 'x');
  for (const char* key : {"a", "b", "c"}) cache->keep({{key, answer}});
  EXPECT_TRUE(cache->find("a"));
  cache->keep({{"d", answer}});
  EXPECT_TRUE(cache->find("a"));
  EXPECT_FALSE(cache->find("b"));
  EXPECT_EQ(cache->find("d"), answer);
}

TEST(CacheKey, DependsOnTenantEmbedderAndTextAndShowsNoneOfThem) {
  const auto globex = TenantId::parse("globex").value();
  const auto key = cache_key(acme, "openai:m/16", "Alice");
  EXPECT_EQ(key, cache_key(acme, "openai:m/16", "Alice"));
  EXPECT_NE(key, cache_key(globex, "openai:m/16", "Alice"));
  EXPECT_NE(key, cache_key(acme, "openai:m/32", "Alice"));
  EXPECT_NE(key, cache_key(acme, "openai:m/16", "Bob"));
  EXPECT_EQ(key.size(), 64u);
}

}  // namespace
}  // namespace mesh::openai
