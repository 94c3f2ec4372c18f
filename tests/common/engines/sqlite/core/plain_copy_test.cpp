// Copies that a program makes which knows nothing of page sums: the sqlite3 shell's .backup and
// VACUUM INTO.
#include <gmock/gmock.h>
#include <sqlite3.h>

#include <fstream>

#include "common/engines/sqlite/core/plain_copy.h"
#include "common/engines/sqlite/log/sqlite_log.h"
#include "common/engines/sqlite/repair/bad_pages.h"
#include "common/engines/sqlite/repair/salvage_log.h"
#include "common/engines/sqlite/vfs/page_sums.h"
#include "tests/common/engines/sqlite/subject.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/bytes.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {
namespace {

constexpr std::size_t kPage = 4096, kSum = sqlite::kPageSumBytes, kMarkAt = 96;
constexpr int kWrites = 40;

struct Plain {
  sqlite3* db = nullptr;
  explicit Plain(const std::string& path) { sqlite3_open(path.c_str(), &db); }
  ~Plain() { sqlite3_close(db); }
};

// What the shell does for ".backup".
void dot_backup(const std::string& from, const std::string& to) {
  Plain source(from), target(to);
  auto* backup = sqlite3_backup_init(target.db, "main", source.db, "main");
  ASSERT_NE(backup, nullptr) << sqlite3_errmsg(target.db);
  ASSERT_EQ(sqlite3_backup_step(backup, -1), SQLITE_DONE);
  ASSERT_EQ(sqlite3_backup_finish(backup), SQLITE_OK);
}

void vacuum_into(const std::string& from, const std::string& to) {
  Plain source(from);
  const std::string sql = "VACUUM INTO '" + to + "'";
  ASSERT_EQ(sqlite3_exec(source.db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(source.db);
}

class PlainCopy : public ::testing::TestWithParam<SubjectKind> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(subject_->open(dir_.path()));
    for (int i = 0; i < kWrites; ++i) {
      ASSERT_TRUE(subject_->write(i));
      written_.insert(i);
    }
  }
  std::string file() const { return dir_.file(subject_->file()); }
  std::string copy() const { return copy_.file(subject_->file()); }
  // What the engine reads in the copy's folder.
  Result<std::set<int>> read() {
    auto subject = GetParam().make();
    MESH_TRY(subject->open(copy_.path()));
    return subject->read();
  }
  void expect_all_read(const std::string& how) {
    const auto read_back = read();
    ASSERT_TRUE(read_back) << how << ": " << read_back.error().to_string();
    EXPECT_EQ(*read_back, written_) << how;
    EXPECT_EQ(sqlite::bad_pages(copy()).count, 0) << how << ": every page has its sum now";
  }

  TempDir dir_, copy_;
  std::unique_ptr<Subject> subject_ = GetParam().make();
  std::set<int> written_;
};

// Symptom: the backup that the documents named could not be opened: page 1 had the checksum of
// before, and the pages of the write-ahead log none.
TEST_P(PlainCopy, OfARunningFileOpens) {
  dot_backup(file(), copy());
  expect_all_read(".backup");
  std::filesystem::remove(copy());
  vacuum_into(file(), copy());
  expect_all_read("VACUUM INTO");
}

TEST_P(PlainCopy, OfAStoppedFileOpens) {
  subject_->close();
  dot_backup(file(), copy());
  expect_all_read(".backup");
  std::filesystem::remove(copy());
  vacuum_into(file(), copy());
  expect_all_read("VACUUM INTO");
}

TEST_P(PlainCopy, IsGoneOnWithLikeAnyFile) {
  dot_backup(file(), copy());
  auto subject = GetParam().make();
  ASSERT_TRUE(subject->open(copy_.path()));
  ASSERT_TRUE(subject->write(kWrites));
  subject->close();
  written_.insert(kWrites);
  expect_all_read("after a write");
}

TEST_P(PlainCopy, OfACopyOpensToo) {
  dot_backup(file(), copy());
  expect_all_read("first");
  const std::string first = copy_.file("first.db");
  std::filesystem::rename(copy(), first);
  dot_backup(first, copy());
  expect_all_read("second");
}

TEST_P(PlainCopy, ADamagedOneIsFoundAndStaysAsItIs) {
  vacuum_into(file(), copy());
  auto bytes = bytes_of(copy());
  for (std::size_t page = 1; page < bytes.size() / kPage; ++page) {
    auto damaged = bytes;
    damaged[page * kPage] = '\x5a';  // no b-tree page begins so
    write_bytes(copy(), damaged);
    ASSERT_TRUE(sqlite::adopt_plain_copy(copy()));
    EXPECT_EQ(bytes_of(copy()), damaged) << "page " << page + 1;
    const auto read_back = read();
    ASSERT_FALSE(read_back) << "page " << page + 1;
    EXPECT_EQ(read_back.error().kind, ErrorKind::corrupt);
  }
}

TEST_P(PlainCopy, ASumThatIsThereMustBeRight) {
  subject_->close();
  dot_backup(file(), copy());  // pages of the file come with their sums
  auto bytes = bytes_of(copy());
  bytes[kPage + kPage / 2] = static_cast<char>(bytes[kPage + kPage / 2] ^ 0x21);
  write_bytes(copy(), bytes);
  ASSERT_TRUE(sqlite::adopt_plain_copy(copy()));
  EXPECT_EQ(bytes_of(copy()), bytes);
}

TEST_P(PlainCopy, ATakeoverThatWasCutOffIsTakenUpAgain) {
  dot_backup(file(), copy());
  ASSERT_TRUE(sqlite::adopt_plain_copy(copy()));
  const auto whole = bytes_of(copy());
  auto cut = whole;  // the mark is written last
  cut.replace(kMarkAt, 4, std::string("\0\x2e\x63\x01", 4));
  cut.replace(2 * kPage - kSum, kSum, std::string(kSum, '\0'));
  write_bytes(copy(), cut);
  ASSERT_TRUE(sqlite::adopt_plain_copy(copy()));
  EXPECT_EQ(bytes_of(copy()), whole);
}

TEST_P(PlainCopy, APageWithoutItsSumInAFileOfMeshdIsDamageAllTheSame) {
  subject_->close();
  auto bytes = bytes_of(file());
  for (std::size_t page = 1; page <= bytes.size() / kPage; ++page) {
    auto damaged = bytes;
    damaged.replace(page * kPage - kSum, kSum, std::string(kSum, '\0'));
    write_bytes(copy(), damaged);
    ASSERT_TRUE(sqlite::adopt_plain_copy(copy()));
    EXPECT_EQ(bytes_of(copy()), damaged) << "page " << page;
    EXPECT_EQ(sqlite::bad_pages(copy()).count, 1) << "page " << page;
  }
}

INSTANTIATE_TEST_SUITE_P(Sqlite, PlainCopy, kSubjects,
                         [](const auto& of) { return of.param.name; });

// Symptom: a sqlite3 shell that closes a file after a crash moves its write-ahead log into it; the
// repair of that file would have thrown away what it had moved.
TEST(PlainWrites, ARepairKeepsWhatAnotherProgramMovedIntoTheFile) {
  TempDir dir, crashed, repaired;
  ManualClock clock;
  auto log = sqlite::SqliteLog::open(dir.path(), {.upkeep_interval = Duration(0)}, clock);
  ASSERT_TRUE(log);
  ASSERT_TRUE((*log)->ensure_topic({"analytics.events", TopicKind::activity, 1, {}, {}}));
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(append_and_wait(
        **log, {{"analytics.events", "acme/7", std::string(200, 'v'), {{"ce_type", "t"}}}}));
  }
  for (const char* suffix : {"", "-wal"}) {
    std::filesystem::copy_file(dir.file("log.db") + suffix, crashed.file("log.db") + suffix);
  }
  {
    Plain shell(crashed.file("log.db"));
    sqlite3_exec(shell.db, "SELECT count(*) FROM topics", nullptr, nullptr, nullptr);
  }
  ASSERT_FALSE(std::filesystem::exists(crashed.file("log.db-wal")));
  ASSERT_TRUE(sqlite::adopt_plain_copy(crashed.file("log.db")));
  const auto report = sqlite::salvage_log(crashed.file("log.db"), repaired.file("log.db"));
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->rows, 50);
  for (const auto& damage : report->damages) EXPECT_TRUE(damage.lossless);
}

}  // namespace
}  // namespace mesh::test
