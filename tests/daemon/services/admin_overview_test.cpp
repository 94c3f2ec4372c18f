// GET /admin/v1/overview and GET /admin/v1/overview/live.
#include "daemon/services/admin_overview.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/services/api_description.h"
#include "daemon/services/api_parts.h"
#include "tests/support/described.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_outbox.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"
#include "tests/support/stream_watcher.h"

namespace mesh::services {
namespace {

using std::chrono::seconds;
using testing::SizeIs;

class OverviewRoutes : public ::testing::Test {
 protected:
  OverviewRoutes() {
    EXPECT_TRUE(test::eventually([&] { return !sampler.overview().checks.empty(); }));
    clock.await_waiters(2);
  }
  void pass(Duration time) {
    for (Duration passed{0}; passed < time; passed += overview::Sampler::kLivePeriod) {
      clock.advance(overview::Sampler::kLivePeriod);
      clock.await_woken();
      clock.await_waiters(2);
    }
  }
  http::Response answer(const std::string& path, http::Request request = {}) {
    http::Response response;
    std::ranges::find(routes, path, &http::Route::pattern)
        ->handler(std::make_shared<http::Request>(std::move(request)),
                  http::Responder([&](http::Response one) { response = std::move(one); },
                                  [&](std::function<void()> what) { gone = std::move(what); }));
    return response;
  }
  // Who follows, and what comes.
  test::Watcher follow(http::Request request = {}) {
    const auto response = answer("/admin/v1/overview/live", std::move(request));
    EXPECT_EQ(response.status, 200) << response.body;
    clock.await_waiters(2);
    test::Watcher watcher;
    watcher.queue = response.events;
    return watcher;
  }
  Json overview() { return Json::parse(answer("/admin/v1/overview").body); }

  ManualClock clock;
  test::FakeEventLog log{clock};
  test::FakeRetryStore retries;
  test::FakeLeaseStore leases{clock};
  test::FakeOutbox outbox{leases, clock};
  test::FakeTaskStore tasks{clock};
  test::NoMembers members;
  Metrics metrics;
  overview::Sampler sampler{{log, log, retries, outbox, tasks, members, metrics, clock,
                             [] { return std::vector<pipeline::PipelineStatus>{}; },
                             [] {
                               return std::vector<Check>{
                                   {"disk", false, "1 MiB free", false},
                                   {"pipeline analytics", true, "lag 0", false}};
                             },
                             "a1"}};
  std::function<void()> gone;
  http::RouteTable routes = overview_routes({sampler, "1.2.3", "host-1", clock.now()});
};

TEST_F(OverviewRoutes, TheOverviewIsAsItIsDescribed) {
  log.ensure("analytics.events", TopicKind::activity);
  ASSERT_TRUE(log.ensure_group("analytics", {"analytics.events"}));
  log.append_now({"analytics.events", "k", "{}", {}});
  pass(seconds(20));
  const Json seen = overview();
  const Json description = api_description({.title = "t", .version = "1", .server = ""}, routes);
  EXPECT_EQ(test::misfit(description, api::ref("Overview"), seen), "");
  EXPECT_EQ(seen["version"], "1.2.3");
  EXPECT_EQ(seen["member"], "host-1");
  EXPECT_EQ(seen["started_at"], "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(seen["sample"]["topics"]["analytics.events"], 1);
  EXPECT_EQ(seen["history"]["time"], Json::array({1767225610000, 1767225620000}));
  for (const auto& [name, values] : seen["history"]["series"].items()) {
    EXPECT_THAT(values, SizeIs(2)) << name;
  }
  EXPECT_TRUE(seen["history"]["series"]["search_p99"][0].is_null()) << "nothing was searched";
  EXPECT_EQ(seen["engines"],
            Json::array(
                {{{"name", "disk"}, {"ok", false}, {"warning", false}, {"detail", "1 MiB free"}}}));
  EXPECT_EQ(seen["attention"][0]["severity"], "critical");
}

TEST_F(OverviewRoutes, WhoFollowsGetsSamplesUntilItGoes) {
  auto watcher = follow();
  EXPECT_EQ(sampler.watching(), 1u);
  EXPECT_THAT(watcher.data("sample"), SizeIs(1));
  pass(seconds(4));
  EXPECT_THAT(watcher.data("sample"), SizeIs(2));
  EXPECT_EQ(watcher.last_id, "a1-3");
  gone();
  EXPECT_EQ(sampler.watching(), 0u);
}

TEST_F(OverviewRoutes, WhoComesAgainSaysWhatItHasSeen) {
  auto first = follow();
  pass(seconds(6));
  EXPECT_THAT(first.data("sample"), SizeIs(4));
  http::Request by_header, by_query;
  by_header.headers = {{"Last-Event-ID", "a1-3"}};
  by_header.query = {{"last_event_id", "a1-1"}};
  by_query.query = {{"last_event_id", "a1-2"}};
  EXPECT_THAT(follow(by_header).data("sample"), SizeIs(1)) << "what EventSource says is newer";
  EXPECT_THAT(follow(by_query).data("sample"), SizeIs(2));
}

TEST_F(OverviewRoutes, AReaderThatIsSlowIsToldWhatItLost) {
  auto watcher = follow();
  log.ensure("analytics.events", TopicKind::activity);
  for (int i = 0; i < 3'000; ++i)
    log.ensure("t" + std::to_string(i) + ".events", TopicKind::activity);
  pass(seconds(20));
  EXPECT_GT(watcher.queue->counts().dropped, 0u);
  EXPECT_THAT(watcher.data("sample"), testing::Not(SizeIs(0))) << "what it can take comes";
}

TEST_F(OverviewRoutes, AreForOperators) {
  for (const auto& route : routes) EXPECT_EQ(route.access, http::Access::operator_);
}

}  // namespace
}  // namespace mesh::services
