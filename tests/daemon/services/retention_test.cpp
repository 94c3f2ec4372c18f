#include "daemon/services/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/engines/sqlite/log/sqlite_log.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_tenants.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh::services {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kRetainedTopic = "analytics.events";

class Retention : public ::testing::Test {
 protected:
  void open(std::optional<std::uint64_t> hard_size) {
    log_ = sqlite::SqliteLog::open(
               dir_.path(), {.upkeep_interval = Duration(0), .hard_max_bytes = hard_size}, clock_)
               .value();
    for (const auto& topic : {std::string(kRetainedTopic), dead_letter_topic(kRetainedTopic)}) {
      ASSERT_TRUE(log_->ensure_topic({topic, TopicKind::activity, 1, std::chrono::hours(1), {}}));
    }
    ASSERT_TRUE(log_->ensure_group("analytics", {kRetainedTopic}));
  }
  void append(const std::string& topic) {
    ASSERT_TRUE(test::append_and_wait(*log_, {{topic, "acme/ann", std::string(1'000, 'x'), {}}}));
  }
  void expire() {
    clock_.advance(std::chrono::hours(8 * 24));
    ASSERT_TRUE(log_->upkeep());
  }
  std::string metrics() {
    shown_.collect(*log_);
    return metrics_.expose();
  }

  test::TempDir dir_;
  ManualClock clock_;
  Metrics metrics_;
  RetentionMetrics shown_{metrics_};
  std::unique_ptr<sqlite::SqliteLog> log_;
};

TEST_F(Retention, WhatIsKeptForAGroupIsAWarningThatSaysHowToLetGo) {
  open({});
  EXPECT_FALSE(retention_check(*log_).warning);
  for (int i = 0; i < 3; ++i) append(kRetainedTopic);
  expire();
  const auto check = retention_check(*log_);
  EXPECT_TRUE(check.ok);
  EXPECT_TRUE(check.warning);
  EXPECT_THAT(check.detail, HasSubstr("3 events of analytics.events are kept"));
  EXPECT_THAT(check.detail, HasSubstr("mesh groups delete analytics"));
  EXPECT_THAT(metrics(), HasSubstr(R"(mesh_log_held_events{topic="analytics.events"} 3)"));
}

TEST_F(Retention, UnsettledLettersAreAWarningThatSaysHowToSettleThem) {
  open({});
  append("analytics.events.dlq");
  expire();
  const auto check = retention_check(*log_);
  EXPECT_TRUE(check.warning);
  EXPECT_THAT(check.detail, HasSubstr("1 letters of analytics.events.dlq are kept"));
  EXPECT_THAT(check.detail, HasSubstr("mesh dlq purge analytics.events.dlq"));
}

TEST_F(Retention, WhatWentUnreadIsAFailureAndCountedOnce) {
  open(2'000);
  for (int i = 0; i < 5; ++i) append(kRetainedTopic);
  expire();
  const auto check = retention_check(*log_);
  EXPECT_FALSE(check.ok);
  EXPECT_THAT(check.detail, HasSubstr("4 events of analytics.events went unread"));
  metrics();
  EXPECT_THAT(metrics(),
              HasSubstr(R"(mesh_log_passed_over_events_total{topic="analytics.events"} 4)"));
}

// Brokers do not: the record of a mesh that was moved to them said it, and nobody was told.
class TenantsRetention : public ::testing::Test {
 protected:
  void put(const std::string& id, std::optional<Duration> retention) {
    Tenant record{.id = *TenantId::parse(id), .name = id, .rate_limits = {}};
    record.retention = retention;
    tenants_.put(record);
  }
  std::optional<Check> check() {
    const TenantDirectory directory(tenants_, {}, clock_);
    return tenants_retention_check(log_, directory);
  }

  ManualClock clock_;
  test::FakeTenants tenants_;
  test::FakeEventLog log_{clock_};
};

TEST_F(TenantsRetention, OfALogThatTakesNothingOutIsAWarningThatSaysWhatToDo) {
  log_.erase_no_records();
  put("acme", std::nullopt);
  EXPECT_FALSE(check().value().warning);
  put("globex", std::chrono::hours(24));
  put("initech", std::chrono::hours(2));
  const Check found = check().value();
  EXPECT_TRUE(found.ok);
  EXPECT_TRUE(found.warning);
  EXPECT_THAT(found.detail, HasSubstr("2 tenants' records have a retention, which is not obeyed"));
  EXPECT_THAT(found.detail, HasSubstr("log.retention.activity.age"));
  EXPECT_THAT(found.detail, HasSubstr("mesh tenants update TENANT --retention none"));
}

TEST_F(TenantsRetention, IsNoAffairOfALogThatObeysIt) {
  put("globex", std::chrono::hours(24));
  EXPECT_FALSE(check().has_value());
}

}  // namespace
}  // namespace mesh::services
