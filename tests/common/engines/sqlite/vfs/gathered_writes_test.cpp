#include "common/engines/sqlite/vfs/gathered_writes.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>
#include <vector>

#include "common/engines/sqlite/core/database.h"
#include "tests/support/temp_dir.h"

namespace mesh::sqlite {
namespace {

struct Write {
  std::string bytes;
  std::int64_t offset;
  bool operator==(const Write&) const = default;
};

// Takes down what is written to it.
struct Recorder {
  sqlite3_file file{};
  std::vector<Write> writes;
  int answer = SQLITE_OK;

  Recorder() {
    static const sqlite3_io_methods methods = [] {
      sqlite3_io_methods made{};
      made.xWrite = [](sqlite3_file* written, const void* data, int size, sqlite3_int64 offset) {
        auto* self = reinterpret_cast<Recorder*>(written);
        if (self->answer != SQLITE_OK) return self->answer;
        self->writes.push_back(
            {std::string(static_cast<const char*>(data), static_cast<std::size_t>(size)), offset});
        return SQLITE_OK;
      };
      return made;
    }();
    file.pMethods = &methods;
  }
};

class GatheredWritesTest : public ::testing::Test {
 protected:
  int write(const std::string& bytes, std::int64_t offset) {
    return gathered.write(bytes.data(), static_cast<int>(bytes.size()), offset);
  }

  Recorder recorder;
  GatheredWrites gathered{&recorder.file};
};

TEST_F(GatheredWritesTest, PiecesThatFollowOneAnotherAreWrittenAtOnce) {
  write("ab", 32);
  write("cde", 34);
  EXPECT_TRUE(recorder.writes.empty());
  EXPECT_EQ(gathered.flush(), SQLITE_OK);
  EXPECT_EQ(recorder.writes, (std::vector<Write>{{"abcde", 32}}));
  EXPECT_EQ(gathered.flush(), SQLITE_OK);
  EXPECT_EQ(recorder.writes.size(), 1u) << "once";
}

TEST_F(GatheredWritesTest, PiecesThatDoNotFollowKeepTheirOrder) {
  write("ab", 32);
  write("xy", 33);  // over what was written before
  write("z", 0);
  gathered.flush();
  EXPECT_EQ(recorder.writes, (std::vector<Write>{{"ab", 32}, {"xy", 33}, {"z", 0}}));
}

TEST_F(GatheredWritesTest, ManyAndLargePiecesArriveWholeAndInOrder) {
  std::string all;
  for (const std::size_t size : {24, 4096, 24, 65536, 200'000, 24, 100'000, 100'000, 1}) {
    const std::string piece(size, static_cast<char>('a' + all.size() % 26));
    EXPECT_EQ(write(piece, static_cast<std::int64_t>(all.size())), SQLITE_OK);
    all += piece;
  }
  gathered.flush();
  std::string arrived;
  for (const auto& one : recorder.writes) {
    EXPECT_EQ(one.offset, static_cast<std::int64_t>(arrived.size()));
    arrived += one.bytes;
  }
  EXPECT_TRUE(arrived == all);
}

TEST_F(GatheredWritesTest, AWriteThatFailsIsToldAndDropped) {
  write("ab", 0);
  recorder.answer = SQLITE_FULL;
  EXPECT_EQ(gathered.flush(), SQLITE_FULL);
  recorder.answer = SQLITE_OK;
  EXPECT_EQ(gathered.flush(), SQLITE_OK);
  EXPECT_TRUE(recorder.writes.empty());
}

// Pages that the cache has no room for are read back from the log before it was synced.
TEST(GatheredLog, ATransactionReadsItsOwnPagesAndOthersDoNot) {
  test::TempDir dir;
  const std::string path = dir.file("test.db");
  auto writer = *Database::open(path, Database::Mode::read_write);
  ASSERT_TRUE(
      writer->execute("CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT);"
                      "PRAGMA cache_size=10; BEGIN IMMEDIATE;"
                      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<5000)"
                      " INSERT INTO t SELECT i, printf('%0500d', i) FROM n"));
  const auto sum = [](Database& db) {
    auto statement = *db.prepare("SELECT count(*), coalesce(sum(text), 0) FROM t");
    EXPECT_TRUE(*statement.step());
    return std::pair(statement.integer(0), statement.integer(1));
  };
  const std::pair<std::int64_t, std::int64_t> whole{5000, 12'502'500};
  EXPECT_EQ(sum(*writer), whole);
  auto reader = *Database::open(path, Database::Mode::read_only);
  EXPECT_EQ(sum(*reader), std::pair(std::int64_t{0}, std::int64_t{0}));
  ASSERT_TRUE(writer->execute("COMMIT"));
  EXPECT_EQ(sum(*reader), whole);
}

}  // namespace
}  // namespace mesh::sqlite
