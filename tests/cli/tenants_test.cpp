// `mesh tenants`: changes of records.
#include "tests/cli/cli_fixture.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Json kTenant{{"id", "acme"}, {"name", "Acme"}, {"rate_limits", Json::object()}};

class TenantsTest : public CliTest {
 protected:
  TenantsTest() {
    fake.on("POST", "/admin/v1/tenants", [this](const auto&) { return answer(201, kTenant); });
    fake.on("PATCH", "/admin/v1/tenants/{id}",
            [this](const auto&) { return answer(200, kTenant); });
    fake.on("DELETE", "/admin/v1/tenants/{id}",
            [this](const auto&) { return answer(200, Json::object()); });
  }
  http::Response answer(int status, Json body) const {
    if (!seen) body["pending"] = {{"ack", "log"}, {"reached", "store"}, {"position", "p"}};
    return http::Response::json(seen ? status : 202, body).with("Preference-Applied", "wait=10");
  }
  bool seen = true;
  const std::vector<std::vector<std::string>> changes{
      {"tenants", "create", "acme", "-o", "json"},
      {"tenants", "update", "acme", "--name", "Acme", "-o", "json"},
      {"tenants", "delete", "acme", "--yes"}};
};

TEST_F(TenantsTest, AChangeWaitsUntilItIsInTheLogWhereThatIsAsked) {
  for (auto change : changes) {
    EXPECT_EQ(at_fake(change), 0) << err;
    EXPECT_FALSE(fake.last().header("Prefer"));
    change.insert(change.end(), {"--wait=1m", "--ack", "log"});
    EXPECT_EQ(at_fake(change), 0) << err;
    EXPECT_EQ(fake.last().header("Prefer"), "wait=60");
    EXPECT_EQ(fake.last().param("ack"), "log");
  }
}

TEST_F(TenantsTest, AChangeThatIsNotInTheLogInTimeIsSevenAndShownAsItIs) {
  seen = false;
  for (auto change : changes) {
    change.push_back("--wait");
    EXPECT_EQ(at_fake(change), 7);
    EXPECT_THAT(err, HasSubstr("durable, but not in the log after 10s"));
    EXPECT_EQ(change[1] == "delete" ? kTenant : json(), kTenant) << "what is pending is no member";
  }
}

TEST_F(TenantsTest, RolesAreChangedUserByUser) {
  EXPECT_EQ(at_fake({"tenants", "update", "acme", "--default-role", "reader", "--role",
                     "bot=publisher", "--role", "a=b=writer", "--role", "eve=none"}),
            0)
      << err;
  EXPECT_EQ(Json::parse(fake.last().body),
            Json::parse(R"({"roles": {"default": "reader", "users": {"bot": "publisher",
                            "a=b": "writer", "eve": null}}})"));
}

TEST_F(TenantsTest, ARetentionIsSetAndTakenAway) {
  EXPECT_EQ(at_fake({"tenants", "create", "acme", "--retention", "7d"}), 0) << err;
  EXPECT_EQ(Json::parse(fake.last().body)["retention"], "7d");
  EXPECT_EQ(at_fake({"tenants", "update", "acme", "--retention", "none"}), 0) << err;
  EXPECT_EQ(Json::parse(fake.last().body), Json::parse(R"({"retention": null})"));
}

TEST_F(TenantsTest, ADeletionThatLetsEveryTokenWriteSaysSo) {
  Json tenant = kTenant;
  fake.on("GET", "/admin/v1/tenants/{id}",
          [&](const auto&) { return http::Response::json(200, tenant); });
  EXPECT_EQ(at_fake({"tenants", "delete", "acme"}), 2) << "nobody can answer";
  EXPECT_THAT(err, Not(HasSubstr("roles")));
  tenant["roles"] = {{"users", {{"bot", "publisher"}}}};
  EXPECT_EQ(at_fake({"tenants", "delete", "acme"}), 2);
  EXPECT_THAT(err, HasSubstr("Its roles go, too: every token of it may write then."));
}

TEST_F(TenantsTest, WhatNoChangeOfATenantBecomesIsRefused) {
  for (const char* role : {"bot", "bot=", "=reader", "bot=owner"}) {
    EXPECT_EQ(at_fake({"tenants", "update", "acme", "--role", role}), 2) << role;
    EXPECT_THAT(err, HasSubstr("reader, publisher or writer")) << role;
  }
  EXPECT_EQ(at_fake({"tenants", "update", "acme", "--default-role", "owner"}), 2);
  EXPECT_EQ(at_fake({"tenants", "update", "acme", "--retention", "soon"}), 2);
  EXPECT_THAT(err, HasSubstr("--retention: 'soon' is not a duration"));
  EXPECT_EQ(at_fake({"tenants", "create", "acme", "--ack", "searchable"}), 2);
  EXPECT_TRUE(fake.requests().empty());
}

}  // namespace
}  // namespace mesh::cli
