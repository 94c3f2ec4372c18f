#include "daemon/overview/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/ports/log_over.h"
#include "daemon/overview/groups.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_outbox.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"
#include "tests/support/stream_watcher.h"

namespace mesh::overview {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::SizeIs;

// A log whose servers are away now and then.
class RemoteAdmin final : public LogAdminOver {
 public:
  using LogAdminOver::LogAdminOver;
  Result<std::vector<TopicInfo>> topics() override {
    if (away) return fail(ErrorKind::unavailable, "nobody answers");
    return LogAdminOver::topics();
  }
  std::atomic<bool> away = false;
};

class SamplerTest : public ::testing::Test {
 protected:
  SamplerTest() {
    for (const char* topic : {"analytics.events", "billing.events", "analytics.events.dlq"}) {
      log.ensure(topic, TopicKind::activity);
    }
  }
  std::unique_ptr<Sampler> begin() {
    auto sampler = std::make_unique<Sampler>(
        SamplerDeps{log, admin, retries, outbox, tasks, members, metrics, clock,
                    [this] { return pipelines; }, [this] { return checks; }, "a1"});
    // What is moved from here on wakes threads that sleep, and have checked once.
    EXPECT_TRUE(test::eventually([&] { return sampler->overview().checks.size() == 1; }));
    clock.await_waiters(2);
    return sampler;
  }
  // Both threads have done what was due, and sleep again.
  void pass(Duration time) {
    for (Duration passed{0}; passed < time; passed += Sampler::kLivePeriod) {
      clock.advance(Sampler::kLivePeriod);
      clock.await_woken();
      clock.await_waiters(2);
    }
  }
  void publish(int count, const std::string& topic = "analytics.events") {
    for (int i = 0; i < count; ++i) log.append_now({topic, "k", "{}", {}});
  }
  void request(const char* route, const char* status, double took) {
    metrics.counter("mesh_http_requests_total", "", {{"route", route}, {"status", status}}).add();
    metrics.histogram("mesh_http_request_seconds", "", {{"route", route}}).observe(took);
  }

