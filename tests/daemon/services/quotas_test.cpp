#include "daemon/services/quotas.h"

#include <gtest/gtest.h>

#include "common/base/time.h"
#include "common/engines/memory/memory_limiter.h"
#include "common/http/message.h"
#include "daemon/services/admission.h"
#include "tests/support/fake_tenants.h"
#include "tests/support/manual_clock.h"

namespace mesh::services {
namespace {

constexpr QuotaKeeper::Cost kEvent{.events = 1, .bytes = 10};

class QuotaService : public testing::Test {
 protected:
  // The stores answer what `stored_` says, or fail.
  void open(const Quotas& quotas) {
    Tenant acme{.id = acme_, .name = "Acme", .rate_limits = {}};
    acme.quotas = quotas;
    store_.put(acme);
    directory_.emplace(store_, std::map<std::string, RatePolicy>{}, clock_);
    keeper_.emplace(
        *directory_,
        [this](const TenantId&, const Quotas& wanted, Timestamp) -> Result<QuotaUse> {
          asked_for_users_ = wanted.contains(Quota::stored_users);
          if (broken_) return fail(ErrorKind::unavailable, "the store is down");
          return stored_;
        },
        usage_, clock_, metrics_);
  }
  std::int64_t used(Quota quota) {
    const auto states = keeper_->states(acme_);
    if (!states) return -1;
    for (const auto& state : *states) {
      if (state.quota == quota) return state.used;
    }
    return -1;
  }
  // Of what is known to have come to be.
  Status take(const QuotaKeeper::Cost& cost) {
    auto taken = MESH_TRY(keeper_->take(user_, cost));
    taken.settle(cost);
    return {};
  }

