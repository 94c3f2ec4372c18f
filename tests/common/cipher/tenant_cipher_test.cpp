#include "common/cipher/tenant_cipher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_keys.h"
#include "tests/support/manual_clock.h"

namespace mesh::cipher {
namespace {

using testing::HasSubstr;
using testing::Not;

const TenantId kOurs = TenantId::parse("acme").value(), kTheirs = TenantId::parse("globex").value();
const std::string kMaster(32, 'm');

Record plain_record(const std::string& topic = "user.events", const std::string& key = "acme/1") {
  return {topic, key, "{\"name\":\"Ann\"}", {{"ce_id", "e1"}}};
}

class TenantCipherTest : public testing::Test {
 protected:
  StoredRecord written(Record plain = plain_record()) {
    const auto tenant = encrypted_for(plain).value();
    encrypt(plain, *cipher_.key_of(tenant).value());
    return {{plain.topic, 0, 7}, {}, plain.key, plain.value, plain.headers};
  }
  static void expect_corrupt(const Result<bool>& read) {
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::corrupt) << read.error().to_string();
  }

  test::FakeKeyStore store_;
  ManualClock clock_;
  TenantCipher cipher_{store_, {kMaster}, clock_};
};

TEST_F(TenantCipherTest, AValueIsHiddenAndComesBackAsItWas) {
  StoredRecord kept = written();
  EXPECT_FALSE(key_of(kept).empty());
  EXPECT_EQ(kept.key, "acme/1");
  EXPECT_EQ(find_header(kept.headers, "ce_id"), "e1") << "other headers stay readable";
  EXPECT_THAT(*kept.value, Not(HasSubstr("Ann")));
  EXPECT_TRUE(cipher_.decrypt(kept).value());
  EXPECT_EQ(kept.value, plain_record().value);
  EXPECT_EQ(kept.headers, plain_record().headers);
}

TEST_F(TenantCipherTest, WhatTheMeshWritesOfATenantAndWhatBelongsToNobodyStaysPlain) {
  for (const char* topic : {"tenant.events", "billing.events", "task.events", "task.events.dlq"}) {
    EXPECT_FALSE(encrypted_for(plain_record(topic))) << topic;
  }
  for (const char* topic : {"user.events", "user.events.dlq", "own.events", "chemical.events"}) {
    EXPECT_EQ(encrypted_for(plain_record(topic)), kOurs) << topic;
  }
  EXPECT_FALSE(encrypted_for(plain_record("user.events", "Not A Tenant/1")));
  EXPECT_FALSE(encrypted_for({"user.events", "acme/1", std::nullopt, {}})) << "a tombstone";
}

TEST_F(TenantCipherTest, WhatWasChangedOrMovedIsDamage) {
  const StoredRecord kept = written();
  for (std::size_t i = 0; i < kept.value->size(); ++i) {
    StoredRecord changed = kept;
    (*changed.value)[i] = static_cast<char>((*changed.value)[i] ^ 1);
    expect_corrupt(cipher_.decrypt(changed));
  }
  StoredRecord other_key = kept, other_topic = kept, cut = kept;
  other_key.key = "acme/2";
  other_topic.position.topic = "user.events.dlq";
  cut.value = "short";
  for (StoredRecord* moved : {&other_key, &other_topic, &cut}) {
    expect_corrupt(cipher_.decrypt(*moved));
  }
  // Under the id of another tenant's key.
  StoredRecord other_id = kept;
  other_id.headers.back().second = cipher_.key_of(kTheirs).value()->id;
  expect_corrupt(cipher_.decrypt(other_id));
}

TEST_F(TenantCipherTest, ADroppedKeyLeavesNothingToRead) {
  StoredRecord kept = written();
  ASSERT_EQ(store_.drop(kOurs).value(), 1);
  cipher_.forget(kOurs);
  EXPECT_FALSE(cipher_.decrypt(kept).value());
  StoredRecord later = written();
  EXPECT_TRUE(cipher_.decrypt(later).value()) << "the tenant has another key";
  EXPECT_FALSE(cipher_.decrypt(kept).value());
}

TEST_F(TenantCipherTest, ADropByAnotherProcessTakesEffectWithinItsTime) {
  StoredRecord kept = written();
  StoredRecord once = kept;
  ASSERT_TRUE(cipher_.decrypt(once).value());
  ASSERT_EQ(store_.drop(kOurs).value(), 1);
  clock_.advance(TenantCipher::kKept - Duration{1});
  once = kept;
  EXPECT_TRUE(cipher_.decrypt(once).value());
  EXPECT_TRUE(cipher_.remembered(kOurs));
  clock_.advance(Duration{1});
  EXPECT_FALSE(cipher_.decrypt(kept).value());
  EXPECT_FALSE(cipher_.remembered(kOurs));
}

TEST_F(TenantCipherTest, TheStoreIsNotAskedForEachRecord) {
  StoredRecord one = written(), other = one;
  ASSERT_TRUE(cipher_.decrypt(one).value());
  const int asked = store_.asked();
  EXPECT_TRUE(cipher_.decrypt(other).value());
  EXPECT_TRUE(cipher_.key_of(kOurs));
  EXPECT_EQ(store_.asked(), asked);
}

TEST_F(TenantCipherTest, AKeyThatAgesIsAskedForAnewWhileItServes) {
  EXPECT_FALSE(cipher_.ages(kOurs)) << "it is not known";
  ASSERT_TRUE(cipher_.key_of(kOurs));
  clock_.advance(TenantCipher::kKept / 2 - Duration{1});
  EXPECT_FALSE(cipher_.ages(kOurs));
  clock_.advance(Duration{1});
  EXPECT_TRUE(cipher_.ages(kOurs));
  store_.fail_next(1);
  EXPECT_FALSE(cipher_.refresh(kOurs));
  EXPECT_TRUE(cipher_.remembered(kOurs)) << "it serves for its time";
  EXPECT_TRUE(cipher_.refresh(kOurs));
  EXPECT_FALSE(cipher_.ages(kOurs));
  clock_.advance(TenantCipher::kKept - Duration{1});
  EXPECT_TRUE(cipher_.remembered(kOurs));
}

// A key that came back after an erasure would be one that nobody drops.
TEST_F(TenantCipherTest, AskingAnewMakesNoKeyAndForgetsWhatAnotherHasDropped) {
  ASSERT_TRUE(cipher_.key_of(kOurs));
  ASSERT_EQ(store_.drop(kOurs).value(), 1);
  EXPECT_TRUE(cipher_.refresh(kOurs));
  EXPECT_FALSE(cipher_.remembered(kOurs));
  EXPECT_FALSE(store_.find(kOurs).value());
}

TEST_F(TenantCipherTest, AStoreThatCannotBeAskedIsNoGap) {
  StoredRecord kept = written();
  store_.fail_next(1);
  EXPECT_EQ(cipher_.decrypt(kept).error().kind, ErrorKind::unavailable);
  EXPECT_FALSE(key_of(kept).empty()) << "as it was, for another try";
  EXPECT_TRUE(cipher_.decrypt(kept).value());
}

TEST_F(TenantCipherTest, AKeyOfAnotherMasterKeyIsToldAndNotUsed) {
  const StoredRecord kept = written();
  TenantCipher other{store_, {std::string(32, 'o')}, clock_};
  StoredRecord read = kept;
  expect_corrupt(other.decrypt(read));
  const auto key = other.key_of(kOurs);
  ASSERT_FALSE(key);
  EXPECT_THAT(key.error().message, HasSubstr("tenants.master_key_file"));
}

TEST_F(TenantCipherTest, AWrappedKeyBelongsToItsTenantAndItsId) {
  ASSERT_TRUE(cipher_.key_of(kOurs));
  TenantKey stolen = store_.find(kOurs).value().value();
  stolen.tenant = kTheirs;
  store_.put(stolen);
  EXPECT_EQ(cipher_.key_of(kTheirs).error().kind, ErrorKind::corrupt);
}

TEST_F(TenantCipherTest, AHeaderOfAnotherProducerIsNotTakenForTheKeys) {
  Record plain = plain_record();
  plain.headers.emplace_back(kKeyHeader, "mine");
  StoredRecord kept = written(plain);
  EXPECT_TRUE(cipher_.decrypt(kept).value());
  EXPECT_EQ(kept.headers, plain_record().headers);
}

}  // namespace
}  // namespace mesh::cipher
