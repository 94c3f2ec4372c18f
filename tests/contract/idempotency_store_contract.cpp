#include "tests/contract/idempotency_store_contract.h"

#include <thread>

namespace mesh::test {
namespace {

const IdempotencyKey kKey{kAcme, "order-17", "fingerprint"};

Status finish(IdempotencyStore& store, const IdempotencyKey& key, StoredAnswer answer) {
  return wait_for<void>([&](auto done) { store.finish(key, std::move(answer), std::move(done)); });
}

Status reserve(IdempotencyStore& store, const IdempotencyKey& key, Timestamp at) {
  return wait_for<void>([&](auto done) { store.reserve(key, at, std::move(done)); });
}

// True: the key was free and is now claimed.
bool claims(IdempotencyStore& store, const IdempotencyKey& key) {
  auto begun = store.begin(key);
  return begun && !begun->has_value();
}

}  // namespace

TEST_P(IdempotencyStoreContract, AFinishedKeyGivesItsAnswer) {
  ASSERT_TRUE(claims(store_->idempotency(), kKey));
  ASSERT_TRUE(succeeds(finish(store_->idempotency(), kKey, {202, R"({"id":"e"})"})));
  for (int i = 0; i < 2; ++i) {
    auto begun = store_->idempotency().begin(kKey);
    ASSERT_TRUE(succeeds(begun));
    ASSERT_TRUE(begun->has_value());
    EXPECT_EQ((*begun)->status, 202);
    EXPECT_EQ((*begun)->body, R"({"id":"e"})");
  }
}

TEST_P(IdempotencyStoreContract, AKeyInFlightIsAConflict) {
  ASSERT_TRUE(claims(store_->idempotency(), kKey));
  EXPECT_TRUE(fails_with(store_->idempotency().begin(kKey), ErrorKind::conflict));
}

TEST_P(IdempotencyStoreContract, AReleasedKeyIsFree) {
  ASSERT_TRUE(claims(store_->idempotency(), kKey));
  store_->idempotency().release(kKey);
  store_->idempotency().release(kKey);
  EXPECT_TRUE(claims(store_->idempotency(), kKey));
}

TEST_P(IdempotencyStoreContract, AnotherPayloadUnderAUsedKeyIsUnprocessable) {
  ASSERT_TRUE(claims(store_->idempotency(), kKey));
  ASSERT_TRUE(finish(store_->idempotency(), kKey, {202, "{}"}));
  EXPECT_TRUE(fails_with(store_->idempotency().begin({kAcme, "order-17", "another"}),
                         ErrorKind::unprocessable));
  EXPECT_TRUE(store_->idempotency().begin(kKey)->has_value()) << "the failed try took the key";
}

TEST_P(IdempotencyStoreContract, KeysOfTenantsAreApart) {
  ASSERT_TRUE(claims(store_->idempotency(), kKey));
  ASSERT_TRUE(finish(store_->idempotency(), kKey, {202, "{}"}));
  EXPECT_TRUE(claims(store_->idempotency(), {kGlobex, "order-17", "fingerprint"}));
  EXPECT_TRUE(claims(store_->idempotency(), {kAcme, "order-18", "fingerprint"}));
}

TEST_P(IdempotencyStoreContract, AStoreThatAnsweredByItselfOnlyNeedsTheRelease) {
  ASSERT_TRUE(claims(store_->idempotency(), kKey));
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev", "Alice",
                     {.traceparent = {}, .idempotency = kKey}));
  EXPECT_TRUE(fails_with(store_->idempotency().begin(kKey), ErrorKind::conflict));
  store_->idempotency().release(kKey);
  EXPECT_EQ(store_->idempotency().begin(kKey).value()->status, 201);
}

