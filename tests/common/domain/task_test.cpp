#include "common/domain/task.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

TEST(Task, TimesThatAreNotSetAreNull) {
  Task task;
  task.id = "t1";
  task.kind = "replay";
  task.spec = {{"topic", "user.events"}};
  task.result = Json::object();
  task.done = 3;
  task.total = 10;
  task.created_at = Timestamp{std::chrono::milliseconds{1}};
  EXPECT_EQ(dump(to_json(task)),
            R"({"id":"t1","kind":"replay","state":"queued","spec":{"topic":"user.events"},)"
            R"("progress":{"done":3,"total":10},"result":{},"error":"",)"
            R"("created_at":"1970-01-01T00:00:00.001Z","started_at":null,"finished_at":null})");
}

TEST(Task, EveryStateHasItsName) {
  EXPECT_EQ(to_string(Task::State::queued), "queued");
  EXPECT_EQ(to_string(Task::State::running), "running");
  EXPECT_EQ(to_string(Task::State::done), "done");
  EXPECT_EQ(to_string(Task::State::failed), "failed");
  EXPECT_EQ(to_string(Task::State::cancelled), "cancelled");
}

}  // namespace
}  // namespace mesh
