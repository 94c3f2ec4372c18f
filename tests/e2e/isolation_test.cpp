// Tenant isolation over every route that the daemon describes, so that a new route is covered by
// itself.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

struct DescribedRoute {
  std::string role, method, pattern, credential;  // credential: "", "tenant", "operator"
  bool body = false;
};

const std::vector<std::string> kRoles{"users", "gateway", "publisher", "subscriber", "admin"};
constexpr const char* kSecret = "zanzibar";  // stands in every text of acme's

class Isolation : public ::testing::Test {
 protected:
  // Without the anonymous tenant: every route needs a credential.
  void SetUp() override {
    ASSERT_TRUE(daemon_.start()) << daemon_.errors();
    for (const auto& role : kRoles) {
      const Json api = daemon_.call(role, "GET", "/openapi.json", "").json();
      for (const auto& [pattern, operations] : api.at("paths").items()) {
        for (const auto& [method, operation] : operations.items()) {
          DescribedRoute route{role, method, pattern, "", operation.contains("requestBody")};
          std::ranges::transform(route.method, route.method.begin(),
                                 [](unsigned char c) { return std::toupper(c); });
          if (operation.contains("security"))
            route.credential = operation["security"][0].items().begin().key();
          routes_.push_back(route);
        }
      }
    }
    ASSERT_GT(routes_.size(), 40u);
  }

  // Data of acme under the ids that every path below names.
  void plant() {
    const std::string secret = kSecret;
    ASSERT_EQ(daemon_
                  .call("users", "POST", "/users/create", "acme:a",
                        Json{{"email", secret + "@acme.dev"}, {"name", secret}}.dump())
                  .status,
              201);
    ASSERT_EQ(daemon_
                  .call("publisher", "POST", "/api/v1/events/analytics", "acme:a",
                        Json{{"user_id", "1"}, {"event_type", secret}}.dump())
                  .status,
              202);
    ASSERT_EQ(
        daemon_
            .call("publisher", "POST", "/api/v1/events/chemical", "acme:a",
                  Json{{"molecule_id", secret}, {"researcher", "1"}, {"data", {{"note", secret}}}}
                      .dump())
            .status,
        202);
    daemon_.await_idle();
  }

