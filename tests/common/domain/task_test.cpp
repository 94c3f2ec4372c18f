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
  task.started_by = "anna";
  task.created_at = Timestamp{std::chrono::milliseconds{1}};
  EXPECT_EQ(dump(to_json(task)),
            R"({"id":"t1","kind":"replay","state":"queued","spec":{"topic":"user.events"},)"
            R"("progress":{"done":3,"total":10},"result":{},"summary":"waits for its turn",)"
            R"("error":"","started_by":"anna",)"
            R"("created_at":"1970-01-01T00:00:00.001Z","started_at":null,"finished_at":null})");
}

TEST(Task, EveryStateHasItsName) {
  EXPECT_EQ(to_string(Task::State::queued), "queued");
  EXPECT_EQ(to_string(Task::State::running), "running");
  EXPECT_EQ(to_string(Task::State::done), "done");
  EXPECT_EQ(to_string(Task::State::failed), "failed");
  EXPECT_EQ(to_string(Task::State::cancelled), "cancelled");
}

TEST(Task, ItsRateIsThatSinceItsStartAndWhatIsLeftTakesAsLong) {
  Task task{.id = "t", .kind = "replay", .state = Task::State::running, .done = 30, .total = 120};
  task.started_at = Timestamp{Duration{1'000}};
  const Json running = to_json(task, task.started_at + Duration{10'000});
  EXPECT_EQ(running["progress"],
            (Json{{"done", 30}, {"total", 120}, {"rate", 3.0}, {"remaining_seconds", 30.0}}));
  EXPECT_EQ(to_json(task, task.started_at)["progress"]["rate"], nullptr) << "no time has passed";
  task.state = Task::State::done;
  task.finished_at = task.started_at + Duration{20'000};
  const Json done = to_json(task, task.started_at + Duration{99'000});
  EXPECT_EQ(done["progress"]["rate"], 1.5);
  EXPECT_EQ(done["progress"]["remaining_seconds"], nullptr);
}

TEST(Task, TasksThatExcludeEachOtherHaveOneTarget) {
  const auto target = [](const char* kind, Json spec) {
    return target_of({.id = "t", .kind = kind, .spec = std::move(spec)});
  };
  EXPECT_EQ(target("redrive", {{"topic", "a.dlq"}}), target("purge", {{"topic", "a.dlq"}}));
  EXPECT_NE(target("redrive", {{"topic", "a.dlq"}}), target("redrive", {{"topic", "b.dlq"}}));
  EXPECT_EQ(target_of({.id = "t",
                       .kind = "redrive",
                       .spec = {{"topic", "a.dlq"}},
                       .checkpoint = {{kAllAppended, true}}}),
            "")
      << "it only waits";
  EXPECT_NE(target("seek", {{"group", "a"}}), target("seek", {{"group", "b"}}));
  EXPECT_EQ(target("rebuild", {{"embedder", "x"}}), target("rebuild", {{"embedder", "y"}}));
  EXPECT_EQ(target("replay", {{"topic", "a"}}), "") << "stages bear each other";
  EXPECT_EQ(target("seek", nullptr), "group/");
  EXPECT_EQ(target("erasure", {{"tenant", "acme"}, {"subject", "7"}}),
            target("erasure", {{"tenant", "acme"}, {"dry_run", true}}));
}

}  // namespace
}  // namespace mesh
