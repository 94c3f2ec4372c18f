#include "common/engines/sqlite/core/database.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "common/engines/sqlite/core/directory_lock.h"
#include "common/engines/sqlite/core/migrate.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "tests/support/temp_dir.h"

namespace mesh::sqlite {
namespace {

using test::TempDir;
using testing::HasSubstr;

class DatabaseTest : public testing::Test {
 protected:
  std::unique_ptr<Database> open(Database::Mode mode = Database::Mode::read_write) {
    auto db = Database::open(path_, mode);
    EXPECT_TRUE(db) << db.error().to_string();
    return db ? std::move(*db) : nullptr;
  }
  TempDir dir_;
  const std::string path_ = dir_.file("test.db");
};

TEST_F(DatabaseTest, WhatIsBoundComesBack) {
  auto db = open();
  auto row = db->prepare("SELECT ?, ?, ?, ?, ?");
  ASSERT_TRUE(row);
  const std::string blob("\0\xff", 2);
  row->bind(1, std::int64_t{-7}).bind(2, 0.5).bind_text(3, "a b").bind_blob(4, blob).bind_null(5);
  ASSERT_TRUE(row->step().value());
  EXPECT_EQ(row->integer(0), -7);
  EXPECT_EQ(row->real(1), 0.5);
  EXPECT_EQ(row->text(2), "a b");
  EXPECT_EQ(row->text(3), blob);
  EXPECT_TRUE(row->is_null(4));
  EXPECT_FALSE(row->step().value());
}

TEST_F(DatabaseTest, EmptyTextsAreNotNull) {
  auto db = open();
  auto row = db->prepare("SELECT ?, ?");
  row->bind_text(1, {}).bind_blob(2, {});
  ASSERT_TRUE(row->step().value());
  EXPECT_FALSE(row->is_null(0));
  EXPECT_FALSE(row->is_null(1));
}

TEST_F(DatabaseTest, AStatementCanRunAgainAndBeLentTwiceAtOnce) {
  auto db = open();
  ASSERT_TRUE(db->execute("CREATE TABLE t(n INTEGER)"));
  auto insert = db->prepare("INSERT INTO t VALUES(?)");
  auto same = db->prepare("INSERT INTO t VALUES(?)");
  EXPECT_TRUE(insert->bind(1, std::int64_t{1}).run());
  EXPECT_TRUE(insert->bind(1, std::int64_t{2}).run());
  EXPECT_TRUE(same->bind(1, std::int64_t{3}).run());
  auto sum = db->prepare("SELECT sum(n) FROM t");
  ASSERT_TRUE(sum->step().value());
  EXPECT_EQ(sum->integer(0), 6);
}

TEST_F(DatabaseTest, BindingsDoNotOutliveAStatement) {
  auto db = open();
  {
    auto first = db->prepare("SELECT ?1");
    first->bind(1, std::int64_t{5});
  }
  auto again = db->prepare("SELECT ?1");
  ASSERT_TRUE(again->step().value());
  EXPECT_TRUE(again->is_null(0));
}

TEST_F(DatabaseTest, AFailedBindIsToldByTheStep) {
  auto db = open();
  auto row = db->prepare("SELECT 1");
  row->bind(3, std::int64_t{1});
  EXPECT_FALSE(row->step());
}

TEST_F(DatabaseTest, ABrokenConstraintIsAConflict) {
  auto db = open();
  ASSERT_TRUE(db->execute("CREATE TABLE t(n INTEGER UNIQUE); INSERT INTO t VALUES(1)"));
  EXPECT_EQ(db->execute("INSERT INTO t VALUES(1)").error().kind, ErrorKind::conflict);
}

TEST_F(DatabaseTest, AFullFileIsUnavailable) {
  auto db = open();
  ASSERT_TRUE(db->execute("CREATE TABLE t(b BLOB); PRAGMA max_page_count=4"));
  const auto full = db->execute("INSERT INTO t VALUES(zeroblob(100000))");
  EXPECT_EQ(full.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(full.error().message, HasSubstr("disk is full"));
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsCorruptAndSaysWhatToDo) {
  std::ofstream(path_) << std::string(8192, 'x');
  const auto db = Database::open(path_, Database::Mode::read_write);
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(db.error().message, HasSubstr("test.db"));
  EXPECT_THAT(db.error().message, HasSubstr("`mesh check`"));
  EXPECT_THAT(db.error().message, testing::Not(HasSubstr(dir_.path())));
  EXPECT_THAT(db.error().cause, HasSubstr(dir_.path()));
}

TEST_F(DatabaseTest, AMissingFolderIsUnavailable) {
  const auto db = Database::open(dir_.file("no/such.db"), Database::Mode::read_write);
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().kind, ErrorKind::unavailable);
}

TEST_F(DatabaseTest, AReaderCannotWrite) {
  open();
  EXPECT_FALSE(open(Database::Mode::read_only)->execute("CREATE TABLE t(n)"));
}

TEST_F(DatabaseTest, TheWriterIsDurableAndJournalsAhead) {
  auto db = open();
  auto mode = db->prepare("PRAGMA journal_mode");
  ASSERT_TRUE(mode->step().value());
  EXPECT_EQ(mode->text(0), "wal");
  auto synchronous = db->prepare("PRAGMA synchronous");
  ASSERT_TRUE(synchronous->step().value());
  EXPECT_EQ(synchronous->integer(0), 2);
}

TEST_F(DatabaseTest, MigrationsRunOnceEach) {
  constexpr SchemaStep kSteps[] = {
      {"CREATE TABLE a(n)"},
      {"CREATE TABLE b(n)", [](Database& db) { return db.execute("INSERT INTO a VALUES(7)"); }}};
  ASSERT_TRUE(migrate(*open(), std::span(kSteps).first(1)));
  ASSERT_TRUE(migrate(*open(), kSteps));
  ASSERT_TRUE(migrate(*open(), kSteps));
  auto db = open();
  EXPECT_TRUE(db->execute("INSERT INTO b VALUES(1)"));
  auto rows = db->prepare("SELECT count(*), sum(n) FROM a");
  ASSERT_TRUE(rows->step().value());
  EXPECT_EQ(rows->integer(0), 1);
  EXPECT_EQ(rows->integer(1), 7);
}

TEST_F(DatabaseTest, AMigrationThatFailsLeavesNothing) {
  constexpr SchemaStep kSteps[] = {{"CREATE TABLE a(n); CREATE TABLE a(n)"}};
  constexpr SchemaStep kRows[] = {{"CREATE TABLE a(n)", [](Database&) -> Status {
                                     return fail(ErrorKind::unavailable, "no room");
                                   }}};
  auto db = open();
  EXPECT_FALSE(migrate(*db, kSteps));
  EXPECT_FALSE(migrate(*db, kRows));
  EXPECT_TRUE(db->execute("CREATE TABLE a(n)"));
}

TEST_F(DatabaseTest, AFileOfANewerProgramIsRefused) {
  auto db = open();
  ASSERT_TRUE(db->execute("PRAGMA user_version=9"));
  const auto status = migrate(*db, {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::conflict);
  EXPECT_THAT(status.error().message, HasSubstr("test.db has schema version 9"));
}

TEST_F(DatabaseTest, ReadersAreReused) {
  open();
  ReaderPool pool(path_, 1);
  Database* first = nullptr;
  {
    auto one = pool.connection();
    auto two = pool.connection();
    ASSERT_TRUE(one);
    ASSERT_TRUE(two);
    first = &**two;
  }
  EXPECT_EQ(&**pool.connection(), first) << "the one given back first is kept";
}

TEST(DirectoryLock, ASecondHolderIsToldWhoHasTheFolder) {
  TempDir dir;
  const auto folder = dir.file("made/on/demand");
  auto held = DirectoryLock::acquire(folder);
  ASSERT_TRUE(held);
  const auto second = DirectoryLock::acquire(folder);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::conflict);
  EXPECT_THAT(second.error().message, HasSubstr("process " + std::to_string(getpid())));
  EXPECT_THAT(second.error().message, HasSubstr(folder));
  held->reset();
  EXPECT_TRUE(DirectoryLock::acquire(folder));
}

TEST(DirectoryLock, AFolderThatCannotBeMadeIsUnavailable) {
  const auto lock = DirectoryLock::acquire("/proc/no-folder-here");
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace mesh::sqlite
