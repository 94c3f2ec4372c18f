#include "common/cipher/master_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/strings.h"
#include "common/cipher/tenant_cipher.h"
#include "tests/support/fake_epochs.h"
#include "tests/support/fake_keys.h"
#include "tests/support/manual_clock.h"

namespace mesh::cipher {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kDigits(64, 'a'), kOthers(64, 'b');

class MasterKeyTest : public testing::Test {
 protected:
  Result<std::string> start(const std::string& digits) { return master_key(digits, marks_, keys_); }
  // A key of a tenant, as a mesh of these digits makes it.
  void make_key(const std::string& digits) {
    TenantCipher cipher(keys_, hex_decode(digits).value(), clock_);
    ASSERT_TRUE(cipher.key_of(TenantId::parse("acme").value()));
  }

  ManualClock clock_;
  test::FakeEpochStore marks_;
  test::FakeKeyStore keys_;
};

TEST_F(MasterKeyTest, IsTheBytesOfItsDigits) {
  EXPECT_EQ(start(kDigits).value(), std::string(32, '\xaa'));
  EXPECT_EQ(start(kDigits).value(), std::string(32, '\xaa')) << "at the next start";
}

TEST_F(MasterKeyTest, OfAnotherFileIsRefusedAndTheMarkTellsNothing) {
  ASSERT_TRUE(start(kDigits));
  const auto other = start(kOthers);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::conflict);
  EXPECT_THAT(other.error().message, HasSubstr("tenants.master_key_file holds another key"));
  EXPECT_THAT(marks_.read("master_key").value().body, Not(HasSubstr("qqqq")));
  EXPECT_TRUE(start(kDigits)) << "the right one put back";
}

// The first start after `mesh migrate`, which moves keys and no mark, or after a repair that lost
// it, took any key, and refused the right one from then on.
TEST_F(MasterKeyTest, WithoutItsMarkATenantsKeyTellsWhichOneItIs) {
  make_key(kDigits);
  const auto other = start(kOthers);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::conflict);
  EXPECT_THAT(other.error().message, HasSubstr("tenants.master_key_file holds another key"));
  EXPECT_EQ(marks_.read("master_key").value().body, "") << "nothing was marked";
  EXPECT_TRUE(start(kDigits));
  EXPECT_FALSE(start(kOthers));
}

TEST_F(MasterKeyTest, IsNoOtherText) {
  for (const auto& digits :
       {std::string(), kDigits.substr(2), kDigits + "aa", kDigits.substr(1) + "g"}) {
    const auto made = start(digits);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::invalid);
  }
}

TEST_F(MasterKeyTest, WithoutTheStoreItIsNotSure) {
  marks_.fail_next(1);
  EXPECT_EQ(start(kDigits).error().kind, ErrorKind::unavailable);
  keys_.fail_next(1);
  EXPECT_EQ(start(kDigits).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(marks_.read("master_key").value().body, "");
}

}  // namespace
}  // namespace mesh::cipher
