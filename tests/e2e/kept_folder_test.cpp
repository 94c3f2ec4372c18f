// A data folder that an earlier version left behind, killed at work, opens with all that it holds.
//
// data/folder-1.tar.gz: store.db of user_version 4 and log.db of 1, two partitions a topic. Users
// of two tenants were created, changed and deleted, the last of them just before the end; four
// events of activity, a dead letter, a replay and a rebuild, two generations, a rate limit.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Activity is kept for ever, so that the test does not depend on the day.
constexpr const char* kKeptConfig = "log: {partitions: 2, retention: {activity: {age: 3650d}}}\n";

class KeptFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(dir_.file("data"));
    const auto unpacked =
        run({"/bin/tar", "-xzf", MESH_E2E_DATA_DIR "/folder-1.tar.gz", "-C", dir_.file("data")});
    ASSERT_EQ(unpacked.exit_code, 0) << unpacked.err;
    // As a start leaves it that was killed while it made its backup.
    std::filesystem::create_directory(dir_.file("data/before-upgrade-20200101T000000000Z"));
    std::ofstream(dir_.file("data/before-upgrade-20200101T000000000Z/log.db")) << "half";
    ASSERT_TRUE(daemon_.start()) << daemon_.errors();
    daemon_.await_idle();
  }
  std::string told(std::vector<std::string> command) {
    const auto outcome = daemon_.mesh(std::move(command));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.out;
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data"), kKeptConfig};
};

// The way back to the version that wrote it.
TEST_F(KeptFolder, ABackupOfItWasMadeBeforeItWasMigrated) {
  const auto backups = [&] {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.file("data"))) {
      const auto name = entry.path().filename().string();
      if (name.starts_with("before-upgrade-")) found.push_back(entry.path().string());
    }
    return found;
  };
  const auto made = backups();
  ASSERT_EQ(made.size(), 1u) << "one that is whole, and what was cut off is gone";
  EXPECT_THAT(told({"backup", "verify", made[0]}), HasSubstr("ok"));
  std::ifstream manifest(made[0] + "/manifest.json");
  for (const Json& file : Json::parse(manifest)["files"]) {
    if (file["name"] != "store.db") continue;
    EXPECT_EQ(file["schema_version"], 4);
  }
  ASSERT_EQ(daemon_.stop(), 0);
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  EXPECT_EQ(backups(), made) << "what is of this version is not copied again";

  Daemon restored(dir_.file("restored"), kKeptConfig);
  const auto back =
      run({MESH_BIN_DIR "/mesh", "restore", made[0], "--data-dir", restored.data_dir()});
  ASSERT_EQ(back.exit_code, 0) << back.err;
  ASSERT_TRUE(restored.start()) << restored.errors();
  EXPECT_THAT(restored.mesh({"users", "list", "--tenant", "acme"}).out, HasSubstr("Alice Smith"));
}

TEST_F(KeptFolder, UsersAreThereAndAreFound) {
  EXPECT_THAT(told({"users", "list", "--tenant", "acme"}),
              AllOf(HasSubstr("Alice Smith"), HasSubstr("Robert Jones"), HasSubstr("Dan Brown"),
                    Not(HasSubstr("Carol"))));
  EXPECT_THAT(told({"search", "robert", "--tenant", "acme"}), HasSubstr("Robert Jones"));
  EXPECT_THAT(told({"search", "last@globex.dev", "--tenant", "globex"}), HasSubstr("Last One"));
  // Ids go on behind those that were given out, also to who was deleted.
  EXPECT_THAT(told({"users", "create", "--tenant", "acme", "--email", "new@acme.dev", "--name",
                    "New", "--wait", "-o", "name"}),
              HasSubstr("5"));
  EXPECT_THAT(told({"index", "verify"}), HasSubstr("FOUND:       6"));
}

TEST_F(KeptFolder, ActivityIsCountedOnce) {
  const std::string token = "acme:me";
  const auto user = daemon_.call("subscriber", "GET", "/api/v1/analytics/user/u-1", token);
  EXPECT_EQ(user.json()["total_events"], 3) << user.body;
  const auto researcher =
      daemon_.call("subscriber", "GET", "/api/v1/analytics/researcher/Dr.%20Jane%20Smith", token);
  EXPECT_THAT(researcher.body, HasSubstr("molecular_weight"));
}

TEST_F(KeptFolder, OperatorsFindTheirRecords) {
  EXPECT_THAT(told({"tasks", "list"}), AllOf(HasSubstr("rebuild"), HasSubstr("replay")));
  EXPECT_THAT(told({"ratelimit", "show", "acme"}), HasSubstr("100"));
  EXPECT_THAT(told({"dlq", "show", "chemical.events"}), HasSubstr("schema"));
  EXPECT_THAT(told({"index", "list"}),
              AllOf(HasSubstr("user_embeddings-1"), HasSubstr("user_embeddings-2")));
  EXPECT_THAT(told({"groups", "list"}), AllOf(HasSubstr("analytics"), HasSubstr("user-index-2")));
}

}  // namespace
}  // namespace mesh::e2e
