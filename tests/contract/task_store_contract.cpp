#include "tests/contract/task_store_contract.h"

#include <gmock/gmock.h>

namespace mesh::test {
namespace {

using ::testing::ElementsAre;

Task task(std::string id, Timestamp created_at) {
  return {.id = std::move(id),
          .kind = "replay",
          .state = Task::State::running,
          .spec = {{"topic", "user.events"}},
          .checkpoint = {{"offsets", {1, 2}}},
          .result = {{"done", 5}},
          .done = 5,
          .total = 10,
          .error = {},
          .created_at = created_at,
          .started_at = created_at + Duration{5}};
}

}  // namespace

TEST_P(TaskStoreContract, ATaskIsReadBackWhole) {
  Task written = task("t1", clock_.now());
  written.state = Task::State::failed;
  written.error = "the disk is full";
  written.finished_at = clock_.now() + Duration{9};
  ASSERT_TRUE(succeeds(store_->tasks().put(written)));
  store_->reopen();
  auto read = store_->tasks().get("t1");
  ASSERT_TRUE(succeeds(read));
  EXPECT_EQ(to_json(*read), to_json(written));
  EXPECT_EQ(read->checkpoint, written.checkpoint);
  EXPECT_FALSE(read->cancel_requested);
}

TEST_P(TaskStoreContract, EveryStateIsReadBack) {
  using enum Task::State;
  for (const auto state : {queued, running, done, failed, cancelled}) {
    Task written = task("t", clock_.now());
    written.state = state;
    ASSERT_TRUE(store_->tasks().put(written));
    EXPECT_EQ(store_->tasks().get("t")->state, state);
  }
}

TEST_P(TaskStoreContract, EmptyDocumentsAndUnsetTimesStayAsTheyAre) {
  ASSERT_TRUE(store_->tasks().put(bare_task("bare")));
  auto read = store_->tasks().get("bare");
  ASSERT_TRUE(succeeds(read));
  EXPECT_TRUE(read->spec.is_null());
  EXPECT_EQ(read->started_at, Timestamp{});
}

TEST_P(TaskStoreContract, PutReplacesById) {
  Task written = task("t1", clock_.now());
  ASSERT_TRUE(store_->tasks().put(written));
  written.done = 10;
  written.state = Task::State::done;
  ASSERT_TRUE(store_->tasks().put(written));
  EXPECT_EQ(store_->tasks().get("t1")->done, 10);
  EXPECT_EQ(store_->tasks().list(10)->size(), 1u);
}

TEST_P(TaskStoreContract, ARequestToCancelOutlivesLaterPuts) {
  const Task written = task("t1", clock_.now());
  ASSERT_TRUE(store_->tasks().put(written));
  ASSERT_TRUE(store_->tasks().put(task("t2", clock_.now())));
  ASSERT_TRUE(succeeds(store_->tasks().request_cancel("t1")));
  ASSERT_TRUE(store_->tasks().put(written));
  EXPECT_TRUE(store_->tasks().get("t1")->cancel_requested);
  EXPECT_FALSE(store_->tasks().get("t2")->cancel_requested);
}

TEST_P(TaskStoreContract, UnknownTasksAreNotFound) {
  EXPECT_TRUE(fails_with(store_->tasks().get("t1"), ErrorKind::not_found));
  EXPECT_TRUE(fails_with(store_->tasks().request_cancel("t1"), ErrorKind::not_found));
}

TEST_P(TaskStoreContract, ListsTheNewestFirst) {
  ASSERT_TRUE(store_->tasks().put(task("b", clock_.now() + Duration{1})));
  ASSERT_TRUE(store_->tasks().put(task("a", clock_.now() + Duration{2})));
  ASSERT_TRUE(store_->tasks().put(task("c", clock_.now())));
  std::vector<std::string> ids;
  const auto listed = store_->tasks().list(2);
  ASSERT_TRUE(succeeds(listed));
  for (const Task& each : *listed) ids.push_back(each.id);
  EXPECT_THAT(ids, ElementsAre("a", "b"));
}

}  // namespace mesh::test
