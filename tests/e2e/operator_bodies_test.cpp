// Bodies of the operator's routes: null and unknown members are refused before anything is done.
#include <gtest/gtest.h>

#include <set>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

struct Route {
  std::string method, pattern, target;
  Json body;  // a valid one with all members
};

// Every route of the operator that takes a body; the test asks the server whether there are more.
std::vector<Route> routes() {
  const Json policy{{"rate", 5}, {"per", "1m"}, {"burst", 5}};
  const std::string dlq = "/admin/v1/dlq/analytics.events";
  return {
      {"POST",
       "/admin/v1/events",
       "/admin/v1/events",
       {{"topic", "analytics.events"}, {"records", {{{"key", "k"}, {"value", 1}}}}}},
      {"POST", "/admin/v1/backups", "/admin/v1/backups", {{"path", "/nowhere/backup"}}},
      {"POST",
       "/admin/v1/groups/{group}/seek",
       "/admin/v1/groups/analytics/seek",
       {{"to", "end"}, {"topic", "analytics.events"}, {"partition", 0}, {"dry_run", true}}},
      {"POST",
       "/admin/v1/dlq/{topic}/redrive",
       dlq + "/redrive",
       {{"tenant", "acme"}, {"cause", "schema"}, {"id", "e"}, {"dry_run", true}, {"wait", 1}}},
      {"POST",
       "/admin/v1/dlq/{topic}/purge",
       dlq + "/purge",
       {{"tenant", "acme"}, {"cause", "schema"}, {"id", "e"}, {"dry_run", true}}},
      {"POST", "/admin/v1/dlq/{topic}/letters/{letter}/mend", "", {}},  // a CloudEvent
      {"POST",
       "/admin/v1/indexes/rebuild",
       "/admin/v1/indexes/rebuild",
       {{"embedder", "static"}, {"model", "/nowhere"}, {"shadow", true}, {"dry_run", true}}},
      {"POST", "/admin/v1/indexes/rollback", "/admin/v1/indexes/rollback", Json::object()},
      {"POST", "/admin/v1/indexes/serve", "/admin/v1/indexes/serve", {{"generation", 9}}},
      {"POST", "/admin/v1/indexes/drop", "/admin/v1/indexes/drop", {{"generation", 9}}},
      {"POST",
       "/admin/v1/indexes/compare",
       "/admin/v1/indexes/compare",
       {{"generation", 9}, {"tenant", "acme"}, {"queries", {"ada"}}, {"limit", 5}}},
      {"POST", "/admin/v1/indexes/verify", "/admin/v1/indexes/verify", Json::object()},
      {"POST",
       "/admin/v1/indexes/events/rebuild",
       "/admin/v1/indexes/events/rebuild",
       {{"type", "analytics.recorded"}, {"embedder", "static"}, {"model", "/nowhere"}}},
      {"POST",
       "/admin/v1/indexes/events/rollback",
       "/admin/v1/indexes/events/rollback",
       {{"type", "analytics.recorded"}}},
      {"POST",
       "/admin/v1/replays",
       "/admin/v1/replays",
       {{"topic", "analytics.events"},
        {"pipeline", "analytics"},
        {"from", "start"},
        {"to", "end"},
        {"tenant", "acme"},
        {"type", "analytics.recorded"},
        {"partition", 0},
        {"dry_run", true}}},
      {"POST",
       "/admin/v1/tasks",
       "/admin/v1/tasks",
       {{"kind", "import"}, {"spec", Json::object()}}},
      {"PUT",
       "/admin/v1/tasks/{id}/progress",
       "/admin/v1/tasks/none/progress",
       {{"done", 1}, {"total", 2}, {"result", Json::object()}}},
      {"POST",
       "/admin/v1/tasks/{id}/end",
       "/admin/v1/tasks/none/end",
       {{"state", "failed"},
        {"done", 1},
        {"total", 2},
        {"result", Json::object()},
        {"error", "x"}}},
      {"POST", "/admin/v1/tasks/{id}/cancel", "/admin/v1/tasks/none/cancel", Json::object()},
      {"POST",
       "/admin/v1/tenants",
       "/admin/v1/tenants",
       {{"id", "made"},
        {"name", "Made"},
        {"allow_unknown_types", true},
        {"search", {{"analytics.recorded", {{"text", "{event_type}"}}}}},
        {"rate_limits", {{"search", policy}}}}},
      {"PATCH",
       "/admin/v1/tenants/{tenant}",
       "/admin/v1/tenants/kept",
       {{"name", "Kept"}, {"allow_unknown_types", true}, {"rate_limits", {{"search", policy}}}}},
      {"PUT",
       "/admin/v1/tenants/{tenant}",
       "/admin/v1/tenants/kept",
       {{"name", "Kept"}, {"allow_unknown_types", true}, {"rate_limits", {{"search", policy}}}}},
      {"POST",
       "/admin/v1/tenants/{tenant}/purge",
       "/admin/v1/tenants/acme/purge",
       {{"subject", "7"}, {"dry_run", true}}},
      {"POST",
       "/admin/v1/receipts/verify",
       "/admin/v1/receipts/verify",
       {{"receipt", {{"target", {{"tenant", "acme"}}}}}, {"signature", "x"}}},
      {"PUT", "/admin/v1/tenants/{tenant}/types/{type}", "", {}},  // a JSON Schema
      {"PUT", "/admin/v1/ratelimits/{tenant}/{scope}", "/admin/v1/ratelimits/kept/search", policy},
      {"POST", "/admin/v1/ratelimits/{tenant}/{scope}/reset",
       "/admin/v1/ratelimits/kept/search/reset", Json::object()},
      {"POST", "/admin/v1/check", "/admin/v1/check", Json::object()},
      {"POST",
       "/admin/v1/console/codes",
       "/admin/v1/console/codes",
       {{"read_only", true}, {"hides_payloads", false}}},
  };
}

