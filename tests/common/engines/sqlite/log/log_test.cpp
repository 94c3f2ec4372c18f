#include <fstream>
#include <future>
#include <latch>
#include <thread>

#include "common/engines/sqlite/log/codec.h"
#include "common/engines/sqlite/log/wait_room.h"
#include "tests/common/engines/sqlite/log/log_fixture.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/fault_vfs.h"
#include "tests/support/manual_clock.h"
#include "tests/support/read_all.h"

namespace mesh::sqlite {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class SqliteLogTest : public test::LogFixture {};

TEST_F(SqliteLogTest, ConcurrentAppendsShareCommitsAndAreAllThereAfterReopening) {
  std::atomic<int> commits{0};
  options_.on_commit = [&](double, int) { ++commits; };
  open_with_topic(TopicKind::activity, 4);
  commits = 0;
  constexpr int kAppends = 4'000;
  std::latch done(kAppends);
  std::atomic<int> acknowledged{0};
  for (int i = 0; i < kAppends; ++i) {
    log_->append({record(std::to_string(i), std::to_string(i))},
                 [&](Result<std::vector<Position>> result) {
                   if (result) ++acknowledged;
                   done.count_down();
                 });
  }
  done.wait();
  EXPECT_EQ(acknowledged, kAppends);
  EXPECT_LT(commits, kAppends / 4);
  reopen();
  std::size_t found = 0;
  for (int partition = 0; partition < 4; ++partition) found += values(partition).size();
  EXPECT_EQ(found, kAppends);
}

TEST_F(SqliteLogTest, BeyondItsBoundOfWaitingBytesAnAppendIsUnavailableAtOnce) {
  options_.max_pending_bytes = 10'000;
  open_with_topic();
  std::promise<void> go, reached;
  auto gate = go.get_future();
  log_->append({record("k", "first")}, [&](const auto&) {
    reached.set_value();
    gate.wait();  // holds the committer's thread
  });
  reached.get_future().wait();
  std::promise<void> taken;
  log_->append({record("k", std::string(9'000, 'x'))}, [&](const auto& result) {
    EXPECT_TRUE(result);
    taken.set_value();
  });
  std::optional<Error> refused;
  log_->append({record("k", std::string(9'000, 'y'))}, [&](const auto& result) {
    if (!result) refused = result.error();
  });
  ASSERT_TRUE(refused) << "told at once, while the committer's thread stands still";
  EXPECT_EQ(refused->kind, ErrorKind::unavailable);
  go.set_value();
  taken.get_future().wait();
  EXPECT_TRUE(append("k", "after"));
}

TEST_F(SqliteLogTest, TimesNeverDecreaseThoughTheClockDoes) {
  class Backwards final : public Clock {
   public:
    Timestamp now() const override { return Timestamp(Duration(1'000 - 10 * calls_++)); }
    SteadyTime steady() const override { return system_clock().steady(); }
    bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& cv,
                    SteadyTime deadline, const std::function<bool()>& ready) override {
      return system_clock().wait_until(lock, cv, deadline, ready);
    }

   private:
    mutable std::atomic<int> calls_{0};
  } clock;
  for (int round = 0; round < 2; ++round) {
    auto log = SqliteLog::open(dir_.path(), options_, clock).value();
    ASSERT_TRUE(log->ensure_topic({kTopic, TopicKind::activity, 1, {}, {}}));
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(test::append_and_wait(*log, {record("k", "v")}));
    Timestamp last{};
    const auto records = test::read_all(*log, {kTopic, 0}, 0, {}).value();
    for (const auto& r : records) {
      EXPECT_GE(r.time, last);
      last = r.time;
    }
  }
}

// A commit costs nothing for those who wait elsewhere.
TEST_F(SqliteLogTest, AWatchIsNotToldOfOtherPartitions) {
  open_with_topic(TopicKind::activity, 2);
  int told = 0;
  const auto position = append("k", "v").value().front();
  const auto watch = log_->watch({{{kTopic, 1 - position.partition}, 0}}, [&] { ++told; });
  ASSERT_TRUE(append("k", "v"));
  EXPECT_EQ(told, 0);
}

TEST_F(SqliteLogTest, CloseTellsWatchesEndsPollsAndRefusesAppends) {
  open_with_topic();
  auto consumer = log_->open_consumer("g", {kTopic}, "m").value();
  int told = 0;
  const auto watch = log_->watch({{{kTopic, 0}, 0}}, [&] { ++told; });
  auto polled = std::async(std::launch::async, [&] { return consumer->poll({}, Duration(1'000)); });
  clock_.await_waiters(1);
  log_->close();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(polled.get().error().kind, ErrorKind::cancelled);
  EXPECT_EQ(append("k", "v").error().kind, ErrorKind::unavailable);
  log_->close();
}

TEST_F(SqliteLogTest, APollBeginsWithAnotherPartitionEachTime) {
  open_with_topic(TopicKind::activity, 2);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(append("", std::to_string(i)));
  auto consumer = log_->open_consumer("g", {kTopic}, "m").value();
  std::set<int> partitions;
  for (int i = 0; i < 2; ++i) {
    const auto records = consumer->poll({3, 1 << 20}, Duration(0)).value();
    for (const auto& r : records) partitions.insert(r.position.partition);
  }
  EXPECT_THAT(partitions, SizeIs(2));
}

TEST_F(SqliteLogTest, ACommitOutsideOfTheLogIsInvalid) {
  open_with_topic();
  auto consumer = log_->open_consumer("g", {kTopic}, "m").value();
  EXPECT_EQ(consumer->commit({{{kTopic, 0}, 1}}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(consumer->commit({{{kTopic, 9}, 0}}).error().kind, ErrorKind::invalid);
}

TEST_F(SqliteLogTest, AnAppendThatDoesNotFitFailsWholeAndTheLogGoesOn) {
  test::FaultVfs vfs;
  open_with_topic(TopicKind::activity, 2);
  ASSERT_TRUE(append("a", "1"));
  vfs.faults().full = true;
  std::vector<Record> many;
  for (int i = 0; i < 300; ++i) many.push_back(record(std::to_string(i), std::string(3'000, 'x')));
  const auto full = test::append_and_wait(*log_, many);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(full.error().message, HasSubstr("disk is full"));
  vfs.faults().full = false;
  const auto more = append("a", "2");
  ASSERT_TRUE(more);
  EXPECT_EQ(more->front().offset, 1) << "no offset was used up";
  EXPECT_EQ(info().records, 2U);
  reopen();
  EXPECT_EQ(values(0).size() + values(1).size(), 2U);
}

TEST_F(SqliteLogTest, WhatWasAcknowledgedSurvivesAPowerCutAtAnyMoment) {
  test::TempDir synced;
  test::FaultVfs vfs;
  vfs.faults().watched_dir = dir_.path();
  vfs.faults().synced_dir = synced.path();
  open_with_topic();
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(append("k", std::string(4'000, 'x')));
    test::TempDir after;
    vfs.power_cut(after.path());
    auto revived = SqliteLog::open(after.path(), options_, clock_);
    ASSERT_TRUE(revived) << revived.error().to_string();
    const auto records = test::read_all(**revived, {kTopic, 0}, 0);
    ASSERT_TRUE(records) << records.error().to_string();
    EXPECT_EQ(records->size(), static_cast<std::size_t>(i + 1));
  }
}

TEST(Bodies, AreReadBackAndNoPrefixOfOneIsTakenForAnother) {
  const Record record{"t", "key", "value", {{"a", "1"}, {"b", ""}}};
  std::string body;
  encode_body(record, body);
  StoredRecord found;
  ASSERT_TRUE(decode_body(body, found));
  EXPECT_EQ(found.key, record.key);
  EXPECT_EQ(found.value, record.value);
  EXPECT_EQ(found.headers, record.headers);
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_FALSE(decode_body(std::string_view(body).substr(0, size), found)) << size;
  }
  EXPECT_FALSE(decode_body(body + "x", found));
}

TEST(Bodies, HaveOneForm) {
  StoredRecord found;
  EXPECT_TRUE(decode_body(std::string("\0\0\0", 3), found));
  EXPECT_FALSE(
      decode_body(std::string("\x80\0\0\0", 4), found));  // a length of more bytes than needed
}

TEST(Bodies, AChecksumCoversThePlaceOfTheRow) {
  const auto sum = row_checksum(1, {1, 2, 3, 4});
  EXPECT_NE(sum, row_checksum(2, {1, 2, 3, 4}));
  EXPECT_NE(sum, row_checksum(1, {2, 2, 3, 4}));
  EXPECT_NE(sum, row_checksum(1, {1, 3, 3, 4}));
  EXPECT_NE(sum, row_checksum(1, {1, 2, 4, 4}));
  EXPECT_NE(sum, row_checksum(1, {1, 2, 3, 5}));
}

TEST(WaitRoom, ANudgeBetweenTwoWaitsIsNotLost) {
  ManualClock clock;
  WaitRoom room(clock);
  Waiter waiter;
  Bell bell;
  const std::vector<WaitRoom::Want> wants{{&bell, 0}};
  room.nudge(waiter);
  EXPECT_EQ(room.wait(waiter, wants, room.deadline_after(Duration(1'000))),
            WaitRoom::Outcome::look_again);
  EXPECT_EQ(room.wait(waiter, wants, room.deadline_after(Duration(0))), WaitRoom::Outcome::timeout);
}

TEST(WaitRoom, AnExpiredOffsetWaitsForARecordThatStillExists) {
  Bell bell;
  bell.start = 10;
  bell.end = 10;
  EXPECT_FALSE(bell.has_record_at(3));
  bell.end = 11;
  EXPECT_TRUE(bell.has_record_at(3));
}

}  // namespace
}  // namespace mesh::sqlite
