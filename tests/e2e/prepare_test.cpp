// meshd --prepare, as a Job of a rollout runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/e2e/daemon.h"
#include "tests/support/postgres_server.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using test::PostgresServer;
using ::testing::HasSubstr;

class Prepare : public ::testing::Test {
 protected:
  static Outcome prepare(const Daemon& daemon, bool json = false) {
    std::vector<std::string> command{MESH_BIN_DIR "/meshd", "--config", daemon.write_config(),
                                     "--prepare"};
    if (json) command.emplace_back("--json");
    return run(command);
  }

  test::TempDir dir_;
};

TEST_F(Prepare, EmbeddedEnginesAreThereAfterItAndItMayBeRepeated) {
  Daemon daemon(dir_.file("data"));
  for (int time = 0; time < 2; ++time) {
    const Outcome prepared = prepare(daemon);
    ASSERT_EQ(prepared.exit_code, 0) << prepared.err;
    EXPECT_THAT(prepared.out, HasSubstr("prepared: the schema of the store (sqlite), "));
  }
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const Outcome in_use = prepare(daemon, true);
  EXPECT_EQ(in_use.exit_code, 3);
  EXPECT_THAT(in_use.out, HasSubstr("is in use by process"));
}

TEST_F(Prepare, ASharedStoreIsPreparedBesideAProcessThatUsesIt) {
  if (!PostgresServer::installed()) GTEST_SKIP() << PostgresServer::kMissing;
  auto& postgres = PostgresServer::shared();
  std::ofstream(dir_.file("password")) << PostgresServer::kPassword << "\n";
  const std::string store = "store: {engine: postgres}\npostgres: {dsn: \"" + postgres.dsn() +
                            "\", password_file: " + dir_.file("password") +
                            ", schema: " + postgres.new_schema() + "}\n";
  Daemon first(dir_.file("first"), store), second(dir_.file("second"), store);
  const Outcome prepared = prepare(first, true);
  ASSERT_EQ(prepared.exit_code, 0) << prepared.err;
  const Json report = Json::parse(prepared.out);
  EXPECT_EQ(report["store"], "postgres");
  EXPECT_GT(report["topics"], 0);
  ASSERT_TRUE(first.start()) << first.errors();
  EXPECT_EQ(prepare(second).exit_code, 0);
}

TEST_F(Prepare, AServerThatIsAwayIsToldAndNothingIsSaidToBeDone) {
  Daemon daemon(dir_.file("data"),
                "store: {engine: postgres}\n"
                "postgres: {dsn: 'postgresql://mesh@127.0.0.1:1/mesh', password_file: null}\n");
  const Outcome away = prepare(daemon);
  EXPECT_EQ(away.exit_code, 3);
  EXPECT_EQ(away.out, "");
  EXPECT_THAT(away.err, HasSubstr("postgres.dsn"));
}

}  // namespace
}  // namespace mesh::e2e
