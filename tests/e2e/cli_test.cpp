// The mesh command against a real daemon.
#include <gtest/gtest.h>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

class Cli : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(daemon_.start()) << daemon_.errors(); }

  Json json(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.end(), {"-o", "json"});
    const Outcome result = daemon_.mesh(arguments, input);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return Json::parse(result.out, nullptr, false);
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data")};
};

TEST_F(Cli, UsersAreCreatedListedFoundAndDeleted) {
  const Json user = json({"users", "create", "--tenant", "acme", "--email", "a.smith@acme.dev",
                          "--name", "Alice Smith"});
  EXPECT_EQ(user["name"], "Alice Smith");
  daemon_.await_idle();
  const Json hits = json({"search", "alcie", "--tenant", "acme"});
  ASSERT_EQ(hits.size(), 1u) << hits.dump();
  EXPECT_EQ(hits[0]["email"], "a.smith@acme.dev");
  EXPECT_TRUE(json({"search", "alice", "--token", "globex:bob"}).empty());
  EXPECT_EQ(json({"users", "list", "--tenant", "acme"}).size(), 1u);
  EXPECT_EQ(daemon_.mesh({"users", "delete", "1", "--tenant", "acme", "--yes"}).exit_code, 0);
  EXPECT_EQ(daemon_.mesh({"users", "get", "1", "--tenant", "acme"}).exit_code, 3);
}

TEST_F(Cli, AnImportTakesCsvAndReportsTheLinesThatFailed) {
  const Outcome result =
      daemon_.mesh({"users", "import", "-", "--format", "csv", "--tenant", "acme"},
                   "name,email\nAda Lovelace,ada@acme.dev\nBroken,not-an-address\n\"Hopper, "
                   "Grace\",grace@acme.dev\n");
  EXPECT_EQ(result.exit_code, 6) << result.err;
  EXPECT_NE(result.err.find("3"), std::string::npos) << "names the line: " << result.err;
  EXPECT_EQ(json({"users", "list", "--tenant", "acme"}).size(), 2u);
}

TEST_F(Cli, EventsArePublishedTailedAndPipedBack) {
  const Outcome published =
      daemon_.mesh({"events", "publish", "--tenant", "acme", "--type", "analytics.recorded",
                    "--data", R"({"user_id":"u-1","event_type":"click"})"});
  EXPECT_EQ(published.exit_code, 0) << published.err;
  const Outcome tail = daemon_.mesh({"events", "tail", "--topic", "analytics.events", "--from",
                                     "start", "-n", "1", "-o", "json"});
  EXPECT_EQ(tail.exit_code, 0) << tail.err;
  EXPECT_EQ(Json::parse(tail.out, nullptr, false)["type"], "analytics.recorded") << tail.out;
  const Outcome again = daemon_.mesh({"events", "publish", "--tenant", "acme", "-"}, tail.out);
  EXPECT_EQ(again.exit_code, 0) << again.err;
  const Outcome format = daemon_.mesh({"events", "tail", "--topic", "analytics.events", "--from",
                                       "start", "-n", "1", "-f", "%t %k\\n"});
  EXPECT_EQ(format.out, "analytics.events acme/u-1\n");
}

TEST_F(Cli, ExitCodesTellWhatHappened) {
  EXPECT_EQ(daemon_.mesh({"users", "get", "99", "--tenant", "acme"}).exit_code, 3);
  EXPECT_EQ(daemon_.mesh({"users", "frobnicate"}).exit_code, 2);
  EXPECT_EQ(daemon_.mesh({"users", "list", "--tenant", "acme", "--token", "globex:bob"}).exit_code,
            4);
  EXPECT_EQ(daemon_.mesh({"topics", "list", "--token", "acme:alice"}).exit_code, 4)
      << "the given token counts";
  EXPECT_EQ(daemon_.mesh({"tenants", "create", "acme"}).exit_code, 0);
  EXPECT_EQ(daemon_
                .mesh({"ratelimit", "set", "acme", "search", "--rate", "1", "--per", "1h",
                       "--burst", "0"})
                .exit_code,
            0);
  EXPECT_EQ(daemon_.mesh({"search", "x", "--token", "acme:alice"}).exit_code, 0);
  EXPECT_EQ(daemon_.mesh({"search", "x", "--token", "acme:alice"}).exit_code, 5);
  EXPECT_EQ(daemon_.mesh({"search", "x", "--tenant", "acme"}).exit_code, 0)
      << "what the operator does is not the tenant's use";
}

// A limit of 500 a second let no batch of `events publish` through, for ever.
TEST_F(Cli, PublishDividesItsBatchesWhereALimitAdmitsFewerAtOnce) {
  EXPECT_EQ(daemon_.mesh({"tenants", "create", "acme"}).exit_code, 0);
  const Outcome set = daemon_.mesh(
      {"ratelimit", "set", "acme", "publish", "--rate", "1000000", "--per", "1s", "--burst", "99"});
  ASSERT_EQ(set.exit_code, 0) << set.err;
  EXPECT_NE(set.err.find("more than 100 events is refused"), std::string::npos) << set.err;
  std::string lines;
  for (int i = 0; i < 350; ++i) {
    lines += R"({"user_id":"u-9","event_type":"x"})"
             "\n";
  }
  const Outcome published = daemon_.mesh({"events", "publish", "-", "--token", "acme:me", "--type",
                                          "analytics.recorded", "-o", "json"},
                                         lines);
  EXPECT_EQ(published.exit_code, 0) << published.err;
  EXPECT_EQ(parse_json(published.out).value()["accepted"], 350) << published.out;
}

