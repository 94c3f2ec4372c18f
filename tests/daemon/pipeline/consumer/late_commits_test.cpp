#include "daemon/pipeline/consumer/late_commits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/append_and_wait.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;

constexpr Duration kDelay{5'000};
const std::string kTopic = "user.events";
const TopicPartition kOne{kTopic, 0}, kOther{kTopic, 1};

class LateCommitsTest : public testing::Test {
 protected:
  LateCommitsTest() {
    log.ensure(kTopic, TopicKind::entity, 2);
    consumer = commit_late(log.open_consumer("index", {kTopic}, "m").value(), kDelay, clock);
    consumer->changes();
  }
  std::int64_t committed(const TopicPartition& partition) {
    return log.groups()->front().committed.at(partition);
  }
  void poll() { ASSERT_TRUE(consumer->poll({}, Duration{0})); }

  ManualClock clock;
  FakeEventLog log{clock};
  std::unique_ptr<LogConsumer> consumer;
};

TEST_F(LateCommitsTest, ACommitReachesTheLogWhenItsTimeHasCome) {
  ASSERT_TRUE(consumer->commit({{kOne, 3}}));
  clock.advance(kDelay - Duration{1});
  poll();
  EXPECT_EQ(committed(kOne), 0);
  clock.advance(Duration{1});
  poll();
  EXPECT_EQ(committed(kOne), 3);
}

TEST_F(LateCommitsTest, EachWaitsForItself) {
  ASSERT_TRUE(consumer->commit({{kOne, 3}}));
  clock.advance(kDelay / 2);
  ASSERT_TRUE(consumer->commit({{kOne, 7}, {kOther, 2}}));
  clock.advance(kDelay / 2);
  consumer->keep_alive();
  EXPECT_EQ(committed(kOne), 3);
  EXPECT_EQ(committed(kOther), 0);
  clock.advance(kDelay / 2);
  consumer->keep_alive();
  EXPECT_EQ(committed(kOne), 7);
  EXPECT_EQ(committed(kOther), 2);
}

// The loop that polls would else sleep over it.
TEST_F(LateCommitsTest, APollEndsWhenACommitIsDue) {
  ASSERT_TRUE(consumer->commit({{kOne, 3}}));
  std::thread polling([&] {
    ASSERT_TRUE(consumer->poll({}, 10 * kDelay));
    ASSERT_TRUE(consumer->poll({}, Duration{0}));
  });
  clock.await_waiters(1);
  clock.advance(kDelay);
  polling.join();
  EXPECT_EQ(committed(kOne), 3);
}

TEST_F(LateCommitsTest, WhatWaitsOfALostPartitionIsForgotten) {
  ASSERT_TRUE(consumer->commit({{kOne, 3}, {kOther, 4}}));
  log.take_away("index", {kOne});
  EXPECT_THAT(consumer->changes().lost, testing::ElementsAre(kOne));
  clock.advance(kDelay);
  poll();
  EXPECT_EQ(committed(kOne), 0);
  EXPECT_EQ(committed(kOther), 4);
}

TEST_F(LateCommitsTest, AConflictLeavesTheRestForTheNextTime) {
  ASSERT_TRUE(consumer->commit({{kOne, 3}, {kOther, 4}}));
  log.take_away("index", {kOne});
  clock.advance(kDelay);
  EXPECT_EQ(consumer->commit({{kOther, 9}}).error().kind, ErrorKind::conflict);
  consumer->changes();
  poll();
  EXPECT_EQ(committed(kOther), 4);
}

TEST_F(LateCommitsTest, AnOutageLosesNoCommit) {
  ASSERT_TRUE(consumer->commit({{kOne, 3}}));
  clock.advance(kDelay);
  log.fail_commits(1);
  EXPECT_FALSE(consumer->poll({}, Duration{0}));
  poll();
  EXPECT_EQ(committed(kOne), 3);
}

// Each attempt would else leave one more behind, for as long as the log is away.
TEST_F(LateCommitsTest, ACommitThatIsMadeAgainAfterAFailureWaitsOnce) {
  ASSERT_TRUE(consumer->commit({{kOne, 3}}));
  clock.advance(kDelay);
  log.fail_commits(1);
  EXPECT_FALSE(consumer->commit({{kOne, 7}}));
  clock.advance(Duration{1});
  EXPECT_TRUE(consumer->commit({{kOne, 7}}));
  clock.advance(kDelay - Duration{1});
  poll();
  EXPECT_EQ(committed(kOne), 7);
  log.fail_commits(1);
  clock.advance(Duration{1});
  EXPECT_TRUE(consumer->poll({}, Duration{0})) << "something is committed again";
}

// Nobody knows whether it is on a disk.
TEST_F(LateCommitsTest, WhatWaitsAtTheEndIsNotCommitted) {
  ASSERT_TRUE(consumer->commit({{kOne, 3}}));
  consumer.reset();
  EXPECT_EQ(committed(kOne), 0);
}

}  // namespace
}  // namespace mesh::pipeline
