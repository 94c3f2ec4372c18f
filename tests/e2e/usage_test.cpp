// Who uses what, and the rate limits that operators set.
#include <gtest/gtest.h>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

class UsageOfTenants : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(daemon_.start()) << daemon_.errors(); }

  Answer admin(const std::string& method, const std::string& target, const std::string& body = {}) {
    return daemon_.call("admin", method, target, daemon_.operator_token(), body);
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data")};
};

TEST_F(UsageOfTenants, TheBusyOneComesFirstWithWhatItUsed) {
  const std::string bulk =
      R"({"type":"analytics.recorded","data":{"user_id":"u","event_type":"click"}})";
  std::string lines;
  for (int i = 0; i < 40; ++i) lines += bulk + "\n";
  EXPECT_EQ(daemon_
                .call("publisher", "POST", "/api/v1/events", "busy:b", lines,
                      {{"Content-Type", "application/x-ndjson"}})
                .status,
            202);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(daemon_.call("gateway", "GET", "/ai/users/search?query=x", "busy:b").status, 200);
  }
  const std::string user = R"({"email":"a@quiet.dev","name":"A"})";
  EXPECT_EQ(daemon_.call("users", "POST", "/users/create", "quiet:q", user).status, 201);
  EXPECT_EQ(daemon_.call("users", "POST", "/users/create", "quiet:q", user).status, 409);
  const std::string same = R"({"name":"A"})";
  EXPECT_EQ(daemon_.call("users", "PATCH", "/users/1", "quiet:q", same).status, 200);
  ASSERT_EQ(admin("POST", "/admin/v1/tenants", R"({"id":"quiet"})").status, 201);
  ASSERT_EQ(admin("PUT", "/admin/v1/ratelimits/quiet/search", R"({"rate":1,"per":"1h"})").status,
            200);
  EXPECT_EQ(daemon_.call("gateway", "GET", "/ai/users/search?query=x", "quiet:q").status, 200);
  EXPECT_EQ(daemon_.call("gateway", "GET", "/ai/users/search?query=x", "quiet:q").status, 429);

  daemon_.await_idle();

  const Json usage = admin("GET", "/admin/v1/usage?window=1m").json();
  EXPECT_EQ(usage["window_seconds"], 60);
  ASSERT_EQ(usage["tenants"].size(), 2u) << usage.dump();
  const Json& busy = usage["tenants"][0];
  EXPECT_EQ(busy["tenant"], "busy");
  EXPECT_EQ(busy["requests"], 4);
  EXPECT_EQ(busy["rejected"], 0);
  EXPECT_EQ(busy["events"], 40);
  EXPECT_EQ(busy["bytes"], lines.size());
  EXPECT_EQ(busy["searches"], 3);
  EXPECT_GT(busy["search_ms"].get<double>(), 0);
  EXPECT_EQ(busy["processed"], 80) << "each event is counted and indexed";
  const Json& quiet = usage["tenants"][1];
  EXPECT_EQ(quiet["tenant"], "quiet");
  EXPECT_EQ(quiet["requests"], 5);
  EXPECT_EQ(quiet["rejected"], 1);
  EXPECT_EQ(quiet["events"], 1) << "the patch changed nothing";
  EXPECT_EQ(quiet["bytes"], user.size() + same.size());
  EXPECT_EQ(quiet["searches"], 1);
  EXPECT_EQ(quiet["processed"], 1);

  const Json one = admin("GET", "/admin/v1/usage?window=1m&limit=1&tenant=quiet").json();
  ASSERT_EQ(one["tenants"].size(), 1u);
  EXPECT_EQ(one["tenants"][0], quiet);
  EXPECT_EQ(admin("GET", "/admin/v1/usage?sort=rejected&limit=1&window=1m")
                .json()["tenants"][0]["tenant"],
            "quiet");
  const Outcome top = daemon_.mesh({"tenants", "top", "--window", "1m", "-o", "name"});
  EXPECT_EQ(top.out, "busy\nquiet\n") << top.err;
  EXPECT_EQ(daemon_.mesh({"tenants", "top", "-t", "quiet", "--window", "1m", "-o", "name"}).out,
            "quiet\n");
}

TEST_F(UsageOfTenants, NobodyIsAnEmptyListAndBadParametersAre400) {
  EXPECT_EQ(admin("GET", "/admin/v1/usage").json()["tenants"], Json::array());
  for (const char* query :
       {"window=2m", "window=1500ms", "window=soon", "sort=hats", "limit=0", "limit=x"}) {
    EXPECT_EQ(admin("GET", std::string("/admin/v1/usage?") + query).status, 400) << query;
  }
}

