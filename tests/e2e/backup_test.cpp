// Backups of a running meshd, restored and compared.
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kToken = "acme:me";
constexpr const char* kConfig =
    "rate_limits: {search: null, publish: null, users: null}\nlog: {partitions: 3}\n"
    "pipelines: {batch: 32}\n";

std::string email(int writer, int n) {
  return "w" + std::to_string(writer) + "-" + std::to_string(n) + "@acme.dev";
}

class BackupTest : public ::testing::Test {
 protected:
  // Acknowledged, or the test fails.
  void create_user(int writer, int n) {
    const auto answer = daemon_.call("users", "POST", "/users/create", kToken,
                                     Json{{"email", email(writer, n)}, {"name", "Person"}}.dump());
    ASSERT_EQ(answer.status, 201) << answer.body;
  }
  void publish(int n) {
    std::string lines;
    for (int i = 0; i < 5; ++i) {
      lines += Json{{"type", "analytics.recorded"},
                    {"data",
                     {{"user_id", "u1"},
                      {"event_type", "view"},
                      {"metadata", {{"n", std::to_string(n) + "." + std::to_string(i)}}}}}}
                   .dump() +
               "\n";
    }
    const auto answer = daemon_.call("publisher", "POST", "/api/v1/events", kToken, lines,
                                     {{"Content-Type", "application/x-ndjson"}});
    ASSERT_EQ(answer.status, 202) << answer.body;
  }

  static std::set<std::string> emails_of(Daemon& daemon) {
    std::set<std::string> found;
    std::string target = "/users?limit=1000";
    while (!target.empty()) {
      const auto page = daemon.call("users", "GET", target, kToken);
      for (const auto& user : page.json()) found.insert(user["email"].get<std::string>());
      const auto link = page.header("Link");
      target = link.empty() ? "" : link.substr(1, link.find('>') - 1);
    }
    return found;
  }
  // How often each marker is in the log.
  static std::map<std::string, int> events_of(Daemon& daemon) {
    std::map<std::string, int> found;
    std::string from = "from=start";
    for (;;) {
      const Json page =
          daemon
              .call("admin", "GET", "/admin/v1/topics/analytics.events/records?limit=1000&" + from,
                    daemon.operator_token())
              .json();
      if (page["items"].empty()) return found;
      for (const auto& record : page["items"])
        ++found[record["value"]["metadata"]["n"].get<std::string>()];
      from = "positions=" + page["next"].get<std::string>();
    }
  }
  static Json verified(Daemon& daemon) {
    return daemon.call("admin", "POST", "/admin/v1/indexes/verify", daemon.operator_token(), "{}")
        .json();
  }
  // Log, store, counts and index say the same.
  static void expect_agreement(Daemon& daemon) {
    daemon.await_idle();
    const auto users = emails_of(daemon);
    const auto events = events_of(daemon);
    const Json index = verified(daemon);
    EXPECT_EQ(index["expected"], users.size()) << "users in the log, and in the store";
    EXPECT_EQ(index["found"], users.size()) << index.dump();
    for (const char* name : {"missing", "extra", "stale"})
      EXPECT_EQ(index[name], 0) << index.dump();
    const Json counts =
        daemon.call("subscriber", "GET", "/api/v1/analytics/user/u1", kToken).json();
    EXPECT_EQ(counts.value("total_events", std::size_t{0}), events.size()) << counts.dump();
    for (const auto& [marker, times] : events) EXPECT_EQ(times, 1) << marker;
  }
  Outcome local(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), MESH_BIN_DIR "/mesh");
    return run(arguments, "", {{"HOME", dir_.path()}});
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data"), kConfig};
  const std::string backup_ = dir_.file("backup"), restored_ = dir_.file("restored");
};

