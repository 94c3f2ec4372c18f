#include "common/engines/sqlite/backup/backup.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "common/engines/sqlite/backup/manifest.h"
#include "common/engines/sqlite/backup/restore.h"
#include "common/engines/sqlite/core/database.h"
#include "tests/common/engines/sqlite/subject.h"
#include "tests/support/bytes.h"
#include "tests/support/fault_vfs.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {
namespace {

using testing::HasSubstr;

constexpr int kBackupWrites = 40;

int mode_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<int>(info.st_mode & 07777) : -1;
}

class Backup : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(data_);
    for (const auto make :
         {make_log_subject, make_store_subject, make_index_subject, make_events_subject}) {
      subjects_.push_back(make());
      ASSERT_TRUE(subjects_.back()->open(data_));
    }
    for (int i = 0; i < kBackupWrites; ++i) write(i);
    write_bytes(data_ + "/operator.token", std::string(64, 'a') + "\n");
    write_bytes(data_ + "/run.json", "{}");
  }
  void write(int number) {
    for (auto& subject : subjects_) ASSERT_TRUE(subject->write(number));
    written_.insert(number);
  }
  Result<Json> back_up(const std::function<bool(std::int64_t, std::int64_t)>& progress =
                           [](auto, auto) { return true; }) {
    return sqlite::back_up(data_, folder_, {"1.2.3", clock_, progress});
  }
  void made() {
    auto backup = back_up();
    ASSERT_TRUE(backup) << backup.error().to_string();
  }
  // Every engine reads in `dir` what was written until the backup.
  void expect_all_in(const std::string& dir, const std::set<int>& expected) {
    for (const auto make :
         {make_log_subject, make_store_subject, make_index_subject, make_events_subject}) {
      auto subject = make();
      const auto opened = subject->open(dir);
      ASSERT_TRUE(opened) << opened.error().to_string();
      const auto read = subject->read();
      ASSERT_TRUE(read) << read.error().to_string();
      EXPECT_EQ(*read, expected) << subject->file();
    }
  }
  std::string state_of(const Json& report, const std::string& name) {
    for (const auto& file : report["files"]) {
      if (file["name"] == name) return file["state"];
    }
    return "not named";
  }

  TempDir dir_;
  FaultVfs vfs_;
  ManualClock clock_;
  const std::string data_ = dir_.file("data"), folder_ = dir_.file("backup"),
                    restored_ = dir_.file("restored");
  std::vector<std::unique_ptr<Subject>> subjects_;
  std::set<int> written_;
};

TEST_F(Backup, OfARunningFolderIsRestoredAsItWas) {
  std::int64_t last = 0, all = 0;
  const auto backup = back_up([&](std::int64_t done, std::int64_t total) {
    EXPECT_GE(done, last);
    EXPECT_LE(done, total);
    last = done, all = total;
    return true;
  });
  ASSERT_TRUE(backup) << backup.error().to_string();
  EXPECT_EQ(last, all) << "progress came to its end";
  EXPECT_GT(all, 0);
  const auto then = written_;
  write(kBackupWrites);
  EXPECT_EQ((*backup)["meshd_version"], "1.2.3");
  EXPECT_EQ((*backup)["made_at"], "2026-01-01T00:00:00.000Z");
  const auto verified = sqlite::verify_backup(folder_);
  ASSERT_TRUE(verified) << verified.error().to_string();
  EXPECT_EQ((*verified)["state"], "ok") << verified->dump();
  EXPECT_EQ((*verified)["files"].size(), 5u) << "no LOCK, no run.json";

  const auto restored = sqlite::restore_backup(folder_, restored_);
  ASSERT_TRUE(restored) << restored.error().to_string();
  expect_all_in(restored_, then);
  EXPECT_EQ(bytes_of(restored_ + "/operator.token"), bytes_of(data_ + "/operator.token"));
}

