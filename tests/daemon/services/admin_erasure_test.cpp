// Purges by the admin API: what is refused, and what becomes a task.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "daemon/pipeline/erasure/erasure.h"
#include "daemon/services/admin.h"
#include "tests/support/fake_tenants.h"
#include "tests/support/manual_clock.h"
#include "tests/support/receipt_keys.h"
#include "tests/support/write_waits.h"

namespace mesh::services {
namespace {

using ::testing::HasSubstr;

class AdminErasure : public testing::Test {
 protected:
  AdminErasure() {
    fakes.log.ensure("task.events", TopicKind::activity, 1);
    tenants.put({.id = *TenantId::parse("acme"), .name = "Acme", .rate_limits = {}});
    fakes.runner.define("erasure", [](pipeline::TaskContext&) { return Status(); });
  }
  http::Response post(const std::string& pattern, const Json& body,
                      const std::string& tenant = "acme", bool with_key = true) {
    auto request = std::make_shared<http::Request>();
    request->method = "POST";
    request->path_params["tenant"] = tenant;
    request->body = body.dump();
    const auto routes = erasure_routes({directory, fakes.runner, with_key ? &key : nullptr});
    std::promise<http::Response> answer;
    std::ranges::find(routes, pattern, &http::Route::pattern)
        ->handler(request, http::Responder([&](http::Response response) {
                    answer.set_value(std::move(response));
                  }));
    return answer.get_future().get();
  }
  http::Response purge(const Json& body, const std::string& tenant = "acme", bool with_key = true) {
    return post("/admin/v1/tenants/{tenant}/purge", body, tenant, with_key);
  }
  http::Response verify(const Json& body, bool with_key = true) {
    return post("/admin/v1/receipts/verify", body, "acme", with_key);
  }
  static Json spec(const http::Response& answer) { return Json::parse(answer.body).at("spec"); }

  ManualClock clock;
  test::WaitsOverFakes fakes{clock};
  test::FakeTenants tenants;
  TenantDirectory directory{tenants, {}, clock};
  const SigningKey key = SigningKey::from_pem(test::kReceiptKey).value();
  const Json receipt{{"version", 1}, {"target", {{"tenant", "acme"}, {"subject", "7"}}}};
};

TEST_F(AdminErasure, APurgeIsATaskOfATenantOrOfOneOfItsUsers) {
  const auto whole = purge(Json::object());
  ASSERT_EQ(whole.status, 202) << whole.body;
  EXPECT_EQ(spec(whole), Json({{"tenant", "acme"}, {"dry_run", false}}));
  const auto user = purge({{"subject", "7"}});
  ASSERT_EQ(user.status, 202) << user.body;
  EXPECT_EQ(spec(user), Json({{"tenant", "acme"}, {"subject", "7"}, {"dry_run", false}}));
}

TEST_F(AdminErasure, ACountNeedsNeitherAKeyNorATenantThatIsKnown) {
  const auto counted = purge({{"dry_run", true}}, "gone", false);
  ASSERT_EQ(counted.status, 202) << counted.body;
  EXPECT_EQ(spec(counted), Json({{"tenant", "gone"}, {"dry_run", true}}));
}

TEST_F(AdminErasure, APurgeOfWhatIsNoTenantOrWithoutAKeyIsRefused) {
  EXPECT_EQ(purge(Json::object(), "gone").status, 404);
  EXPECT_EQ(purge(Json::object(), "operator").status, 403);
  const auto keyless = purge(Json::object(), "acme", false);
  EXPECT_EQ(keyless.status, 409);
  EXPECT_THAT(keyless.body, HasSubstr("openssl genpkey"));
  EXPECT_EQ(purge({{"subject", ""}}).status, 422) << "it would be the whole tenant";
  EXPECT_EQ(purge({{"user", "7"}}).status, 422) << "likewise";
  EXPECT_TRUE(fakes.tasks.list(10)->empty());
}

TEST_F(AdminErasure, AReceiptIsCountedAgainWhereItIsSignedByTheKey) {
  const auto counted = verify({{"receipt", receipt}, {"signature", key.sign(receipt)}});
  ASSERT_EQ(counted.status, 202) << counted.body;
  EXPECT_EQ(spec(counted), Json({{"tenant", "acme"}, {"subject", "7"}, {"dry_run", true}}));
}

TEST_F(AdminErasure, AReceiptThatWasChangedIsRefused) {
  Json changed = receipt;
  changed["target"]["tenant"] = "globex";
  const auto refused = verify({{"receipt", changed}, {"signature", key.sign(receipt)}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.body, HasSubstr("changed since it was signed"));
  EXPECT_EQ(verify({{"receipt", receipt}}).status, 422);
  EXPECT_EQ(verify({{"signature", "x"}}).status, 422);
  EXPECT_EQ(verify({{"receipt", receipt}, {"signature", key.sign(receipt)}}, false).status, 409);
  EXPECT_TRUE(fakes.tasks.list(10)->empty());
}

}  // namespace
}  // namespace mesh::services
