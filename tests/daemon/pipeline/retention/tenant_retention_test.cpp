// The retention of tenants, over a log in memory and a clock that is moved.
#include "daemon/pipeline/retention/tenant_retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/pipeline/dead_letters/letter.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_leases.h"
#include "tests/support/fake_tenants.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kEvents = "analytics.events";
constexpr const char* kLetters = "analytics.events.dlq";

class TenantRetentionTest : public testing::Test {
 protected:
  TenantRetentionTest() {
    log.ensure("user.events", TopicKind::entity, 1);
    for (const char* topic : {kEvents, kLetters, "billing.events", "billing.events.dlq"}) {
      log.ensure(topic, TopicKind::activity, 1);
    }
    keep("acme", 48h);
  }
  void keep(const std::string& name, std::optional<Duration> age) {
    Tenant record{.id = tenant(name), .name = name, .rate_limits = {}};
    record.retention = age;
    tenants.put(std::move(record));
  }
  Position event(const std::string& id, const std::string& of = "acme",
                 const std::string& topic = kEvents) {
    Record record = to_record(analytics_event(id, "1", of));
    record.topic = topic;
    return log.append_now(std::move(record));
  }
  Position letter(const std::string& id, const std::string& of = "acme") {
    return event(id, of, kLetters);
  }
  void settle(const Position& unsettled) {
    const auto record = log.read({kLetters, 0}, unsettled.offset, {});
    // As every second read of the fake, it may have given nothing.
    if (record->records.empty()) return settle(unsettled);
    log.append_now(marker_of(record->records.front(), 1));
  }
  std::vector<std::string> left(const std::string& topic = kEvents) {
    std::vector<std::string> ids;
    for (const auto& record : log.records(topic)) {
      ids.emplace_back(is_marker(record) ? "marker" : find_header(record.headers, "ce_id"));
    }
    return ids;
  }
  TenantRetention made(const std::string& process = "one") {
    return TenantRetention({log, log, tenants, leases, clock, process});
  }
  void after(Duration time) {
    clock.advance(time);
    retention.round();
  }

  ManualClock clock;
  FakeEventLog log{clock};
  FakeTenants tenants;
  FakeLeaseStore leases{clock};
  TenantRetention retention = made();
};

TEST_F(TenantRetentionTest, TakesWhatIsOlderAndOfThatTenantAlone) {
  keep("globex", {});
  event("a1");
  event("g1", "globex");
  event("n1", "without-a-record");
  after(47h);
  EXPECT_THAT(left(), ElementsAre("a1", "g1", "n1"));
  event("a2");
  after(1h + 1ms);
  EXPECT_THAT(left(), ElementsAre("g1", "n1", "a2"));
}