  // The route with "1" for each path parameter and `query` behind it.
  static std::string target(const DescribedRoute& route, const std::string& query = "") {
    std::string path;
    for (std::size_t i = 0; i < route.pattern.size(); ++i) {
      if (route.pattern[i] != '{') {
        path += route.pattern[i];
        continue;
      }
      path += "1";
      i = route.pattern.find('}', i);
    }
    return path + query;
  }
  Answer ask(const DescribedRoute& route, const std::string& token,
             const http::HeaderList& headers = {}, const std::string& query = "") {
    return daemon_.call(
        route.role, route.method, target(route, query), token,
        route.body ? R"({"email":"n@x.dev","name":"N","user_id":"9","event_type":"e"})" : "",
        headers);
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data"), "auth: {anonymous_tenant: null}\n"};
  std::vector<DescribedRoute> routes_;
};

TEST_F(Isolation, EveryRouteButTheOpenOnesNeedsACredential) {
  for (const auto& route : routes_) {
    const auto answer = ask(route, "");
    if (route.credential.empty() && route.pattern.starts_with("/console/")) {
      // A file that is none, or what the body has to have.
      EXPECT_TRUE(answer.status < 400 || answer.status == 404 || answer.status == 422)
          << route.method << " " << route.pattern << " " << answer.body;
    } else if (route.pattern == "/") {
      EXPECT_EQ(answer.status, 404) << "there is nothing there but for browsers";
    } else if (route.credential.empty()) {
      EXPECT_LT(answer.status, 400) << route.method << " " << route.pattern;
    } else {
      EXPECT_EQ(answer.status, 401) << route.method << " " << route.pattern << " " << answer.body;
      EXPECT_FALSE(answer.header("WWW-Authenticate").empty());
    }
  }
}

TEST_F(Isolation, ATenantsCredentialOpensNoOperatorRoute) {
  for (const auto& route : routes_) {
    if (route.credential != "operator") continue;
    EXPECT_EQ(ask(route, "acme:alice").status, 403) << route.method << " " << route.pattern;
  }
}

TEST_F(Isolation, NamingAnotherTenantIsForbiddenOnEveryTenantRoute) {
  for (const auto& route : routes_) {
    if (route.credential != "tenant") continue;
    EXPECT_EQ(ask(route, "globex:bob", {{"X-Tenant-Id", "acme"}}).status, 403) << route.pattern;
    EXPECT_EQ(ask(route, "globex:bob", {}, "?tenant_id=acme").status, 403) << route.pattern;
  }
}

TEST_F(Isolation, NothingOfOneTenantShowsInAnyAnswerToAnother) {
  plant();
  for (const auto& route : routes_) {
    // The exposition of metrics is for operators, but must not name a tenant's data either.
    for (const char* query : {"", "?query=zanzibar", "?email=zanzibar@acme.dev&limit=100",
                              "?type=analytics.recorded&query=zanzibar"}) {
      // A stream, which does not end: tests/daemon/services/event_search_test asks whose it tells
      // of.
      if (route.pattern == "/ai/watch" && std::string_view(query).starts_with("?type")) continue;
      const auto answer = ask(route, route.credential == "tenant" ? "globex:bob" : "", {}, query);
      const bool echo = answer.json().is_object() && answer.json().value("query", "") == kSecret;
      std::string body = answer.body;
      if (echo) body = answer.json()["results"].dump();
      EXPECT_EQ(body.find(kSecret), std::string::npos)
          << route.method << " " << target(route, query) << "\n"
          << body;
    }
  }
}

TEST_F(Isolation, AnotherTenantsThingsCannotBeToldFromThoseThatDoNotExist) {
  plant();
  const std::vector<std::pair<std::string, std::string>> things{
      {"users", "/users/"},
      {"subscriber", "/api/v1/analytics/user/"},
      {"subscriber", "/api/v1/analytics/researcher/"},
      {"subscriber", "/api/v1/events/user/"},
      {"subscriber", "/api/v1/events/researcher/"}};
  for (const auto& [role, path] : things) {
    Json others = daemon_.call(role, "GET", path + "1", "globex:bob").json();
    Json missing = daemon_.call(role, "GET", path + "2", "globex:bob").json();
    EXPECT_EQ(others["status"], 404) << path;
    for (auto* answer : {&others, &missing}) {
      answer->erase("request_id");
      answer->erase("instance");
      answer->erase("detail");
    }
    EXPECT_EQ(others, missing);
  }
}

TEST_F(Isolation, AnIdempotencyKeyIsTheTenantsOwn) {
  const http::HeaderList key{{"Idempotency-Key", "shared-key"}};
  const auto mine = daemon_.call("users", "POST", "/users/create", "acme:a",
                                 R"({"email":"a@x.dev","name":"Mine"})", key);
  const auto theirs = daemon_.call("users", "POST", "/users/create", "globex:b",
                                   R"({"email":"b@x.dev","name":"Theirs"})", key);
  EXPECT_EQ(mine.status, 201);
  EXPECT_EQ(theirs.status, 201);
  EXPECT_EQ(theirs.json()["name"], "Theirs");
}

TEST_F(Isolation, ABodyThatNamesAnotherTenantIsForbidden) {
  EXPECT_EQ(daemon_
                .call("users", "POST", "/users/create", "globex:b",
                      R"({"email":"b@x.dev","name":"B","tenantId":"acme"})")
                .status,
            403);
  EXPECT_EQ(
      daemon_
          .call(
              "publisher", "POST", "/api/v1/events", "globex:b",
              R"({"specversion":"1.0","id":"1","source":"s","type":"analytics.recorded","tenantid":"acme","data":{"user_id":"1","event_type":"x"}})",
              {{"Content-Type", "application/cloudevents+json"}})
          .status,
      403);
}

TEST_F(Isolation, TheOperatorActsForTheTenantItNames) {
  plant();
  const std::string token = daemon_.operator_token();
  const auto named = daemon_.call("users", "GET", "/users", token, "", {{"X-Tenant-Id", "acme"}});
  EXPECT_EQ(named.status, 200);
  EXPECT_EQ(named.json()[0]["name"], kSecret);
  EXPECT_GE(daemon_.call("users", "GET", "/users", token).status, 400)
      << "without a tenant there is none to act for";
}

}  // namespace
}  // namespace mesh::e2e
