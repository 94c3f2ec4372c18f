#include "tests/contract/idempotency_store_contract.h"

#include <thread>

namespace mesh::test {
namespace {

const IdempotencyKey kKey{kAcme, "order-17", "fingerprint"};

Result<Claim> begin_durable(IdempotencyStore& store, const IdempotencyKey& key) {
  return begin(store, key, true);
}

Status finish(IdempotencyStore& store, const ClaimedKey& claim, StoredAnswer answer) {
  return wait_for<void>(
      [&](auto done) { store.finish(claim, std::move(answer), std::move(done)); });
}

Status release(IdempotencyStore& store, const ClaimedKey& claim, Effect effect = Effect::none) {
  return wait_for<void>([&](auto done) { store.release(claim, effect, std::move(done)); });
}

StoredAnswer stored_answer_of(const ChangedUser& user) { return {201, user.name, {}}; }

}  // namespace

TEST_P(IdempotencyStoreContract, AFinishedKeyGivesItsAnswer) {
  const auto claim = begin(store_->idempotency(), kKey);
  ASSERT_TRUE(is(claim, Claim::State::fresh));
  ASSERT_TRUE(
      succeeds(finish(store_->idempotency(), claimed(kKey, claim), {202, R"({"id":"e"})"})));
  for (int i = 0; i < 2; ++i) {
    const auto again = begin(store_->idempotency(), kKey);
    ASSERT_TRUE(is(again, Claim::State::answered));
    EXPECT_EQ(again->answer.code, 202);
    EXPECT_EQ(again->answer.body, R"({"id":"e"})");
  }
}

TEST_P(IdempotencyStoreContract, AKeyInFlightIsAConflict) {
  for (const bool durable : {false, true}) {
    const IdempotencyKey key{kAcme, durable ? "durable" : "plain", "f"};
    ASSERT_TRUE(is(begin(store_->idempotency(), key, durable), Claim::State::fresh));
    EXPECT_TRUE(fails_with(begin(store_->idempotency(), key, durable), ErrorKind::conflict));
  }
}

TEST_P(IdempotencyStoreContract, AReleasedKeyIsFree) {
  const auto claim = begin(store_->idempotency(), kKey);
  ASSERT_TRUE(is(claim, Claim::State::fresh));
  ASSERT_TRUE(succeeds(release(store_->idempotency(), claimed(kKey, claim))));
  EXPECT_TRUE(
      fails_with(release(store_->idempotency(), claimed(kKey, claim)), ErrorKind::conflict));
  EXPECT_TRUE(is(begin(store_->idempotency(), kKey), Claim::State::fresh));
}

TEST_P(IdempotencyStoreContract, AnotherPayloadUnderAUsedKeyIsUnprocessable) {
  const IdempotencyKey other{kAcme, kKey.key, "another"};
  auto claim = begin_durable(store_->idempotency(), kKey);
  ASSERT_TRUE(succeeds(release(store_->idempotency(), claimed(kKey, claim), Effect::possible)));
  EXPECT_TRUE(fails_with(begin(store_->idempotency(), other), ErrorKind::unprocessable));
  claim = begin(store_->idempotency(), kKey);
  ASSERT_TRUE(is(claim, Claim::State::interrupted)) << "the failed try took the key";
  ASSERT_TRUE(finish(store_->idempotency(), claimed(kKey, claim), {202, "{}"}));
  EXPECT_TRUE(fails_with(begin(store_->idempotency(), other), ErrorKind::unprocessable));
  EXPECT_TRUE(is(begin(store_->idempotency(), kKey), Claim::State::answered));
}

TEST_P(IdempotencyStoreContract, KeysOfTenantsAreApart) {
  const auto claim = begin(store_->idempotency(), kKey);
  ASSERT_TRUE(finish(store_->idempotency(), claimed(kKey, claim), {202, "{}"}));
  EXPECT_TRUE(
      is(begin(store_->idempotency(), {kGlobex, "order-17", "fingerprint"}), Claim::State::fresh));
  EXPECT_TRUE(
      is(begin(store_->idempotency(), {kAcme, "order-18", "fingerprint"}), Claim::State::fresh));
}

TEST_P(IdempotencyStoreContract, AStoreThatAnsweredByItselfOnlyNeedsTheRelease) {
  const auto claim = begin(store_->idempotency(), kKey);
  ASSERT_TRUE(is(claim, Claim::State::fresh));
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev", "Alice",
                     {.claim = claimed(kKey, claim), .answer = stored_answer_of}));
  EXPECT_TRUE(fails_with(begin(store_->idempotency(), kKey), ErrorKind::conflict));
  ASSERT_TRUE(succeeds(release(store_->idempotency(), claimed(kKey, claim), Effect::possible)));
  EXPECT_EQ(begin(store_->idempotency(), kKey)->answer.code, 201);
}

