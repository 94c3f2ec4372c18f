#include "common/http/buffers.h"

#include <gtest/gtest.h>

namespace mesh::http {
namespace {

constexpr std::size_t kMax = 4096;

class BuffersTest : public ::testing::Test {
 protected:
  // So many connections that nothing is too small to be counted by name.
  std::shared_ptr<Buffers> buffers_ = std::make_shared<Buffers>(kMax, 1 << 20);
};

TEST_F(BuffersTest, ATenantHoldsAtMostHalfOfWhatTheOthersLeave) {
  Reservation first(buffers_), second(buffers_), third(buffers_);
  EXPECT_FALSE(first.grow(2049, "10.0.0.1:1", "acme"));
  EXPECT_TRUE(first.grow(2048, "10.0.0.1:1", "acme"));
  EXPECT_FALSE(second.grow(1, "10.0.0.2:1", "acme")) << "whatever its address";
  EXPECT_TRUE(third.grow(1024, "10.0.0.3:1", "globex"));
  EXPECT_FALSE(third.grow(1025, "10.0.0.3:1", "globex"));
  EXPECT_EQ(buffers_->held(), 3072u);
}

TEST_F(BuffersTest, AnAddressHoldsAtMostThreeQuartersWhateverItsTenants) {
  std::vector<Reservation> held;
  for (int tenant = 0; tenant < 20; ++tenant) {
    for (std::size_t size = kMax; size > 0; size /= 2) {
      auto& next = held.emplace_back(buffers_);
      (void)next.grow(size, "10.0.0.1:" + std::to_string(tenant), "t" + std::to_string(tenant));
    }
  }
  EXPECT_LE(buffers_->held(), kMax / 4 * 3);
  EXPECT_GE(buffers_->held(), kMax / 2);
  Reservation other(buffers_);
  EXPECT_TRUE(other.grow(kMax / 16, "10.0.0.2:1", "acme"));
}

TEST_F(BuffersTest, BehindAProxyTenantsStillHaveTheirShares) {
  Reservation greedy(buffers_), other(buffers_);
  ASSERT_TRUE(greedy.grow(kMax / 2, "10.0.0.1:1", "acme"));
  EXPECT_TRUE(other.grow(kMax / 4, "10.0.0.1:2", "globex"));
}

TEST_F(BuffersTest, WhatIsGivenBackIsFreeAgain) {
  for (int i = 0; i < 3; ++i) {
    Reservation reservation(buffers_);
    EXPECT_TRUE(reservation.grow(1000, "10.0.0.1:1", "acme"));
    EXPECT_TRUE(reservation.grow(2048, "10.0.0.1:1", "acme"));
    Reservation moved = std::move(reservation);
    EXPECT_EQ(buffers_->held(), 2048u);
  }
  EXPECT_EQ(buffers_->held(), 0u);
  Reservation whole(buffers_);
  EXPECT_TRUE(whole.fits(2048, "10.0.0.1:1", "acme"));
}

TEST_F(BuffersTest, WhatWouldNotFitIsKnownBefore) {
  Reservation held(buffers_), next(buffers_);
  ASSERT_TRUE(held.grow(2000, "10.0.0.1:1", "acme"));
  EXPECT_FALSE(next.fits(49, "10.0.0.1:2", "acme"));
  EXPECT_TRUE(next.fits(48, "10.0.0.1:2", "acme"));
  EXPECT_EQ(buffers_->held(), 2000u) << "asking takes nothing";
}

TEST(Buffers, WhatIsTakenAfterARefusalIsGivenBackToTheSame) {
  const auto buffers = std::make_shared<Buffers>(kMax, 16);  // 64 bytes unnamed
  Reservation other(buffers);
  ASSERT_TRUE(other.grow(1000, "10.0.0.1:1", "acme"));
  {
    Reservation refused(buffers);
    ASSERT_FALSE(refused.grow(kMax, "10.0.0.1:2", "acme"));
    ASSERT_TRUE(refused.grow(64, "10.0.0.1:2", "acme"));
  }
  Reservation next(buffers);
  EXPECT_TRUE(next.grow(500, "10.0.0.1:3", "acme")) << "the account did not wrap";
}

TEST(Buffers, SmallHoldingsAreBoundInSumAlone) {
  const auto buffers = std::make_shared<Buffers>(kMax, 16);  // 64 bytes each
  std::vector<Reservation> all;
  for (int i = 0; i < 64; ++i) {
    EXPECT_TRUE(all.emplace_back(buffers).grow(64, "10.0.0.1:1", "acme")) << i;
  }
  EXPECT_FALSE(all.emplace_back(buffers).grow(1, "10.0.0.1:1", "acme"));
  EXPECT_EQ(buffers->held(), kMax);
}

}  // namespace
}  // namespace mesh::http
