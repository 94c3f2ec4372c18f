#include "common/engines/sqlite/vfs/page_sums.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "common/engines/sqlite/core/database.h"
#include "tests/support/fault_vfs.h"
#include "tests/support/temp_dir.h"

namespace mesh::sqlite {
namespace {

constexpr int kSubpageRead = 0x00008000;  // SQLITE_IOCAP_SUBPAGE_READ of newer headers

int traits_of(Database& db) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(db.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  return file->pMethods->xDeviceCharacteristics(file);
}

// A part of a page cannot be checked.
TEST(PageSums, DoNotPassOnThatPartsOfPagesMayBeRead) {
  test::TempDir dir;
  test::FaultVfs vfs;
  vfs.faults().traits = kSubpageRead | SQLITE_IOCAP_SEQUENTIAL;
  auto below = Database::open(dir.file("test.db"), Database::Mode::read_write);
  ASSERT_TRUE(below);
  ASSERT_TRUE((*below)->execute("CREATE TABLE t(n)"));
  auto raw = Database::open(dir.file("test.db"), Database::Mode::read_raw);
  ASSERT_TRUE(raw);
  ASSERT_TRUE((*raw)->execute("SELECT count(*) FROM t"));
  EXPECT_TRUE(traits_of(**raw) & kSubpageRead) << "the VFS below says so";
  EXPECT_FALSE(traits_of(**below) & kSubpageRead);
  EXPECT_TRUE(traits_of(**below) & SQLITE_IOCAP_SEQUENTIAL) << "the rest passes through";
}

TEST(PageSums, OfPageOneDoNotDependOnWhatEveryCopyChanges) {
  std::string page(4096, 'x');
  seal_page(page.data(), page.size(), 1);
  EXPECT_TRUE(page_is_whole(page.data(), page.size(), 1));
  for (std::size_t at = 0; at < page.size(); ++at) {
    auto changed = page;
    changed[at] ^= 1;
    const bool counter = (at >= 24 && at < 28) || (at >= 40 && at < 44) || (at >= 92 && at < 96);
    EXPECT_EQ(page_is_whole(changed.data(), changed.size(), 1), counter) << "byte " << at;
  }
}

// Symptom: no file of more than 1 GiB could be backed up.
TEST(PageSums, AreNotWantedOfThePageOfTheLocks) {
  constexpr std::size_t kSize = 4096;
  constexpr std::int64_t kLocks = (1 << 30) / kSize + 1;
  const auto pages_from = [&](std::int64_t number, bool sealed) {  // the second has no sum
    std::string pages;
    for (int i = 0; i < 3; ++i, ++number) {
      std::string page(kSize, i == 1 && !sealed ? '\0' : 'x');
      if (i != 1 || sealed) seal_page(page.data(), kSize, number);
      pages += page;
    }
    return pages;
  };
  EXPECT_EQ(first_broken_page(pages_from(kLocks - 1, false), kSize, kLocks - 1), 0);
  EXPECT_EQ(first_broken_page(pages_from(7, false), kSize, 7), 8);
  EXPECT_EQ(first_broken_page(pages_from(7, true), kSize, 7), 0);
  EXPECT_EQ(first_broken_page(pages_from(7, true), kSize, kLocks - 1), kLocks - 1);
}

}  // namespace
}  // namespace mesh::sqlite
