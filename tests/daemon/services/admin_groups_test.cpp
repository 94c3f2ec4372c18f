// Groups as a process shows them that runs their pipelines, and one that does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "daemon/services/admin.h"
#include "tests/support/manual_clock.h"
#include "tests/support/write_waits.h"

namespace mesh::services {
namespace {

using pipeline::PipelineStatus;
using testing::ElementsAre;
using testing::IsEmpty;
using State = PipelineStatus::State;

class AdminGroups : public testing::Test {
 protected:
  AdminGroups() {
    log.ensure("analytics.events", TopicKind::activity, 1);
    (void)log.ensure_group("analytics", {"analytics.events"});
    routes = log_routes({log, log, clock, fakes.retries, fakes.polls, fakes.waits, fakes.runner,
                         [this] { return statuses; }});
  }
  Json describe() {
    auto request = std::make_shared<http::Request>();
    request->path_params["group"] = "analytics";
    Json json;
    std::ranges::find(routes, "/admin/v1/groups/{group}", &http::Route::pattern)
        ->handler(request, http::Responder([&](http::Response response) {
                    json = Json::parse(response.body);
                  }));
    return json;
  }
  PipelineStatus status(State state) {
    PipelineStatus status{.name = "analytics"};
    status.state = state;
    return status;
  }

  ManualClock clock;
  test::WaitsOverFakes fakes{clock};
  test::FakeEventLog& log = fakes.log;
  std::vector<PipelineStatus> statuses;  // of the pipelines that this process made
  http::RouteTable routes;
};

TEST_F(AdminGroups, AGroupThatRunsElsewhereIsShownAsItIs) {
  auto member = log.open_consumer("analytics", {"analytics.events"}, "host-1").value();
  ParkedEvent parked;
  parked.record.position = {"analytics.events", 0, 0};
  parked.record.key = "acme/u";
  ASSERT_TRUE(fakes.retries.park({"analytics", "one"}, {&parked, 1}));
  log.append_now({"analytics.events", "acme/u", "{}", {}});
  clock.advance(std::chrono::seconds(7));
  statuses = {status(State::stopped)};  // made, and not started: no role of this process
  const auto group = describe();
  EXPECT_EQ(group["state"], "running");
  EXPECT_EQ(group["active"], true);
  EXPECT_THAT(group["members"], ElementsAre("host-1"));
  EXPECT_EQ(group["parked"], 1);
  EXPECT_EQ(group["lag_seconds"], 7.0);
  member.reset();
  EXPECT_EQ(describe()["state"], "inactive") << "nobody runs it";
  EXPECT_THAT(describe()["members"], IsEmpty());
}

TEST_F(AdminGroups, WhoRunsAGroupTellsWhatItAloneKnows) {
  const auto mine = log.open_consumer("analytics", {"analytics.events"}, "host-1").value();
  const auto other = log.open_consumer("analytics", {"analytics.events"}, "host-2").value();
  ParkedEvent parked[2];
  for (int i = 0; i < 2; ++i) parked[i].record.position = {"analytics.events", 0, i};
  ASSERT_TRUE(fakes.retries.park({"analytics", "one"}, parked));
  statuses = {status(State::paused_outage)};
  statuses[0].last_error = "the store is away";
  statuses[0].parked = 1;  // of its own partitions
  const auto group = describe();
  EXPECT_EQ(group["state"], "paused: engine outage");
  EXPECT_EQ(group["last_error"], "the store is away");
  EXPECT_EQ(group["parked"], 2) << "of all partitions";
  EXPECT_THAT(group["members"], testing::UnorderedElementsAre("host-1", "host-2"));
}

}  // namespace
}  // namespace mesh::services
