#include "common/domain/task_order.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

TaskInLine waits(std::string id, int created, std::string tenant = {}, std::string target = {}) {
  return {
      std::move(id), "replay", std::move(tenant), std::move(target), Timestamp{Duration{created}},
      false};
}
TaskInLine held(TaskInLine task) {
  task.held = true;
  return task;
}
std::string next(const std::vector<TaskInLine>& line, WantedTask wanted = {{"replay"}}) {
  const TaskInLine* const found = next_in_line(line, wanted);
  return found == nullptr ? "" : found->id;
}

TEST(TaskOrder, TheOldestThatNobodyHoldsIsNext) {
  EXPECT_EQ(next({waits("c", 3), held(waits("a", 1)), waits("b", 2)}), "b");
  EXPECT_EQ(next({waits("y", 1), waits("x", 1)}), "x") << "of one age that with the lower id";
  EXPECT_EQ(next({held(waits("a", 1))}), "");
  EXPECT_EQ(next({}), "");
}

TEST(TaskOrder, OnlyThoseWantedAreLookedAt) {
  TaskInLine other = waits("a", 1);
  other.kind = "backup";
  EXPECT_EQ(next({other, waits("b", 2), waits("c", 3)}, {{"replay"}, {"b"}}), "c");
  EXPECT_EQ(next({other}), "");
}

TEST(TaskOrder, OneThatIsWantedByItsIdIsTakenBeforeOlderOnesAndNoOther) {
  const WantedTask only_b{.kinds = {"replay"}, .only = "b"};
  EXPECT_EQ(next({waits("a", 1), waits("b", 2)}, only_b), "b");
  EXPECT_EQ(next({waits("a", 1), held(waits("b", 2))}, only_b), "");
}

TEST(TaskOrder, WhatAClientDoesIsNextOnlyWhereItsReportIsOld) {
  TaskInLine import = waits("a", 1);
  import.reported_at = Timestamp{Duration { 50 }};
  const auto silent_since = [](int time) {
    return WantedTask{.kinds = {"replay"}, .reported_before = Timestamp{Duration{time}}};
  };
  EXPECT_EQ(next({import, waits("b", 2)}, silent_since(50)), "b");
  EXPECT_EQ(next({import, waits("b", 2)}, silent_since(51)), "a");
  EXPECT_EQ(next({import}), "a") << "whoever takes its report does not ask";
}

TEST(TaskOrder, OneWaitsForAnotherWithItsTargetAndHoldsUpNothingElse) {
  const auto at_it = held(waits("a", 1, "", "letters/x"));
  EXPECT_EQ(next({at_it, waits("b", 2, "", "letters/x"), waits("c", 3, "", "letters/y")}), "c");
  EXPECT_EQ(next({at_it, waits("b", 2), waits("c", 3)}), "b") << "no target bears any beside it";
  EXPECT_EQ(next({waits("a", 1, "", "letters/x"), waits("b", 2, "", "letters/x")}), "a");
}

TEST(TaskOrder, ATenantHasNoMoreThanItsShareAtOnce) {
  const std::vector<TaskInLine> line{held(waits("a", 1, "acme")), held(waits("b", 2, "acme")),
                                     waits("c", 3, "acme"), waits("d", 4, "globex")};
  EXPECT_EQ(next(line, {{"replay"}, {}, 2}), "d");
  EXPECT_EQ(next(line, {{"replay"}, {}, 3}), "c");
  EXPECT_EQ(next(line, {{"replay"}, {}, 0}), "c") << "any number";
  EXPECT_EQ(next({held(waits("a", 1)), waits("b", 2)}, {{"replay"}, {}, 1}), "b")
      << "those of no tenant are not bounded";
}

}  // namespace
}  // namespace mesh
