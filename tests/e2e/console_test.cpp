// Sessions of the web console, and what operators search by it, with the real programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using testing::HasSubstr;

class ConsoleOfADaemon : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(daemon_.start()) << daemon_.errors(); }

  // The cookie of the session that the link of `mesh console` begins.
  std::string sign_in(std::vector<std::string> restrictions = {}) {
    std::vector<std::string> words{"console", "--no-open", "-o", "json"};
    words.insert(words.end(), restrictions.begin(), restrictions.end());
    const auto told = daemon_.mesh(words);
    EXPECT_EQ(told.exit_code, 0) << told.err;
    code_ = Json::parse(told.out)["code"];
    const auto begun = begin();
    EXPECT_EQ(begun.status, 200) << begun.body;
    const auto cookie = begun.header("Set-Cookie");
    return cookie.substr(0, cookie.find(';'));
  }
  Answer begin() {
    return daemon_.call("admin", "POST", "/console/session", "", dump({{"code", code_}}), {kHost});
  }
  Answer ask(const std::string& method, const std::string& path, const std::string& cookie,
             const std::string& body = {}, bool by_the_console = true) {
    http::HeaderList headers{kHost, {"Cookie", cookie}};
    if (by_the_console) headers.emplace_back("Mesh-Console", "1");
    if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
    return daemon_.call("admin", method, path, "", body, headers);
  }

  // The cookie is of a port, and after a restart the port is another.
  const std::pair<std::string, std::string> kHost{"Host", "localhost:9090"};
  test::TempDir dir_;
  Daemon daemon_{dir_.file("data")};
  std::string code_;
};

TEST_F(ConsoleOfADaemon, ALinkBeginsOneSessionThatMayWhatAnOperatorMay) {
  const auto cookie = sign_in();
  EXPECT_EQ(begin().status, 401) << "once";
  EXPECT_EQ(ask("GET", "/admin/v1/members", cookie).status, 200);
  EXPECT_EQ(ask("GET", "/admin/v1/members", "").status, 401);
  EXPECT_EQ(ask("GET", "/console/session", cookie).json()["user"], "operator");
  const auto tenant = [](const char* id) { return dump({{"id", id}}); };
  EXPECT_EQ(ask("POST", "/admin/v1/tenants", cookie, tenant("acme"), false).status, 403);
  EXPECT_EQ(ask("POST", "/admin/v1/tenants", cookie, tenant("acme")).status, 201);
  const auto restricted = sign_in({"--read-only", "--hide-payloads"});
  EXPECT_EQ(ask("POST", "/admin/v1/tenants", restricted, tenant("globex")).status, 403);
  EXPECT_EQ(ask("GET", "/admin/v1/users?email=a@x.dev", restricted).status, 403);
  const auto records =
      ask("GET", "/admin/v1/topics/tenant.events/records?from=start", restricted).json();
  ASSERT_FALSE(records["items"].empty());
  EXPECT_EQ(records["items"][0]["value"], nullptr);
  EXPECT_EQ(records["items"][0]["payload_hidden"], true);
  daemon_.stop();
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  EXPECT_EQ(ask("GET", "/admin/v1/members", cookie).status, 200);
}

TEST_F(ConsoleOfADaemon, WhoFailsTenTimesToSignInIsToldToWait) {
  code_ = "none";
  auto refused = begin();
  // A try is given back every six seconds, however slow this goes.
  for (int i = 0; i < 40 && refused.status == 401; ++i) refused = begin();
  EXPECT_EQ(refused.status, 429);
  EXPECT_FALSE(refused.header("Retry-After").empty());
}

// What the event says of itself (a note, which its sender made up) is nowhere, its places are.
TEST_F(ConsoleOfADaemon, WhoIsShownNoPayloadsFindsThemNowhere) {
  daemon_.append_broken_experiment("acme", "d-1", {{"note", "Marie Curie"}});
  daemon_.await_idle();
  const auto restricted = sign_in({"--hide-payloads"}), open = sign_in();
  const std::string begun = dump({{"kind", "import"}, {"spec", {{"file", "Curie.csv"}}}});
  const auto task = ask("POST", "/admin/v1/tasks", open, begun);
  ASSERT_EQ(task.status, 202) << task.body;
  bool told = false;
  for (const std::string path :
       {"/admin/v1/topics/chemical.events/records?from=start", "/admin/v1/events/d-1",
        "/admin/v1/dlq/chemical.events/letters", "/admin/v1/dlq/causes", "/admin/v1/traces/d-1",
        "/admin/v1/tasks", "/admin/v1/groups/chemical", "/admin/v1/overview"}) {
    const auto hidden = ask("GET", path, restricted), shown = ask("GET", path, open);
    EXPECT_EQ(hidden.status, 200) << path << hidden.body;
    for (const char* word : {"Curie", "molecule_id"}) {
      EXPECT_EQ(hidden.body.find(word), std::string::npos) << path << hidden.body;
      told = told || shown.body.find(word) != std::string::npos;
    }
  }
  EXPECT_TRUE(told) << "nothing was there to hide";
  EXPECT_EQ(ask("GET", "/admin/v1/logs", restricted).status, 403);
}

TEST_F(ConsoleOfADaemon, OperatorsFindWhatTheTenantFinds) {
  ASSERT_EQ(daemon_
                .mesh({"users", "create", "--tenant", "acme", "--email", "a.smith@acme.dev",
                       "--name", "Alice Smith", "--wait"})
                .exit_code,
            0);
  const auto theirs = daemon_.call("gateway", "GET", "/ai/users/search?query=alcie", "acme:me");
  const auto ask_for = [&](const std::string& query) {
    return daemon_.call("admin", "GET", "/admin/v1/search/users?" + query,
                        daemon_.operator_token());
  };
  const auto found = ask_for("query=alcie&tenant=acme");
  ASSERT_EQ(found.status, 200) << found.body;
  EXPECT_EQ(found.json()["results"], theirs.json()["results"]);
  EXPECT_EQ(found.json()["results"].size(), 1u);
  EXPECT_EQ(ask_for("query=alcie&tenant=acme&generation=1").json()["results"],
            theirs.json()["results"]);
  EXPECT_EQ(ask_for("query=alcie&tenant=acme&generation=7").status, 404);
  EXPECT_EQ(ask_for("query=alcie&tenant=nobody").status, 404);
  EXPECT_EQ(ask_for("query=alcie").status, 400);
  const auto events = [&](const std::string& type) {
    return daemon_.call("admin", "GET", "/admin/v1/search/events?query=x&tenant=acme&type=" + type,
                        daemon_.operator_token());
  };
  EXPECT_EQ(events("analytics.recorded").status, 200) << events("analytics.recorded").body;
  EXPECT_THAT(events("order.placed").body, HasSubstr("not searchable"));
}

}  // namespace
}  // namespace mesh::e2e