TEST_F(BackupTest, MadeUnderLoadHoldsAllThatWasAcknowledgedBeforeAndAgreesWithItself) {
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  for (int n = 0; n < 100; ++n) create_user(0, n);
  for (int n = 0; n < 40; ++n) publish(n);

  std::atomic<bool> stop{false};
  std::atomic<int> created{0}, changed{0}, published{0};
  std::vector<std::thread> writers;
  const auto write = [&](auto step) {
    writers.emplace_back([&stop, step]() mutable {
      while (!stop) step();
    });
  };
  std::vector<std::unique_ptr<http::Client>> clients;
  const auto post = [&](http::Client& client, const std::string& role, const std::string& method,
                        const std::string& target, const std::string& body, const char* media) {
    const auto answer =
        client.send({method,
                     "http://" + daemon_.address(role) + target,
                     {{"Authorization", std::string("Bearer ") + kToken}, {"Content-Type", media}},
                     body,
                     {}});
    return answer && answer->status < 300;
  };
  for (int i = 0; i < 4; ++i) clients.push_back(std::make_unique<http::Client>());
  write([&, n = 0]() mutable {
    if (post(*clients[0], "users", "POST", "/users/create",
             Json{{"email", email(1, n++)}, {"name", "Person"}}.dump(), "application/json"))
      ++created;
  });
  write([&, n = 0]() mutable {
    if (post(*clients[1], "users", "PATCH", "/users/" + std::to_string(1 + n % 100),
             Json{{"name", "Name " + std::to_string(n)}}.dump(), "application/json"))
      ++changed;
    ++n;
  });
  for (int w = 2; w < 4; ++w) {
    write([&, w, n = 0]() mutable {
      const Json line{{"type", "analytics.recorded"},
                      {"data",
                       {{"user_id", "u1"},
                        {"event_type", "view"},
                        {"metadata", {{"n", std::to_string(w) + "-" + std::to_string(n++)}}}}}};
      if (post(*clients[static_cast<std::size_t>(w)], "publisher", "POST", "/api/v1/events",
               line.dump() + "\n", "application/x-ndjson"))
        ++published;
    });
  }
  const auto wait_for = [](const std::atomic<int>& count, int target) {
    while (count < target) std::this_thread::yield();
  };
  wait_for(created, 20), wait_for(changed, 20), wait_for(published, 20);
  const int created_before = created;
  const auto made = daemon_.mesh({"backup", backup_});
  EXPECT_EQ(made.exit_code, 0) << made.out << made.err;
  EXPECT_THAT(made.err, HasSubstr("mesh backup verify " + backup_));
  wait_for(created, created_before + 20);
  stop = true;
  for (auto& writer : writers) writer.join();
  expect_agreement(daemon_);
  ASSERT_EQ(daemon_.stop(), 0) << daemon_.errors();

  EXPECT_EQ(local({"backup", "verify", backup_}).exit_code, 0);
  const auto restored = local({"restore", backup_, "--data-dir", restored_});
  ASSERT_EQ(restored.exit_code, 0) << restored.out << restored.err;
  Daemon other(restored_, kConfig);
  ASSERT_TRUE(other.start()) << other.errors();
  expect_agreement(other);
  const auto users = emails_of(other);
  for (int n = 0; n < 100; ++n) EXPECT_TRUE(users.contains(email(0, n))) << n;
  for (int n = 0; n < created_before; ++n) EXPECT_TRUE(users.contains(email(1, n))) << n;
  const auto events = events_of(other);
  for (int n = 0; n < 40; ++n) EXPECT_TRUE(events.contains(std::to_string(n) + ".4")) << n;
  // The copy of the task that made it does not begin another backup.
  const auto tasks = other.call("admin", "GET", "/admin/v1/tasks", other.operator_token()).json();
  ASSERT_EQ(tasks["items"].size(), 1u) << tasks.dump();
  EXPECT_EQ(tasks["items"][0]["state"], "done") << tasks.dump();
  // Ids go on behind those that are there, and writing goes on.
  const auto more = other.call("users", "POST", "/users/create", kToken,
                               R"({"email":"after@acme.dev","name":"After"})");
  ASSERT_EQ(more.status, 201) << more.body;
  EXPECT_EQ(more.json()["id"], users.size() + 1);
  expect_agreement(other);
  EXPECT_EQ(other.stop(), 0) << other.errors();
}

