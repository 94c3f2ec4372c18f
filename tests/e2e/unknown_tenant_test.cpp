// A tenant that does not exist is said, and is no empty list; one exists by its record or by use.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Words = std::vector<std::string>;

class UnknownTenant : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(daemon_.start()) << daemon_.errors(); }
  Answer admin(const std::string& method, const std::string& target, const std::string& body = "") {
    return daemon_.call("admin", method, target, daemon_.operator_token(), body);
  }
  // A command about this tenant each, of those that look.
  static std::vector<Words> about(const std::string& tenant) {
    std::vector<Words> all{{"users", "list"},
                           {"users", "get", "1"},
                           {"search", "x"},
                           {"events", "export", "--topic", "user.events"},
                           {"events", "tail", "--no-follow"},
                           {"events", "tail"},
                           {"events", "get", "e-1"},
                           {"events", "replay", "--topic", "user.events", "--dry-run"},
                           {"dlq", "list"},
                           {"dlq", "show", "user.events"},
                           {"dlq", "purge", "user.events", "--dry-run"},
                           {"dlq", "redrive", "user.events", "--dry-run"},
                           {"tasks", "list"},
                           {"tenants", "list"},
                           {"tenants", "top"},
                           {"usage"}};
    for (auto& words : all) words.insert(words.end(), {"--tenant", tenant});
    all.push_back({"ratelimit", "show", tenant});
    all.push_back({"ratelimit", "show", tenant, "search"});
    all.push_back({"ratelimit", "set", tenant, "search", "1/1s"});
    all.push_back({"ratelimit", "reset", tenant, "search"});
    all.push_back({"tenants", "get", tenant});
    all.push_back({"tenants", "update", tenant, "--name", "G"});
    return all;
  }
  static std::string line(const Words& words) {
    std::string text;
    for (const auto& word : words) text += " " + word;
    return text;
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data")};
};

TEST_F(UnknownTenant, EveryCommandAboutItSaysSoAndNoneMakesIt) {
  for (const auto& words : about("ghost")) {
    const Outcome said = daemon_.mesh(words);
    EXPECT_EQ(said.exit_code, 3) << line(words) << "\n" << said.out << said.err;
    EXPECT_THAT(said.err, HasSubstr("mesh tenants create ghost")) << line(words);
    EXPECT_EQ(said.out, "") << line(words);
  }
  EXPECT_EQ(daemon_.mesh({"tenants", "list", "-o", "json"}).out, "[]\n");
  EXPECT_EQ(admin("GET", "/admin/v1/tasks?tenant=Not%20One").status, 400);
}

TEST_F(UnknownTenant, ARecordOrUseMakesItExist) {
  ASSERT_EQ(daemon_.mesh({"tenants", "create", "recorded"}).exit_code, 0);
  ASSERT_EQ(
      daemon_.mesh({"users", "create", "--tenant", "peopled", "--email", "a@b.dev", "--name", "A"})
          .exit_code,
      0);
  ASSERT_EQ(daemon_
                .call("publisher", "POST", "/api/v1/events/analytics", "heard:me",
                      R"({"user_id":"u","event_type":"x"})")
                .status,
            202);
  daemon_.await_idle();
  daemon_.signal(SIGTERM);
  ASSERT_EQ(daemon_.wait(), 0);
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  for (const char* tenant : {"recorded", "peopled", "heard"}) {
    for (const Words& words : {Words{"users", "list"}, Words{"dlq", "show", "user.events"},
                               Words{"tasks", "list"}, Words{"tenants", "top"}}) {
      Words asked = words;
      asked.insert(asked.end(), {"--tenant", tenant});
      EXPECT_EQ(daemon_.mesh(asked).exit_code, 0) << line(asked);
    }
    EXPECT_EQ(daemon_.mesh({"ratelimit", "show", tenant}).exit_code, 0) << tenant;
  }
  const Outcome listed = daemon_.mesh({"users", "list", "--tenant", "heard"});
  EXPECT_EQ(listed.err, "none\n");
  const Outcome limited = daemon_.mesh({"ratelimit", "set", "heard", "search", "1/1s"});
  EXPECT_EQ(limited.exit_code, 3) << "it has no record";
  EXPECT_THAT(limited.err, HasSubstr("mesh tenants create heard"));
  EXPECT_THAT(daemon_.mesh({"tenants", "list"}).out, Not(HasSubstr("heard")));
}

TEST_F(UnknownTenant, TheHolderOfATenantsCredentialIsNoGuess) {
  const auto listed = daemon_.call("users", "GET", "/users", "quiet:me");
  EXPECT_EQ(listed.status, 200);
  EXPECT_EQ(listed.body, "[]");
  EXPECT_EQ(daemon_.mesh({"users", "list", "--tenant", "quiet"}).exit_code, 0)
      << "it was here since the start";
}

TEST_F(UnknownTenant, WhatIsRestrictedShowsOnlyThatTenants) {
  for (const char* tenant : {"acme", "beta"}) {
    ASSERT_EQ(daemon_.mesh({"tenants", "create", tenant}).exit_code, 0);
    daemon_.append_broken_experiment(tenant, std::string("e-") + tenant);
  }
  daemon_.await_idle();
  const auto json = [&](Words words) {
    words.insert(words.end(), {"--tenant", "acme", "-o", "json"});
    const Outcome shown = daemon_.mesh(words);
    EXPECT_EQ(shown.exit_code, 0) << line(words) << shown.err;
    return Json::parse(shown.out, nullptr, false);
  };
  const Json tenants = json({"tenants", "list"});
  ASSERT_EQ(tenants.size(), 1u) << tenants.dump();
  EXPECT_EQ(tenants[0]["id"], "acme");
  for (const Json& topic : json({"dlq", "list"})) {
    EXPECT_EQ(topic["letters"], topic["topic"] == "chemical.events.dlq" ? 1 : 0) << topic.dump();
  }
  ASSERT_EQ(
      daemon_.mesh({"dlq", "purge", "chemical.events", "--tenant", "beta", "--yes"}).exit_code, 0);
  ASSERT_EQ(daemon_.mesh({"index", "rebuild"}).exit_code, 0);
  ASSERT_EQ(
      daemon_.mesh({"dlq", "purge", "chemical.events", "--tenant", "acme", "--yes"}).exit_code, 0);
  const Json tasks = json({"tasks", "list"});
  ASSERT_EQ(tasks.size(), 1u) << tasks.dump();
  EXPECT_EQ(tasks[0]["spec"]["tenant"], "acme");
}

TEST_F(UnknownTenant, AnEventIsShownOnlyToWhoAsksForItsTenant) {
  for (const char* tenant : {"acme", "beta"}) {
    ASSERT_EQ(
        daemon_
            .mesh({"events", "publish", "--tenant", tenant, "--type", "analytics.recorded", "--id",
                   std::string("e-") + tenant, "--data", R"({"user_id":"u","event_type":"x"})"})
            .exit_code,
        0);
  }
  EXPECT_EQ(daemon_.mesh({"events", "get", "e-acme", "--tenant", "acme"}).exit_code, 0);
  EXPECT_EQ(daemon_.mesh({"events", "get", "e-acme", "--tenant", "beta"}).exit_code, 3);
}

}  // namespace
}  // namespace mesh::e2e
