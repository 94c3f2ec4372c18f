// Operation: start, configuration, locks, signals, drain.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/e2e/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

constexpr const char* kMeshd = MESH_BIN_DIR "/meshd";

TEST(Operation, ASecondDaemonOnTheFolderIsRefusedWithThePidOfTheFirst) {
  test::TempDir dir;
  Daemon first(dir.file("data"));
  ASSERT_TRUE(first.start()) << first.errors();
  std::ofstream(dir.file("second.yaml"))
      << "data_dir: " << dir.file("data") << "\nlisten: {users: 127.0.0.1:0}\nroles: [users]\n";
  const Outcome second = run({kMeshd, "--config", dir.file("second.yaml")});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_NE(second.err.find(std::to_string(first.pid())), std::string::npos) << second.err;
  EXPECT_EQ(first.call("users", "GET", "/livez", "").status, 200);
}

TEST(Operation, AFolderThatCannotBeMadeStopsTheStartWithItsName) {
  test::TempDir dir;
  std::ofstream(dir.file("file")) << "not a folder";
  const Outcome result = run({kMeshd, "--data-dir", dir.file("file") + "/data"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find(dir.file("file")), std::string::npos) << result.err;
}

TEST(Operation, AnAddressInUseStopsTheStartWithItsName) {
  test::TempDir dir;
  Daemon first(dir.file("one"));
  ASSERT_TRUE(first.start()) << first.errors();
  Daemon second(dir.file("two"),
                "listen: {users: " + first.address("users") + "}\nroles: [users]\n");
  EXPECT_FALSE(second.start());
  EXPECT_NE(second.errors().find(first.address("users")), std::string::npos) << second.errors();
}

TEST(Operation, BadConfigurationStopsTheStartNamingEveryKey) {
  test::TempDir dir;
  std::ofstream(dir.file("bad.yaml"))
      << "http: {max_body: 12 bananas}\nlogs: {engine: sqlite}\nrate_limits: {search: {rate: 0}}\n";
  for (const auto& flags : {std::vector<std::string>{}, {"--check-config"}}) {
    std::vector<std::string> command{kMeshd, "--config", dir.file("bad.yaml")};
    command.insert(command.end(), flags.begin(), flags.end());
    const Outcome result = run(command);
    EXPECT_EQ(result.exit_code, 2);
    for (const char* text : {"http.max_body", "12 bananas", "logs", "rate_limits.search"}) {
      EXPECT_NE(result.err.find(text), std::string::npos) << text << "\n" << result.err;
    }
  }
}

TEST(Operation, TheConfigurationAndItsSchemaCanBePrinted) {
  test::TempDir dir;
  EXPECT_EQ(run({kMeshd, "--check-config"}).exit_code, 0);
  EXPECT_NE(run({kMeshd, "--print-config"}).out.find("data_dir:"), std::string::npos);
  EXPECT_TRUE(Json::parse(run({kMeshd, "--print-config-schema"}).out, nullptr, false)
                  .contains("properties"));
  EXPECT_EQ(run({kMeshd, "--no-such-flag"}).exit_code, 2);
}

TEST(Operation, DevTokensBeyondLoopbackAreRefusedUnlessAllowed) {
  test::TempDir dir;
  std::ofstream(dir.file("open.yaml"))
      << "data_dir: " << dir.file("data") << "\nlisten: {users: 0.0.0.0:0}\nroles: [users]\n";
  const Outcome result = run({kMeshd, "--config", dir.file("open.yaml")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("allow_dev_on_network"), std::string::npos) << result.err;
}

TEST(Operation, SigtermDrainsAndRemovesRunJson) {
  test::TempDir dir;
  Daemon daemon(dir.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  struct stat info {};
  ASSERT_EQ(stat((dir.file("data") + "/run.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(stat((dir.file("data") + "/operator.token").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(
      daemon
          .call("users", "POST", "/users/create", "acme:a", R"({"email":"a@acme.dev","name":"A"})")
          .status,
      201);
  ASSERT_EQ(daemon.call("users", "GET", "/users", "acme:a").status, 200);
  daemon.await_idle();
  EXPECT_EQ(daemon.stop(), 0);
  for (const char* left : {"/run.json", "/log.db-wal", "/store.db-wal", "/vectors.db-wal"}) {
    EXPECT_NE(stat((dir.file("data") + left).c_str(), &info), 0) << left;
  }
}

TEST(Operation, BeforeItStopsItIsNotReadyForTheDrainDelayAndServesAllTheSame) {
  test::TempDir dir;
  Daemon daemon(dir.file("data"), "http: {drain_delay: 1h}\n");
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  EXPECT_EQ(daemon.call("users", "GET", "/readyz", "").body, "ready\n");
  EXPECT_EQ(daemon.call("users", "GET", "/readyz?verbose", "").body,
            "[+]files ok\n[+]disk ok\nready\n");
  daemon.signal(SIGTERM);
  EXPECT_TRUE(
      test::eventually([&] { return daemon.call("users", "GET", "/readyz", "").status == 503; }));
  EXPECT_EQ(daemon.call("users", "GET", "/livez", "").status, 200);
  const auto listed = daemon.call("users", "GET", "/users", "acme:alice");
  EXPECT_EQ(listed.status, 200);
  EXPECT_EQ(listed.header("Connection"), "close");
  daemon.signal(SIGHUP);
  EXPECT_EQ(daemon.call("users", "GET", "/livez", "").status, 200);
  daemon.signal(SIGTERM);  // ends the delay, not the process
  EXPECT_EQ(daemon.wait(), 0);
}

TEST(Operation, SighupTakesOverRateLimitsAndKeepsTheOldOnesWhenTheFileIsBroken) {
  test::TempDir dir;
  Daemon daemon(dir.file("data"), "rate_limits: {search: {rate: 600, per: 1m, burst: 5}}\n");
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const auto burst = [&] {
    return daemon.call("admin", "GET", "/admin/v1/ratelimits/acme/search", daemon.operator_token())
        .json()["policy"]["burst"]
        .get<int>();
  };
  ASSERT_EQ(daemon.mesh({"tenants", "create", "acme"}).exit_code, 0);
  EXPECT_EQ(burst(), 5);
  std::ofstream(dir.file("data.yaml"))
      << "data_dir: " << dir.file("data")
      << "\nrate_limits: {search: {rate: 600, per: 1m, burst: 7}}\n";
  daemon.signal(SIGHUP);
  ASSERT_TRUE(daemon.await_notification("READY=1"));
  EXPECT_EQ(burst(), 7);
  EXPECT_EQ(daemon.call("admin", "GET", "/admin/v1/config", daemon.operator_token())
                .json()["rate_limits"]["search"]["burst"],
            7);
  std::ofstream(dir.file("data.yaml")) << "rate_limits: broken\n";
  daemon.signal(SIGHUP);
  ASSERT_TRUE(daemon.await_notification("READY=1"));
  EXPECT_EQ(burst(), 7);
}

TEST(Operation, ASettingSaysWhereItsValueComesFromAlsoAfterASighup) {
  test::TempDir dir;
  const std::string bodies = "http:\n  max_body: ${BODY_OF_TEST}\n  max_wait: ${NOT_SET:-20s}\n";
  const std::string limits = "limiter: {engine: redis}\nredis: {url: '${REDIS_OF_TEST}'}\n";
  Daemon daemon(dir.file("data"), bodies + "pipelines: {batch: 64}\n" + limits,
                {{"BODY_OF_TEST", "2MiB"}, {"REDIS_OF_TEST", "redis://me:hunter2@127.0.0.1:1/0"}});
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const auto all = [&] {
    return daemon.call("admin", "GET", "/admin/v1/config/settings", daemon.operator_token());
  };
  const auto setting = [&](const std::string& key) {
    const Json listed = all().json();
    for (const Json& each : listed["items"]) {
      if (each["key"] == key) return each;
    }
    return Json();
  };
  const std::string file = dir.file("data.yaml") + ":";
  const Json body = setting("http.max_body");
  EXPECT_EQ(body["value"], "2MiB");
  EXPECT_EQ(body["default"], "1MiB");
  EXPECT_EQ(body["origin"], "environment");
  EXPECT_EQ(body["where"], file + "4");
  EXPECT_EQ(body["variables"], Json::parse(R"([{"name":"BODY_OF_TEST","set":true}])"));
  EXPECT_EQ(setting("http.max_wait")["origin"], "file");
  EXPECT_EQ(setting("http.max_wait")["variables"][0]["set"], false);
  EXPECT_EQ(setting("http.workers")["origin"], "default");
  EXPECT_EQ(setting("redis.url")["value"], "redis://***@127.0.0.1:1/0");
  EXPECT_EQ(setting("redis.url")["variables"][0]["name"], "REDIS_OF_TEST");
  EXPECT_EQ(all().body.find("hunter2"), std::string::npos);
  EXPECT_EQ(daemon.call("admin", "GET", "/admin/v1/config/settings", "acme:me").status, 403);

  // A line more above, another batch, and a log level that holds at once.
  std::ofstream(dir.file("data.yaml")) << "data_dir: " << dir.file("data") << "\n# more\n"
                                       << bodies << "pipelines: {batch: 65}\n"
                                       << limits << "telemetry: {log: {level: warn}}\n";
  daemon.signal(SIGHUP);
  ASSERT_TRUE(daemon.await_notification("READY=1"));
  EXPECT_EQ(setting("telemetry.log.level")["value"], "warn");
  EXPECT_EQ(setting("telemetry.log.level")["where"], file + "9");
  EXPECT_EQ(setting("telemetry.log.level")["reload"], true);
  const Json batch = setting("pipelines.batch");
  EXPECT_EQ(batch["value"], 64);
  EXPECT_EQ(batch["where"], file + "6") << "of the value that runs";
  EXPECT_EQ(batch["reload"], false);
  EXPECT_EQ(batch["pending"], (Json{{"value", 65}, {"where", file + "6"}}));
  EXPECT_EQ(setting("listen.users")["pending"]["where"], Json()) << "the default comes next";
}

TEST(Operation, TheCommandLinesDataFolderIsTold) {
  test::TempDir dir;
  Daemon daemon(dir.file("data"), "log: {partitions: 2}\n");
  daemon.add_flags({"--data-dir", dir.file("data")});
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const auto told = daemon.mesh({"config", "get", "data_dir", "-o", "json"});
  ASSERT_EQ(told.exit_code, 0) << told.err;
  EXPECT_EQ(Json::parse(told.out)["origin"], "flag");
  EXPECT_EQ(Json::parse(told.out)["where"], "--data-dir");
}

TEST(Operation, RolesSelectWhatAProcessRuns) {
  test::TempDir dir;
  Daemon daemon(dir.file("data"), "roles: [gateway, admin]\n");
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  std::ifstream file(dir.file("data") + "/run.json");
  const Json info = Json::parse(file);
  EXPECT_TRUE(info["addresses"].contains("gateway"));
  EXPECT_FALSE(info["addresses"].contains("users"));
  EXPECT_EQ(daemon.call("gateway", "GET", "/health", "").json()["service"], "ai-gateway");
}

TEST(Operation, AProcessIsAMemberWhileItRuns) {
  test::TempDir dir;
  Daemon daemon(dir.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const auto told = daemon.mesh({"members", "-o", "json"});
  ASSERT_EQ(told.exit_code, 0) << told.err;
  const Json members = Json::parse(told.out);
  ASSERT_EQ(members.size(), 1u);
  EXPECT_EQ(members[0]["roles"].size(), 6u);
  EXPECT_EQ(members[0]["feeds"], (Json{"user-index-1", "analytics", "chemical", "metering",
                                       "event-index-analytics", "event-index-chemical"}));
  EXPECT_EQ(members[0]["addresses"].size(), 5u);
  // What it wrote has left the outbox, so that it was the one that moved it.
  ASSERT_EQ(daemon
                .mesh({"users", "create", "--tenant", "acme", "--email", "ann@acme.dev", "--name",
                       "Ann", "--wait=10s"})
                .exit_code,
            0);
  const Json now = Json::parse(daemon.mesh({"members", "-o", "json"}).out);
  EXPECT_NE(now[0]["leases"].dump().find("\"relay\""), std::string::npos) << now;
  const auto table = daemon.mesh({"members"});
  EXPECT_NE(table.out.find(members[0]["id"].get<std::string>().substr(0, 8)), std::string::npos);
  ASSERT_EQ(daemon.stop(), 0);
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const Json again = Json::parse(daemon.mesh({"members", "-o", "json"}).out);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_NE(again[0]["id"], members[0]["id"]) << "another start is another member";
}

// Two embedders in one process: each generation is fed and searched with its own.
TEST(Operation, WithAnotherEmbedderTheIndexServesOnIsComparedFlippedAndRolledBack) {
  test::TempDir dir;
  const auto create = [](Daemon& daemon, const std::string& name) {
    EXPECT_EQ(daemon
                  .call("users", "POST", "/users/create?ack=searchable", "acme:a",
                        Json{{"email", name + "@acme.dev"}, {"name", name}}.dump())
                  .status,
              201);
  };
  {
    Daemon daemon(dir.file("data"));
    ASSERT_TRUE(daemon.start()) << daemon.errors();
    create(daemon, "Ann");
    EXPECT_EQ(daemon.stop(), 0);
  }
  Daemon daemon(dir.file("data"), "embedder: {dimension: 256}\n");
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const auto found = [&](const std::string& name) {
    const auto answer = daemon.call("gateway", "GET", "/ai/users/search?query=" + name, "acme:a");
    EXPECT_EQ(answer.status, 200) << answer.body;
    const Json results = answer.json()["results"];
    return results.empty() ? Json() : results[0]["name"];
  };
  const auto mesh = [&](std::vector<std::string> words) {
    const auto done = daemon.mesh(std::move(words));
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return done;
  };
  const auto list = [&] { return Json::parse(mesh({"index", "list", "-o", "json"}).out); };

  EXPECT_EQ(Json::parse(mesh({"tasks", "list", "-o", "json"}).out).size(), 0u);
  EXPECT_EQ(found("Ann"), "Ann");
  create(daemon, "Bob");
  EXPECT_EQ(found("Bob"), "Bob") << "the index follows with the embedder that it was made with";
  const auto checked = daemon.mesh({"check"});
  EXPECT_EQ(checked.exit_code, 1) << "a warning";
  EXPECT_NE(checked.out.find("not the configured one"), std::string::npos) << checked.out;

  mesh({"index", "rebuild", "--shadow", "--no-progress"});
  EXPECT_EQ(list()[0]["serving"], true);
  EXPECT_EQ(list()[0]["embedder"], "hashing-v2/384");
  EXPECT_EQ(list()[1]["role"], "shadow");
  EXPECT_EQ(list()[1]["embedder"], "hashing-v2/256");
  EXPECT_EQ(daemon.mesh({"index", "rebuild", "--shadow"}).exit_code, 1) << "there is one";
  create(daemon, "Cid");

  const Json compared = Json::parse(mesh({"index", "compare", "-o", "json"}).out);
  EXPECT_EQ(compared["queries"], 2) << "what was searched for";
  EXPECT_EQ(compared["serving"]["embedder"], "hashing-v2/384");
  EXPECT_EQ(compared["other"]["embedder"], "hashing-v2/256");
  EXPECT_GT(compared["overlap"], 0);

  daemon.await_idle();
  mesh({"index", "serve", "2"});
  EXPECT_EQ(found("Cid"), "Cid");
  EXPECT_EQ(list()[1]["serving"], true);
  EXPECT_EQ(list()[0]["role"], "previous");
  create(daemon, "Dan");
  EXPECT_EQ(found("Dan"), "Dan");
  daemon.await_idle();
  mesh({"index", "rollback"});
  EXPECT_EQ(list()[0]["serving"], true);
  EXPECT_EQ(found("Dan"), "Dan");
  mesh({"index", "drop", "2", "--yes"});
  EXPECT_EQ(list().size(), 1u);
}

// Symptom: the second start ended with `conflict`.
TEST(Operation, AnotherNumberOfPartitionsIsForNewTopicsOnly) {
  test::TempDir dir;
  for (const int partitions : {2, 5}) {
    Daemon daemon(dir.file("data"), "log: {partitions: " + std::to_string(partitions) + "}\n");
    ASSERT_TRUE(daemon.start()) << daemon.errors();
    const auto topic =
        daemon.call("admin", "GET", "/admin/v1/topics/user.events", daemon.operator_token());
    EXPECT_EQ(topic.json()["partitions"], 2);
    EXPECT_EQ(daemon
                  .call("users", "POST", "/users/create", "acme:a",
                        R"({"email":"a)" + std::to_string(partitions) + R"(@acme.dev","name":"A"})")
                  .status,
              201);
    daemon.await_idle();
    EXPECT_EQ(daemon.stop(), 0);
  }
}

TEST(Operation, GroupsOfPipelinesAreKnownBeforeAnyRunsAndCanBeLetGo) {
  test::TempDir dir;
  Daemon daemon(dir.file("data"), "roles: [publisher, admin]\n");
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const auto operate = [&](const char* method, const std::string& path) {
    return daemon.call("admin", method, path, daemon.operator_token());
  };
  ASSERT_EQ(daemon
                .call("publisher", "POST", "/api/v1/events/analytics", "acme:a",
                      R"({"user_id":"u","event_type":"view"})")
                .status,
            202);
  const Json group = operate("GET", "/admin/v1/groups/analytics").json();
  EXPECT_EQ(group["lag"], 1);
  EXPECT_EQ(group["active"], false);
  EXPECT_EQ(group["holds"], 0);
  EXPECT_EQ(daemon.mesh({"groups", "delete", "analytics"}).exit_code, 2) << "no --yes";
  EXPECT_EQ(daemon.mesh({"groups", "delete", "analytics", "--yes"}).exit_code, 0);
  EXPECT_EQ(operate("GET", "/admin/v1/groups/analytics").status, 404);
  EXPECT_EQ(operate("DELETE", "/admin/v1/groups/analytics").status, 404);
}

TEST(Operation, AGroupThatReadsIsNotDeleted) {
  test::TempDir dir;
  Daemon daemon(dir.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  EXPECT_EQ(
      daemon.call("admin", "DELETE", "/admin/v1/groups/analytics", daemon.operator_token()).status,
      409);
}

TEST(Operation, RunJsonGoesWithAProcessThatHasNoListener) {
  test::TempDir dir;
  Daemon daemon(dir.file("data"), "roles: [pipelines]\n");
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  EXPECT_EQ(daemon.stop(), 0);
  struct stat info {};
  EXPECT_NE(stat((dir.file("data") + "/run.json").c_str(), &info), 0);
}

TEST(Operation, EqualAddressesShareAListener) {
  test::TempDir dir;
  Daemon probe(dir.file("probe"), "roles: [users]\n");  // finds a free port
  ASSERT_TRUE(probe.start()) << probe.errors();
  const std::string address = probe.address("users");
  ASSERT_EQ(probe.stop(), 0);
  Daemon daemon(dir.file("data"), "listen: {users: " + address + ", gateway: " + address +
                                      ", publisher: " + address + ", subscriber: " + address +
                                      ", admin: " + address + "}\n");
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  for (const char* target : {"/users", "/ai/users/search?query=x"})
    EXPECT_EQ(daemon.call("admin", "GET", target, "acme:a").status, 200) << target;
}

TEST(Operation, EveryListenerAnswersHealthMetricsAndItsDescription) {
  test::TempDir dir;
  Daemon daemon(dir.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const std::map<std::string, std::string> services{{"users", "user-service"},
                                                    {"gateway", "ai-gateway"},
                                                    {"publisher", "event_publisher"},
                                                    {"subscriber", "event_subscriber"},
                                                    {"admin", "meshd"}};
  for (const auto& [role, service] : services) {
    for (const char* path : {"/health", "/healthz"}) {
      const Answer answer = daemon.call(role, "GET", path, "");
      EXPECT_EQ(answer.header("Content-Type"), "application/json") << role << path;
      const Json health = answer.json();
      EXPECT_EQ(health["status"], "ok") << role << path;
      EXPECT_EQ(health["service"], service) << role << path;
      EXPECT_FALSE(health.value("version", "").empty()) << role << path;
    }
    for (const char* path : {"/livez", "/readyz", "/docs"})
      EXPECT_EQ(daemon.call(role, "GET", path, "").status, 200) << role << path;
    EXPECT_NE(daemon.call(role, "GET", "/metrics", "").body.find("mesh_build_info"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace mesh::e2e
