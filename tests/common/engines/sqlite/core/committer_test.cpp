#include <gmock/gmock.h>

#include <future>
#include <thread>

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/database.h"
#include "tests/support/fault_vfs.h"
#include "tests/support/temp_dir.h"

namespace mesh::sqlite {
namespace {

using test::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;

class CommitterTest : public testing::Test {
 protected:
  CommitterTest() {
    options_.on_fatal = [this](const Error& error) { fatal_.push_back(error.message); };
    options_.on_commit = [this](double, int jobs) { groups_.push_back(jobs); };
    start();
  }
  void start() {
    auto db = Database::open(path_, Database::Mode::read_write);
    ASSERT_TRUE(db) << db.error().to_string();
    ASSERT_TRUE((*db)->execute("CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY)"));
    committer_ = std::make_unique<Committer>(std::move(*db), path_, options_);
  }
  static Committer::Job insert(std::int64_t n) {
    return [sql = "INSERT INTO t VALUES(" + std::to_string(n) + ")"](Database& db) {
      return db.execute(sql);
    };
  }
  // The committer's thread waits inside a job until the result is set: what is submitted meanwhile
  // becomes one group.
  std::promise<void> hold() {
    std::promise<void> go, held;
    auto gate = go.get_future().share();
    auto reached = held.get_future();
    auto signal = std::make_shared<std::promise<void>>(std::move(held));
    committer_->submit(
        0,
        [gate, signal](Database&) -> Status {
          signal->set_value();
          gate.wait();
          return {};
        },
        [](const Status&) {});
    reached.wait();
    return go;
  }
  std::future<Status> submit(Committer::Job job, std::size_t bytes = 1,
                             const std::string& key = "a") {
    auto result = std::make_shared<std::promise<Status>>();
    auto future = result->get_future();
    committer_->submit(key, bytes, std::move(job),
                       [result](Status s) { result->set_value(std::move(s)); });
    return future;
  }
  // Notes in ran_ that it ran.
  std::future<Status> noted(const std::string& key, std::size_t bytes) {
    return submit(
        [this, key](Database&) -> Status {
          ran_.push_back(key);
          return {};
        },
        bytes, key);
  }
  std::vector<std::int64_t> rows() {
    auto db = Database::open(path_, Database::Mode::read_only);
    auto select = (*db)->prepare("SELECT n FROM t ORDER BY n");
    std::vector<std::int64_t> found;
    while (select->step().value()) found.push_back(select->integer(0));
    return found;
  }