TEST_F(Backup, IsForItsOwnerAlone) {
  made();
  EXPECT_EQ(mode_of(folder_), 0700);
  ASSERT_TRUE(sqlite::restore_backup(folder_, restored_));
  EXPECT_EQ(mode_of(restored_), 0700);
  for (const auto& dir : {folder_, restored_}) {
    for (const auto& file : std::filesystem::directory_iterator(dir)) {
      EXPECT_EQ(mode_of(file.path()), 0600) << file.path();
    }
  }
}

TEST_F(Backup, NeedsAFolderOfItsOwn) {
  const auto refused = [&](const std::string& folder, const std::string& why) {
    const auto backup =
        sqlite::back_up(data_, folder, {"1", clock_, [](auto, auto) { return true; }});
    ASSERT_FALSE(backup) << folder;
    EXPECT_THAT(backup.error().message, HasSubstr(why));
  };
  std::filesystem::create_directory(folder_);
  write_bytes(folder_ + "/log.db", "mine");
  refused(folder_, "overwrites nothing");
  EXPECT_EQ(bytes_of(folder_ + "/log.db"), "mine");
  write_bytes(dir_.file("file"), "mine");
  refused(dir_.file("file"), "overwrites nothing");
  refused("backup", "absolute");
  refused(dir_.file("no/such"), "make it first");
  refused(dir_.file(std::string(300, 'x')), "cannot be looked at");
  refused(data_ + "/backup", "within the data folder");
  refused(data_ + "/../data/backup", "within the data folder");
  std::filesystem::create_directory_symlink(data_, dir_.file("link"));
  refused(dir_.file("link") + "/backup", "within the data folder");
}

TEST_F(Backup, IsNotMadeInAFolderOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  std::filesystem::create_directory(folder_);
  ASSERT_EQ(::chown(folder_.c_str(), 4711, 4711), 0);
  const auto backup = back_up();
  ASSERT_FALSE(backup);
  EXPECT_EQ(backup.error().kind, ErrorKind::conflict);
  EXPECT_THAT(backup.error().message, HasSubstr("other users"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

// Symptom: to others than its owner a whole backup was said to be cut off.
TEST_F(Backup, OneThatMayNotBeReadIsNotSaidToBeCutOff) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can act as another user";
  made();
  ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
  ASSERT_EQ(::seteuid(65534), 0);
  const auto verified = sqlite::verify_backup(folder_);
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(verified.error().message, HasSubstr("cannot be looked at"));
}

TEST_F(Backup, AnEmptyFolderWillDo) {
  std::filesystem::create_directory(folder_);
  made();
  EXPECT_EQ((*sqlite::verify_backup(folder_))["state"], "ok");
}

TEST_F(Backup, OneThatWasCutOffIsNeitherWholeNorRestored) {
  made();
  std::filesystem::remove(folder_ + "/" + sqlite::kManifest);
  for (const auto& result :
       {sqlite::verify_backup(folder_), sqlite::restore_backup(folder_, restored_)}) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::conflict);
    EXPECT_THAT(result.error().message, HasSubstr("cut off"));
  }
  EXPECT_FALSE(std::filesystem::exists(restored_));
  EXPECT_EQ(sqlite::verify_backup(dir_.file("nothing")).error().kind, ErrorKind::not_found);
}

TEST_F(Backup, DamageIsNamedAndNotRestored) {
  made();
  for (const char* name : {"log.db", "store.db", "vectors.db", "events.db", "operator.token"}) {
    const std::string path = folder_ + "/" + name;
    const auto whole = bytes_of(path);
    auto flipped = whole;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 0x01);
    for (const auto& damaged : {flipped, whole.substr(1), whole + "x", std::string{}}) {
      write_bytes(path, damaged);
      const auto verified = sqlite::verify_backup(folder_);
      ASSERT_TRUE(verified);
      EXPECT_EQ((*verified)["state"], "damaged") << name;
      EXPECT_NE(state_of(*verified, name), "ok") << name;
      const auto restored = sqlite::restore_backup(folder_, restored_);
      ASSERT_FALSE(restored) << name;
      EXPECT_EQ(restored.error().kind, ErrorKind::corrupt);
      EXPECT_THAT(restored.error().message, HasSubstr(path));
      EXPECT_FALSE(std::filesystem::exists(restored_)) << name;
    }
    std::filesystem::remove(path);
    EXPECT_THAT(state_of(*sqlite::verify_backup(folder_), name), HasSubstr("cannot be read"));
    EXPECT_FALSE(sqlite::restore_backup(folder_, restored_));
    EXPECT_FALSE(std::filesystem::exists(restored_)) << name;
    write_bytes(path, whole);
  }
  EXPECT_EQ((*sqlite::verify_backup(folder_))["state"], "ok");
}

