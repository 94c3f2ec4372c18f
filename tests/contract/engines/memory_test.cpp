#include "common/engines/memory/memory_limiter.h"
#include "tests/contract/rate_limiter_contract.h"

namespace mesh::test {
namespace {

class MemoryHost final : public RateLimiterHost {
 public:
  RateLimiter& limiter() override { return *limiter_; }
  void pass(Duration time) override { clock_.advance(time); }

 private:
  ManualClock clock_;
  std::unique_ptr<RateLimiter> limiter_ = memory::make_limiter(clock_);
};

std::unique_ptr<RateLimiterHost> make_memory_host() { return std::make_unique<MemoryHost>(); }

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, RateLimiterContract, testing::Values(&make_memory_host));

}  // namespace mesh::test
