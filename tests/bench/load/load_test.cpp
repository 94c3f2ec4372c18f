#include "tests/bench/load/load.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "common/http/server.h"
#include "common/telemetry/log.h"

namespace mesh::load {
namespace {

using std::chrono::milliseconds;

// Our server with one blocking route.
class Load : public testing::Test {
 protected:
  void serve(http::Handler handler) {
    log::set_level(log::Level::error);
    http::Route route;
    route.method = "GET";
    route.pattern = "/{n}";
    route.access = http::Access::open;
    route.pool = http::Pool::quick;
    route.handler = std::move(handler);
    ASSERT_TRUE(server_.start({{"127.0.0.1:0", {"test"}, {route}}}));
    plan_.address = server_.addresses()[0];
    plan_.warm_up = Seconds(0);
    plan_.time = milliseconds(100);
    plan_.request = [](std::uint64_t n, std::string& out) {
      out = "GET /" + std::to_string(n) + " HTTP/1.1\r\nHost: x\r\n\r\n";
    };
  }
  ~Load() override { server_.stop(Duration{0}); }

  Metrics metrics_;
  http::Server server_{{}, {}, system_clock(), metrics_};
  Plan plan_;
};

TEST_F(Load, ClosedLoopHasAtMostOneRequestPerConnectionUnderWay) {
  std::atomic<int> under_way{0}, most{0};
  std::mutex mutex;
  std::set<std::string> seen;
  serve([&](auto request, auto respond) {
    most = std::max(most.load(), ++under_way);
    {
      std::lock_guard lock(mutex);
      EXPECT_TRUE(seen.insert(request->path).second) << request->path;
    }
    --under_way;
    respond(http::Response::text(200, "ok"));
  });
  plan_.connections = 3;
  const auto outcome = run(plan_);
  EXPECT_GT(outcome.answered, 0u);
  EXPECT_EQ(outcome.failures(), "");
  EXPECT_LE(most, 3);
}

TEST_F(Load, OtherStatusesThanExpectedAreFailures) {
  serve([](auto, auto respond) { respond(http::Response::text(503, "no")); });
  const auto outcome = run(plan_);
  EXPECT_EQ(outcome.answered, 0u);
  EXPECT_EQ(outcome.statuses.at(503), outcome.unexpected);
  EXPECT_NE(outcome.failures(), "");
}

TEST_F(Load, OpenLoopSendsWhatIsDueInItsTime) {
  serve([](auto, auto respond) { respond(http::Response::text(200, "ok")); });
  plan_.rate = 200;
  plan_.connections = 2;
  const auto outcome = run(plan_);
  EXPECT_EQ(outcome.answered, 20u);
  EXPECT_EQ(outcome.latency.count(), 20u);
}

// Time is what is measured here, so this test takes some: a stall of 100 ms in which 9 further
// requests are due. Only lower bounds are checked, which hold on a slow machine too.
TEST_F(Load, OpenLoopLatencyCountsFromWhenARequestWasDue) {
  serve([](auto request, auto respond) {
    if (request->path == "/0") std::this_thread::sleep_for(milliseconds(100));
    respond(http::Response::text(200, "ok"));
  });
  plan_.rate = 100;
  plan_.connections = 1;
  const auto outcome = run(plan_);
  EXPECT_EQ(outcome.answered, 10u);
  EXPECT_GE(outcome.latency.max(), 100'000u);
  // The fifth was due at 50 ms and could be sent at 100 ms at the earliest.
  EXPECT_GE(outcome.latency.percentile(0.5), 50'000u);
  EXPECT_GE(outcome.late.percentile(0.5), 40'000u);
}

}  // namespace
}  // namespace mesh::load