class OperatorBodies : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(daemon_.start()) << daemon_.errors();
    ASSERT_EQ(ask("POST", "/admin/v1/tenants",
                  {{"id", "kept"}, {"name", "Kept"}, {"allow_unknown_types", true}})
                  .status,
              201);
    ASSERT_EQ(daemon_
                  .call("publisher", "POST", "/api/v1/events/analytics", "acme:me",
                        R"({"user_id":"u","event_type":"x"})")
                  .status,
              202);
    daemon_.await_idle();
  }
  Answer ask(const std::string& method, const std::string& target, const Json& body = nullptr) {
    return daemon_.call("admin", method, target, daemon_.operator_token(),
                        body.is_null() ? "" : body.dump());
  }
  // What a change by any of the routes would show in.
  std::string state() {
    std::string all;
    for (const char* target : {"/admin/v1/topics/analytics.events", "/admin/v1/groups/analytics",
                               "/admin/v1/tasks", "/admin/v1/indexes", "/admin/v1/indexes/events",
                               "/admin/v1/tenants", "/admin/v1/ratelimits/kept"}) {
      Json answer = ask("GET", target).json();
      answer.erase("lag_seconds");
      all += answer.dump() + "\n";
    }
    return all;
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data")};
};

// {"dry_run":null} ran the change, and {"tenant":null} meant all tenants.
TEST_F(OperatorBodies, NullIsNotTakenForNotGiven) {
  const std::string before = state();
  for (const Route& route : routes()) {
    for (const auto& [member, value] : route.body.items()) {
      Json body = route.body;
      body[member] = nullptr;
      const Answer answer = ask(route.method, route.target, body);
      const std::string what = route.pattern + " " + body.dump() + "\n" + answer.body;
      EXPECT_EQ(answer.status, 422) << what;
      const Json problem = answer.json();
      EXPECT_EQ(problem["errors"].at(0)["pointer"], "/" + member) << what;
    }
  }
  EXPECT_EQ(state(), before);
}

// {"dry_run":true} rebuilt the index: nobody looked at it.
TEST_F(OperatorBodies, AMemberThatARouteDoesNotKnowIsRefused) {
  const std::string before = state();
  for (const Route& route : routes()) {
    if (route.target.empty()) continue;
    Json body = route.body;
    body["dry_runn"] = true;
    const Answer answer = ask(route.method, route.target, body);
    EXPECT_EQ(answer.status, 422) << route.pattern << "\n" << answer.body;
    EXPECT_NE(answer.body.find("/dry_runn"), std::string::npos) << answer.body;
  }
  EXPECT_EQ(state(), before);
}

TEST_F(OperatorBodies, TheTableHasEveryRouteThatTakesABody) {
  std::set<std::string> known;
  for (const Route& route : routes()) known.insert(route.method + " " + route.pattern);
  const Json paths = ask("GET", "/openapi.json").json()["paths"];
  ASSERT_FALSE(paths.empty());
  for (const auto& [path, methods] : paths.items()) {
    if (!path.starts_with("/admin/")) continue;
    for (const char* method : {"post", "put", "patch"}) {
      if (!methods.contains(method)) continue;
      std::string name = method;
      for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      EXPECT_TRUE(known.contains(name + " " + path)) << name << " " << path;
    }
  }
}

}  // namespace
}  // namespace mesh::e2e
