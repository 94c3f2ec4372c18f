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
  Result<std::string> start(const std::string& digits) {
    const auto made = master_keys(digits, std::nullopt, marks_, keys_);
    return made ? Result<std::string>(made->present) : fail(made.error());
  }
  // With the key before it.
  Result<MasterKeys> start(const std::string& digits, const std::string& old) {
    return master_keys(digits, old, marks_, keys_);
  }
  Result<Exchanged> exchange(const std::string& digits, const std::string& old) {
    const auto masters = MESH_TRY(start(digits, old));
    return exchange_master_key(masters, marks_, keys_);
  }
  // A key of a tenant, as a mesh of these digits makes it; and its bytes, or nothing where that
  // cannot read the key that there is.
  std::string make_key(const std::string& digits, const std::string& tenant = "acme") {
    TenantCipher cipher(keys_, {hex_decode(digits).value()}, clock_);
    const auto key = cipher.key_of(TenantId::parse(tenant).value());
    return key ? (*key)->bytes : std::string();
  }
  std::string read_key(const std::string& digits, const std::string& tenant = "acme") {
    return make_key(digits, tenant);
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
  ASSERT_NE(make_key(kDigits), "");
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

class MasterKeyExchange : public MasterKeyTest {
 protected:
  MasterKeyExchange() {
    EXPECT_TRUE(start(kDigits));
    acme_ = make_key(kDigits), globex_ = make_key(kDigits, "globex");
  }
  // Whether a mesh of these digits alone starts, and reads all.
  bool reads_all(const std::string& digits) {
    return start(digits) && read_key(digits) == acme_ && read_key(digits, "globex") == globex_;
  }

  std::string acme_, globex_;
};

TEST_F(MasterKeyExchange, LeavesTheKeysOfTenantsAndNeedsTheOldOneNoMore) {
  EXPECT_EQ(start(kOthers).error().kind, ErrorKind::conflict);
  EXPECT_EQ(exchange(kOthers, kDigits)->rewrapped, 2);
  EXPECT_TRUE(reads_all(kOthers));
  EXPECT_FALSE(start(kDigits)) << "the old one is another one now";
  EXPECT_EQ(read_key(kDigits), "") << "also of who has a copy of it";
  EXPECT_EQ(exchange(kOthers, kDigits)->rewrapped, 0) << "at the next start";
}

TEST_F(MasterKeyExchange, OfAWrongPairIsRefusedAndChangesNothing) {
  const std::string third(64, 'c');
  const auto refused = start(kOthers, third);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("tenants.old_master_key_file"));
  EXPECT_EQ(start(kOthers, kDigits.substr(1)).error().kind, ErrorKind::invalid);
  EXPECT_TRUE(reads_all(kDigits));
}

// Two of the keys are encrypted with one each, so either file alone would read a part.
TEST_F(MasterKeyExchange, ThatWasCutOffIsReadableWithBothFilesAndGoesOn) {
  // The write of the keys, behind that of the mark; then that of the mark at the end.
  keys_.on_rewrap = [this] { keys_.fail_next(1); };
  ASSERT_FALSE(exchange(kOthers, kDigits));
  keys_.on_rewrap = [] {};
  for (const auto& digits : {kDigits, kOthers}) {
    const auto alone = start(digits);
    ASSERT_FALSE(alone);
    EXPECT_THAT(alone.error().message, HasSubstr("is not over"));
    EXPECT_THAT(alone.error().message, HasSubstr("tenants.old_master_key_file"));
  }
  keys_.on_rewrap = [this] { marks_.fail_next(1); };
  ASSERT_FALSE(exchange(kOthers, kDigits));
  keys_.on_rewrap = [] {};
  EXPECT_FALSE(start(kDigits));
  TenantCipher both(keys_, start(kOthers, kDigits).value(), clock_);
  EXPECT_EQ(both.key_of(TenantId::parse("acme").value()).value()->bytes, acme_);
  EXPECT_EQ(exchange(kOthers, kDigits)->rewrapped, 0);
  EXPECT_TRUE(reads_all(kOthers));
}

TEST_F(MasterKeyExchange, OfTwoAtOnceEndsAsOne) {
  bool other = false;
  keys_.on_rewrap = [&] {
    if (std::exchange(other, true)) return;
    EXPECT_EQ(exchange(kOthers, kDigits)->rewrapped, 2) << "the other is quicker";
  };
  EXPECT_EQ(exchange(kOthers, kDigits)->rewrapped, 0);
  EXPECT_TRUE(reads_all(kOthers));
}