TEST_P(IdempotencyStoreContract, AnswersExpireAfterADayAndTheKeyCanBeUsedAgain) {
  auto claim = begin(store_->idempotency(), kKey);
  ASSERT_TRUE(finish(store_->idempotency(), claimed(kKey, claim), {202, "old"}));
  clock_.advance(std::chrono::hours(24) - Duration{1});
  EXPECT_TRUE(is(begin(store_->idempotency(), kKey), Claim::State::answered));
  clock_.advance(Duration{1});
  const IdempotencyKey reused{kAcme, "order-17", "another"};
  claim = begin(store_->idempotency(), reused);
  ASSERT_TRUE(is(claim, Claim::State::fresh));
  ASSERT_TRUE(succeeds(finish(store_->idempotency(), claimed(reused, claim), {202, "new"})));
  EXPECT_EQ(begin(store_->idempotency(), reused)->answer.body, "new");
}

TEST_P(IdempotencyStoreContract, AnAnswerIsGivenBackWithItsHeaders) {
  const auto claim = begin(store_->idempotency(), kKey);
  const StoredAnswer answer{201, "{}", {{"Location", "/users/1"}, {"ETag", "\"1\""}}};
  ASSERT_TRUE(succeeds(finish(store_->idempotency(), claimed(kKey, claim), answer)));
  EXPECT_EQ(begin(store_->idempotency(), kKey)->answer.headers, answer.headers);
}

TEST_P(IdempotencyStoreContract, AnswersAndNotesSurviveAReopenAndOtherClaimsDoNot) {
  const IdempotencyKey plain{kAcme, "plain", "f"}, durable{kAcme, "durable", "f"};
  auto claim = begin(store_->idempotency(), kKey);
  ASSERT_TRUE(finish(store_->idempotency(), claimed(kKey, claim), {202, "{}"}));
  ASSERT_TRUE(is(begin(store_->idempotency(), plain), Claim::State::fresh));
  const Timestamp began = clock_.now();
  claim = begin_durable(store_->idempotency(), durable);
  ASSERT_TRUE(is(claim, Claim::State::fresh));
  EXPECT_EQ(claim->began, began);
  clock_.advance(kClaimLease);
  store_->reopen();
  EXPECT_TRUE(is(begin(store_->idempotency(), kKey), Claim::State::answered));
  EXPECT_TRUE(is(begin(store_->idempotency(), plain), Claim::State::fresh));
  EXPECT_TRUE(is(begin(store_->idempotency(), {kGlobex, "durable", "f"}), Claim::State::fresh));
  claim = begin_durable(store_->idempotency(), durable);
  ASSERT_TRUE(is(claim, Claim::State::interrupted));
  EXPECT_EQ(claim->began, began);
  EXPECT_TRUE(fails_with(begin(store_->idempotency(), durable), ErrorKind::conflict))
      << "an interrupted claim is a claim";
}