TEST_F(TenantRetentionTest, EachTenantHasItsOwn) {
  keep("globex", 24h);
  event("a1");
  event("g1", "globex");
  after(25h);
  EXPECT_THAT(left(), ElementsAre("a1"));
  event("g2", "globex");
  after(25h);
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(TenantRetentionTest, EntitiesAndTheMeshsOwnAccountStay) {
  for (const char* topic : {"user.events", "billing.events", "billing.events.dlq"}) {
    event("of " + std::string(topic), "acme", topic);
  }
  after(100h);
  for (const char* topic : {"user.events", "billing.events", "billing.events.dlq"}) {
    EXPECT_THAT(left(topic), ElementsAre("of " + std::string(topic)));
  }
}

TEST_F(TenantRetentionTest, WhatAGroupHasNotCommittedWaitsForIt) {
  ASSERT_TRUE(log.ensure_group("slow", {kEvents}));
  ASSERT_TRUE(log.ensure_group("quick", {kEvents}));
  event("a1");
  event("a2");
  ASSERT_TRUE(log.seek_group("quick", {{{kEvents, 0}, 2}}));
  ASSERT_TRUE(log.seek_group("slow", {{{kEvents, 0}, 1}}));
  after(49h);
  EXPECT_THAT(left(), ElementsAre("a2"));
  ASSERT_TRUE(log.seek_group("slow", {{{kEvents, 0}, 2}}));
  retention.round();
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(TenantRetentionTest, LettersGoOnceTheyAreSettledAndThoseBeforeThemAre) {
  const auto first = letter("l1"), second = letter("l2");
  settle(second);
  const auto other = letter("g1", "globex");
  after(49h);
  EXPECT_THAT(left(kLetters), ElementsAre("l1", "l2", "marker", "g1"));
  settle(first);
  settle(other);
  retention.round();
  EXPECT_THAT(left(kLetters), ElementsAre("g1", "marker", "marker"))
      << "the marker of the first is young, the other tenant has no retention";
  after(49h);
  EXPECT_THAT(left(kLetters), ElementsAre("g1", "marker"));
}

TEST_F(TenantRetentionTest, AnotherTenantsUnsettledLetterHoldsNothingUp) {
  letter("g1", "globex");
  settle(letter("l1"));
  after(49h);
  EXPECT_THAT(left(kLetters), ElementsAre("g1"));
}

TEST_F(TenantRetentionTest, GoesOnWhereItStopped) {
  for (int i = 0; i < 1'200; ++i) event(std::to_string(i));
  after(49h);
  EXPECT_THAT(left(), IsEmpty());
  event("later");
  const int before = log.reads();
  after(49h);
  EXPECT_THAT(left(), IsEmpty());
  // What is found there, and that half of the fake's reads give nothing.
  EXPECT_LE(log.reads() - before, 2);
}

TEST_F(TenantRetentionTest, AShorterRetentionTakesWhatWasYoungBefore) {
  event("a1");
  clock.advance(30h);
  event("a2");
  after(1h);
  EXPECT_THAT(left(), ElementsAre("a1", "a2"));
  keep("acme", 24h);
  retention.round();
  EXPECT_THAT(left(), ElementsAre("a2"));
}

TEST_F(TenantRetentionTest, ATenantThatGetsOneLateIsLookedForFromTheStart) {
  event("g1", "globex");
  event("a1");
  after(49h);
  EXPECT_THAT(left(), ElementsAre("g1"));
  keep("globex", 48h);
  retention.round();
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(TenantRetentionTest, WhatFailedIsTriedAgain) {
  event("a1");
  clock.advance(49h);
  log.fail_erasures(1);
  retention.round();
  EXPECT_THAT(left(), ElementsAre("a1"));
  log.fail_reads(1);
  retention.round();
  EXPECT_THAT(left(), ElementsAre("a1"));
  tenants.fail_with(ErrorKind::unavailable);
  retention.round();
  EXPECT_THAT(left(), ElementsAre("a1"));
  tenants.fail_with({});
  retention.round();
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(TenantRetentionTest, OneProcessWorksUntilItStops) {
  event("a1");
  after(1h);
  EXPECT_EQ(leases.holder(TenantRetention::kLease), "one");
  auto other = made("other");
  clock.advance(2h);
  retention.round();  // which renews the lease
  clock.advance(2h);
  other.round();
  EXPECT_EQ(leases.holder(TenantRetention::kLease), "one");
  retention.stop();
  clock.advance(48h);
  other.round();
  EXPECT_EQ(leases.holder(TenantRetention::kLease), "other");
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(TenantRetentionTest, AsksForNoLeaseWhereNobodyHasARetention) {
  keep("acme", {});
  event("a1");
  after(100h);
  EXPECT_EQ(leases.holder(TenantRetention::kLease), "");
  EXPECT_THAT(left(), ElementsAre("a1"));
}

TEST_F(TenantRetentionTest, WorksOncePerHourAndAtItsStart) {
  event("a1");
  event("a2", "globex");
  clock.advance(49h);
  retention.start();
  EXPECT_TRUE(eventually([&] { return left() == std::vector<std::string>{"a2"}; }));
  clock.await_waiters(1);
  keep("globex", 48h);
  clock.advance(TenantRetention::kPeriod);
  EXPECT_TRUE(eventually([&] { return left().empty(); }));
  retention.stop();
  retention.stop();
}

TEST_F(TenantRetentionTest, RestsWhereTheLogTakesNoSingleRecordOut) {
  log.erase_no_records();
  event("a1");
  clock.advance(49h);
  retention.start();
  EXPECT_EQ(tenants.lists, 0);
  EXPECT_THAT(left(), ElementsAre("a1"));
}

TEST_F(TenantRetentionTest, StopsBeforeItsStart) {
  retention.stop();
  event("a1");
  after(49h);
  EXPECT_THAT(left(), ElementsAre("a1"));
}

}  // namespace
}  // namespace mesh::pipeline