  ManualClock clock_;
  Metrics metrics_;
  Usage usage_{clock_};
  test::FakeTenants store_;
  QuotaUse stored_{};
  std::atomic<bool> broken_ = false;
  std::atomic<bool> asked_for_users_ = true;  // at the last reading
  std::optional<TenantDirectory> directory_;
  std::optional<QuotaKeeper> keeper_;
  const TenantId acme_ = *TenantId::parse("acme");
  const Principal user_{Principal::Kind::tenant_user, acme_, "u"};
  const Principal operator_{Principal::Kind::operator_for_tenant, acme_, "operator"};
};

TEST_F(QuotaService, RefusesWhatIsOverWithItsNameAndItsEnd) {
  open({{Quota::events_per_day, 3}});
  EXPECT_TRUE(take({.events = 2, .bytes = 1'000'000}));
  // All of it or nothing.
  const auto denied = take({.events = 2});
  ASSERT_FALSE(denied);
  const Error& error = denied.error();
  EXPECT_EQ(error.kind, ErrorKind::rate_limited);
  ASSERT_TRUE(error.used_up);
  EXPECT_EQ(error.used_up->policy, "events_per_day");
  EXPECT_EQ(error.used_up->limit, 3);
  const auto ends = parse_rfc3339(error.used_up->ends);
  ASSERT_TRUE(ends);
  EXPECT_EQ(*ends, period_of(Quota::events_per_day, clock_.now())->ends);
  EXPECT_EQ(error.retry_after, std::chrono::ceil<Duration>(*ends - clock_.now()));
  EXPECT_TRUE(take({.events = 1}));
  const auto answer = http::Response::problem(error);
  EXPECT_EQ(answer.status, 429);
  const Json problem = parse_json(answer.body).value();
  EXPECT_EQ(problem["violated-policies"], Json::array({"events_per_day"}));
  EXPECT_EQ(problem["limit"], 3);
  EXPECT_EQ(problem["ends"], error.used_up->ends);
}

TEST_F(QuotaService, BeginsAnewWithTheNextDay) {
  open({{Quota::bytes_per_day, 10}});
  EXPECT_TRUE(take(kEvent));
  EXPECT_FALSE(take(kEvent));
  stored_[static_cast<std::size_t>(Quota::bytes_per_day)] = 0;
  clock_.advance(std::chrono::duration_cast<Duration>(
      period_of(Quota::bytes_per_day, clock_.now())->ends - clock_.now()));
  EXPECT_TRUE(take(kEvent));
  EXPECT_FALSE(take(kEvent));
}

TEST_F(QuotaService, CountsWhatTheStoresKnewFirstAndWhatWasTakenSince) {
  of(stored_, Quota::events_per_day) = 5;
  open({{Quota::events_per_day, 8}});
  EXPECT_EQ(used(Quota::events_per_day), 5);
  EXPECT_TRUE(take({.events = 2}));
  EXPECT_EQ(used(Quota::events_per_day), 7);
  // What this process took comes into the stores, and counts once.
  of(stored_, Quota::events_per_day) = 7;
  EXPECT_EQ(used(Quota::events_per_day), 7);
  // Another process took more.
  of(stored_, Quota::events_per_day) = 8;
  EXPECT_EQ(used(Quota::events_per_day), 8);
  EXPECT_FALSE(take(kEvent));
}

TEST_F(QuotaService, ALevelIsWhatTheStoreSaysAndWhatCameSince) {
  of(stored_, Quota::stored_users) = 1;
  open({{Quota::stored_users, 2}});
  EXPECT_EQ(used(Quota::stored_users), 1);
  EXPECT_TRUE(take({.events = 1, .users = 1}));
  const auto denied = take({.events = 1, .users = 1});
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().used_up->ends, "");
  EXPECT_TRUE(take({.events = 1})) << "what stores no user passes";
  of(stored_, Quota::stored_users) = 0;  // they were deleted
  EXPECT_EQ(used(Quota::stored_users), 0);
  EXPECT_TRUE(take({.events = 1, .users = 1}));
}

TEST_F(QuotaService, TokensEndWhatEmbeds) {
  open({{Quota::embedding_tokens_per_month, 100}});
  EXPECT_EQ(used(Quota::embedding_tokens_per_month), 0);
  usage_.add("acme", {{Use::embedding_tokens, 120}});
  EXPECT_EQ(used(Quota::embedding_tokens_per_month), 120);
  EXPECT_TRUE(take(kEvent));
  EXPECT_FALSE(take({.embeds = true}));
  // Not all of a scope embeds: it is the search itself that asks.
  const auto limiter = memory::make_limiter(clock_);
  Admission admission(*limiter, *directory_, true, clock_, metrics_, &*keeper_);
  const auto taken = admission.take(acme_, "search", 1, {});
  ASSERT_TRUE(taken);
  EXPECT_TRUE(*taken);
  const auto within = admission.spend(user_, {.embeds = true});
  ASSERT_FALSE(within);
  EXPECT_EQ(within.error().used_up->policy, "embedding_tokens_per_month");
}

TEST_F(QuotaService, ABudgetOfChatsRefusesNoRequestAndSaysWhenItBeginsAnew) {
  const auto until = [&] { return keeper_->used_up_until(acme_, Quota::chat_tokens_per_day); };
  open({{Quota::chat_tokens_per_day, 100}});
  EXPECT_EQ(used(Quota::chat_tokens_per_day), 0);
  usage_.add("acme", {{Use::chat_tokens, 99}});
  EXPECT_FALSE(until());
  usage_.add("acme", {{Use::chat_tokens, 1}});
  const auto ends = period_of(Quota::chat_tokens_per_day, clock_.now())->ends;
  EXPECT_EQ(until(), ends) << "at once, whatever was read last";
  EXPECT_TRUE(take(kEvent));
  EXPECT_TRUE(take({.embeds = true}));
  clock_.advance(std::chrono::duration_cast<Duration>(ends - clock_.now()));
  EXPECT_FALSE(until());
  usage_.add("acme", {{Use::chat_tokens, 100}});
  EXPECT_TRUE(until());
}

TEST_F(QuotaService, ABudgetCountsWhatOtherProcessesPaidFor) {
  open({{Quota::chat_tokens_per_day, 100}});
  of(stored_, Quota::chat_tokens_per_day) = 100;
  EXPECT_EQ(used(Quota::chat_tokens_per_day), 100);
  EXPECT_TRUE(keeper_->used_up_until(acme_, Quota::chat_tokens_per_day));
}

// A budget of 200 let 480 tokens through over a restart: the use before came into the store once
// the first reading was made, and was taken for this process's own.
TEST_F(QuotaService, WhatTheProcessBeforeUsedCountsAlsoWhereItComesLate) {
  open({{Quota::chat_tokens_per_day, 500}, {Quota::events_per_day, 10}});
  of(stored_, Quota::chat_tokens_per_day) = 240;
  of(stored_, Quota::events_per_day) = 4;
  EXPECT_EQ(used(Quota::chat_tokens_per_day), 240);
  usage_.add("acme", {{Use::chat_tokens, 240}});
  EXPECT_TRUE(take({.events = 4}));
  EXPECT_EQ(used(Quota::chat_tokens_per_day), 480);
  EXPECT_EQ(used(Quota::events_per_day), 8);
  // What this process took comes into the store, and counts once.
  of(stored_, Quota::chat_tokens_per_day) = 480;
  of(stored_, Quota::events_per_day) = 8;
  EXPECT_EQ(used(Quota::chat_tokens_per_day), 480);
  EXPECT_EQ(used(Quota::events_per_day), 8);
}

TEST_F(QuotaService, ABudgetIsReadBeforeAnythingIsAsked) {
  of(stored_, Quota::chat_tokens_per_day) = 240;
  open({{Quota::chat_tokens_per_day, 200}});
  EXPECT_TRUE(keeper_->used_up_until(acme_, Quota::chat_tokens_per_day));
}

// `mesh tenants get` showed 0 of 600 tokens: what was used before the first reading was left out
// until the store had it.
TEST_F(QuotaService, WhatThisProcessUsedBeforeThereWasAQuotaCountsAtOnce) {
  usage_.add("acme", {{Use::events, 3}, {Use::bytes, 30}, {Use::embedding_tokens, 5}});
  usage_.add("acme", {{Use::chat_tokens, 600}});
  open({});
  Tenant acme{.id = acme_, .name = "Acme", .rate_limits = {}};
  acme.quotas = {{Quota::events_per_day, 3},
                 {Quota::bytes_per_day, 30},
                 {Quota::embedding_tokens_per_month, 5},
                 {Quota::chat_tokens_per_day, 200}};
  store_.put(acme);
  directory_->note_change(acme_);
  EXPECT_TRUE(keeper_->used_up_until(acme_, Quota::chat_tokens_per_day));
  EXPECT_FALSE(take({.events = 1}));
  EXPECT_FALSE(take({.bytes = 1}));
  EXPECT_FALSE(take({.embeds = true}));
  EXPECT_EQ(used(Quota::chat_tokens_per_day), 600);
  EXPECT_EQ(used(Quota::embedding_tokens_per_month), 5);
  EXPECT_EQ(used(Quota::events_per_day), 3);
  EXPECT_EQ(used(Quota::bytes_per_day), 30);
}

TEST_F(QuotaService, ANewQuotaIsReadBeforeAnythingIsAsked) {
  open({});
  of(stored_, Quota::chat_tokens_per_day) = 240;
  Tenant acme{.id = acme_, .name = "Acme", .rate_limits = {}};
  acme.quotas = {{Quota::chat_tokens_per_day, 200}};
  store_.put(acme);
  directory_->note_change(acme_);
  EXPECT_TRUE(keeper_->used_up_until(acme_, Quota::chat_tokens_per_day));
}

TEST_F(QuotaService, TokensEndWhatEmbedsWithoutAnotherReading) {
  open({{Quota::embedding_tokens_per_month, 100}});
  EXPECT_TRUE(take({.embeds = true}));
  usage_.add("acme", {{Use::embedding_tokens, 100}});
  EXPECT_FALSE(take({.embeds = true}));
}

// The keeper has seen nothing of the tenant before.
TEST_F(QuotaService, WhatWasUsedTheDayBeforeDoesNotCount) {
  open({});
  usage_.add("acme", {{Use::events, 3}, {Use::chat_tokens, 600}});
  clock_.advance(std::chrono::duration_cast<Duration>(
      period_of(Quota::chat_tokens_per_day, clock_.now())->ends - clock_.now()));
  EXPECT_TRUE(take(kEvent)) << "of no quota";
  EXPECT_EQ(keeper_->states(acme_)->size(), 0u);
  Tenant globex{.id = *TenantId::parse("globex"), .name = "Globex", .rate_limits = {}};
  globex.quotas = {{Quota::events_per_day, 1}};
  store_.put(globex);
  directory_->note_change(globex.id);
  EXPECT_TRUE(keeper_->states(globex.id)) << "the day begins for all tenants";
  Tenant acme{.id = acme_, .name = "Acme", .rate_limits = {}};
  acme.quotas = {{Quota::events_per_day, 2}, {Quota::chat_tokens_per_day, 200}};
  store_.put(acme);
  directory_->note_change(acme_);
  usage_.add("acme", {{Use::events, 1}, {Use::chat_tokens, 199}});
  EXPECT_FALSE(keeper_->used_up_until(acme_, Quota::chat_tokens_per_day));
  EXPECT_EQ(used(Quota::chat_tokens_per_day), 199);
  EXPECT_EQ(used(Quota::events_per_day), 1);
}

TEST_F(QuotaService, WhoHasNoBudgetIsBoundByNone) {
  open({{Quota::events_per_day, 1}});
  usage_.add("acme", {{Use::chat_tokens, 1'000'000}});
  EXPECT_FALSE(keeper_->used_up_until(acme_, Quota::chat_tokens_per_day));
}

TEST_F(QuotaService, WhatCameToNothingIsGivenBack) {
  open({{Quota::events_per_day, 1}});
  auto taken = keeper_->take(user_, kEvent);
  ASSERT_TRUE(taken);
  EXPECT_FALSE(take(kEvent));
  taken->settle({});
  EXPECT_TRUE(take(kEvent));
}

// What nobody settled was in flight until the process ended.
TEST_F(QuotaService, WhatNobodySettledIsGivenBack) {
  open({{Quota::events_per_day, 1}});
  {
    auto first = keeper_->take(user_, kEvent);
    ASSERT_TRUE(first);
    const auto moved = *std::move(first);
    EXPECT_FALSE(take(kEvent));
  }
  EXPECT_EQ(used(Quota::events_per_day), 0);
  auto again = keeper_->take(user_, kEvent);
  ASSERT_TRUE(again);
  again->settle(kEvent);
  again->settle(kEvent);
  EXPECT_EQ(used(Quota::events_per_day), 1) << "settled once";
}

// It was taken without a quota, and nothing of it was in flight.
TEST_F(QuotaService, WhatWasTakenBeforeThereWasAQuotaCountsFromThenOn) {
  open({});
  auto before = keeper_->take(user_, kEvent);
  ASSERT_TRUE(before);
  Tenant acme{.id = acme_, .name = "Acme", .rate_limits = {}};
  acme.quotas = {{Quota::events_per_day, 2}};
  store_.put(acme);
  directory_->note_change(acme_);
  auto held = keeper_->take(user_, kEvent);
  ASSERT_TRUE(held);
  EXPECT_EQ(used(Quota::events_per_day), 1);
  before->settle(kEvent);
  EXPECT_EQ(used(Quota::events_per_day), 2);
  EXPECT_FALSE(take(kEvent));
}

// A reading of a level once took away what requests had taken that the store did not have yet:
// each request behind it passed.
TEST_F(QuotaService, WhatIsInFlightIsHeldWhateverTheStoresSay) {
  open({{Quota::stored_users, 2}});
  constexpr QuotaKeeper::Cost kUser{.users = 1};
  auto one = keeper_->take(user_, kUser), other = keeper_->take(user_, kUser);
  ASSERT_TRUE(one && other);
  EXPECT_EQ(used(Quota::stored_users), 2);
  EXPECT_FALSE(keeper_->take(user_, kUser));
  of(stored_, Quota::stored_users) = 1;
  one->settle(kUser);
  other->settle({});
  EXPECT_EQ(used(Quota::stored_users), 1);
  EXPECT_TRUE(take(kUser));
  EXPECT_FALSE(take(kUser));
}

TEST_F(QuotaService, OnlyWhatIsBoundedIsReadFromTheStores) {
  open({{Quota::events_per_day, 2}});
  EXPECT_EQ(used(Quota::events_per_day), 0);
  EXPECT_FALSE(asked_for_users_) << "nobody needs the users' number";
}

TEST_F(QuotaService, AnOperatorIsNotHeldAndCounts) {
  open({{Quota::events_per_day, 1}});
  const auto one = keeper_->take(operator_, kEvent), other = keeper_->take(operator_, kEvent);
  ASSERT_TRUE(one && other);
  EXPECT_EQ(used(Quota::events_per_day), 2);
  EXPECT_FALSE(take(kEvent));
}

TEST_F(QuotaService, WithoutTheStoresWhatThisProcessTookIsHeld) {
  broken_ = true;
  open({{Quota::events_per_day, 1}});
  EXPECT_TRUE(take(kEvent));
  EXPECT_FALSE(take(kEvent));
  EXPECT_FALSE(keeper_->states(acme_));
}

TEST_F(QuotaService, ATenantWithoutQuotasIsNotBounded) {
  open({});
  EXPECT_TRUE(take({.events = 1'000'000'000, .bytes = 1'000'000'000'000, .embeds = true}));
  EXPECT_EQ(keeper_->states(acme_)->size(), 0u);
}

}  // namespace
}  // namespace mesh::services
