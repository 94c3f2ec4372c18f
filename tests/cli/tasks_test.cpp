// Following tasks, and how they are shown.
#include <signal.h>
#include <unistd.h>

#include "tests/cli/cli_fixture.h"
#include "tests/cli/redrive_task.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;

class TasksTest : public CliTest {};

TEST_F(TasksTest, CtrlCLeavesTheTaskRunningSaysSoAndEndsWith130) {
  fake.on("GET", "/admin/v1/tasks/{id}", [](const http::Request&) {
    ::raise(SIGINT);
    return http::Response::json(200, redrive_task("running", 0, 0, 3));
  });
  EXPECT_EQ(at_fake({"tasks", "wait", "t1"}), 130);
  EXPECT_THAT(err, HasSubstr("mesh tasks wait t1"));
  EXPECT_THAT(err, HasSubstr("mesh tasks cancel t1"));
}

TEST_F(TasksTest, TasksSayHowLongTheyTookWhatCameOfThemAndWhatNext) {
  const Json replay{{"id", "t2"},
                    {"kind", "replay"},
                    {"state", "failed"},
                    {"result", {{"done", 5}, {"dead", 0}, {"skipped", 2}}},
                    {"summary", "failed: disk full"},
                    {"error", "disk full"},
                    {"progress", {{"done", 5}, {"rate", 2.5}, {"remaining_seconds", 90}}},
                    {"started_by", "ops-anna"},
                    {"started_at", nullptr},
                    {"finished_at", nullptr}};
  fake.on("GET", "/admin/v1/tasks", 200,
          Json{{"items", {redrive_task("done", 2, 1, 0, "redriven 3, done 2"), replay}},
               {"next", nullptr}});
  fake.on("GET", "/admin/v1/tasks/{id}", 200, redrive_task("done", 2, 1, 0, "redriven 3, done 2"));
  EXPECT_EQ(at_fake({"tasks", "list"}), 0);
  EXPECT_THAT(out, HasSubstr("redriven 3, done 2\n"));
  EXPECT_THAT(out, HasSubstr("failed: disk full\n"));
  EXPECT_THAT(out, testing::ContainsRegex("failed +1m30s +ops-anna"));
  EXPECT_EQ(at_fake({"tasks", "get", "t1"}), 0);
  EXPECT_THAT(out, testing::ContainsRegex("TOOK: +1m30s\n"));
  EXPECT_THAT(out, testing::ContainsRegex("RESULT: +redriven 3, done 2\n"));
  EXPECT_THAT(out, testing::ContainsRegex("NEXT: +`mesh dlq show user.events.dlq`"));
  EXPECT_EQ(at_fake({"tasks", "get", "t1", "-o", "json"}), 0);
  EXPECT_EQ(json(), redrive_task("done", 2, 1, 0, "redriven 3, done 2")) << "as the server gave it";
}

TEST_F(TasksTest, ABackupIsToldInBytesWithWhatCameOfItAndWhatNext) {
  const Json backup{{"id", "t3"},
                    {"kind", "backup"},
                    {"state", "done"},
                    {"spec", {{"path", "/b/one"}}},
                    {"progress", {{"done", 4 << 20}, {"total", 4 << 20}}},
                    {"summary", "copied 2 files"}};
  fake.on("GET", "/admin/v1/tasks/{id}", 200, backup);
  EXPECT_EQ(at_fake({"tasks", "get", "t3"}), 0);
  EXPECT_THAT(out, testing::ContainsRegex("DONE: +4\\.0 MiB\n"));
  EXPECT_THAT(out, testing::ContainsRegex("TOTAL: +4\\.0 MiB\n"));
  EXPECT_THAT(out, testing::ContainsRegex("RESULT: +copied 2 files\n"));
  EXPECT_THAT(out, testing::ContainsRegex("NEXT: +`mesh backup verify /b/one`"));
}

TEST_F(TasksTest, WhatComesNextAfterARebuildIsOfItsKind) {
  Json spec;
  fake.on("GET", "/admin/v1/tasks/{id}", [&](const http::Request&) {
    return http::Response::json(200, {{"id", "t4"},
                                      {"kind", "rebuild"},
                                      {"state", "done"},
                                      {"spec", spec},
                                      {"result", {{"generation", 3}, {"previous", 2}}}});
  });
  const auto next_after = [&](Json asked) {
    spec = std::move(asked);
    EXPECT_EQ(at_fake({"tasks", "get", "t4"}), 0);
    return out.substr(out.find("NEXT:"));
  };
  EXPECT_THAT(next_after({{"embedder", "static:1"}}), HasSubstr("`mesh index rollback` goes back"));
  const auto shadow = next_after({{"embedder", "static:1"}, {"shadow", true}});
  EXPECT_THAT(shadow, HasSubstr("`mesh index serve 3` serves it, `mesh index drop 3`"));
  EXPECT_THAT(shadow, testing::Not(HasSubstr("rollback"))) << "it does not serve";
  const auto of_events = next_after({{"type", "order.placed"}, {"embedder", "static:1"}});
  EXPECT_THAT(of_events, HasSubstr("`mesh index rollback-events order.placed` goes back"));
}

// Answers one list after another; what comes behind the last is an error that does not pass.
class WatchTest : public CliTest {
 protected:
  WatchTest() {
    fake.on("GET", "/admin/v1/tasks", [this](const http::Request& request) {
      asked.push_back(std::string(request.param("seen").value_or("")) + "/" +
                      std::string(request.param("wait").value_or("")));
      if (lists.empty()) return http::Response::problem({ErrorKind::forbidden, "enough"});
      const Json items = lists.front();
      lists.erase(lists.begin());
      return http::Response::json(
          200, {{"items", items}, {"next", nullptr}, {"version", "v" + std::to_string(++sent)}});
    });
  }
  std::vector<Json> lists;
  std::vector<std::string> asked;
  int sent = 0;
};

TEST_F(WatchTest, TasksAreWatchedAsLinesOfJsonOfThoseThatChanged) {
  Json done = redrive_task("done", 2, 1, 0), running = redrive_task("running", 0, 0, 3);
  running["id"] = "t2";
  Json slower = running;
  slower["progress"]["rate"] = 1.5;
  slower["progress"]["remaining_seconds"] = 2;
  Json further = slower;
  further["progress"]["done"] = 2;
  lists = {Json::array({running, done}), Json::array({slower, done}), Json::array({further, done})};
  EXPECT_EQ(at_fake({"tasks", "watch", "-o", "json"}), 4) << err;
  EXPECT_EQ(out, dump(done) + "\n" + dump(running) + "\n" + dump(further) + "\n")
      << "what time alone changes is no change";
  EXPECT_EQ(asked, (std::vector<std::string>{"/", "v1/2", "v2/2", "v3/2"}));
}

TEST_F(WatchTest, WhereNothingRunsTheServerMayTakeItsTime) {
  lists = {Json::array({redrive_task("done", 2, 1, 0)})};
  EXPECT_EQ(at_fake({"tasks", "watch"}), 4) << err;
  EXPECT_EQ(asked.back(), "v1/20");
}

TEST_F(WatchTest, OnATerminalTheListRenewsItselfInPlace) {
  terminal.out = true;
  lists = {Json::array({redrive_task("done", 2, 1, 0, "all is done")})};
  EXPECT_EQ(at_fake({"tasks", "watch"}), 4) << err;
  EXPECT_THAT(out, testing::StartsWith("\x1b[H\x1b[J"));
  EXPECT_THAT(out, HasSubstr("all is done"));
}

}  // namespace
}  // namespace mesh::cli
