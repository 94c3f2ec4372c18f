// Records of tenants by the admin API: a retention of their own.
#include "tests/daemon/services/write_wait_fixture.h"

namespace mesh::services {
namespace {

using ::testing::HasSubstr;

class AdminTenants : public WriteWait {
 protected:
  AdminTenants() { over_a_log_that(true); }
  void over_a_log_that(bool erases_records) {
    routes_.clear();
    add(tenant_routes({store_->tenants(), directory_, *limiter_, waits_, quotas_, erases_records}));
  }
  http::Response by_operator(const std::string& method, const Json& body) {
    Asked asked{method, method == "POST" ? "/admin/v1/tenants" : "/admin/v1/tenants/{tenant}",
                dump(body)};
    asked.tenant = "";
    return answer(asked);
  }
  http::Response create(Json body) {
    body["id"] = "zeta";
    return by_operator("POST", body);
  }
  // As the record says it; null where it says nothing.
  static Json retention_of(const http::Response& response) {
    return Json::parse(response.body).value("retention", Json());
  }
};

TEST_F(AdminTenants, ARetentionIsKeptChangedAndTakenAway) {
  EXPECT_EQ(retention_of(create({{"retention", "168h"}})), "7d");
  EXPECT_EQ(retention_of(by_operator("PATCH", {{"name", "Zeta"}})), "7d");
  EXPECT_EQ(retention_of(by_operator("PATCH", {{"retention", "12h"}})), "12h");
  EXPECT_TRUE(retention_of(by_operator("PATCH", {{"retention", nullptr}})).is_null());
  EXPECT_EQ(retention_of(by_operator("PUT", {{"retention", "1d"}})), "1d");
  EXPECT_TRUE(retention_of(by_operator("PUT", Json::object())).is_null());
}

TEST_F(AdminTenants, ARetentionThatIsNoneIsRefusedWithItsPlace) {
  for (const Json& retention : {Json("59m"), Json("soon"), Json(7)}) {
    const auto refused = create({{"retention", retention}});
    EXPECT_EQ(refused.status, 422) << retention;
    EXPECT_EQ(Json::parse(refused.body)["errors"][0]["pointer"], "/retention");
  }
}

TEST_F(AdminTenants, ARetentionThatTheLogCannotKeepIsRefused) {
  EXPECT_EQ(create({{"retention", "7d"}}).status, 201);
  over_a_log_that(false);
  const auto refused = by_operator("PATCH", {{"retention", "12h"}});
  EXPECT_EQ(refused.status, 422);
  const Json error = Json::parse(refused.body)["errors"][0];
  EXPECT_EQ(error["pointer"], "/retention");
  EXPECT_THAT(error["detail"].get<std::string>(), HasSubstr("log.retention.activity"));
  EXPECT_EQ(retention_of(by_operator("PATCH", {{"name", "Zeta"}})), "7d") << "others stay possible";
  EXPECT_TRUE(retention_of(by_operator("PATCH", {{"retention", nullptr}})).is_null());
}

}  // namespace
}  // namespace mesh::services
