// One migration at a time, also where two begin at once.
#include "daemon/migration/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"

namespace mesh::migration {
namespace {

using testing::HasSubstr;

// Another process does something just before or after this one inserts its task.
class Raced final : public TaskStore {
 public:
  explicit Raced(TaskStore& tasks) : tasks_(tasks) {}
  std::function<void()> before_insert = [] {};
  std::function<void()> after_insert = [] {};

  Status insert(const Task& task) override {
    before_insert();
    MESH_TRY(tasks_.insert(task));
    after_insert();
    return {};
  }
  Result<std::optional<ClaimedTask>> claim(const std::string& owner, const WantedTask& wanted,
                                           Duration ttl) override {
    return tasks_.claim(owner, wanted, ttl);
  }
  Result<bool> renew(const std::string& id, std::int64_t token, Duration ttl) override {
    return tasks_.renew(id, token, ttl);
  }
  Status store(const Task& task, std::int64_t token) override { return tasks_.store(task, token); }
  void release(const std::string& id, std::int64_t token) override { tasks_.release(id, token); }
  Result<Task> get(const std::string& id) override { return tasks_.get(id); }
  Result<std::vector<Task>> list(int limit) override { return tasks_.list(limit); }
  Result<Task> request_cancel(const std::string& id) override { return tasks_.request_cancel(id); }
  std::unique_ptr<Watch> watch(Told told) override { return tasks_.watch(std::move(told)); }

 private:
  TaskStore& tasks_;
};

class TwoMigrations : public testing::Test {
 protected:
  Result<std::unique_ptr<Journal>> open(
      TaskStore& tasks, const std::function<Status()>& may_begin = [] { return Status(); }) {
    return Journal::open(
        tasks, {{"to", "b"}}, clock_, [](auto&, auto, auto) {}, may_begin);
  }
  void expect_refused(const Result<std::unique_ptr<Journal>>& opened) {
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::conflict);
    EXPECT_THAT(opened.error().message, HasSubstr("another process is migrating"));
  }
  std::vector<Task> unfinished() {
    auto all = store_.list(10).value();
    std::erase_if(all, [](const Task& task) { return has_ended(task); });
    return all;
  }

  ManualClock clock_;
  test::FakeTaskStore store_{clock_};
  Raced raced_{store_};
};

TEST_F(TwoMigrations, TheOneThatBeginsWhileAnotherHasBegunIsRefused) {
  std::unique_ptr<Journal> other;
  raced_.before_insert = [&] { other = open(store_).value(); };
  expect_refused(open(raced_));
  ASSERT_EQ(unfinished().size(), 1u);
  EXPECT_EQ(unfinished().front().id, other->task_id()) << "the other one goes on";
}

TEST_F(TwoMigrations, OfTwoThatBeginAtOnceOneGoesOnAtMost) {
  Result<std::unique_ptr<Journal>> other;
  raced_.after_insert = [&] {
    clock_.advance(Duration(1));  // so that it is the younger one
    other = open(store_);
  };
  const auto one = open(raced_);
  EXPECT_FALSE(one && other);
  EXPECT_LE(unfinished().size(), 1u);
}

TEST_F(TwoMigrations, OneThatMayNotBeginLeavesNothingThatHoldsUpOthers) {
  const auto refused = open(
      store_, [] { return Status(fail(ErrorKind::conflict, "the stores have rows already")); });
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("have rows already"));
  EXPECT_TRUE(none_unfinished(store_));
  EXPECT_TRUE(open(store_));
}

TEST_F(TwoMigrations, OneThatIsTakenUpIsNotAskedWhetherItMayBegin) {
  ASSERT_TRUE(open(store_));  // and is cut off
  int asked = 0;
  EXPECT_TRUE(open(store_, [&] {
    ++asked;
    return Status();
  }));
  EXPECT_EQ(asked, 0);
}

}  // namespace
}  // namespace mesh::migration