TEST_F(BackupTest, AFolderThatHoldsSomethingIsRefusedOnBothSides) {
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  fs::create_directory(backup_);
  std::ofstream(backup_ + "/mine") << "mine";
  const auto refused = daemon_.mesh({"backup", backup_});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("overwrites nothing"));
  fs::remove(backup_ + "/mine");
  ASSERT_EQ(daemon_.mesh({"backup", backup_}).exit_code, 0);
  const auto in_use = local({"restore", backup_, "--data-dir", daemon_.data_dir()});
  EXPECT_EQ(in_use.exit_code, 1);
  EXPECT_THAT(in_use.err, HasSubstr("not empty"));
  EXPECT_EQ(local({"restore", backup_}).exit_code, 2) << "into which folder?";
  EXPECT_EQ(daemon_.mesh({"backup"}).exit_code, 2);
}

TEST_F(BackupTest, ARelativeFolderCountsFromWhereTheCommandIsRun) {
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  const auto made = run({"/bin/sh", "-c",
                         "cd " + dir_.path() + " && " MESH_BIN_DIR "/mesh --data-dir " +
                             daemon_.data_dir() + " backup here/../backup/"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_TRUE(fs::exists(backup_ + "/manifest.json"));
}

TEST_F(BackupTest, OneThatAKillCutsOffIsDoneOnlyWhereItIsWhole) {
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  for (int round = 0; round < 3; ++round) {
    for (int n = 0; n < 20; ++n) create_user(round, n);
    const std::string folder = backup_ + std::to_string(round);
    const auto begun = daemon_.call("admin", "POST", "/admin/v1/backups", daemon_.operator_token(),
                                    Json{{"path", folder}}.dump());
    ASSERT_EQ(begun.status, 202) << begun.body;
    daemon_.kill();
    ASSERT_TRUE(daemon_.start()) << daemon_.errors();
    const Json task =
        daemon_
            .call("admin", "GET",
                  "/admin/v1/tasks/" + begun.json()["id"].get<std::string>() + "?wait=25",
                  daemon_.operator_token())
            .json();
    EXPECT_THAT(task["state"], testing::AnyOf("done", "failed")) << task.dump();
    if (task["state"] == "failed") {
      EXPECT_THAT(task["error"], HasSubstr("manifest.json"));
    }
    EXPECT_EQ(local({"backup", "verify", folder}).exit_code == 0, task["state"] == "done")
        << task.dump();
  }
}

TEST_F(BackupTest, WhereNoTaskWouldRunItIsRefused) {
  Daemon other(dir_.file("other"), "roles: [users, admin]\n");
  ASSERT_TRUE(other.start()) << other.errors();
  for (const auto& work : {std::vector<std::string>{"backup", backup_},
                           {"index", "rebuild"},
                           {"events", "replay", "--topic", "user.events", "--yes"},
                           {"dlq", "purge", "user.events", "--yes"}}) {
    const auto refused = other.mesh(work);
    EXPECT_EQ(refused.exit_code, 1) << work[0];
    EXPECT_THAT(refused.err, HasSubstr("has the role pipelines")) << work[0];
  }
  EXPECT_EQ(other.mesh({"tasks", "list", "-o", "json"}).out, "[]\n") << "nothing waits for ever";
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  for (const char* body : {R"({"path":"backup"})", "{}", R"({"path":5})", R"({"where":"/x"})"}) {
    EXPECT_EQ(
        daemon_.call("admin", "POST", "/admin/v1/backups", daemon_.operator_token(), body).status,
        422)
        << body;
  }
}

TEST_F(BackupTest, DamageAndCutsAreFoundByVerifyAndRestore) {
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  create_user(0, 1);
  ASSERT_EQ(daemon_.mesh({"backup", backup_}).exit_code, 0);
  {
    std::fstream file(backup_ + "/store.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(9'000);
    file.put('~');
  }
  const auto damaged = local({"backup", "verify", backup_});
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_THAT(damaged.out, HasSubstr("another checksum"));
  const auto refused = local({"restore", backup_, "--data-dir", restored_});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_EQ(refused.err, "mesh: the backup is damaged: " + backup_ +
                             "/store.db has another checksum; nothing was restored\n");
  EXPECT_FALSE(fs::exists(restored_));
  fs::remove(backup_ + "/manifest.json");
  const auto cut = local({"backup", "verify", backup_});
  EXPECT_EQ(cut.exit_code, 1);
  EXPECT_THAT(cut.err, HasSubstr("cut off"));
  EXPECT_THAT(cut.err, testing::StartsWith("mesh: "));
  EXPECT_THAT(local({"restore", backup_, "--data-dir", restored_}).err,
              HasSubstr("nothing was restored"));
}

// Symptom: meshd began with an empty store beside the files of a restore that was killed.
TEST_F(BackupTest, ARestoreThatWasCutOffIsNotStartedOn) {
  fs::create_directory(restored_);
  for (const char* file : {"log.db.restoring", "store.db.restoring"})
    std::ofstream(restored_ + "/" + file) << "SQLite";
  Daemon other(restored_, kConfig);
  EXPECT_FALSE(other.start());
  EXPECT_THAT(other.errors(), HasSubstr("restore again"));
  EXPECT_FALSE(fs::exists(restored_ + "/store.db"));
  const auto checked = local({"check", "--data-dir", restored_});
  EXPECT_NE(checked.exit_code, 0) << checked.out;
}

// Symptom: the copies that the documents named were said to be damaged.
TEST_F(BackupTest, CopiesOfTheSqliteShellStartAndAreWhole) {
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  for (int n = 0; n < 20; ++n) create_user(0, n);
  daemon_.await_idle();
  fs::create_directory(restored_);
  for (const std::string file : {"log.db", "store.db", "vectors.db"}) {
    const auto copied = run({"/usr/bin/sqlite3", daemon_.data_dir() + "/" + file,
                             file == "log.db" ? "VACUUM INTO '" + restored_ + "/" + file + "'"
                                              : ".backup " + restored_ + "/" + file});
    ASSERT_EQ(copied.exit_code, 0) << copied.err;
  }
  const auto checked = local({"check", "--data-dir", restored_});
  EXPECT_EQ(checked.exit_code, 0) << checked.out << checked.err;
  Daemon other(restored_, kConfig);
  ASSERT_TRUE(other.start()) << other.errors();
  expect_agreement(other);
  EXPECT_EQ(emails_of(other).size(), 20u);
}

// docs/operations.md shows these steps.
TEST_F(BackupTest, TheDocumentedStepsWork) {
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  create_user(0, 1);
  std::ifstream file(MESH_SOURCE_DIR "/docs/operations.md");
  std::string line;
  while (std::getline(file, line) && line != "## Backups") continue;
  int steps = 0;
  while (std::getline(file, line) && !line.starts_with("## ")) {
    if (!line.starts_with("    mesh ")) continue;
    std::string command = line.substr(4, line.find('#') - 4);
    for (const auto& [from, to] :
         {std::pair<std::string, std::string>{"/var/backups/mesh-monday", backup_},
          {"/var/lib/mesh-new", restored_}}) {
      for (auto at = command.find(from); at != command.npos; at = command.find(from))
        command.replace(at, from.size(), to);
    }
    const std::string own = command.find("--data-dir") == command.npos
                                ? " --data-dir " + daemon_.data_dir()
                                : std::string{};
    const auto done = run({"/bin/sh", "-c", MESH_BIN_DIR "/" + command + own});
    EXPECT_EQ(done.exit_code, 0) << command << done.out << done.err;
    ++steps;
  }
  EXPECT_EQ(steps, 3);
  Daemon other(restored_, kConfig);
  ASSERT_TRUE(other.start()) << other.errors();
  expect_agreement(other);
  EXPECT_EQ(emails_of(other).size(), 1u);
}

}  // namespace
}  // namespace mesh::e2e