TEST_P(IdempotencyStoreContract, ANoteGoesWithAFinishAndWithAReleaseOfWorkThatHadNoEffect) {
  auto claim = begin_durable(store_->idempotency(), kKey);
  const Timestamp began = claim->began;
  ASSERT_TRUE(succeeds(release(store_->idempotency(), claimed(kKey, claim), Effect::possible)));
  clock_.advance(Duration{7});
  claim = begin_durable(store_->idempotency(), kKey);
  ASSERT_TRUE(is(claim, Claim::State::interrupted)) << "its work may have been done";
  EXPECT_EQ(claim->began, began);
  ASSERT_TRUE(succeeds(release(store_->idempotency(), claimed(kKey, claim), Effect::none)));
  claim = begin_durable(store_->idempotency(), kKey);
  ASSERT_TRUE(is(claim, Claim::State::fresh));
  EXPECT_EQ(claim->began, began + Duration{7});
  ASSERT_TRUE(succeeds(finish(store_->idempotency(), claimed(kKey, claim), {202, "{}"})));
  EXPECT_TRUE(is(begin_durable(store_->idempotency(), kKey), Claim::State::answered));
}

TEST_P(IdempotencyStoreContract, AClaimIsTakenOverOnceItsLeaseHasPassedAndNotBefore) {
  const Timestamp began = clock_.now();
  const auto first = begin_durable(store_->idempotency(), kKey);
  clock_.advance(kClaimLease - Duration{1});
  EXPECT_TRUE(fails_with(begin_durable(store_->idempotency(), kKey), ErrorKind::conflict));
  clock_.advance(Duration{1});
  const auto second = begin_durable(store_->idempotency(), kKey);
  ASSERT_TRUE(is(second, Claim::State::interrupted));
  EXPECT_EQ(second->began, began);
  EXPECT_NE(second->token, first->token);
  EXPECT_TRUE(fails_with(begin_durable(store_->idempotency(), kKey), ErrorKind::conflict))
      << "it has a lease of its own";
}

TEST_P(IdempotencyStoreContract, AClaimThatNobodyTookOverIsGoodBeyondItsLease) {
  const auto claim = begin(store_->idempotency(), kKey);
  clock_.advance(2 * kClaimLease);
  EXPECT_TRUE(succeeds(finish(store_->idempotency(), claimed(kKey, claim), {202, "late"})));
  EXPECT_EQ(begin(store_->idempotency(), kKey)->answer.body, "late");
}

// One that was stopped beyond its lease and goes on.
TEST_P(IdempotencyStoreContract, WhoseClaimWasTakenOverEndsAndAnswersNothing) {
  for (const bool durable : {false, true}) {
    const IdempotencyKey key{kAcme, durable ? "durable" : "plain", "f"};
    const auto zombie = begin(store_->idempotency(), key, durable);
    clock_.advance(kClaimLease);
    const auto heir = begin(store_->idempotency(), key, durable);
    const auto changes_nothing = [&] {
      for (const Effect effect : {Effect::none, Effect::possible}) {
        EXPECT_TRUE(fails_with(release(store_->idempotency(), claimed(key, zombie), effect),
                               ErrorKind::conflict));
      }
      EXPECT_TRUE(fails_with(finish(store_->idempotency(), claimed(key, zombie), {202, "zombie"}),
                             ErrorKind::conflict));
    };
    changes_nothing();
    EXPECT_TRUE(fails_with(begin(store_->idempotency(), key, durable), ErrorKind::conflict))
        << "the heir's claim holds";
    ASSERT_TRUE(succeeds(finish(store_->idempotency(), claimed(key, heir), {202, "heir"})));
    changes_nothing();
    EXPECT_EQ(begin(store_->idempotency(), key)->answer.body, "heir");
  }
}

