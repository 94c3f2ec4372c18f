#include "daemon/pipeline/relay.h"

#include <gtest/gtest.h>

#include "tests/daemon/pipeline/events.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_stores.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;

class RelayTest : public testing::Test {
 protected:
  RelayTest() { log.ensure("user.events", TopicKind::entity, 1); }
  // Events with the versions from…to of one user, each a commit of its own.
  void add(int from, int to) {
    for (int version = from; version <= to; ++version) {
      outbox.add({to_record(user_event("updated", 1, version))});
    }
  }
  // Versions in the log, without the repetitions that "at least once" allows.
  std::vector<std::string> in_log() const {
    std::vector<std::string> versions;
    for (const auto& record : log.records("user.events")) {
      std::string version(find_header(record.headers, "ce_sequence"));
      if (std::ranges::find(versions, version) == versions.end()) versions.push_back(version);
    }
    return versions;
  }
  static std::vector<std::string> numbers(int from, int to) {
    std::vector<std::string> all;
    for (int n = from; n <= to; ++n) all.push_back(std::to_string(n));
    return all;
  }
  bool drained() {
    return advance_until(clock, Duration{1'000}, [&] { return outbox.size() == 0; });
  }

  ManualClock clock;
  FakeEventLog log{clock};
  FakeOutbox outbox;
  Metrics metrics;
  Relay relay{outbox, log, clock, metrics};
};

TEST_F(RelayTest, EventsReachTheLogInOrder) {
  add(1, 700);
  relay.start();
  add(701, 1'200);
  ASSERT_TRUE(drained());
  EXPECT_EQ(in_log(), numbers(1, 1'200));
  EXPECT_EQ(log.records("user.events").size(), 1'200u);
  EXPECT_LT(log.append_calls(), 600) << "events are appended one by one";
}

TEST_F(RelayTest, AFailedAppendIsRepeatedWithoutLossOrAnotherOrder) {
  log.fail_appends(7);
  relay.start();
  add(1, 1'000);
  ASSERT_TRUE(drained());
  EXPECT_EQ(in_log(), numbers(1, 1'000));
}

TEST_F(RelayTest, ItSaysWhatKeepsEventsInTheOutboxUntilItGoesOn) {
  EXPECT_EQ(relay.trouble(), std::nullopt);
  log.fail_appends(1'000'000);
  add(1, 3);
  relay.start();
  ASSERT_TRUE(eventually([&] { return relay.trouble().has_value(); }));
  EXPECT_TRUE(relay.trouble()->starts_with("could not append: ")) << *relay.trouble();
  log.fail_appends(0);
  ASSERT_TRUE(drained());
  EXPECT_TRUE(eventually([&] { return relay.trouble() == std::nullopt; }));
}

TEST_F(RelayTest, NothingIsAcknowledgedBeforeTheLogHasIt) {
  log.hold_appends();
  add(1, 3);
  relay.start();
  ASSERT_TRUE(eventually([&] { return log.held() == 1; }));
  EXPECT_EQ(outbox.size(), 3);
  log.release_appends();
  EXPECT_TRUE(drained());
}

TEST_F(RelayTest, ABatchIsNotOvertakenWhileItsAppendIsUnderWay) {
  log.hold_appends();
  add(1, 3);
  relay.start();
  ASSERT_TRUE(eventually([&] { return log.held() == 1; }));
  add(4, 6);
  clock.advance(Duration{600'000});
  EXPECT_EQ(log.held(), 1u);
  log.release_appends();
  ASSERT_TRUE(drained());
  EXPECT_EQ(in_log(), numbers(1, 6));
}

TEST_F(RelayTest, TheNextBatchIsAppendedWhileAnAcknowledgementIsOnItsWay) {
  outbox.hold_acknowledges();
  relay.start();
  add(1, 1);
  ASSERT_TRUE(eventually([&] { return in_log().size() == 1; }));
  add(2, 2);
  EXPECT_TRUE(eventually([&] { return in_log().size() == 2; }));
  EXPECT_EQ(log.records("user.events").size(), 2u) << "an event was sent again";
  outbox.release_acknowledges();
  EXPECT_TRUE(drained());
}

TEST_F(RelayTest, AFailedAcknowledgementIsAskedForAgain) {
  outbox.fail_acknowledges(2);
  relay.start();
  add(1, 1);
  ASSERT_TRUE(drained());
  EXPECT_EQ(log.records("user.events").size(), 1u);
}

TEST_F(RelayTest, AnOutboxThatCannotBeReadIsReadAgain) {
  outbox.fail_reads(3);
  add(1, 2);
  relay.start();
  ASSERT_TRUE(drained());
  EXPECT_EQ(in_log(), numbers(1, 2));
}

TEST_F(RelayTest, AnIdleRelayDoesNotPoll) {
  relay.start();
  clock.await_waiters(1);
  const int reads = outbox.reads();
  clock.advance(Duration{3'600'000});
  clock.await_waiters(1);
  EXPECT_EQ(outbox.reads(), reads);
}

TEST_F(RelayTest, StopFinishesTheBatchUnderWay) {
  log.hold_appends();
  add(1, 3);
  relay.start();
  ASSERT_TRUE(eventually([&] { return log.held() == 1; }));
  std::thread stopper([&] { relay.stop(); });
  log.release_appends();
  stopper.join();
  EXPECT_EQ(in_log(), numbers(1, 3));
  EXPECT_EQ(outbox.size(), 0);
}

TEST_F(RelayTest, StopDoesNotWaitForEverForALogThatDoesNotAnswer) {
  log.hold_appends();
  add(1, 1);
  relay.start();
  ASSERT_TRUE(eventually([&] { return log.held() == 1; }));
  std::atomic<bool> stopped = false;
  std::thread stopper([&] {
    relay.stop();
    stopped = true;
  });
  EXPECT_TRUE(advance_until(clock, Duration{1'000}, [&] { return stopped.load(); }));
  stopper.join();
  log.release_appends();  // the late answer finds nobody, and harms nobody
  EXPECT_EQ(outbox.size(), 1);
}

TEST_F(RelayTest, StopMayComeTwiceAndBeforeStartAndARelayStartsAgain) {
  relay.stop();
  relay.start();
  relay.stop();
  relay.stop();
  add(1, 2);
  relay.start();
  EXPECT_TRUE(drained());
}

}  // namespace
}  // namespace mesh::pipeline
