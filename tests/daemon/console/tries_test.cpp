#include "daemon/console/tries.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace mesh::console {
namespace {

class SignInTriesTest : public testing::Test {
 protected:
  // How many of 20 tries there may be.
  int passing(const std::string& remote) {
    int passed = 0;
    for (int i = 0; i < 20; ++i) passed += tries_.begin(remote).has_value();
    return passed;
  }
  ManualClock clock_;
  SignInTries tries_{clock_};
};

TEST_F(SignInTriesTest, TenAMinuteFromEachAddress) {
  EXPECT_EQ(passing("192.0.2.1:1"), 10);
  EXPECT_EQ(passing("192.0.2.1:2"), 0) << "another port";
  EXPECT_EQ(passing("192.0.2.2:1"), 10);
  clock_.advance(Duration{59'999});
  EXPECT_EQ(passing("192.0.2.1:1"), 9);
  const auto refused = tries_.begin("192.0.2.1:1");
  EXPECT_EQ(refused.error().kind, ErrorKind::rate_limited);
  EXPECT_EQ(refused.error().retry_after, Duration{1});
}

TEST_F(SignInTriesTest, ANetworkOfIpv6IsOne) {
  EXPECT_EQ(passing("[2001:db8:0:1::1]:1"), 10);
  EXPECT_EQ(passing("[2001:db8:0:1:ffff::2]:1"), 0);
  EXPECT_EQ(passing("[2001:db8:0:2::1]:1"), 10);
  EXPECT_EQ(passing("[::ffff:192.0.2.1]:1"), 10);
  EXPECT_EQ(passing("[::ffff:192.0.2.2]:1"), 10);
}

TEST_F(SignInTriesTest, OfVeryManyAddressesTheOneIsForgottenThatIsFreeFirst) {
  EXPECT_EQ(passing("192.0.2.1:1"), 10);
  for (std::size_t i = 0; i < SignInTries::kMaxAddresses + 1'000; ++i) {
    clock_.advance(Duration{1});
    ASSERT_TRUE(
        tries_.begin("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":1"));
  }
  EXPECT_EQ(passing("192.0.2.1:1"), 0) << "who tried most is not who is forgotten";
  EXPECT_EQ(passing("10.0.0.0:1"), 10);
}

TEST_F(SignInTriesTest, WhereManyHaveTriedOftenANewAddressIsBoundAllTheSame) {
  for (std::size_t i = 0; i < SignInTries::kMaxAddresses; ++i) {
    ASSERT_EQ(passing("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":1"),
              10);
  }
  EXPECT_EQ(passing("192.0.2.1:1"), 10);
}

}  // namespace
}  // namespace mesh::console