TEST_F(Backup, AManifestIsNotBelievedBlindly) {
  made();
  const std::string path = folder_ + "/" + sqlite::kManifest;
  const Json whole = Json::parse(bytes_of(path));
  const auto expect = [&](ErrorKind kind, const std::string& text) {
    write_bytes(path, text);
    for (const auto& result :
         {sqlite::verify_backup(folder_), sqlite::restore_backup(folder_, restored_)}) {
      ASSERT_FALSE(result) << text;
      EXPECT_EQ(result.error().kind, kind) << result.error().to_string();
    }
  };
  const auto with = [&](const std::function<void(Json&)>& change) {
    Json changed = whole;
    change(changed);
    return changed.dump();
  };
  expect(ErrorKind::corrupt, "");
  expect(ErrorKind::corrupt, "{");
  expect(ErrorKind::corrupt, "[]");
  expect(ErrorKind::corrupt, with([](Json& m) { m["files"][0]["name"] = "../../etc/passwd"; }));
  expect(ErrorKind::corrupt, with([](Json& m) { m["files"][0]["name"] = "store.db"; }));
  expect(ErrorKind::corrupt, with([](Json& m) { m["files"][0]["bytes"] = -1; }));
  expect(ErrorKind::corrupt, with([](Json& m) { m["files"][0].erase("sha256"); }));
  expect(ErrorKind::corrupt, with([](Json& m) { m["files"] = Json::array(); }));
  expect(ErrorKind::conflict, with([](Json& m) { m["version"] = 2; }));
}

TEST_F(Backup, AFolderThatHoldsAnythingIsNotRestoredInto) {
  made();
  std::filesystem::create_directory(restored_);
  write_bytes(restored_ + "/log.db", "mine");
  const auto restored = sqlite::restore_backup(folder_, restored_);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().kind, ErrorKind::conflict);
  EXPECT_THAT(restored.error().message, HasSubstr("not empty"));
  EXPECT_EQ(bytes_of(restored_ + "/log.db"), "mine");
  std::filesystem::remove(restored_ + "/log.db");
  ASSERT_TRUE(sqlite::restore_backup(folder_, restored_));
  expect_all_in(restored_, written_);
}

// What a kill leaves: all or some of the files under their other names.
TEST_F(Backup, ARestoreThatWasCutOffIsToldFromAnEmptyFolder) {
  made();
  ASSERT_TRUE(sqlite::restore_backup(folder_, restored_));
  EXPECT_TRUE(sqlite::no_unfinished_restore(restored_));
  EXPECT_TRUE(sqlite::no_unfinished_restore(dir_.file("nothing")));
  std::filesystem::rename(restored_ + "/log.db", restored_ + "/log.db.restoring");
  for (const Status& told : {sqlite::no_unfinished_restore(restored_),
                             Status(sqlite::restore_backup(folder_, restored_).map([](auto) {}))}) {
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().kind, ErrorKind::conflict);
    EXPECT_THAT(told.error().message, HasSubstr("did not come to its end"));
  }
}