  ManualClock clock;
  test::FakeEventLog log{clock};
  RemoteAdmin admin{log};
  test::FakeRetryStore retries;
  test::FakeLeaseStore leases{clock};
  test::FakeOutbox outbox{leases, clock};
  test::FakeTaskStore tasks{clock};
  test::NoMembers members;
  Metrics metrics;
  std::vector<pipeline::PipelineStatus> pipelines;
  std::vector<services::Check> checks{{"disk", true, "room", false}};
};

TEST_F(SamplerTest, TheFirstSampleHasNoRatesYet) {
  const auto sampler = begin();
  const auto seen = sampler->overview();
  EXPECT_EQ(seen.sample.rates.period, 0);
  EXPECT_EQ(seen.sample.rates.events, std::nullopt);
  EXPECT_EQ(seen.sample.lag, 0);
  EXPECT_THAT(seen.history, SizeIs(0));
}

TEST_F(SamplerTest, WhileNobodyWatchesItLooksEveryTenSeconds) {
  const auto sampler = begin();
  const auto began = sampler->overview().sample.time;
  pass(seconds(8));
  EXPECT_EQ(sampler->overview().sample.time, began);
  publish(30);
  publish(5, "billing.events");
  pass(seconds(2));
  const auto seen = sampler->overview();
  EXPECT_EQ(seen.sample.time, began + seconds(10));
  EXPECT_EQ(seen.sample.rates.period, 10);
  EXPECT_EQ(seen.sample.rates.events, 3) << "without the mesh's own";
  EXPECT_EQ(seen.sample.topics.at("billing.events"), 5);
  ASSERT_THAT(seen.history, SizeIs(1));
  EXPECT_EQ(seen.history[0].rates.events, 3);
}

TEST_F(SamplerTest, WhileSomebodyWatchesItLooksEveryTwo) {
  const auto sampler = begin();
  test::Watcher watcher;
  const auto id = sampler->watch(watcher.stream(), "");
  clock.await_waiters(2);
  EXPECT_THAT(watcher.data("sample"), SizeIs(1)) << "the newest, at once";
  publish(8);
  pass(seconds(2));
  const auto samples = watcher.data("sample");
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(Json::parse(samples[0])["events"], 4.0);
  EXPECT_EQ(Json::parse(samples[0])["period"], 2.0);
  pass(seconds(6));
  EXPECT_THAT(watcher.data("sample"), SizeIs(3));
  sampler->unwatch(id);
  EXPECT_EQ(sampler->watching(), 0u);
  const auto last = sampler->overview().sample.time;
  pass(seconds(4));
  EXPECT_EQ(sampler->overview().sample.time, last);
}

TEST_F(SamplerTest, TheHistoryHasAPointEveryTenSecondsHoweverOftenItLooks) {
  const auto sampler = begin();
  test::Watcher watcher;
  sampler->watch(watcher.stream(), "");
  for (int i = 0; i < 5; ++i) {
    publish(10);
    pass(seconds(2));
  }
  const auto history = sampler->overview().history;
  ASSERT_THAT(history, SizeIs(1));
  EXPECT_EQ(history[0].rates.events, 5) << "over all of the ten seconds";
}

TEST_F(SamplerTest, TheHistoryIsAnHourAtMost) {
  const auto sampler = begin();
  pass(seconds(10) * (Sampler::kPoints + 3));
  const auto history = sampler->overview().history;
  EXPECT_THAT(history, SizeIs(Sampler::kPoints));
  EXPECT_EQ(history.back().time, clock.now());
}

TEST_F(SamplerTest, RequestsErrorsAndLatenciesAreThoseOfTenants) {
  const auto sampler = begin();
  for (int i = 0; i < 10; ++i) request("/ai/search", "200", 0.002);
  request("/users/{id}", "503", 0.1);
  request("/admin/v1/overview", "500", 9);
  request("/livez", "200", 9);
  metrics.counter("ai_gateway_requests_total", "", {{"path", "/ai/search"}}).add(10);
  pass(seconds(10));
  const auto rates = sampler->overview().sample.rates;
  EXPECT_DOUBLE_EQ(*rates.requests, 1.1);
  EXPECT_DOUBLE_EQ(*rates.errors, 0.1);
  EXPECT_DOUBLE_EQ(*rates.searches, 1);
  EXPECT_DOUBLE_EQ(*rates.search_p50, 0.00175) << "the middle of 1 ms to 2.5 ms";
  EXPECT_EQ(rates.publish_p99, std::nullopt) << "nothing was published";
  pass(seconds(10));
  EXPECT_EQ(sampler->overview().sample.rates.search_p50, std::nullopt) << "of the last ten seconds";
}

TEST_F(SamplerTest, WhatALogThatIsAwayWouldSayIsNotKnownAndTheRestIs) {
  const auto sampler = begin();
  admin.away = true;
  publish(10);
  request("/users", "200", 0.1);
  pass(seconds(10));
  auto seen = sampler->overview();
  EXPECT_EQ(seen.sample.rates.events, std::nullopt);
  EXPECT_EQ(seen.sample.lag, std::nullopt);
  EXPECT_EQ(seen.sample.dead_letters, std::nullopt);
  EXPECT_EQ(seen.sample.rates.requests, 0.1);
  ASSERT_THAT(seen.history, SizeIs(1));
  EXPECT_EQ(seen.history[0].lag, std::nullopt) << "a gap, not a zero";
  admin.away = false;
  pass(seconds(20));
  EXPECT_EQ(sampler->overview().sample.rates.events, 0) << "again, once it was seen twice";
}

TEST_F(SamplerTest, AGroupThatAnotherProcessReadsWithIsLookedAtInTheLog) {
  ASSERT_TRUE(log.ensure_group("analytics", {"analytics.events"}));
  publish(3);
  clock.advance(seconds(90));
  const auto sampler = begin();
  const auto seen = sampler->overview();
  ASSERT_THAT(seen.sample.groups, SizeIs(1));
  const auto& group = seen.sample.groups[0];
  EXPECT_EQ(group.lag, 3);
  EXPECT_EQ(group.lag_seconds, 90);
  EXPECT_EQ(group.state, "inactive");
  EXPECT_EQ(group.breaker, "closed");
  ASSERT_THAT(seen.attention, SizeIs(1));
  EXPECT_EQ(seen.attention[0].next, "mesh members");
}

TEST_F(SamplerTest, AGroupOfThisProcessIsAsItsPipelineSays) {
  ASSERT_TRUE(log.ensure_group("analytics", {"analytics.events"}));
  using State = pipeline::PipelineStatus::State;
  pipelines = {{"analytics", State::paused_outage, 0, 7.5, 4, "away"}};
  metrics.gauge("mesh_pipeline_breaker_state", "", {{"pipeline", "analytics"}}).set(1);
  const auto sampler = begin();
  const auto sample = sampler->overview().sample;
  ASSERT_THAT(sample.groups, SizeIs(1));
  EXPECT_EQ(sample.groups[0].state, "paused: engine outage");
  EXPECT_EQ(sample.groups[0].breaker, "half_open");
  EXPECT_EQ(sample.parked, 4);
  EXPECT_EQ(sample.lag_seconds, 7.5);
}

TEST_F(SamplerTest, TasksChangeOnceOneCameWentOnOrEnded) {
  const auto sampler = begin();
  test::Watcher watcher;
  sampler->watch(watcher.stream(), "");
  clock.await_waiters(2);
  const auto changed = [&] { return sampler->overview().sample.tasks_changed; };
  const auto none = changed();
  Task task{.id = "t-1", .kind = "replay", .state = Task::State::running};
  ASSERT_TRUE(tasks.insert(task));
  pass(seconds(2));
  const auto began = changed();
  EXPECT_NE(began, none);
  EXPECT_EQ(sampler->overview().sample.tasks_running, 1);
  task.done = 5;
  ASSERT_TRUE(tasks.insert(task)) << "its progress";
  pass(seconds(2));
  const auto on = changed();
  EXPECT_NE(on, began);
  pass(seconds(2));
  EXPECT_EQ(changed(), on);
  task.state = Task::State::failed;
  task.finished_at = clock.now();
  ASSERT_TRUE(tasks.insert(task));
  pass(seconds(2));
  EXPECT_NE(changed(), on);
  EXPECT_THAT(sampler->overview().attention, SizeIs(1));
  EXPECT_THAT(watcher.data("attention"), SizeIs(2)) << "nothing at first, then the task";
}

TEST_F(SamplerTest, WhatAGroupLostWithinAMinuteIsKnownToGrow) {
  ASSERT_TRUE(log.ensure_group("analytics", {"analytics.events"}));
  using State = pipeline::PipelineStatus::State;
  pipelines = {{"analytics", State::running, 0, 61, 0, ""}};
  const auto opened = log.open_consumer("analytics", {"analytics.events"}, "one");
  publish(5);
  const auto sampler = begin();
  EXPECT_THAT(sampler->overview().attention, SizeIs(0));
  publish(2);
  pass(seconds(60));
  ASSERT_THAT(sampler->overview().attention, SizeIs(1));
  EXPECT_THAT(sampler->overview().attention[0].why,
              testing::HasSubstr("2 events more than a minute"));
}

TEST_F(SamplerTest, StopEndsTheStreamsAndIsCallableTwice) {
  auto sampler = begin();
  test::Watcher watcher;
  sampler->watch(watcher.stream(), "");
  sampler->stop();
  sampler->stop();
  watcher.read();
  EXPECT_TRUE(watcher.ended);
}

TEST(Rates, AreNothingWhereALookSawNothing) {
  Sums before, after;
  EXPECT_EQ(rates_between(before, after).period, 0);
  after.at += seconds(2);
  after.events = 5;
  EXPECT_EQ(rates_between(before, after).events, std::nullopt) << "the log was away";
  EXPECT_EQ(rates_between(before, after).requests, 0);
  before.events = 9;
  EXPECT_EQ(rates_between(before, after).events, 0) << "a topic went";
}

TEST(Rates, CountWhatIsTenantsAndUsers) {
  for (const char* topic : {"user.events", "analytics.events", "order.events"}) {
    EXPECT_TRUE(is_counted(topic)) << topic;
  }
  for (const char* topic : {"billing.events", "task.events", "tenant.events", "order.events.dlq"}) {
    EXPECT_FALSE(is_counted(topic)) << topic;
  }
}

TEST(Sample, WhatCouldNotBeLookedAtIsNull) {
  const Json json = to_json(Sample{});
  for (const char* member : {"events", "lag", "lag_seconds", "parked", "dead_letters"}) {
    EXPECT_TRUE(json[member].is_null()) << member;
  }
}

}  // namespace
}  // namespace mesh::overview
