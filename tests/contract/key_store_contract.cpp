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

TEST_P(KeyStoreContract, ListsAllInPagesByTenant) {
  EXPECT_TRUE(keys().list("", 10).value().empty());
  const TenantKey acme = made(kAcme), globex = made(kGlobex);
  ASSERT_TRUE(succeeds(keys().get_or_insert(globex)));
  ASSERT_TRUE(succeeds(keys().get_or_insert(acme)));
  const auto first = keys().list("", 1).value();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(same(first[0], acme));
  const auto second = keys().list(kAcme.str(), 10).value();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_TRUE(same(second[0], globex));
  EXPECT_TRUE(keys().list(kGlobex.str(), 10).value().empty());
}

TEST_P(KeyStoreContract, AKeyIsRewrappedUnlessAnotherWasThereBefore) {
  TenantKey acme = made(kAcme), globex = made(kGlobex);
  ASSERT_TRUE(succeeds(keys().get_or_insert(acme)));
  ASSERT_TRUE(succeeds(keys().get_or_insert(globex)));
  const std::vector<Rewrapping> both{{acme, std::string("\0 anew \xff", 9)}, {globex, "anew"}};
  EXPECT_EQ(keys().rewrap({both[0]}).value(), 1);
  // Of what was read before that, the one that nobody has changed.
  EXPECT_EQ(keys().rewrap({{acme, "late"}, both[1]}).value(), 1);
  EXPECT_EQ(keys().rewrap(both).value(), 0);
  EXPECT_EQ(keys().rewrap({}).value(), 0);
  store_->reopen();
  acme.wrapped = both[0].wrapped;
  globex.wrapped = "anew";
  EXPECT_TRUE(same(keys().find(kAcme).value().value(), acme));
  EXPECT_TRUE(same(keys().find_by_id(globex.id).value().value(), globex));
}

TEST_P(KeyStoreContract, ADroppedKeyDoesNotComeBackByARewrapping) {
  const TenantKey first = made(kAcme), second = made(kAcme);
  ASSERT_TRUE(succeeds(keys().get_or_insert(first)));
  EXPECT_EQ(keys().drop(kAcme).value(), 1);
  EXPECT_EQ(keys().rewrap({{first, "anew"}}).value(), 0);
  EXPECT_EQ(keys().find(kAcme).value(), std::nullopt);
  ASSERT_TRUE(succeeds(keys().get_or_insert(second)));
  EXPECT_EQ(keys().rewrap({{first, "anew"}}).value(), 0);
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
