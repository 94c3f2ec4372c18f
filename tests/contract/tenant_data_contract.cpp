#include "tests/contract/tenant_data_contract.h"

#include <gmock/gmock.h>

namespace mesh::test {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const ErasureTarget kAllOfAcme{kAcme}, kAllOfGlobex{kGlobex}, kUserOfAcme{kAcme, "1"};
const Parker kParksOfTenants{"search", "one"}, kOther{"chemical", "one"};
const IdempotencyKey kKey{kAcme, "key", "fingerprint"};

AnalyticsEvent analytics(std::string id, const TenantId& tenant, std::string user,
                         std::string type) {
  return {std::move(id),      "/app",          tenant,
          std::move(user),    std::move(type), "2026-01-01T10:00:00Z",
          {{"page", "/home"}}};
}

ChemicalEvent chemical(std::string id, const TenantId& tenant, std::string researcher) {
  return {std::move(id),
          "/lab",
          tenant,
          "H2O",
          std::move(researcher),
          "2026-01-01T10:00:00Z",
          {{"formula", "H2O"}},
          Json::object()};
}

ParkedEvent parked(std::string topic, std::int64_t offset, const TenantId& tenant) {
  return {{{std::move(topic), 0, offset}, Timestamp{}, key_of(tenant, "1"), "{}", {}},
          1,
          Timestamp{},
          "unavailable",
          "connection refused",
          {}};
}

using Counts = std::map<std::string, std::int64_t>;

// Of the tenant's own, so that those of two do not meet.
std::int64_t offset_of(const TenantId& tenant) {
  return tenant == kAcme ? 17 : tenant == kGlobex ? 18 : 19;
}

Counts of_a_tenant(std::int64_t users, std::int64_t waiting, std::int64_t activity,
                   std::int64_t parked, std::int64_t answers) {
  return {{"store/users", users},    {"store/outbox", waiting},      {"store/activity", activity},
          {"store/retries", parked}, {"store/idempotency", answers}, {"store/usage", 3},
          {"store/keys", 1}};
}

}  // namespace

void TenantDataContract::record(std::vector<AnalyticsEvent> events) {
  ASSERT_TRUE(succeeds(store_->analytics().record(events, {})));
}

void TenantDataContract::fill(const TenantId& tenant) {
  for (const char* email : {"a@x.dev", "b@x.dev", "c@x.dev"}) {
    ASSERT_TRUE(succeeds(create(store_->users(), tenant, email)));
  }
  record({analytics("e1", tenant, "1", "click"), analytics("e2", tenant, "1", "click"),
          analytics("e3", tenant, "1", "view"), analytics("e4", tenant, "2", "click")});
  const auto experiment = chemical("e1", tenant, "1");
  ASSERT_TRUE(succeeds(store_->chemical().record(std::span(&experiment, 1), {})));
  const auto of_user = parked("user.events", offset_of(tenant), tenant);
  const auto of_molecule = parked("chemical.events", offset_of(tenant), tenant);
  ASSERT_TRUE(succeeds(store_->retries().park(kParksOfTenants, std::span(&of_user, 1))));
  ASSERT_TRUE(succeeds(store_->retries().park(kOther, std::span(&of_molecule, 1))));
  const IdempotencyKey key{tenant, kKey.key, kKey.fingerprint};
  const auto claim = begin(store_->idempotency(), key);
  ASSERT_TRUE(succeeds(claim));
  ASSERT_TRUE(succeeds(wait_for<void>([&](auto done) {
    store_->idempotency().finish(claimed(key, claim), {201, "{}"}, std::move(done));
  })));
  UsageIncrement increment{"i1", tenant, clock_.now(), clock_.now() - std::chrono::minutes{1}};
  increment.amounts[UsageKind::events] = 4;
  ASSERT_TRUE(
      succeeds(store_->stores().usage().record(std::span(&increment, 1), {}, clock_.now())));
  ASSERT_TRUE(succeeds(store_->stores().keys().get_or_insert({tenant.str(), tenant, "wrapped"})));
}

