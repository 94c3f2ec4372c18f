// Tenants as files, their own event types, their quotas, and registration: with real programs.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

constexpr const char* kAcmeFile = R"(kind: tenant
id: acme
name: Acme
quotas: {events_per_day: 3, stored_users: 1}
retention: 36h
types:
  order.placed:
    type: object
    required: [order_id]
    properties: {order_id: {type: string, pattern: '^[A-Z]+-[0-9]+$'}}
search:
  order.placed: {text: '{order_id} {lines.*}', fields: {total: number}}
)";

class TenantFiles : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(dir_.file(name)) << text;
    return dir_.file(name);
  }
  Answer publish(const std::string& data, const std::string& tenant = "acme") {
    return daemon_.call("publisher", "POST", "/api/v1/events", tenant + ":a",
                        R"({"type":"order.placed","data":)" + data + "}\n",
                        {{"Content-Type", "application/x-ndjson"}});
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data"), "tenants: {registration: required}\n"};
};

TEST_F(TenantFiles, SayWhoIsATenantWhatItMaySendAndHowMuch) {
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  const auto refused = publish(R"({"order_id":"A-1"})");
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.json()["detail"].get<std::string>().find("not registered"), std::string::npos);

  const auto path = file("acme.yaml", kAcmeFile);
  EXPECT_EQ(daemon_.mesh({"diff", "-f", path}).exit_code, 1);
  const auto applied = daemon_.mesh({"apply", "-f", path});
  ASSERT_EQ(applied.exit_code, 0) << applied.err;
  EXPECT_EQ(daemon_.mesh({"diff", "-f", path}).exit_code, 0);
  const auto yaml = daemon_.mesh({"tenants", "get", "acme", "-o", "yaml"});
  EXPECT_EQ(daemon_.mesh({"diff", "-f", "-"}, yaml.out).exit_code, 0) << yaml.out;

  // Read, so that what is taken from here on is what counts.
  const auto quotas = [&] {
    return daemon_.call("admin", "GET", "/admin/v1/tenants/acme/quotas", daemon_.operator_token())
        .json()["items"];
  };
  EXPECT_EQ(quotas().size(), 2u);
  const auto wrong = publish(R"({"order_id":"a-1"})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(wrong.json()["errors"][0]["pointer"], "/1/data/order_id");
  EXPECT_EQ(publish(R"({"order_id":"A-1"})").status, 202);
  EXPECT_EQ(publish(R"({"order_id":"A-2"})").status, 202);
  const auto user = [&](const std::string& email) {
    return daemon_.call("users", "POST", "/users/create", "acme:a",
                        R"({"email":")" + email + R"(","name":"A"})");
  };
  EXPECT_EQ(user("a@acme.dev").status, 201);
  const auto many = user("b@acme.dev");
  EXPECT_EQ(many.status, 429) << many.body;
  const auto over = publish(R"({"order_id":"A-3"})");
  EXPECT_EQ(over.status, 429);
  EXPECT_EQ(over.json()["violated-policies"], Json::array({"events_per_day"}));
  EXPECT_EQ(over.json()["limit"], 3);
  EXPECT_TRUE(over.json().contains("ends"));
  const auto shown = daemon_.mesh({"tenants", "get", "acme", "-o", "json"});
  const Json tenant = Json::parse(shown.out);
  EXPECT_EQ(tenant["use"][0]["quota"], "events_per_day");
  EXPECT_EQ(tenant["use"][0]["used"], 3);

  const auto stricter = file("order.json", R"({"type":"object","required":["order_id","at"]})");
  const auto check = daemon_.mesh({"types", "check", "acme", "order.placed", "-f", stricter});
  EXPECT_NE(check.exit_code, 0);
  EXPECT_NE(check.err.find("/required"), std::string::npos) << check.err;
  EXPECT_EQ(
      daemon_.mesh({"types", "register", "acme", "order.placed.v2", "-f", stricter}).exit_code, 0);
  EXPECT_EQ(daemon_.mesh({"types", "list", "acme", "-o", "name"}).out,
            "order.placed\norder.placed.v2\n");
  // The file does not have it: the diff says so, and apply takes it away.
  EXPECT_EQ(daemon_.mesh({"diff", "-f", path}).exit_code, 1);

  const auto other = file("beta.yaml", "kind: tenant\nid: beta\n");
  EXPECT_EQ(daemon_.mesh({"apply", "-f", other, "--prune", "--dry-run"}).exit_code, 0);
  EXPECT_EQ(daemon_.mesh({"apply", "-f", other, "--prune", "--yes"}).exit_code, 0);
  EXPECT_EQ(daemon_.mesh({"tenants", "get", "acme"}).exit_code, 3);
  EXPECT_EQ(publish("{}").status, 403);
}

