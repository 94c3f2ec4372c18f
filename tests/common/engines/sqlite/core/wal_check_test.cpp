#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/core/wal_check.h"
#include "tests/support/temp_dir.h"

namespace mesh::sqlite {
namespace {

// A WAL of several commits as a crash leaves it, made by copying the files while they are open.
class WalCheck : public testing::Test {
 protected:
  static constexpr std::size_t kFrame = 24 + 4096;
  WalCheck() {
    const auto live = dir_.file("live.db");
    auto db = Database::open(live, Database::Mode::read_write);
    EXPECT_TRUE((*db)->execute("CREATE TABLE t(b BLOB)"));
    for (int i = 0; i < 5; ++i) EXPECT_TRUE((*db)->execute("INSERT INTO t VALUES(zeroblob(3000))"));
    wal_ = slurp(live + "-wal");
    std::ofstream(path_ + "-wal", std::ios::binary) << wal_;
  }
  static std::string slurp(const std::string& path) {
    std::stringstream all;
    all << std::ifstream(path, std::ios::binary).rdbuf();
    return all.str();
  }
  void write(const std::string& wal) {
    std::ofstream(path_ + "-wal", std::ios::binary | std::ios::trunc) << wal;
  }
  bool found_damage() { return !verify_wal(path_); }

  test::TempDir dir_;
  const std::string path_ = dir_.file("copy.db");
  std::string wal_;
};

TEST_F(WalCheck, AWholeOrMissingWalIsFine) {
  EXPECT_FALSE(found_damage());
  EXPECT_TRUE(verify_wal(dir_.file("nothing.db")));
}

TEST_F(WalCheck, ATornEndIsWhatCrashesLeave) {
  for (std::size_t size = 0; size < wal_.size(); size += 997) {
    write(wal_.substr(0, size));
    EXPECT_FALSE(found_damage()) << size;
  }
}

TEST_F(WalCheck, AFlippedByteBeforeLaterCommitsIsDamage) {
  const auto frames = (wal_.size() - 32) / kFrame;
  ASSERT_GE(frames, 6U);
  for (std::size_t frame = 0; frame + 3 < frames; ++frame) {
    for (const std::size_t at : {std::size_t{30}, std::size_t{2000}, kFrame - 1}) {
      auto damaged = wal_;
      damaged[32 + frame * kFrame + at] ^= 0x10;
      write(damaged);
      EXPECT_TRUE(found_damage()) << "frame " << frame << " byte " << at;
    }
  }
}

TEST_F(WalCheck, ADamagedHeaderIsDamage) {
  wal_[9] ^= 1;
  write(wal_);
  EXPECT_TRUE(found_damage());
}

TEST_F(WalCheck, ADamagedLastFrameLooksLikeATornWrite) {
  wal_[wal_.size() - 1] ^= 1;
  write(wal_);
  EXPECT_FALSE(found_damage());
}

}  // namespace
}  // namespace mesh::sqlite