std::map<std::string, std::int64_t> TenantDataContract::kept(const ErasureTarget& target) {
  std::map<std::string, std::int64_t> counts;
  const auto parts = data().count(target);
  EXPECT_TRUE(succeeds(parts));
  for (const KeptPart& part : parts.value_or(std::vector<KeptPart>{})) {
    counts[part.place] = part.count;
    EXPECT_EQ(part.remains, part.place == "store/usage" ? kUsageRemains : "") << part.place;
  }
  return counts;
}

std::int64_t TenantDataContract::erase(const ErasureTarget& target, std::string_view place,
                                       int limit) {
  std::int64_t all = 0;
  for (;;) {
    const auto erased = data().erase(target, place, limit);
    EXPECT_TRUE(succeeds(erased)) << place;
    if (erased.value_or(0) == 0) return all;
    EXPECT_LE(*erased, limit) << place;
    all += *erased;
  }
}

void TenantDataContract::erase_all(const ErasureTarget& target) {
  for (const char* place :
       {"store/users", "store/outbox", "store/activity", "store/retries", "store/idempotency"}) {
    erase(target, place);
  }
}

TEST_P(TenantDataContract, EachPartIsCountedOfATenantAndOfAUser) {
  fill(kAcme);
  fill(kGlobex);
  EXPECT_THAT(kept(kAllOfAcme), Eq(of_a_tenant(3, 3, 5, 2, 1)));
  EXPECT_THAT(kept(kUserOfAcme),
              UnorderedElementsAre(Pair("store/users", 1), Pair("store/outbox", 1),
                                   Pair("store/activity", 3), Pair("store/retries", 1),
                                   Pair("store/idempotency", 0)));
}

TEST_P(TenantDataContract, ADroppedKeyIsCountedNoMore) {
  fill(kAcme);
  fill(kGlobex);
  ASSERT_TRUE(succeeds(store_->stores().keys().drop(kAcme)));
  EXPECT_EQ(kept(kAllOfAcme)["store/keys"], 0);
  EXPECT_EQ(kept(kAllOfGlobex)["store/keys"], 1);
}

TEST_P(TenantDataContract, ATenantThatWasNeverSeenHasNothing) {
  fill(kAcme);
  for (const auto& [place, count] : kept({tenant("never-seen")})) EXPECT_EQ(count, 0) << place;
  erase_all({tenant("never-seen")});
  EXPECT_THAT(kept(kAllOfAcme), Eq(of_a_tenant(3, 3, 5, 2, 1)));
}

TEST_P(TenantDataContract, WhatIsErasedOfOneTenantLeavesAnothersAlone) {
  fill(kAcme);
  fill(kGlobex);
  // Of a tenant whose name begins alike.
  const TenantId alike = tenant("acme-2");
  fill(alike);
  erase_all(kAllOfAcme);
  for (const bool reopened : {false, true}) {
    if (reopened) store_->reopen();
    EXPECT_THAT(kept(kAllOfAcme), Eq(of_a_tenant(0, 0, 0, 0, 0)));
    EXPECT_THAT(kept(kAllOfGlobex), Eq(of_a_tenant(3, 3, 5, 2, 1)));
    EXPECT_THAT(kept({alike}), Eq(of_a_tenant(3, 3, 5, 2, 1)));
    EXPECT_EQ(store_->outbox().size(), 6);
  }
}

TEST_P(TenantDataContract, NobodyFindsWhatWasErased) {
  fill(kAcme);
  fill(kGlobex);
  erase_all(kAllOfAcme);
  EXPECT_THAT(store_->users().list(kAcme, 0, 10, std::nullopt).value(), IsEmpty());
  EXPECT_THAT(store_->users().everywhere("a@x.dev", 10).value(), SizeIs(1));
  const auto entries = waiting(store_->outbox()).value();
  ASSERT_THAT(entries, SizeIs(3));
  for (const auto& entry : entries) EXPECT_EQ(tenant_of_key(entry.record.key), "globex");
  EXPECT_TRUE(fails_with(store_->analytics().summary(kAcme, "1"), ErrorKind::not_found));
  EXPECT_TRUE(fails_with(store_->chemical().summary(kAcme, "1"), ErrorKind::not_found));
  EXPECT_EQ(store_->analytics().summary(kGlobex, "1")->total_events, 3);
  EXPECT_THAT(store_->retries().parked_keys("search").value(), SizeIs(1));
  EXPECT_TRUE(is(begin(store_->idempotency(), kKey), Claim::State::fresh));
}