TEST_F(Cli, ALimitOfOneScopeLeavesTheOthers) {
  ASSERT_EQ(daemon_.mesh({"tenants", "create", "acme", "--rate-limit", "search=30/1m"}).exit_code,
            0);
  ASSERT_EQ(daemon_.mesh({"tenants", "update", "acme", "--rate-limit", "publish=5/1s+9"}).exit_code,
            0);
  const auto limits = [&] {
    const Outcome shown = daemon_.mesh({"tenants", "get", "acme", "-o", "json"});
    return parse_json(shown.out).value()["rate_limits"];
  };
  EXPECT_EQ(limits(), (Json{{"publish", {{"rate", 5}, {"per", "1s"}, {"burst", 9}}},
                            {"search", {{"rate", 30}, {"per", "1m"}, {"burst", 29}}}}));
  ASSERT_EQ(daemon_.mesh({"tenants", "update", "acme", "--rate-limit", "search=none"}).exit_code,
            0);
  EXPECT_EQ(limits(), (Json{{"publish", {{"rate", 5}, {"per", "1s"}, {"burst", 9}}}}));
}

TEST_F(Cli, WhatChangesMoreThanOneThingAsksOrNeedsYes) {
  daemon_.append_broken_experiment("acme", "m");
  daemon_.await_idle();
  EXPECT_EQ(json({"dlq", "show", "chemical.events"}).size(), 1u);
  EXPECT_NE(daemon_.mesh({"dlq", "purge", "chemical.events"}).exit_code, 0);
  EXPECT_EQ(daemon_.mesh({"dlq", "purge", "chemical.events", "--dry-run"}).exit_code, 0);
  EXPECT_EQ(json({"dlq", "show", "chemical.events"}).size(), 1u);
  EXPECT_EQ(daemon_.mesh({"dlq", "purge", "chemical.events", "--yes"}).exit_code, 0);
  EXPECT_TRUE(json({"dlq", "show", "chemical.events"}).empty());
}

TEST_F(Cli, ReplaysAndRebuildsRunToTheirEnd) {
  EXPECT_EQ(
      daemon_
          .mesh({"users", "create", "--tenant", "acme", "--email", "a@acme.dev", "--name", "Alice"})
          .exit_code,
      0);
  daemon_.await_idle();
  EXPECT_EQ(
      daemon_.mesh({"events", "replay", "--topic", "user.events", "--from", "start", "--dry-run"})
          .exit_code,
      0);
  EXPECT_EQ(daemon_.mesh({"events", "replay", "--topic", "user.events", "--from", "start", "--yes"})
                .exit_code,
            0);
  EXPECT_EQ(daemon_.mesh({"index", "rebuild", "--yes"}).exit_code, 0);
  EXPECT_EQ(daemon_.mesh({"index", "verify"}).exit_code, 0);
  for (const auto& task : json({"tasks", "list"})) EXPECT_EQ(task["state"], "done") << task.dump();
}

TEST_F(Cli, ListVerbsAgreeBetweenTableAndJson) {
  EXPECT_EQ(daemon_.mesh({"tenants", "create", "acme"}).exit_code, 0);
  for (const auto& verb : std::vector<std::vector<std::string>>{{"topics", "list"},
                                                                {"groups", "list"},
                                                                {"dlq", "list"},
                                                                {"tenants", "list"},
                                                                {"index", "list"},
                                                                {"tasks", "list"},
                                                                {"ratelimit", "show", "acme"}}) {
    const Json rows = json(verb);
    ASSERT_TRUE(rows.is_array()) << verb[0];
    const Outcome table = daemon_.mesh(verb);
    EXPECT_EQ(table.exit_code, 0) << table.err;
    const auto lines = std::count(table.out.begin(), table.out.end(), '\n');
    EXPECT_GE(lines, static_cast<std::ptrdiff_t>(rows.size())) << verb[0] << "\n" << table.out;
    auto yaml = verb;
    yaml.insert(yaml.end(), {"-o", "yaml"});
    EXPECT_EQ(daemon_.mesh(yaml).exit_code, 0);
  }
}

// events replay called it a fault of the command line.
TEST_F(Cli, AnUnknownTopicIsNotFoundByEveryVerb) {
  const std::string topic = "none.events";
  for (const auto& verb : std::vector<std::vector<std::string>>{
           {"topics", "describe", topic},
           {"events", "tail", "-n", "1", "--topic", topic},
           {"events", "export", "--topic", topic},
           {"events", "get", "any", "--topic", topic},
           {"events", "replay", "--dry-run", "--topic", topic},
           {"groups", "seek", "analytics", "--to", "start", "--yes", "--topic", topic},
           {"dlq", "show", topic},
           {"dlq", "redrive", topic, "--yes"},
           {"dlq", "purge", topic, "--yes"}}) {
    const Outcome said = daemon_.mesh(verb);
    EXPECT_EQ(said.exit_code, 3) << verb[0] << " " << verb[1] << "\n" << said.err;
    EXPECT_NE(said.err.find("there is no topic \"none.events"), std::string::npos) << said.err;
  }
}

TEST_F(Cli, CheckAndDoctorFindTheDaemonWell) {
  const Outcome check = daemon_.mesh({"check"});
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
  EXPECT_TRUE(check.out.starts_with("OK")) << check.out;
  const Outcome doctor = daemon_.mesh({"doctor"});
  EXPECT_EQ(doctor.exit_code, 0) << doctor.out << doctor.err;
}

}  // namespace
}  // namespace mesh::e2e