TEST_F(Backup, AFullDiskIsSaidAndLeavesNothing) {
  vfs_.faults().full = true;
  const auto backup = back_up();
  vfs_.faults().full = false;
  ASSERT_FALSE(backup);
  EXPECT_EQ(backup.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(backup.error().message, HasSubstr("the disk is full"));
  EXPECT_THAT(backup.error().message, HasSubstr(folder_));
  EXPECT_FALSE(std::filesystem::exists(folder_));
  write(kBackupWrites);
  made();
}

TEST_F(Backup, OneThatIsStoppedLeavesNothing) {
  for (const int quarters : {0, 1, 3, 4}) {
    const auto backup =
        back_up([&](std::int64_t done, std::int64_t total) { return done * 4 < total * quarters; });
    ASSERT_FALSE(backup) << quarters;
    EXPECT_EQ(backup.error().kind, ErrorKind::cancelled);
    EXPECT_FALSE(std::filesystem::exists(folder_));
  }
}

TEST_F(Backup, ADamagedFileIsNotCopiedInSilence) {
  for (auto& subject : subjects_) subject->close();
  const std::string path = data_ + "/store.db";
  auto bytes = bytes_of(path);
  bytes[3 * 4096 + 2000] = static_cast<char>(bytes[3 * 4096 + 2000] ^ 0x21);
  write_bytes(path, bytes);
  const auto backup = back_up();
  ASSERT_FALSE(backup);
  EXPECT_EQ(backup.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(backup.error().message, HasSubstr("store.db is damaged"));
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

// What a start makes before it migrates.
class BackupBeforeUpgrade : public Backup {
 protected:
  std::string made(const std::vector<std::string>& outdated = {"log.db", "store.db"}) {
    clock_.advance(std::chrono::seconds(1));  // or two would have one name
    const auto folder = sqlite::back_up_before_upgrade(
        data_, outdated, {"1.2.3", clock_, [](auto, auto) { return true; }});
    EXPECT_TRUE(folder) << folder.error().to_string();
    return folder ? *folder : "";
  }
  // As a start that reads and fails, or that ended.
  void close() { subjects_.clear(); }
  void set_schema(const std::string& file, int version) {
    auto db = sqlite::Database::open(data_ + "/" + file, sqlite::Database::Mode::read_write);
    ASSERT_TRUE(db);
    ASSERT_TRUE((*db)->execute("PRAGMA user_version = " + std::to_string(version)));
  }
};

TEST_F(BackupBeforeUpgrade, OneThatWasCutOffIsRemoved) {
  close();
  const auto half = data_ + "/before-upgrade-20200101T000000Z";
  std::filesystem::create_directory(half);
  write_bytes(half + "/log.db", std::string(10'000, 'x'));
  const auto folder = made();
  EXPECT_FALSE(std::filesystem::exists(half));
  EXPECT_TRUE(sqlite::verify_backup(folder));
}

TEST_F(BackupBeforeUpgrade, IsNotMadeAgainWhereNothingWasWrittenSince) {
  close();
  const auto first = made();
  EXPECT_EQ(made(), first);
  write_bytes(first + "/store.db", "cut");
  EXPECT_NE(made(), first) << "no whole one";
}

TEST_F(BackupBeforeUpgrade, IsMadeAgainWhereSomethingWasWrittenSince) {
  const auto first = made();
  // As if it were a while ago: the times of files have steps of milliseconds.
  const auto manifest = first + "/manifest.json";
  std::filesystem::last_write_time(
      manifest, std::filesystem::last_write_time(manifest) - std::chrono::seconds(1));
  write(kBackupWrites);
  close();
  const auto second = made();
  EXPECT_NE(second, first);
  EXPECT_EQ(made(), second);
}

// The log was migrated, the store could not be.
TEST_F(BackupBeforeUpgrade, IsNotMadeAgainWhereHalfWasMigrated) {
  close();
  const auto first = made();
  set_schema("log.db", 1000);
  EXPECT_EQ(made({"store.db"}), first);
  EXPECT_NE(made({"log.db", "store.db"}), first) << "a later upgrade of what was migrated then";
}

}  // namespace
}  // namespace mesh::test