  TempDir dir_;
  const std::string path_ = dir_.file("test.db");
  test::FaultVfs vfs_;
  Committer::Options options_;
  std::vector<std::string> fatal_;
  std::vector<int> groups_;       // the committer's thread only, until stop()
  std::vector<std::string> ran_;  // the same
  std::unique_ptr<Committer> committer_;
};

TEST_F(CommitterTest, WhatIsSubmittedMeanwhileIsOneCommitInOrder) {
  auto go = hold();
  std::vector<std::future<Status>> done;
  for (int i = 0; i < 10; ++i) done.push_back(submit(insert(i)));
  go.set_value();
  for (auto& d : done) EXPECT_TRUE(d.get());
  committer_->stop();
  EXPECT_THAT(groups_, ElementsAre(1, 10));
  EXPECT_THAT(rows(), testing::SizeIs(10));
}

TEST_F(CommitterTest, AFailedJobUndoesOnlyItself) {
  auto go = hold();
  auto first = submit(insert(1));
  auto bad = submit([](Database& db) -> Status {
    MESH_TRY(db.execute("INSERT INTO t VALUES(50)"));
    return fail(ErrorKind::invalid, "after a write");
  });
  auto last = submit(insert(2));
  go.set_value();
  EXPECT_TRUE(first.get());
  EXPECT_EQ(bad.get().error().message, "after a write");
  EXPECT_TRUE(last.get());
  EXPECT_THAT(rows(), ElementsAre(1, 2));
}

TEST_F(CommitterTest, JobsThatFailBeforeTheyWriteDoNotMakeTheGroupRunAgain) {
  auto go = hold();
  std::atomic<int> runs{0};
  auto counted = submit([&](Database& db) -> Status {
    ++runs;
    auto s = db.prepare("INSERT INTO t VALUES(1)");
    return s->run();
  });
  auto refused = submit([](Database& db) -> Status {
    auto again = db.prepare("INSERT INTO t VALUES(1)");
    return again->run();
  });
  go.set_value();
  EXPECT_TRUE(counted.get());
  EXPECT_EQ(refused.get().error().kind, ErrorKind::conflict);
  EXPECT_EQ(runs, 1);
}

TEST_F(CommitterTest, MemoryOfAnUndoneTryIsResetByOnBegin) {
  int staged = 0, published = 0;
  committer_->on_begin([&] { staged = published; });
  committer_->on_committed([&] { published = staged; });
  auto go = hold();
  auto good = submit([&](Database& db) -> Status {
    ++staged;
    return db.execute("INSERT INTO t VALUES(1)");
  });
  auto bad = submit([](Database& db) -> Status {
    (void)db.execute("INSERT INTO t VALUES(2)");
    return fail(ErrorKind::invalid, "no");
  });
  go.set_value();
  EXPECT_TRUE(good.get());
  EXPECT_FALSE(bad.get());
  committer_->stop();
  EXPECT_EQ(published, 1) << "though the job ran twice";
}

TEST_F(CommitterTest, WhatIsWrittenBeforeACommitIsOnceInItsGroup) {
  int staged = 0;
  std::int64_t next = 100;
  committer_->on_begin([&] { staged = 0; });
  committer_->before_commit(
      [&](Database& db) { return staged > 0 ? insert(next + staged)(db) : Status{}; });
  auto go = hold();
  std::vector<std::future<Status>> jobs;
  for (int i = 1; i <= 3; ++i) {
    jobs.push_back(submit([&, i](Database& db) {
      ++staged;
      return insert(i)(db);
    }));
  }
  go.set_value();
  for (auto& job : jobs) EXPECT_TRUE(job.get());
  EXPECT_EQ(rows(), (std::vector<std::int64_t>{1, 2, 3, 103}));
}

TEST_F(CommitterTest, AFailureBeforeTheCommitFailsTheGroupAndLeavesNothing) {
  bool refuse = true;
  committer_->before_commit([&](Database&) -> Status {
    if (refuse) return fail(ErrorKind::internal, "no");
    return {};
  });
  EXPECT_FALSE(committer_->run(insert(1)));
  EXPECT_TRUE(rows().empty());
  refuse = false;
  EXPECT_TRUE(committer_->run(insert(1)));
}

TEST_F(CommitterTest, AJobThatThrowsFailsAlone) {
  auto thrown = submit([](Database&) -> Status { throw std::runtime_error("oops"); });
  EXPECT_EQ(thrown.get().error().kind, ErrorKind::internal);
  EXPECT_TRUE(committer_->run(insert(1)));
}

TEST_F(CommitterTest, BeyondItsBoundItRefusesAtOnce) {
  auto go = hold();
  auto fits = submit(insert(1), options_.max_pending_bytes);
  auto refused = submit(insert(2), 1);
  ASSERT_EQ(refused.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  EXPECT_EQ(refused.get().error().kind, ErrorKind::unavailable);
  go.set_value();
  EXPECT_TRUE(fits.get());
  EXPECT_TRUE(committer_->run(insert(3)));
}

TEST_F(CommitterTest, AFloodOfOneKeyIsRefusedAloneAndTheMeshsOwnWorkNever) {
  auto go = hold();
  std::vector<std::future<Status>> flood;
  for (int i = 0; i < 20; ++i) flood.push_back(noted("flood", options_.max_pending_bytes / 10));
  auto quiet = noted("quiet", options_.max_pending_bytes / 10);
  auto internal = noted("", options_.max_pending_bytes);
  go.set_value();
  int refused = 0;
  for (auto& status : flood) refused += !status.get();
  EXPECT_EQ(refused, 15) << "it may take half of the room";
  EXPECT_TRUE(quiet.get());
  EXPECT_TRUE(internal.get());
}

TEST_F(CommitterTest, AJobDoesNotWaitForWhatAnotherKeyHasWaiting) {
  auto go = hold();
  std::vector<std::future<Status>> flood;
  for (int i = 0; i < 40; ++i) flood.push_back(noted("flood", 64 << 10));
  auto quiet = noted("quiet", 500);
  auto internal = noted("", 0);
  go.set_value();
  for (auto& status : flood) EXPECT_TRUE(status.get());
  committer_->stop();
  const auto place = [&](const char* key) {
    return std::find(ran_.begin(), ran_.end(), key) - ran_.begin();
  };
  EXPECT_LT(place("quiet"), 2);
  EXPECT_LT(place(""), 3);
}

TEST_F(CommitterTest, AGroupHasABoundInBytes) {
  committer_.reset();
  options_.max_group_bytes = 1000;
  start();
  auto go = hold();
  std::vector<std::future<Status>> done;
  for (std::size_t bytes : {400, 400, 400, 400, 5000, 1}) done.push_back(noted("a", bytes));
  go.set_value();
  for (auto& status : done) EXPECT_TRUE(status.get());
  committer_->stop();
  EXPECT_THAT(groups_, ElementsAre(1, 3, 2, 1));
}

TEST_F(CommitterTest, OneJobAlwaysFits) {
  EXPECT_TRUE(submit(insert(1), options_.max_pending_bytes * 2).get());
}

TEST_F(CommitterTest, StopFinishesWhatWasSubmittedAndRefusesTheRest) {
  auto go = hold();
  auto before = submit(insert(1));
  std::thread stopping([&] { committer_->stop(); });
  go.set_value();
  stopping.join();
  EXPECT_TRUE(before.get());
  EXPECT_EQ(submit(insert(2)).get().error().kind, ErrorKind::unavailable);
  committer_->stop();
  EXPECT_THAT(rows(), ElementsAre(1));
}

TEST_F(CommitterTest, AFullDiskFailsTheGroupAndServiceGoesOnWhenThereIsSpace) {
  ASSERT_TRUE(committer_->run(insert(1)));
  vfs_.faults().full = true;
  Status status;
  for (std::int64_t n = 100; status && n < 200; ++n) status = committer_->run(insert(n));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(status.error().message, HasSubstr("disk is full"));
  vfs_.faults().full = false;
  EXPECT_TRUE(committer_->run(insert(2)));
  EXPECT_THAT(fatal_, testing::IsEmpty());
}

TEST_F(CommitterTest, AfterAFailedFsyncNothingIsAcceptedAnyMore) {
  vfs_.faults().fail_syncs = true;
  EXPECT_EQ(committer_->run(insert(1)).error().kind, ErrorKind::uncertain);
  vfs_.faults().fail_syncs = false;
  EXPECT_EQ(committer_->run(insert(2)).error().kind, ErrorKind::unavailable)
      << "a second fsync may lie about what the first one lost";
  committer_->stop();
  EXPECT_THAT(fatal_, testing::SizeIs(1));
}

TEST_F(CommitterTest, AfterAFailedWriteNothingIsAcceptedAnyMore) {
  vfs_.faults().fail_writes = true;
  EXPECT_FALSE(committer_->run(insert(1)));
  vfs_.faults().fail_writes = false;
  EXPECT_FALSE(committer_->run(insert(2)));
  committer_->stop();
  EXPECT_THAT(fatal_, testing::SizeIs(1));
}

TEST_F(CommitterTest, TheWalStaysBoundedWhileWritesGoOn) {
  ASSERT_TRUE(committer_->run([](Database& db) { return db.execute("CREATE TABLE big(b BLOB)"); }));
  for (int i = 0; i < 120; ++i) {  // 120 MB in all
    ASSERT_TRUE(committer_->run(
        [](Database& db) { return db.execute("INSERT INTO big VALUES(zeroblob(1000000))"); }));
  }
  EXPECT_LT(std::filesystem::file_size(path_ + "-wal"), 40U << 20);
}

TEST_F(CommitterTest, TheBackgroundCheckpointMovesPagesIntoTheFile) {
  const auto before = std::filesystem::file_size(path_);
  ASSERT_TRUE(committer_->run([](Database& db) {
    return db.execute("CREATE TABLE b(b); INSERT INTO b VALUES(zeroblob(100000))");
  }));
  // No notification to wait for: the thread works on its own; the test's time-out is the bound.
  while (std::filesystem::file_size(path_) < before + 100'000) std::this_thread::yield();
}

}  // namespace
}  // namespace mesh::sqlite
