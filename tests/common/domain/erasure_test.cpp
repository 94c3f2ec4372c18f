#include "common/domain/erasure.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

const TenantId kAcme = TenantId::parse("acme").value();

TEST(Erasure, ATenantsRecordsAreAllThatItsIdKeys) {
  const ErasureTarget target{kAcme};
  EXPECT_TRUE(concerns(target, "tenant.events", "acme"));
  EXPECT_TRUE(concerns(target, "chemical.events", "acme/H2O"));
  EXPECT_FALSE(concerns(target, "user.events", "acme-2/1"));
  EXPECT_FALSE(concerns(target, "user.events", "acm"));
  EXPECT_FALSE(concerns(target, "user.events", ""));
}

TEST(Erasure, AUsersRecordsAreThoseOfItsIdWhereThatIsAUsers) {
  const ErasureTarget target{kAcme, "7"};
  EXPECT_TRUE(concerns(target, "user.events", "acme/7"));
  EXPECT_TRUE(concerns(target, "analytics.events", "acme/7"));
  EXPECT_FALSE(concerns(target, "chemical.events", "acme/7")) << "a molecule";
  EXPECT_FALSE(concerns(target, "user.events", "acme/77"));
  EXPECT_FALSE(concerns(target, "user.events", "acme"));
  EXPECT_FALSE(concerns(target, "user.events", "globex/7"));
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