TEST_F(MasterKeyExchange, FindsWhatAProcessOfTheOldKeyMadeMeanwhile) {
  ASSERT_TRUE(exchange(kOthers, kDigits));
  const auto late = make_key(kDigits, "initech");
  TenantCipher both(keys_, start(kOthers, kDigits).value(), clock_);
  EXPECT_EQ(both.key_of(TenantId::parse("initech").value()).value()->bytes, late);
  EXPECT_EQ(exchange(kOthers, kDigits)->rewrapped, 1);
  EXPECT_EQ(read_key(kOthers, "initech"), late);
}

TEST_F(MasterKeyExchange, LeavesAKeyThatNeitherOpensAndNamesItsTenant) {
  auto damaged = keys_.find(TenantId::parse("acme").value()).value().value();
  damaged.wrapped.back() ^= 1;
  keys_.put(damaged);
  const auto done = exchange(kOthers, kDigits);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->rewrapped, 1);
  EXPECT_THAT(done->unreadable, testing::ElementsAre(damaged.tenant));
  EXPECT_EQ(keys_.find(damaged.tenant).value()->wrapped, damaged.wrapped);
  EXPECT_EQ(read_key(kOthers, "globex"), globex_);
}

// The mark said that the new key is enough, and a start with it alone ran into a key that it could
// not open, which stopped the pipelines of all tenants.
TEST_F(MasterKeyExchange, IsAskedForOnceMoreWhereAKeyWasMadeWithTheOldOneSince) {
  ASSERT_TRUE(exchange(kOthers, kDigits));
  const auto late = make_key(kDigits, "initech");
  const auto alone = exchange_master_key({start(kOthers).value(), {}}, marks_, keys_);
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().kind, ErrorKind::conflict);
  EXPECT_THAT(alone.error().message, HasSubstr("initech"));
  EXPECT_THAT(alone.error().message, HasSubstr("tenants.old_master_key_file"));
  ASSERT_TRUE(exchange(kOthers, kDigits));
  EXPECT_TRUE(exchange_master_key({start(kOthers).value(), {}}, marks_, keys_));
  EXPECT_EQ(read_key(kOthers, "initech"), late);
}

TEST_F(MasterKeyExchange, IsNotOverWhileAKeyIsOpenedByNeither) {
  auto damaged = keys_.find(TenantId::parse("acme").value()).value().value();
  damaged.wrapped.back() ^= 1;
  keys_.put(damaged);
  ASSERT_TRUE(exchange(kOthers, kDigits));
  const auto alone = start(kOthers);
  ASSERT_FALSE(alone);
  EXPECT_THAT(alone.error().message, HasSubstr("is not over"));
  damaged.wrapped.back() ^= 1;
  keys_.put(damaged);
  ASSERT_TRUE(exchange(kOthers, kDigits));
  EXPECT_TRUE(reads_all(kOthers));
}

// It said that both files hold another key, with which nobody would have looked for the first.
TEST_F(MasterKeyExchange, ThatWasCutOffIsFinishedBeforeTheNext) {
  keys_.on_rewrap = [this] { keys_.fail_next(1); };
  ASSERT_FALSE(exchange(kOthers, kDigits));
  keys_.on_rewrap = [] {};
  const auto next = start(std::string(64, 'c'), kOthers);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().kind, ErrorKind::conflict);
  EXPECT_THAT(next.error().message, HasSubstr("is not over"));
  EXPECT_THAT(next.error().message, HasSubstr("finish that one first"));
}

// A migration leaves the mark behind, also amid an exchange.
TEST_F(MasterKeyExchange, WithoutItsMarkAnyKeyOfThePairIsTaken) {
  test::FakeEpochStore fresh;
  const auto masters = master_keys(kOthers, kDigits, fresh, keys_);
  ASSERT_TRUE(masters);
  EXPECT_FALSE(master_keys(kOthers, std::nullopt, fresh, keys_)) << "nothing was exchanged yet";
  EXPECT_EQ(exchange_master_key(*masters, fresh, keys_)->rewrapped, 2);
  EXPECT_TRUE(master_keys(kOthers, std::nullopt, fresh, keys_));
}

}  // namespace
}  // namespace mesh::cipher
