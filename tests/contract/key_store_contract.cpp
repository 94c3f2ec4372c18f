#include "tests/contract/key_store_contract.h"

#include <gmock/gmock.h>

#include <array>
#include <thread>

#include "common/base/ids.h"

namespace mesh::test {
namespace {

TenantKey made(const TenantId& tenant) {
  return {random_hex(16), tenant, std::string("\0\xff wrapped ", 11) + random_hex(8)};
}

::testing::AssertionResult same(const TenantKey& a, const TenantKey& b) {
  if (a.id == b.id && a.tenant == b.tenant && a.wrapped == b.wrapped) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
         << a.id << " of " << a.tenant.str() << " is not " << b.id << " of " << b.tenant.str();
}

TEST_P(KeyStoreContract, ATenantHasNoKeyUntilOneIsMade) {
  EXPECT_EQ(keys().find(kAcme).value(), std::nullopt);
  EXPECT_EQ(keys().find_by_id("0123").value(), std::nullopt);
  EXPECT_EQ(keys().any().value(), std::nullopt);
  EXPECT_EQ(keys().drop(kAcme).value(), 0);
}

TEST_P(KeyStoreContract, TheFirstKeyStaysByteForByte) {
  const TenantKey first = made(kAcme);
  EXPECT_TRUE(same(keys().get_or_insert(first).value(), first));
  EXPECT_TRUE(same(keys().get_or_insert(made(kAcme)).value(), first));
  EXPECT_TRUE(same(keys().find(kAcme).value().value(), first));
  EXPECT_TRUE(same(keys().find_by_id(first.id).value().value(), first));
  EXPECT_TRUE(same(keys().any().value().value(), first));
}

TEST_P(KeyStoreContract, TenantsAreApart) {
  const TenantKey acme = made(kAcme), globex = made(kGlobex);
  ASSERT_TRUE(succeeds(keys().get_or_insert(acme)));
  ASSERT_TRUE(succeeds(keys().get_or_insert(globex)));
  EXPECT_EQ(keys().drop(kAcme).value(), 1);
  EXPECT_EQ(keys().find(kAcme).value(), std::nullopt);
  EXPECT_TRUE(same(keys().find(kGlobex).value().value(), globex));
}

TEST_P(KeyStoreContract, ADroppedKeyIsGoneForGoodAndAnotherTakesItsPlace) {
  const TenantKey first = made(kAcme), second = made(kAcme);
  ASSERT_TRUE(succeeds(keys().get_or_insert(first)));
  EXPECT_EQ(keys().drop(kAcme).value(), 1);
  EXPECT_TRUE(same(keys().get_or_insert(second).value(), second));
  store_->reopen();
  EXPECT_EQ(keys().find_by_id(first.id).value(), std::nullopt);
  EXPECT_TRUE(same(keys().find(kAcme).value().value(), second));
}

TEST_P(KeyStoreContract, OfThoseThatComeAtOnceOneWinsAndAllGetIt) {
  constexpr int kThreads = 4;
  std::array<std::string, kThreads> got;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { got[i] = keys().get_or_insert(made(kAcme)).value().id; });
  }
  for (auto& thread : threads) thread.join();
  const std::string kept = keys().find(kAcme).value().value().id;
  EXPECT_THAT(got, ::testing::Each(kept));
}

}  // namespace
}  // namespace mesh::test