TEST_P(TenantDataContract, OfAUserNothingOfAnothersGoes) {
  fill(kAcme);
  fill(kGlobex);
  erase_all(kUserOfAcme);
  for (const auto& [place, count] : kept(kUserOfAcme)) EXPECT_EQ(count, 0) << place;
  EXPECT_THAT(kept(kAllOfAcme), Eq(of_a_tenant(2, 2, 2, 1, 1)));
  EXPECT_THAT(kept(kAllOfGlobex), Eq(of_a_tenant(3, 3, 5, 2, 1)));
  EXPECT_TRUE(fails_with(store_->users().get(kAcme, 1), ErrorKind::not_found));
  EXPECT_EQ(store_->analytics().summary(kAcme, "2")->total_events, 1);
  // The same name is another's there: a researcher's, a molecule's.
  EXPECT_EQ(store_->chemical().summary(kAcme, "1")->total_experiments, 1);
  EXPECT_TRUE(store_->retries().find("chemical", {"chemical.events", 0, 17})->has_value());
  EXPECT_FALSE(store_->retries().find("search", {"user.events", 0, 17})->has_value());
}

TEST_P(TenantDataContract, ABatchTakesItsLimitAndWhatItCountedFor) {
  fill(kAcme);
  EXPECT_EQ(data().erase(kUserOfAcme, "store/activity", 2).value(), 2);
  const auto left = store_->analytics().summary(kAcme, "1");
  ASSERT_TRUE(succeeds(left));
  EXPECT_EQ(left->total_events, 1);
  EXPECT_THAT(left->event_types, ElementsAre(Pair(left->recent_events.at(0).event_type, 1)));
  EXPECT_EQ(data().erase(kUserOfAcme, "store/activity", 2).value(), 1);
  EXPECT_TRUE(fails_with(store_->analytics().summary(kAcme, "1"), ErrorKind::not_found));
  EXPECT_EQ(data().erase(kUserOfAcme, "store/activity", 2).value(), 0);
  // Whoever comes back counts anew, and under the ids of before.
  record({analytics("e1", kAcme, "1", "click")});
  EXPECT_EQ(store_->analytics().summary(kAcme, "1")->total_events, 1);
}

TEST_P(TenantDataContract, ANameWhoseEventsWereAnothersGoesToo) {
  record({analytics("e1", kAcme, "1", "click")});
  record({analytics("e1", kAcme, "2", "click")});
  const ErasureTarget nameless{kAcme, "2"};
  EXPECT_EQ(kept(nameless)["store/activity"], 1);
  EXPECT_EQ(erase(nameless, "store/activity"), 1);
  EXPECT_EQ(store_->analytics().summary(kAcme, "1")->total_events, 1);
  record({analytics("e1", kAcme, "2", "click")});
  EXPECT_EQ(erase(kAllOfAcme, "store/activity", 1), 2);
}

TEST_P(TenantDataContract, AnAnswerThatHoldsAUserGoesWithIt) {
  fill(kAcme);
  const IdempotencyKey key{kAcme, "create", "f"};
  const ClaimedKey claim = claimed(key, begin(store_->idempotency(), key));
  const auto made = create(store_->users(), kAcme, "d@x.dev", "Dora",
                           {.claim = claim, .answer = [](const ChangedUser& user) {
                              return StoredAnswer{201, user.email, {}};
                            }});
  ASSERT_TRUE(succeeds(made));
  store_->idempotency().release(claim, Effect::possible, [](const Status&) {});
  ASSERT_TRUE(is(begin(store_->idempotency(), key), Claim::State::answered));
  const ErasureTarget dora{kAcme, std::to_string(made->id)};
  EXPECT_EQ(kept(dora)["store/idempotency"], 1);
  EXPECT_EQ(kept(kUserOfAcme)["store/idempotency"], 0);
  EXPECT_EQ(kept(kAllOfAcme)["store/idempotency"], 2);
  erase(kUserOfAcme, "store/idempotency");
  EXPECT_EQ(kept(dora)["store/idempotency"], 1) << "it is not that user's";
  EXPECT_EQ(erase(dora, "store/idempotency"), 1);
  EXPECT_TRUE(is(begin(store_->idempotency(), key), Claim::State::fresh));
  EXPECT_TRUE(is(begin(store_->idempotency(), kKey), Claim::State::answered));
}