TEST_P(IdempotencyStoreContract, AnswersExpireAfterADayAndTheKeyCanBeUsedAgain) {
  ASSERT_TRUE(claims(store_->idempotency(), kKey));
  ASSERT_TRUE(finish(store_->idempotency(), kKey, {202, "old"}));
  clock_.advance(std::chrono::hours(24) - Duration{1});
  EXPECT_TRUE(store_->idempotency().begin(kKey)->has_value());
  clock_.advance(Duration{1});
  const IdempotencyKey reused{kAcme, "order-17", "another"};
  ASSERT_TRUE(claims(store_->idempotency(), reused));
  ASSERT_TRUE(succeeds(finish(store_->idempotency(), reused, {202, "new"})));
  EXPECT_EQ(store_->idempotency().begin(reused).value()->body, "new");
}

TEST_P(IdempotencyStoreContract, AnswersSurviveAReopenAndClaimsDoNot) {
  const IdempotencyKey other{kAcme, "order-18", "f"};
  ASSERT_TRUE(claims(store_->idempotency(), kKey));
  ASSERT_TRUE(finish(store_->idempotency(), kKey, {202, "{}"}));
  ASSERT_TRUE(claims(store_->idempotency(), other));
  store_->reopen();
  EXPECT_TRUE(store_->idempotency().begin(kKey)->has_value());
  EXPECT_TRUE(claims(store_->idempotency(), other));
}

TEST_P(IdempotencyStoreContract, AnAnswerIsGivenBackWithItsHeaders) {
  ASSERT_TRUE(claims(store_->idempotency(), kKey));
  const StoredAnswer answer{201, "{}", {{"Location", "/users/1"}, {"ETag", "\"1\""}}};
  ASSERT_TRUE(succeeds(finish(store_->idempotency(), kKey, answer)));
  const auto begun = store_->idempotency().begin(kKey);
  ASSERT_TRUE(begun && *begun);
  EXPECT_EQ((*begun)->headers, answer.headers);
}

TEST_P(IdempotencyStoreContract, AReservationIsFoundByTheNextClaimantAfterAReopen) {
  const Timestamp began = clock_.now();
  ASSERT_TRUE(claims(store_->idempotency(), kKey));
  EXPECT_FALSE(store_->idempotency().reserved(kKey).value());
  ASSERT_TRUE(succeeds(reserve(store_->idempotency(), kKey, began)));
  clock_.advance(Duration{1'000});
  store_->reopen();
  ASSERT_TRUE(claims(store_->idempotency(), kKey)) << "a reservation is no answer";
  EXPECT_EQ(store_->idempotency().reserved(kKey).value(), began);
  EXPECT_FALSE(store_->idempotency().reserved({kGlobex, kKey.key, kKey.fingerprint}).value());
}

TEST_P(IdempotencyStoreContract, AFinishOrAReleaseEndsAReservation) {
  ASSERT_TRUE(claims(store_->idempotency(), kKey));
  ASSERT_TRUE(succeeds(reserve(store_->idempotency(), kKey, clock_.now())));
  store_->idempotency().release(kKey);
  store_->reopen();
  ASSERT_TRUE(claims(store_->idempotency(), kKey));
  EXPECT_FALSE(store_->idempotency().reserved(kKey).value());
  ASSERT_TRUE(succeeds(reserve(store_->idempotency(), kKey, clock_.now())));
  ASSERT_TRUE(succeeds(finish(store_->idempotency(), kKey, {202, "{}"})));
  EXPECT_FALSE(store_->idempotency().reserved(kKey).value());
  EXPECT_TRUE(store_->idempotency().begin(kKey)->has_value());
}

TEST_P(IdempotencyStoreContract, OfManyClaimantsExactlyOneWorksAndAllGetItsAnswer) {
  constexpr int kThreads = 8;
  std::atomic<int> worked{0}, answered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      while (true) {
        auto begun = store_->idempotency().begin(kKey);
        if (!begun) continue;  // held by another: only for as long as its commit takes
        if (*begun) {
          answered += (*begun)->body != "";
          return;
        }
        ++worked;
        ASSERT_TRUE(finish(store_->idempotency(), kKey, {202, std::to_string(t)}));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(worked, 1);
  EXPECT_EQ(answered, kThreads);
}

}  // namespace mesh::test
