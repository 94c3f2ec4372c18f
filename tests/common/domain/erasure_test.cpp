#include "common/domain/erasure.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

const TenantId kAcme = TenantId::parse("acme").value();

StoredRecord keyed(std::string topic, std::string key) {
  return {{std::move(topic), 0, 0}, {}, std::move(key), std::nullopt, {}};
}

TEST(Erasure, ATenantsRecordsAreAllThatItsIdKeys) {
  const ErasureTarget target{kAcme};
  EXPECT_TRUE(concerns(target, keyed("tenant.events", "acme")));
  EXPECT_TRUE(concerns(target, keyed("chemical.events", "acme/H2O")));
  EXPECT_FALSE(concerns(target, keyed("user.events", "acme-2/1")));
  EXPECT_FALSE(concerns(target, keyed("user.events", "acm")));
  EXPECT_FALSE(concerns(target, keyed("user.events", "")));
}

TEST(Erasure, AUsersRecordsAreThoseOfItsIdWhereThatIsAUsers) {
  const ErasureTarget target{kAcme, "7"};
  EXPECT_TRUE(concerns(target, keyed("user.events", "acme/7")));
  EXPECT_TRUE(concerns(target, keyed("analytics.events", "acme/7")));
  EXPECT_FALSE(concerns(target, keyed("chemical.events", "acme/7"))) << "a molecule";
  EXPECT_FALSE(concerns(target, keyed("user.events", "acme/77")));
  EXPECT_FALSE(concerns(target, keyed("user.events", "acme")));
  EXPECT_FALSE(concerns(target, keyed("user.events", "globex/7")));
}

TEST(Erasure, UnderAnothersKeyHeadersAndDataTellWhoseARecordIs) {
  const ErasureTarget all{kAcme}, seven{kAcme, "7"};
  StoredRecord record = keyed("analytics.events", "some/key");
  EXPECT_FALSE(concerns(all, record));
  record.value = R"({"tenantId":"acme","user_id":"7","event_type":"click"})";
  EXPECT_TRUE(concerns(all, record));
  record.headers = {{"ce_tenantid", "globex"}, {"ce_subject", "7"}};
  EXPECT_FALSE(concerns(all, record)) << "the header counts";
  record.headers = {{"ce_tenantid", "acme"}, {"ce_subject", "7"}};
  EXPECT_TRUE(concerns(all, record));
  EXPECT_TRUE(concerns(seven, record));
  EXPECT_FALSE(concerns({kAcme, "8"}, record));
  record.position.topic = "analytics.events.dlq";
  EXPECT_TRUE(concerns(seven, record)) << "a letter of it";
  record.position.topic = "chemical.events";
  EXPECT_FALSE(concerns(seven, record)) << "a molecule";
  StoredRecord letter = keyed("chemical.events.dlq", "some/key");
  letter.headers = {{std::string(dead_letter::kTenant), "acme"}};
  EXPECT_TRUE(concerns(all, letter));
}

TEST(Erasure, OnlyAnIdAsItIsWrittenIsAUserId) {
  EXPECT_EQ(user_id_of({kAcme, "7"}), 7);
  for (const char* other :
       {"07", "+7", " 7", "7.0", "", "seven", "0", "-7", "99999999999999999999"}) {
    EXPECT_EQ(user_id_of({kAcme, other}), std::nullopt) << other;
  }
  EXPECT_EQ(user_id_of({kAcme}), std::nullopt);
}

TEST(Erasure, WhatCannotBeErasedIsNamed) {
  const Error error = not_erasable({kAcme}, "store/usage").value();
  EXPECT_EQ(error.kind, ErrorKind::invalid);
  EXPECT_NE(error.message.find("store/usage"), std::string::npos) << error.message;
}

}  // namespace
}  // namespace mesh
