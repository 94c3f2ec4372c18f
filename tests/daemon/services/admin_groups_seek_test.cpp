// Moving a group that something reads with: at once, or as a task.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "daemon/services/admin.h"
#include "tests/support/manual_clock.h"
#include "tests/support/write_waits.h"

namespace mesh::services {
namespace {

const std::string kTopic = "analytics.events", kGroup = "analytics";

class AdminSeek : public testing::Test {
 protected:
  AdminSeek() {
    log.ensure(kTopic, TopicKind::activity, 1);
    log.ensure("task.events", TopicKind::activity, 1);
    for (int n = 0; n < 3; ++n) log.append_now({kTopic, "k", "{}", {}});
    routes = log_routes({log, log, clock, fakes.retries, fakes.polls, fakes.waits, fakes.runner,
                         [] { return std::vector<pipeline::PipelineStatus>{}; }});
    member = log.open_consumer(kGroup, {kTopic}, "m").value();
    EXPECT_TRUE(member->commit({{{kTopic, 0}, 2}}));
  }
  http::Response seek(const Json& body) {
    auto request = std::make_shared<http::Request>();
    request->method = "POST";
    request->path_params["group"] = kGroup;
    request->body = body.dump();
    std::promise<http::Response> answer;
    std::ranges::find(routes, "/admin/v1/groups/{group}/seek", &http::Route::pattern)
        ->handler(request, http::Responder([&](http::Response response) {
                    answer.set_value(std::move(response));
                  }));
    return answer.get_future().get();
  }

  ManualClock clock;
  test::WaitsOverFakes fakes{clock};
  test::FakeEventLog& log = fakes.log;
  test::FakeTaskStore& tasks = fakes.tasks;
  pipeline::TaskRunner& runner = fakes.runner;
  http::RouteTable routes;
  std::unique_ptr<LogConsumer> member;
};

TEST_F(AdminSeek, WhereTheLogMovesActiveGroupsItIsDoneAtOnce) {
  const auto answer = seek({{"to", "start"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(Json::parse(answer.body)["partitions"][0]["to"], 0);
  EXPECT_EQ(log.committed(kGroup), 0);
}

TEST_F(AdminSeek, WhereItDoesNotATaskIsMadeToTheOffsetsOfNow) {
  log.refuse_seeks_of_active_groups();
  const auto answer = seek({{"to", "end"}});
  ASSERT_EQ(answer.status, 202) << answer.body;
  const auto task = Json::parse(answer.body);
  EXPECT_EQ(task["kind"], "seek");
  EXPECT_EQ(
      task["spec"],
      (Json{{"group", kGroup},
            {"partitions", {{{"topic", kTopic}, {"partition", 0}, {"from", 2}, {"to", 3}}}}}));
  const auto location = "/admin/v1/tasks/" + task["id"].get<std::string>();
  EXPECT_THAT(answer.headers, testing::Contains(testing::Pair("Location", location)));
  EXPECT_EQ(log.committed(kGroup), 2);
  EXPECT_EQ(tasks.list(10)->size(), 1u);
}

TEST_F(AdminSeek, ADryRunMakesNoTask) {
  log.refuse_seeks_of_active_groups();
  EXPECT_EQ(seek({{"to", "start"}, {"dry_run", true}}).status, 200);
  EXPECT_EQ(tasks.list(10)->size(), 0u);
}

TEST_F(AdminSeek, AGroupWithoutMembersIsMovedAtOnceEverywhere) {
  log.refuse_seeks_of_active_groups();
  member.reset();
  EXPECT_EQ(seek({{"to", "1"}}).status, 200);
  EXPECT_EQ(log.committed(kGroup), 1);
}

TEST_F(AdminSeek, WhereNobodyDoesTasksThatIsSaid) {
  log.refuse_seeks_of_active_groups();
  runner.ask_elsewhere([]() -> Result<bool> { return false; });
  EXPECT_EQ(seek({{"to", "start"}}).status, 409);
}

}  // namespace
}  // namespace mesh::services
