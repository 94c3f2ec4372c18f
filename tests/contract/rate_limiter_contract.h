// What every RateLimiter must do. An engine instantiates the suite with its factory:
//   INSTANTIATE_TEST_SUITE_P(Memory, RateLimiterContract, testing::Values(&make_memory_host));
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "common/ports/rate_limiter.h"

namespace mesh::test {

// A limiter without any state.
class RateLimiterHost {
 public:
  virtual ~RateLimiterHost() = default;
  virtual RateLimiter& limiter() = 0;
  // Lets time go by for the limiter: moves its clock or, where an engine takes a server's time,
  // moves what is stored into the past by as much.
  virtual void pass(Duration time) = 0;
};
// Nothing where the engine's server is not installed: the tests are then skipped.
using MakeRateLimiterHost = std::unique_ptr<RateLimiterHost> (*)();

class RateLimiterContract : public testing::TestWithParam<MakeRateLimiterHost> {
 protected:
  // One unit per hour after a burst of three: while a test runs on a server's clock nothing
  // comes back by itself.
  static constexpr RatePolicy kSlow{1, Duration{3'600'000}, 2};

  void SetUp() override {
    if (!host_) GTEST_SKIP() << "no server of this engine here; ./scripts/bootstrap installs it";
  }

  RateDecision take(std::int64_t cost = 1, const RatePolicy& policy = kSlow,
                    const TenantId& tenant = acme(), std::string_view scope = "search");
  RateDecision peek(const RatePolicy& policy = kSlow, const TenantId& tenant = acme(),
                    std::string_view scope = "search");
  RateLimiter& limiter() { return host_->limiter(); }
  void pass(Duration time) { host_->pass(time); }
  static TenantId acme() { return TenantId::parse("acme").value(); }
  static TenantId globex() { return TenantId::parse("globex").value(); }

 private:
  std::unique_ptr<RateLimiterHost> host_ = GetParam()();
};

}  // namespace mesh::test
