// Rate limits over a limiter that answers at once, later, wrongly, or never.
#include "daemon/services/admission.h"

#include <gtest/gtest.h>

#include <future>

#include "common/engines/memory/memory_limiter.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_tenants.h"
#include "tests/support/later_limiter.h"
#include "tests/support/manual_clock.h"

namespace mesh::services {
namespace {

using test::eventually;

constexpr RatePolicy kPolicy{1, Duration{3'600'000}, 9};

class AdmissionService : public testing::Test {
 protected:
  ~AdmissionService() override { later_.release(); }

  Admission admission(RateLimiter& limiter, bool allow = true) {
    return {limiter, directory_, allow, clock_, metrics_};
  }
  static http::Hooks::Decided never() {
    ADD_FAILURE() << "a decision at once needs no completion";
    return {};
  }
  bool counted(const std::string& decision, int n) {
    return metrics_.expose().find("mesh_rate_limit_decisions_total{decision=\"" + decision +
                                  "\"} " + std::to_string(n) + "\n") != std::string::npos;
  }

  ManualClock clock_;
  Metrics metrics_;
  test::FakeTenants store_;
  TenantDirectory directory_{store_, {{"publish", kPolicy}}, clock_};
  std::unique_ptr<memory::MemoryLimiter> memory_ = memory::make_limiter(clock_);
  bool broken_ = false;
  test::LaterLimiter later_{[this](const auto& tenant, auto scope, const auto& policy,
                                   auto cost) -> Result<RateDecision> {
    if (broken_) return fail(ErrorKind::unavailable, "the server is down");
    return memory_->take(tenant, scope, policy, cost);
  }};
  const TenantId acme_ = *TenantId::parse("acme");
  const Principal user_{Principal::Kind::tenant_user, acme_, "u"};
};

TEST_F(AdmissionService, MemoryDecidesAtOnce) {
  auto limits = admission(*memory_);
  const auto taken = limits.take(acme_, "publish", 1, never);
  ASSERT_TRUE(taken && *taken && **taken);
  EXPECT_TRUE((**taken)->decision.allowed);
  EXPECT_EQ((**taken)->decision.remaining, 9);
  EXPECT_EQ((**taken)->policy, kPolicy);
  EXPECT_TRUE(counted("allowed", 1));
}

TEST_F(AdmissionService, AScopeWithoutAPolicyIsAdmittedAtOnce) {
  auto limits = admission(later_);
  const auto taken = limits.take(acme_, "search", 1, never);
  ASSERT_TRUE(taken && *taken);
  EXPECT_FALSE(**taken);
}

TEST_F(AdmissionService, ALaterDecisionMeansTheSame) {
  auto limits = admission(later_);
  std::promise<Result<RateDecision>> told;
  EXPECT_FALSE(limits.take(acme_, "publish", 10, [&]() -> RateLimiter::Done {
    return [&](Result<RateDecision> decision) { told.set_value(std::move(decision)); };
  }));
  const auto admitted = limits.decided(acme_, "publish", told.get_future().get());
  ASSERT_TRUE(admitted && *admitted);
  EXPECT_EQ((*admitted)->decision.remaining, 0);
  EXPECT_TRUE(counted("allowed", 1));
}

TEST_F(AdmissionService, ABatchWaitsForItsDecision) {
  auto limits = admission(later_);
  EXPECT_TRUE(limits.charge(user_, "publish", 9));
  const auto denied = limits.charge(user_, "publish", 9);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().kind, ErrorKind::rate_limited);
  EXPECT_EQ(denied.error().retry_after, Duration{8 * 3'600'000});
  EXPECT_EQ(limits.charge(user_, "publish", 10).error().kind, ErrorKind::too_large);
  EXPECT_TRUE(counted("denied", 1));
}

TEST_F(AdmissionService, ABatchWaitsForNoLongerThanItsTime) {
  for (const bool allow : {true, false}) {
    auto limits = admission(later_, allow);
    later_.hold();
    auto charged =
        std::async(std::launch::async, [&] { return limits.charge(user_, "publish", 3); });
    later_.await_asked(1);
    EXPECT_TRUE(test::advance_until(clock_, Admission::kTimeout, [&] {
      return charged.wait_for(Duration{0}) == std::future_status::ready;
    }));
    const auto status = charged.get();
    EXPECT_EQ(status.has_value(), allow);
    if (!status) {
      EXPECT_EQ(status.error().kind, ErrorKind::unavailable);
    }
    later_.release();  // the late decision finds nobody
    later_.await_answers();
  }
  EXPECT_TRUE(counted("unavailable", 2));
}

TEST_F(AdmissionService, AnUnreachableLimiterIsAsConfigured) {
  broken_ = true;
  EXPECT_TRUE(admission(later_, true).charge(user_, "publish", 3));
  EXPECT_EQ(admission(later_, false).charge(user_, "publish", 3).error().kind,
            ErrorKind::unavailable);
  const auto error = fail(ErrorKind::unavailable, "the server is down");
  const auto allowed = admission(later_, true).decided(acme_, "publish", error);
  ASSERT_TRUE(allowed);
  EXPECT_FALSE(*allowed) << "no limit is known to hold";
  EXPECT_FALSE(admission(later_, false).decided(acme_, "publish", error));
}

// A policy that could not be read refused every request, whatever was configured.
TEST_F(AdmissionService, APolicyThatCannotBeReadIsAsConfiguredToo) {
  test::FakeTenants down;
  down.fail_with(ErrorKind::unavailable);
  TenantDirectory unread(down, {{"publish", kPolicy}}, clock_);
  Admission allow(*memory_, unread, true, clock_, metrics_);
  const auto let_through = allow.take(acme_, "publish", 1, never);
  ASSERT_TRUE(let_through && *let_through);
  EXPECT_FALSE(**let_through);
  EXPECT_TRUE(allow.charge(user_, "publish", 3));
  Admission deny(*memory_, unread, false, clock_, metrics_);
  const auto refused = deny.take(acme_, "publish", 1, never);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error().kind, ErrorKind::unavailable);
}

TEST_F(AdmissionService, WhatAnOperatorDoesForATenantCostsNothing) {
  auto limits = admission(later_);
  later_.hold();
  EXPECT_TRUE(limits.charge({Principal::Kind::operator_for_tenant, acme_, "o"}, "publish", 9));
}

}  // namespace
}  // namespace mesh::services