TEST_F(UsageOfTenants, IsForOperatorsOnly) {
  EXPECT_EQ(daemon_.call("admin", "GET", "/admin/v1/usage", "").status, 401);
  EXPECT_EQ(daemon_.call("admin", "GET", "/admin/v1/usage", "busy:b").status, 403);
}

TEST_F(UsageOfTenants, AllScopesOfRateLimitsCanBeSet) {
  ASSERT_EQ(admin("POST", "/admin/v1/tenants", R"({"id":"acme"})").status, 201);
  for (const char* scope : {"search", "publish", "users", "admin"}) {
    const auto set = admin("PUT", std::string("/admin/v1/ratelimits/acme/") + scope,
                           R"({"rate":5,"per":"1m","burst":2})");
    EXPECT_EQ(set.status, 200) << scope << set.body;
    EXPECT_EQ(set.json()["policy"], (Json{{"rate", 5}, {"per", "1m"}, {"burst", 2}}));
  }
  EXPECT_EQ(admin("GET", "/admin/v1/ratelimits/acme").json()["items"].size(), 4u);
  EXPECT_EQ(
      admin("POST", "/admin/v1/tenants", R"({"id":"beta","rate_limits":{"admin":{"rate":0}}})")
          .json()["errors"][0]["pointer"],
      "/rate_limits/admin/rate");
}

TEST_F(UsageOfTenants, AScopeWithoutALimitIsShownAsUnlimited) {
  ASSERT_EQ(admin("POST", "/admin/v1/tenants", R"({"id":"acme"})").status, 201);
  ASSERT_EQ(admin("PUT", "/admin/v1/ratelimits/acme/admin", R"({"rate":5})").status, 200);
  const Json unlimited{{"tenant", "acme"},        {"scope", "admin"}, {"policy", nullptr},
                       {"source", "default"},     {"limit", nullptr}, {"remaining", nullptr},
                       {"reset_seconds", nullptr}};
  const auto dropped = admin("DELETE", "/admin/v1/ratelimits/acme/admin");
  EXPECT_EQ(dropped.status, 200);
  EXPECT_EQ(dropped.json(), unlimited);
  EXPECT_EQ(admin("GET", "/admin/v1/ratelimits/acme").json()["items"][3], unlimited);
  const Outcome reset = daemon_.mesh({"ratelimit", "reset", "acme", "admin", "--policy"});
  EXPECT_EQ(reset.exit_code, 0) << reset.err;
}

TEST_F(UsageOfTenants, TheAdminScopeLimitsWhatTheOperatorDoesInTheTenantsName) {
  ASSERT_EQ(admin("POST", "/admin/v1/tenants", R"({"id":"acme"})").status, 201);
  ASSERT_EQ(
      admin("PUT", "/admin/v1/ratelimits/acme/admin", R"({"rate":1,"per":"1h","burst":0})").status,
      200);
  const auto topics = [&](const http::HeaderList& headers) {
    return daemon_.call("admin", "GET", "/admin/v1/topics", daemon_.operator_token(), "", headers)
        .status;
  };
  EXPECT_EQ(topics({{"X-Tenant-Id", "acme"}}), 200);
  EXPECT_EQ(topics({{"X-Tenant-Id", "acme"}}), 429);
  EXPECT_EQ(topics({{"X-Tenant-Id", "globex"}}), 200);
  EXPECT_EQ(topics({}), 200);
  EXPECT_EQ(daemon_.mesh({"dlq", "list", "--tenant", "acme"}).exit_code, 5);
}

TEST_F(UsageOfTenants, TheBusiestTenantsAreNamedInMetrics) {
  const auto search = [&](const std::string& tenant, int times) {
    for (int i = 0; i < times; ++i)
      daemon_.call("gateway", "GET", "/ai/users/search?query=x", tenant + ":u");
  };
  for (int n = 0; n < 50; ++n) search("early" + std::to_string(n), 1);  // telemetry.metrics.tenants
  search("busy", 5);
  const auto metrics = [&] { return daemon_.call("admin", "GET", "/metrics", "").body; };
  EXPECT_NE(metrics().find(R"(tenant="other"} 5)"), std::string::npos);
  search("busy", 2);
  EXPECT_NE(metrics().find(R"(tenant="busy"} 2)"), std::string::npos);
}

}  // namespace
}  // namespace mesh::e2e
