#include "common/cipher/master_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_epochs.h"

namespace mesh::cipher {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kDigits(64, 'a'), kOthers(64, 'b');

TEST(MasterKey, IsTheBytesOfItsDigits) {
  test::FakeEpochStore store;
  EXPECT_EQ(master_key(kDigits, store).value(), std::string(32, '\xaa'));
  EXPECT_EQ(master_key(kDigits, store).value(), std::string(32, '\xaa')) << "at the next start";
}

TEST(MasterKey, OfAnotherFileIsRefusedAndTheMarkTellsNothing) {
  test::FakeEpochStore store;
  ASSERT_TRUE(master_key(kDigits, store));
  const auto other = master_key(kOthers, store);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::conflict);
  EXPECT_THAT(other.error().message, HasSubstr("tenants.master_key_file holds another key"));
  EXPECT_THAT(store.read("master_key").value().body, Not(HasSubstr("qqqq")));
  EXPECT_TRUE(master_key(kDigits, store)) << "the right one put back";
}

TEST(MasterKey, IsNoOtherText) {
  test::FakeEpochStore store;
  for (const auto& digits :
       {std::string(), kDigits.substr(2), kDigits + "aa", kDigits.substr(1) + "g"}) {
    const auto made = master_key(digits, store);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::invalid);
  }
}

TEST(MasterKey, WithoutTheStoreItIsNotSure) {
  test::FakeEpochStore store;
  store.fail_next(1);
  EXPECT_EQ(master_key(kDigits, store).error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace mesh::cipher
