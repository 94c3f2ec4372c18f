#include "common/engines/sqlite/backup/snapshot.h"

#include <gmock/gmock.h>

#include <thread>

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/held_files.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace mesh::sqlite {
namespace {

using test::TempDir;

constexpr auto kGoOn = [](std::int64_t) { return true; };

class SnapshotTest : public testing::Test {
 protected:
  struct Written {
    std::string path;
    std::unique_ptr<Committer> committer;
  };
  Written make(const std::string& name) {
    Written file{dir_.file(name), nullptr};
    auto db = Database::open(file.path, Database::Mode::read_write);
    EXPECT_TRUE((*db)->execute("CREATE TABLE t(n INTEGER PRIMARY KEY, b BLOB)"));
    file.committer = std::make_unique<Committer>(std::move(*db), file.path, Committer::Options{});
    return file;
  }
  static Status insert(Written& file, int bytes = 1) {
    return file.committer->run([bytes](Database& db) {
      return db.execute("INSERT INTO t(b) VALUES(zeroblob(" + std::to_string(bytes) + "))");
    });
  }
  static std::int64_t rows(const std::string& path) {
    auto db = Database::open(path, Database::Mode::read_only);
    auto count = (*db)->prepare("SELECT count(*) FROM t");
    EXPECT_TRUE(count && count->step()) << path;
    return count->integer(0);
  }
  TempDir dir_;
};

TEST_F(SnapshotTest, ShowsAllFilesAtOneInstant) {
  auto first = make("first.db"), second = make("second.db");
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  std::thread writer([&] {
    while (!stop) {
      ASSERT_TRUE(insert(first));
      ASSERT_TRUE(insert(second));
      ++written;
    }
  });
  while (written < 10) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) {
    // Whichever is named or copied first.
    auto& one = i % 2 == 0 ? first : second;
    auto& other = i % 2 == 0 ? second : first;
    auto snapshot = Snapshot::take({one.path, other.path});
    ASSERT_TRUE(snapshot) << snapshot.error().to_string();
    const int before = written;
    const std::string number = std::to_string(i);
    ASSERT_TRUE((*snapshot)->copy(one.path, dir_.file("one" + number), kGoOn));
    while (written < before + 5) std::this_thread::yield();
    ASSERT_TRUE((*snapshot)->copy(other.path, dir_.file("other" + number), kGoOn));
    const auto a = rows(dir_.file((i % 2 == 0 ? "one" : "other") + number));
    const auto b = rows(dir_.file((i % 2 == 0 ? "other" : "one") + number));
    EXPECT_THAT(a - b, testing::AnyOf(0, 1)) << a << " and " << b;
  }
  stop = true;
  writer.join();
}

TEST_F(SnapshotTest, HoldsWhatWasThereAndLetsGoOnceItIsCopied) {
  auto file = make("test.db");
  ASSERT_TRUE(insert(file));
  EXPECT_FALSE(is_held(file.path));
  auto snapshot = Snapshot::take({file.path});
  ASSERT_TRUE(snapshot);
  EXPECT_TRUE(is_held(file.path));
  ASSERT_TRUE(insert(file));
  ASSERT_TRUE((*snapshot)->copy(file.path, dir_.file("copy.db"), kGoOn));
  EXPECT_FALSE(is_held(file.path));
  EXPECT_FALSE(std::filesystem::exists(dir_.file("copy.db-wal"))) << "it is one file";
  EXPECT_EQ(rows(dir_.file("copy.db")), 1);
  EXPECT_EQ(rows(file.path), 2);
}

TEST_F(SnapshotTest, LetsGoWhenItGoes) {
  auto file = make("test.db");
  {
    auto snapshot = Snapshot::take({file.path});
    ASSERT_TRUE(snapshot);
    const auto stopped =
        (*snapshot)->copy(file.path, dir_.file("copy.db"), [](std::int64_t) { return false; });
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().kind, ErrorKind::cancelled);
  }
  EXPECT_FALSE(is_held(file.path));
}

TEST_F(SnapshotTest, ALogThatGrowsTooLargeEndsTheCopyOfAnotherFileToo) {
  auto first = make("first.db"), second = make("second.db");
  ASSERT_TRUE(insert(first));
  ASSERT_TRUE(insert(second));
  auto snapshot = Snapshot::take({first.path, second.path});
  ASSERT_TRUE(snapshot);
  ASSERT_TRUE(insert(second));
  std::filesystem::resize_file(second.path + "-wal", kMaxHeldLog + 1);  // a sparse one
  const auto copied = (*snapshot)->copy(first.path, dir_.file("copy.db"), kGoOn);
  ASSERT_FALSE(copied);
  EXPECT_THAT(copied.error().message, testing::HasSubstr("second.db-wal"));
  snapshot->reset();
}

// Beyond 128 MiB of log the writer waits for readers, 5 s each time: their reads are short, a
// copy is not.
TEST_F(SnapshotTest, CommitsDoNotWaitForAFileThatIsHeld) {
  constexpr int kMiB = 1 << 20;
  auto file = make("test.db");
  ASSERT_TRUE(insert(file));
  auto snapshot = Snapshot::take({file.path});
  ASSERT_TRUE(snapshot);
  for (int i = 0; i < 130; ++i) ASSERT_TRUE(insert(file, kMiB));
  ASSERT_GT(std::filesystem::file_size(file.path + "-wal"), 128u * kMiB);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(insert(file));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5))
      << "each would have waited so long";
  ASSERT_TRUE((*snapshot)->copy(file.path, dir_.file("copy.db"), kGoOn));
  EXPECT_EQ(rows(dir_.file("copy.db")), 1);
  ASSERT_TRUE(insert(file));
  EXPECT_EQ(rows(file.path), 137);
}

// Emptying the log shuts writers out while it waits for readers, 100 ms each time, and goes on
// until it has succeeded: for as long as a copy takes.
TEST_F(SnapshotTest, TheLogIsEmptiedOnceNothingHoldsIt) {
  auto file = make("test.db");
  ASSERT_TRUE(insert(file));
  auto snapshot = Snapshot::take({file.path});
  ASSERT_TRUE(snapshot);
  ASSERT_TRUE(insert(file));
  file.committer->empty_wal();
  const auto now = [] { return std::chrono::steady_clock::now(); };
  int waited = 0;
  for (const auto end = now() + std::chrono::seconds(3); now() < end;) {
    const auto begin = now();
    ASSERT_TRUE(insert(file));
    if (now() - begin > std::chrono::milliseconds(80)) ++waited;
  }
  EXPECT_LT(waited, 5) << "some nine would have waited";
  snapshot->reset();
  EXPECT_TRUE(
      test::eventually([&] { return std::filesystem::file_size(file.path + "-wal") == 0; }));
}

}  // namespace
}  // namespace mesh::sqlite
