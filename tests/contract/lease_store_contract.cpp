#include "tests/contract/lease_store_contract.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>
#include <vector>

namespace mesh::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

bool lost(const Status& status) { return !status && status.error().kind == ErrorKind::conflict; }

}  // namespace

TEST_P(LeaseStoreContract, OneHoldsItWhoeverAsks) {
  const auto lease = acquire("relay", "a");
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->name, "relay");
  EXPECT_FALSE(acquire("relay", "b"));
  EXPECT_FALSE(acquire("relay", "a"));
  EXPECT_TRUE(acquire("another", "b"));
}

TEST_P(LeaseStoreContract, OfManyAtOnceOneGetsIt) {
  std::atomic<int> got{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [&, i] { got += leases_->acquire("relay", std::to_string(i), kTtl).value().has_value(); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(got, 1);
}

TEST_P(LeaseStoreContract, ItIsHeldForItsTimeAndNoLonger) {
  const auto first = acquire("relay", "a");
  clock_.advance(kTtl - Duration{1});
  EXPECT_FALSE(acquire("relay", "b"));
  EXPECT_THAT(held(), ElementsAre("relay a"));
  clock_.advance(Duration{1});
  EXPECT_THAT(held(), IsEmpty());
  const auto second = acquire("relay", "b");
  ASSERT_TRUE(second);
  EXPECT_GT(second->token, first->token);
}

TEST_P(LeaseStoreContract, RenewedItIsHeldFromThenOn) {
  const auto lease = acquire("relay", "a");
  for (int i = 0; i < 5; ++i) {
    clock_.advance(kTtl - Duration{1});
    ASSERT_TRUE(leases_->renew(*lease, kTtl));
  }
  EXPECT_EQ(leases_->list()->at(0).until, clock_.now() + kTtl);
  clock_.advance(kTtl - Duration{1});
  EXPECT_FALSE(acquire("relay", "b"));
  clock_.advance(Duration{1});
  EXPECT_TRUE(acquire("relay", "b"));
}

TEST_P(LeaseStoreContract, ALostOneCannotBeRenewedThoughNobodyTookIt) {
  const auto lease = acquire("relay", "a");
  clock_.advance(kTtl);
  EXPECT_TRUE(lost(leases_->renew(*lease, kTtl)));
  EXPECT_THAT(held(), IsEmpty());
  const auto again = acquire("relay", "a");
  ASSERT_TRUE(again);
  EXPECT_GT(again->token, lease->token);
}

TEST_P(LeaseStoreContract, ItsLoserCannotTouchThatOfTheNextHolder) {
  const auto first = acquire("relay", "a");
  clock_.advance(kTtl);
  const auto second = acquire("relay", "a");  // the same name: tokens tell them apart
  EXPECT_TRUE(lost(leases_->renew(*first, 100 * kTtl)));
  EXPECT_TRUE(leases_->release(*first));
  EXPECT_FALSE(acquire("relay", "b"));
  EXPECT_TRUE(leases_->renew(*second, kTtl));
}

TEST_P(LeaseStoreContract, ReleasedItIsFreeAtOnceAndTokensRise) {
  const auto first = acquire("relay", "a");
  ASSERT_TRUE(leases_->release(*first));
  EXPECT_TRUE(leases_->release(*first)) << "the second time there is nothing to do";
  EXPECT_TRUE(lost(leases_->renew(*first, kTtl)));
  const auto second = acquire("relay", "b");
  ASSERT_TRUE(second);
  EXPECT_GT(second->token, first->token);
}

TEST_P(LeaseStoreContract, AnotherNameIsAnotherLease) {
  const auto relay = acquire("relay", "a");
  clock_.advance(kTtl / 2);
  ASSERT_TRUE(acquire("generations", "b"));
  EXPECT_THAT(held(), ElementsAre("generations b", "relay a"));
  EXPECT_TRUE(lost(leases_->renew({"generations", relay->token}, kTtl)));
  clock_.advance(kTtl / 2);
  EXPECT_THAT(held(), ElementsAre("generations b"));
}

}  // namespace mesh::test