// A budget of 200 tokens let 480 through over a restart.
TEST_F(TenantFiles, TheDaysUseIsNotForgottenOnARestart) {
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  const auto applied = daemon_.mesh({"apply", "-f", file("acme.yaml", kAcmeFile)});
  ASSERT_EQ(applied.exit_code, 0) << applied.err;
  EXPECT_EQ(publish(R"({"order_id":"A-1"})").status, 202);
  EXPECT_EQ(publish(R"({"order_id":"A-2"})").status, 202);
  ASSERT_EQ(daemon_.stop(), 0);
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  EXPECT_EQ(publish(R"({"order_id":"A-3"})").status, 202);
  EXPECT_EQ(publish(R"({"order_id":"A-4"})").status, 429) << "after a stop";
  daemon_.kill();
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  EXPECT_EQ(publish(R"({"order_id":"A-5"})").status, 429) << "after a kill";
}

TEST_F(TenantFiles, SayWhatUsersMayDoWithTheirTokens) {
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  const auto path = file("acme.yaml",
                         "kind: tenant\nid: acme\nroles: {default: reader, users: {ada: writer, "
                         "bot: publisher}}\n");
  const auto applied = daemon_.mesh({"apply", "-f", path});
  ASSERT_EQ(applied.exit_code, 0) << applied.err;
  const auto yaml = daemon_.mesh({"tenants", "get", "acme", "-o", "yaml"});
  EXPECT_EQ(daemon_.mesh({"diff", "-f", "-"}, yaml.out).exit_code, 0) << yaml.out;

  const auto create = [&](const std::string& user) {
    return daemon_.call("users", "POST", "/users/create", "acme:" + user,
                        R"({"email":")" + user + R"(@acme.dev","name":"A"})");
  };
  const auto list = [&](const std::string& user) {
    return daemon_.call("users", "GET", "/users", "acme:" + user).status;
  };
  const auto publish = [&](const std::string& user) {
    return daemon_.call("publisher", "POST", "/api/v1/events/analytics", "acme:" + user,
                        R"({"user_id":"7","event_type":"login"})");
  };
  EXPECT_EQ(create("ada").status, 201);
  const auto refused = create("alice");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.json()["detail"],
            "alice is a reader of acme: POST /users/create needs a writer (roles.default in the "
            "tenant's record)");
  EXPECT_EQ(list("alice"), 200);
  EXPECT_EQ(publish("alice").status, 403);
  EXPECT_EQ(create("bot").status, 403);
  EXPECT_EQ(list("bot"), 403);
  const auto published = publish("bot");
  ASSERT_EQ(published.status, 202) << published.body;
  const std::string id = published.json()["id"];
  EXPECT_EQ(daemon_.call("subscriber", "GET", "/api/v1/events/" + id, "acme:bot").status, 200);
  EXPECT_EQ(daemon_.call("subscriber", "GET", "/api/v1/usage", "acme:bot").status, 403);
  EXPECT_EQ(daemon_
                .call("users", "POST", "/users/create", daemon_.operator_token(),
                      R"({"email":"op@acme.dev","name":"Op"})", {{"X-Tenant-Id", "acme"}})
                .status,
            201)
      << "an operator in the tenant's name is bound by no role";

  const auto updated =
      daemon_.mesh({"tenants", "update", "acme", "--role", "alice=writer", "--role", "bot=none"});
  ASSERT_EQ(updated.exit_code, 0) << updated.err;
  EXPECT_EQ(create("alice").status, 201);
  EXPECT_EQ(list("bot"), 200) << "the default";
  EXPECT_EQ(daemon_.mesh({"tenants", "update", "acme", "--role", "alice=owner"}).exit_code, 2);
}

}  // namespace
}  // namespace mesh::e2e