TEST_P(IdempotencyStoreContract, WhoseClaimWasTakenOverLeavesTheNoteOfTheOneThatHasIt) {
  const auto zombie = begin_durable(store_->idempotency(), kKey);
  clock_.advance(kClaimLease);
  ASSERT_TRUE(is(begin_durable(store_->idempotency(), kKey), Claim::State::interrupted));
  EXPECT_TRUE(fails_with(release(store_->idempotency(), claimed(kKey, zombie), Effect::none),
                         ErrorKind::conflict));
  store_->reopen();
  const auto found = begin_durable(store_->idempotency(), kKey);
  ASSERT_TRUE(is(found, Claim::State::interrupted));
  EXPECT_EQ(found->began, zombie->began);
}

TEST_P(IdempotencyStoreContract, WhoseClaimWasTakenOverChangesNoUser) {
  const auto zombie = begin(store_->idempotency(), kKey);
  clock_.advance(kClaimLease);
  const auto heir = begin(store_->idempotency(), kKey);
  const auto make = [&](const Result<Claim>& claim, const std::string& email) {
    return create(store_->users(), kAcme, email, email,
                  {.claim = claimed(kKey, claim), .answer = stored_answer_of});
  };
  EXPECT_TRUE(fails_with(make(zombie, "zombie@acme.dev"), ErrorKind::conflict));
  ASSERT_TRUE(succeeds(make(heir, "heir@acme.dev")));
  EXPECT_TRUE(fails_with(make(zombie, "zombie@acme.dev"), ErrorKind::conflict));
  ASSERT_TRUE(succeeds(release(store_->idempotency(), claimed(kKey, heir))));
  EXPECT_TRUE(fails_with(make(zombie, "zombie@acme.dev"), ErrorKind::conflict));
  EXPECT_TRUE(fails_with(make(heir, "heir-again@acme.dev"), ErrorKind::conflict));
  const auto users = store_->users().list(kAcme, 0, 10, {}).value();
  ASSERT_EQ(users.size(), 1u);
  EXPECT_EQ(users[0].id, 1);
  EXPECT_EQ(store_->outbox().size(), 1);
  EXPECT_EQ(begin(store_->idempotency(), kKey)->answer.body, "heir@acme.dev");
}

// Its change was in the queue when the lease passed, and is committed in front of the heir's.
TEST_P(IdempotencyStoreContract, OfTwoThatBothHeldTheKeyOneHasAnEffect) {
  for (int round = 0; round < 50; ++round) {
    const IdempotencyKey key{kAcme, "key-" + std::to_string(round), "f"};
    const auto first = begin(store_->idempotency(), key);
    std::atomic<int> made{0};
    const auto make = [&](const Result<Claim>& claim, const std::string& who) {
      made += create(store_->users(), kAcme, who + std::to_string(round) + "@acme.dev", who,
                     {.claim = claimed(key, claim), .answer = stored_answer_of})
                  .has_value();
    };
    std::thread slow([&] { make(first, "slow"); });
    clock_.advance(kClaimLease);
    const auto second = begin(store_->idempotency(), key);
    if (second && second->state == Claim::State::fresh) make(second, "quick");
    slow.join();
    EXPECT_EQ(made, 1) << round;
  }
  EXPECT_EQ(store_->users().list(kAcme, 0, 1'000, {})->size(), 50u);
}

TEST_P(IdempotencyStoreContract, OfManyClaimantsExactlyOneWorksAndAllGetItsAnswer) {
  for (const bool durable : {false, true}) {
    const IdempotencyKey key{kAcme, durable ? "durable" : "plain", "f"};
    constexpr int kThreads = 8;
    std::atomic<int> worked{0}, answered{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        while (true) {
          const auto begun = begin(store_->idempotency(), key, durable);
          if (!begun) continue;  // held by another: only for as long as its commit takes
          if (begun->state == Claim::State::answered) {
            answered += begun->answer.body != "";
            return;
          }
          ++worked;
          ASSERT_TRUE(finish(store_->idempotency(), claimed(key, begun), {202, std::to_string(t)}));
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(worked, 1);
    EXPECT_EQ(answered, kThreads);
  }
}

}  // namespace mesh::test
