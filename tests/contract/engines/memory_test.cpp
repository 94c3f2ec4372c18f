#include "common/engines/memory/memory_limiter.h"
#include "tests/contract/rate_limiter_contract.h"
#include "tests/support/later_limiter.h"
#include "tests/support/manual_clock.h"

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

// The same decisions, told later by another thread: the suite asks for nothing that only an answer
// at once could give.
class LaterHost final : public RateLimiterHost {
 public:
  RateLimiter& limiter() override { return limiter_; }
  void pass(Duration time) override { clock_.advance(time); }

 private:
  // peek and reset see the server too.
  class Server final : public RateLimiter {
   public:
    explicit Server(memory::MemoryLimiter& memory)
        : memory_(memory),
          later_([&memory](const auto& tenant, auto scope, const auto& policy, auto cost) {
            return memory.take(tenant, scope, policy, cost);
          }) {}
    std::optional<Result<RateDecision>> take(const TenantId& tenant, std::string_view scope,
                                             const RatePolicy& policy, std::int64_t cost,
                                             const Later& later) override {
      return later_.take(tenant, scope, policy, cost, later);
    }
    Result<RateDecision> peek(const TenantId& tenant, std::string_view scope,
                              const RatePolicy& policy) override {
      return memory_.peek(tenant, scope, policy);
    }
    Status reset(const TenantId& tenant, std::string_view scope) override {
      return memory_.reset(tenant, scope);
    }

   private:
    memory::MemoryLimiter& memory_;
    LaterLimiter later_;
  };

  ManualClock clock_;
  std::unique_ptr<memory::MemoryLimiter> memory_ = memory::make_limiter(clock_);
  Server limiter_{*memory_};
};

std::unique_ptr<RateLimiterHost> make_memory_host() { return std::make_unique<MemoryHost>(); }
std::unique_ptr<RateLimiterHost> make_later_host() { return std::make_unique<LaterHost>(); }

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, RateLimiterContract, testing::Values(&make_memory_host));
INSTANTIATE_TEST_SUITE_P(Later, RateLimiterContract, testing::Values(&make_later_host));

}  // namespace mesh::test
