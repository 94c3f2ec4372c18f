// Tasks that clients begin, report and end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "daemon/services/admin.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"

namespace mesh::services {
namespace {

class AdminClientTasks : public testing::Test {
 protected:
  AdminClientTasks() { log_.ensure("task.events", TopicKind::activity, 1); }

  const http::Route& route(const std::string& pattern) {
    return *std::ranges::find(routes_, pattern, &http::Route::pattern);
  }
  http::Response ask(const std::string& pattern, const std::string& id, const Json& body) {
    auto request = std::make_shared<http::Request>();
    request->path_params["id"] = id;
    request->body = body.dump();
    request->principal.emplace();
    request->principal->user = "anna";
    std::promise<http::Response> answer;
    route(pattern).handler(request, http::Responder([&](http::Response response) {
                             answer.set_value(std::move(response));
                           }));
    return answer.get_future().get();
  }
  http::Response begin(const Json& body) { return ask(kTasks, "", body); }
  http::Response report(const std::string& id, const Json& body) {
    return ask(kTasks + "/{id}/progress", id, body);
  }
  http::Response end(const std::string& id, const Json& body) {
    return ask(kTasks + "/{id}/end", id, body);
  }
  std::string begun() {
    const auto answer = begin({{"kind", "import"}, {"spec", {{"tenant", "acme"}}}});
    EXPECT_EQ(answer.status, 202) << answer.body;
    return Json::parse(answer.body)["id"];
  }

  const std::string kTasks = "/admin/v1/tasks";
  ManualClock clock_;
  Metrics metrics_;
  test::FakeEventLog log_{clock_};
  test::FakeTaskStore store_{clock_};
  pipeline::ClientTasks tasks_{store_, log_, "one", clock_, metrics_};
  http::RouteTable routes_ = client_task_routes({tasks_, clock_});
};

TEST_F(AdminClientTasks, ATaskIsBegunReportedAndEnded) {
  const auto answer = begin({{"kind", "export"}, {"spec", {{"topic", "user.events"}}}});
  ASSERT_EQ(answer.status, 202) << answer.body;
  const auto task = Json::parse(answer.body);
  EXPECT_EQ(task["state"], "running");
  EXPECT_EQ(task["started_by"], "anna");
  const std::string id = task["id"];
  EXPECT_THAT(answer.headers, testing::Contains(testing::Pair("Location", kTasks + "/" + id)));

  clock_.advance(Duration{2'000});
  const auto go_on = report(id, {{"done", 4}, {"total", 8}, {"result", {{"records", 4}}}});
  EXPECT_EQ(Json::parse(go_on.body), (Json{{"cancel", false}}));
  EXPECT_EQ(store_.get(id)->done, 4);

  const auto ended =
      end(id, {{"state", "done"}, {"done", 8}, {"total", 8}, {"result", {{"records", 8}}}});
  EXPECT_EQ(ended.status, 200) << ended.body;
  EXPECT_EQ(Json::parse(ended.body)["summary"], "exported 8 records");
  EXPECT_EQ(Json::parse(ended.body)["progress"]["rate"], 4.0);
}

TEST_F(AdminClientTasks, AReportTellsThatTheTaskWasCancelled) {
  const auto id = begun();
  ASSERT_TRUE(store_.request_cancel(id));
  EXPECT_EQ(Json::parse(report(id, Json::object()).body), (Json{{"cancel", true}}));
  EXPECT_EQ(end(id, {{"state", "cancelled"}}).status, 200);
  EXPECT_EQ(store_.get(id)->state, Task::State::cancelled);
}

TEST_F(AdminClientTasks, WhatIsNoReportIsRefusedWithThePlace) {
  const auto id = begun();
  const auto pointer = [](const http::Response& answer) {
    EXPECT_EQ(answer.status, 422) << answer.body;
    return Json::parse(answer.body)["errors"][0]["pointer"].get<std::string>();
  };
  EXPECT_EQ(pointer(begin({{"kind", "rebuild"}})), "/kind");
  EXPECT_EQ(pointer(begin(Json::object())), "/kind");
  EXPECT_EQ(pointer(begin({{"kind", "import"}, {"spec", "x"}})), "/spec");
  EXPECT_EQ(pointer(report(id, {{"done", -1}})), "/done");
  EXPECT_EQ(pointer(report(id, {{"state", "done"}})), "/state");
  EXPECT_EQ(pointer(end(id, Json::object())), "/state");
  EXPECT_EQ(pointer(end(id, {{"state", "running"}})), "/state");
  EXPECT_EQ(pointer(end(id, {{"state", "failed"}})), "/error") << "it says why";
  EXPECT_EQ(pointer(end(id, {{"state", "done"}, {"error", "x"}})), "/error");
  EXPECT_EQ(store_.get(id)->state, Task::State::running);
  EXPECT_EQ(store_.list(10)->size(), 1u);
}

TEST_F(AdminClientTasks, WhatIsNotThereOrHasEndedIsSaid) {
  EXPECT_EQ(report("none", Json::object()).status, 404);
  const auto id = begun();
  ASSERT_EQ(end(id, {{"state", "failed"}, {"error", "the disk is full"}}).status, 200);
  EXPECT_EQ(report(id, Json::object()).status, 409);
  EXPECT_EQ(end(id, {{"state", "done"}}).status, 409);
}

// Who keeps an audit log wants who began and ended it, and not a line each second.
TEST_F(AdminClientTasks, TheAuditLogHasBeginAndEndAlone) {
  EXPECT_FALSE(route(kTasks).unaudited);
  EXPECT_FALSE(route(kTasks + "/{id}/end").unaudited);
  EXPECT_TRUE(route(kTasks + "/{id}/progress").unaudited);
  // All three write, which a session of the console may not be allowed to.
  for (const char* end : {"", "/{id}/end", "/{id}/progress"}) {
    EXPECT_TRUE(http::changes_something(route(kTasks + end))) << end;
  }
}

}  // namespace
}  // namespace mesh::services