TEST_P(TenantDataContract, AParkedEventUnderAnothersKeyIsTheTenantsThatItNames) {
  fill(kAcme);
  ParkedEvent named = parked("analytics.events", 40, kGlobex), told = named;
  named.record.headers = {{"ce_tenantid", "acme"}, {"ce_subject", "1"}};
  named.record.key = told.record.key = "some/key";
  told.record.position.offset = 41;
  told.record.value = R"({"tenantId":"acme","user_id":"2","event_type":"click"})";
  const ParkedEvent both[] = {named, told};
  ASSERT_TRUE(succeeds(store_->retries().park(kSearch, both)));
  EXPECT_EQ(kept(kAllOfAcme)["store/retries"], 4);
  EXPECT_EQ(kept(kUserOfAcme)["store/retries"], 2);
  EXPECT_EQ(kept(kAllOfGlobex)["store/retries"], 0);
  EXPECT_EQ(erase(kUserOfAcme, "store/retries"), 2);
  EXPECT_EQ(erase(kAllOfAcme, "store/retries", 1), 2);
  EXPECT_EQ(kept(kAllOfAcme)["store/retries"], 0);
}

TEST_P(TenantDataContract, ASubjectIsFoundHoweverItsNameWasSpelt) {
  record({analytics("e1", kAcme, "Jose\u0301", "click")});
  EXPECT_EQ(erase({kAcme, "Jos\u00e9"}, "store/activity"), 1);
  record({analytics("e2", kAcme, "Jos\u00e9", "click")});
  EXPECT_EQ(erase({kAcme, "Jose\u0301"}, "store/activity"), 1);
}

TEST_P(TenantDataContract, OnlyAnIdNamesAUser) {
  fill(kAcme);
  for (const char* subject : {"0", "01", "one", "", "1 ", "99"}) {
    EXPECT_EQ(erase({kAcme, subject}, "store/idempotency"), 0) << subject;
    EXPECT_EQ(erase({kAcme, subject}, "store/users"), 0) << subject;
    EXPECT_EQ(erase({kAcme, subject}, "store/outbox"), 0) << subject;
  }
  EXPECT_THAT(kept(kAllOfAcme), Eq(of_a_tenant(3, 3, 5, 2, 1)));
}

TEST_P(TenantDataContract, AnErasedUsersAddressIsFreeAndItsIdIsNot) {
  fill(kAcme);
  erase(kAllOfAcme, "store/users");
  store_->reopen();
  const auto created = create(store_->users(), kAcme, "a@x.dev");
  ASSERT_TRUE(succeeds(created));
  EXPECT_EQ(created->id, 4);
}

TEST_P(TenantDataContract, WhatIsNoPartOrRemainsIsInvalid) {
  fill(kAcme);
  for (const char* place :
       {"store/usage", "store/keys", "store/tasks", "store/tenants", "users", ""}) {
    EXPECT_TRUE(fails_with(data().erase(kAllOfAcme, place, 10), ErrorKind::invalid)) << place;
  }
  for (const char* place : {"store/usage", "store/keys"}) {
    EXPECT_TRUE(fails_with(data().erase(kUserOfAcme, place, 10), ErrorKind::invalid)) << place;
  }
  EXPECT_THAT(kept(kAllOfAcme), Eq(of_a_tenant(3, 3, 5, 2, 1)));
}

}  // namespace mesh::test
