#include "daemon/membership.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"

namespace mesh {
namespace {

using std::chrono::seconds;

// Each sign of life takes its time, as where the store is slow.
class SlowMembers final : public MemberStore {
 public:
  explicit SlowMembers(ManualClock& clock) : clock_(clock) {}
  Status heartbeat(const Member&, Duration ttl) override {
    clock_.advance(took);
    gone_at_ = clock_.steady() + ttl;
    ++beats;
    return {};
  }
  Status leave(const std::string&) override { return {}; }
  Result<std::vector<MemberInfo>> list() override { return std::vector<MemberInfo>{}; }

  const Duration took = seconds(5);
  std::atomic<int> beats{0};
  SteadyTime gone_at() const { return gone_at_; }

 private:
  ManualClock& clock_;
  std::atomic<SteadyTime> gone_at_{};
};

TEST(Membership, ASlowSignOfLifeDoesNotKeepTheNextBack) {
  ManualClock clock;
  SlowMembers members(clock);
  Membership membership(members, clock, {}, [] { return std::vector<std::string>{}; });
  for (int beats = 2; beats <= 5; ++beats) {
    clock.await_waiters(1);
    const auto gone_at = members.gone_at();
    clock.advance(seconds(5));
    ASSERT_TRUE(test::eventually([&] { return members.beats == beats; }));
    clock.await_waiters(1);
    EXPECT_LT(clock.steady(), gone_at) << "it was gone in between";
  }
}

}  // namespace
}  // namespace mesh
