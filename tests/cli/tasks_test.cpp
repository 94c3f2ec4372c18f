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
                    {"error", "disk full"},
                    {"started_at", nullptr},
                    {"finished_at", nullptr}};
  fake.on("GET", "/admin/v1/tasks", 200,
          Json{{"items", {redrive_task("done", 2, 1, 0), replay}}, {"next", nullptr}});
  fake.on("GET", "/admin/v1/tasks/{id}", 200, redrive_task("done", 2, 1, 0));
  EXPECT_EQ(at_fake({"tasks", "list"}), 0);
  EXPECT_THAT(out, HasSubstr("redriven 3, done 2, died again 1\n"));
  EXPECT_THAT(out, HasSubstr("failed: disk full\n"));
  EXPECT_EQ(at_fake({"tasks", "get", "t1"}), 0);
  EXPECT_THAT(out, testing::ContainsRegex("TOOK: +1m30s\n"));
  EXPECT_THAT(out, testing::ContainsRegex("RESULT: +redriven 3, done 2, died again 1\n"));
  EXPECT_THAT(out, testing::ContainsRegex("NEXT: +`mesh dlq show user.events.dlq`"));
  EXPECT_EQ(at_fake({"tasks", "get", "t1", "-o", "json"}), 0);
  EXPECT_EQ(json(), redrive_task("done", 2, 1, 0)) << "as the server gave it";
}

TEST_F(TasksTest, ABackupIsToldInBytesWithWhatCameOfItAndWhatNext) {
  const Json backup{
      {"id", "t3"},
      {"kind", "backup"},
      {"state", "done"},
      {"spec", {{"path", "/b/one"}}},
      {"progress", {{"done", 4 << 20}, {"total", 4 << 20}}},
      {"result",
       {{"files",
         {{{"name", "log.db"}, {"bytes", 1 << 20}}, {{"name", "store.db"}, {"bytes", 1 << 20}}}}}}};
  fake.on("GET", "/admin/v1/tasks/{id}", 200, backup);
  EXPECT_EQ(at_fake({"tasks", "get", "t3"}), 0);
  EXPECT_THAT(out, testing::ContainsRegex("DONE: +4\\.0 MiB\n"));
  EXPECT_THAT(out, testing::ContainsRegex("TOTAL: +4\\.0 MiB\n"));
  EXPECT_THAT(out, testing::ContainsRegex("RESULT: +copied 2 files, 2\\.0 MiB, to /b/one\n"));
  EXPECT_THAT(out, testing::ContainsRegex("NEXT: +`mesh backup verify /b/one`"));
}

}  // namespace
}  // namespace mesh::cli
