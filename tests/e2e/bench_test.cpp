// mesh bench against a real daemon.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <future>

#include "tests/e2e/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

class BenchVerb : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(daemon_.start()) << daemon_.errors(); }

  Json json(std::vector<std::string> words, int exit = 0) {
    words.insert(words.begin(), "bench");
    words.insert(words.end(), {"--yes", "-o", "json"});
    const Outcome done = daemon_.mesh(words);
    EXPECT_EQ(done.exit_code, exit) << done.err;
    errors_ = done.err;
    return Json::parse(done.out, nullptr, false);
  }
  std::size_t users_of(const std::string& tenant) {
    return Json::parse(
               daemon_.mesh({"users", "list", "--tenant", tenant, "--all", "-o", "json"}).out)
        .size();
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data"), "rate_limits: {search: {rate: 1000000, per: 1s}}\n"};
  std::string errors_;
};

TEST_F(BenchVerb, PublishesWhatItSays) {
  const Json one = json({"publish", "--tenants", "3", "-n", "30"});
  EXPECT_EQ(one["requests"], 30);
  EXPECT_EQ(one["errors"], 0);
  EXPECT_EQ(one["tenants"], 3);
  EXPECT_LE(one["p50_ms"], one["p99_ms"]);
  EXPECT_LE(one["p99_ms"], one["max_ms"]);
  EXPECT_EQ(json({"publish", "--tenant", "acme", "-n", "5", "--batch", "20", "--size",
                  "1KiB"})["requests"],
            5);
  std::int64_t events = 0;
  const Json topics = Json::parse(daemon_.mesh({"topics", "list", "-o", "json"}).out);
  for (const Json& topic : topics) {
    if (topic["name"] == "analytics.events")
      events = topic.value("records", topic.value("events", 0));
  }
  EXPECT_EQ(events, 30 + 5 * 20) << topics.dump();
}

TEST_F(BenchVerb, KeepsARate) {
  const Json row = json({"publish", "--rate", "50", "--duration", "400ms"});
  EXPECT_EQ(row["requests"], 20) << row.dump();
  EXPECT_EQ(row["target_rate"], 50.0);
  EXPECT_FALSE(row["late_p99_ms"].is_null());
}

TEST_F(BenchVerb, CreatesUsersAndDeletesThem) {
  ASSERT_EQ(
      daemon_.mesh({"users", "create", "--tenant", "bench-1", "--email", "a@b.dev", "--name", "A"})
          .exit_code,
      0);
  EXPECT_EQ(json({"create", "--tenants", "2", "-n", "10"})["requests"], 10);
  EXPECT_NE(errors_.find("mesh bench cleanup --tenants 2"), std::string::npos) << errors_;
  EXPECT_EQ(users_of("bench-1"), 6u);
  EXPECT_EQ(json({"cleanup", "--tenants", "2"})["deleted"], 10);
  EXPECT_EQ(json({"create", "--tenants", "2", "-n", "10", "--cleanup"})["requests"], 10);
  EXPECT_EQ(users_of("bench-1"), 1u) << "that of somebody else stays";
  EXPECT_EQ(users_of("bench-2"), 0u);
}

TEST_F(BenchVerb, PreparesWhatItSearches) {
  json({"search", "-n", "10"}, 2);
  EXPECT_EQ(json({"search", "-n", "40", "--prepare", "25", "--tenants", "2"})["requests"], 40);
  EXPECT_EQ(users_of("bench-2"), 25u);
  EXPECT_EQ(
      json({"search", "-n", "10", "--prepare", "25", "--tenants", "2", "--cleanup"})["requests"],
      10);
  EXPECT_EQ(users_of("bench-1") + users_of("bench-2"), 0u);
}

TEST_F(BenchVerb, ARateLimitShowsAsOne) {
  ASSERT_EQ(daemon_.mesh({"tenants", "create", "acme"}).exit_code, 0);
  ASSERT_EQ(daemon_.mesh({"ratelimit", "set", "acme", "publish", "3/1h+0"}).exit_code, 0);
  const Json row = json({"publish", "--tenant", "acme", "-n", "20"}, 6);
  EXPECT_GT(row["statuses"]["429"], 0) << row.dump();
  EXPECT_NE(errors_.find("rate limit"), std::string::npos) << errors_;
}

TEST_F(BenchVerb, CtrlCPrintsWhatWasMeasuredSoFar) {
  const std::string pid_file = dir_.file("pid");
  auto bench = std::async(std::launch::async, [&] {
    return run({"/bin/sh", "-c",
                "echo $$ >" + pid_file +
                    "; exec " MESH_BIN_DIR "/mesh bench publish --duration 1h" +
                    " --yes -o json --data-dir " + daemon_.data_dir()});
  });
  const auto records = [&] {
    return daemon_
        .call("admin", "GET", "/admin/v1/topics/analytics.events", daemon_.operator_token())
        .json()["records"]
        .get<int>();
  };
  ASSERT_TRUE(test::eventually([&] { return records() > 100; }));
  pid_t pid = 0;
  std::ifstream(pid_file) >> pid;
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::kill(pid, SIGINT), 0);
  const Outcome done = bench.get();
  EXPECT_EQ(done.exit_code, 130) << done.err;
  EXPECT_GT(Json::parse(done.out)["requests"], 0) << done.out;
}

TEST_F(BenchVerb, WithoutAServerItSaysSo) {
  const std::string address = daemon_.address("publisher");
  daemon_.kill();
  const Outcome done = run({MESH_BIN_DIR "/mesh", "bench", "publish", "--yes", "--token", "a:b",
                            "--server", "http://" + address});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_NE(done.err.find("cannot connect to " + address), std::string::npos) << done.err;
}

}  // namespace
}  // namespace mesh::e2e
