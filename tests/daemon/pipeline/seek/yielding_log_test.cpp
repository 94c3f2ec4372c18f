#include "daemon/pipeline/seek/yielding_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "tests/support/fake_event_log.h"
#include "tests/support/fake_leases.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr Duration kSecond{1'000};
constexpr Duration kTtl{60'000};
const std::string kYieldingTopic = "analytics.events";
const TopicPartition kYieldingOne{kYieldingTopic, 0}, kYieldingOther{kYieldingTopic, 1};

class YieldingLog : public testing::Test {
 protected:
  YieldingLog() { log.ensure(kYieldingTopic, TopicKind::activity); }
  std::unique_ptr<LogConsumer> open() {
    auto opened = admin.open_consumer("g", {kYieldingTopic}, "m");
    EXPECT_TRUE(opened);
    return opened ? std::move(*opened) : nullptr;
  }
  // And the time passes within which members see it.
  void ask() {
    lease = leases.acquire(seek_lease("g"), "x", kTtl).value();
    clock.advance(kSecond);
  }
  void end() {
    ASSERT_TRUE(leases.release(*lease));
    clock.advance(kSecond);
  }
  std::vector<std::string> members() {
    const auto groups = log.groups().value();
    return groups.empty() ? std::vector<std::string>{} : groups.front().members;
  }
  static Result<std::vector<StoredRecord>> poll(LogConsumer& consumer) {
    return consumer.poll({}, Duration{0});
  }

  ManualClock clock;
  FakeEventLog log{clock};
  FakeLeaseStore leases{clock};
  YieldingLogAdmin admin{log, leases, clock};
  std::optional<Lease> lease;
};

TEST_F(YieldingLog, AMemberLeavesItsGroupWhileThatIsAskedForAndComesBack) {
  log.refuse_seeks_of_active_groups();
  for (const char* key : {"a", "b", "c", "d"}) log.append_now({kYieldingTopic, key, "1", {}});
  auto member = open();
  EXPECT_THAT(member->changes().gained, SizeIs(2));
  EXPECT_THAT(*poll(*member), SizeIs(4));
  const auto polled = member->position();
  EXPECT_EQ(log.seek_group("g", {{kYieldingOne, 1}}).error().kind, ErrorKind::conflict);
  ask();
  EXPECT_THAT(member->changes().lost, UnorderedElementsAre(kYieldingOne, kYieldingOther));
  EXPECT_THAT(members(), IsEmpty());
  EXPECT_TRUE(member->changes().empty()) << "told before";
  EXPECT_THAT(member->position(), IsEmpty());
  EXPECT_EQ(member->commit(polled).error().kind, ErrorKind::conflict);
  EXPECT_THAT(*poll(*member), IsEmpty()) << "it is asked for still";
  ASSERT_TRUE(log.seek_group("g", {{kYieldingOne, 1}}));
  end();
  ASSERT_TRUE(poll(*member));
  EXPECT_THAT(members(), ElementsAre("m"));
  EXPECT_EQ(member->commit(polled).error().kind, ErrorKind::conflict) << "polled before it left";
  const auto changes = member->changes();
  EXPECT_EQ(changes.gained,
            (std::map<TopicPartition, std::int64_t>{{kYieldingOne, 1}, {kYieldingOther, 0}}));
  EXPECT_THAT(changes.lost, IsEmpty());
}

TEST_F(YieldingLog, WhoeverHeardNothingOfAnAbsenceHearsThatAllBeginsAnew) {
  log.refuse_seeks_of_active_groups();
  auto member = open();
  (void)member->changes();
  ask();
  ASSERT_TRUE(poll(*member));
  EXPECT_THAT(members(), IsEmpty());
  end();
  ASSERT_TRUE(poll(*member));
  const auto changes = member->changes();
  EXPECT_THAT(changes.gained, SizeIs(2));
  EXPECT_THAT(changes.lost, IsEmpty());
}

// As in an outage, in which nothing is polled.
TEST_F(YieldingLog, AMemberThatOnlyKeepsItselfAliveLeavesToo) {
  log.refuse_seeks_of_active_groups();
  auto member = open();
  ask();
  member->keep_alive();
  EXPECT_THAT(members(), IsEmpty());
}

TEST_F(YieldingLog, OneThatIsOpenedMeanwhileJoinsLater) {
  log.refuse_seeks_of_active_groups();
  ask();
  auto member = open();
  EXPECT_TRUE(log.has_group("g")) << "retention knows it";
  EXPECT_THAT(members(), IsEmpty());
  EXPECT_TRUE(member->changes().empty());
  end();
  ASSERT_TRUE(poll(*member));
  EXPECT_THAT(member->changes().gained, SizeIs(2));
}

TEST_F(YieldingLog, AnotherGroupsMembersStay) {
  log.refuse_seeks_of_active_groups();
  auto member = open();
  lease = leases.acquire(seek_lease("h"), "x", kTtl).value();
  clock.advance(kSecond);
  ASSERT_TRUE(poll(*member));
  EXPECT_THAT(members(), ElementsAre("m"));
}

TEST_F(YieldingLog, WhileTheStoreCannotBeAskedMembersStayWhereTheyAre) {
  log.refuse_seeks_of_active_groups();
  auto member = open();
  leases.fail_lists(1);
  ask();
  ASSERT_TRUE(poll(*member));
  EXPECT_THAT(members(), ElementsAre("m"));
  clock.advance(kSecond);
  ASSERT_TRUE(poll(*member));
  EXPECT_THAT(members(), IsEmpty());
  leases.fail_lists(1);
  end();
  ASSERT_TRUE(poll(*member));
  EXPECT_THAT(members(), IsEmpty());
}

TEST_F(YieldingLog, ALeaseThatNobodyRenewsKeepsNobodyOut) {
  log.refuse_seeks_of_active_groups();
  auto member = open();
  ask();
  ASSERT_TRUE(poll(*member));
  EXPECT_THAT(members(), IsEmpty());
  clock.advance(kTtl);
  ASSERT_TRUE(poll(*member));
  EXPECT_THAT(members(), ElementsAre("m"));
}

TEST_F(YieldingLog, AWakeEndsThePollOfOneThatIsOut) {
  log.refuse_seeks_of_active_groups();
  ask();
  auto member = open();
  auto polled = std::async(std::launch::async, [&] { return member->poll({}, kTtl); });
  clock.await_waiters(1);
  member->wake();
  EXPECT_THAT(*polled.get(), IsEmpty());
}

TEST_F(YieldingLog, WhereTheLogMovesActiveGroupsNobodyLeaves) {
  auto member = open();
  ask();
  ASSERT_TRUE(poll(*member));
  member->keep_alive();
  EXPECT_THAT(members(), ElementsAre("m"));
}

}  // namespace
}  // namespace mesh::pipeline
