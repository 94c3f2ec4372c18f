#include "daemon/pipeline/relay.h"

#include <gmock/gmock.h>

#include <future>
#include <set>

#include "tests/daemon/pipeline/events.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_outbox.h"
#include "tests/support/kept_spans.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Duration kTtl{10'000};  // of the relay's lease

// The log as one process reaches it, with knobs of its own.
class OwnWayToTheLog final : public EventLog {
 public:
  explicit OwnWayToTheLog(EventLog& log) : log_(log) {}
  // The next appends arrive by half, and are told to have failed.
  void cut(int n) { cut_ = n; }
  // Nothing can be read or appended.
  void cut_off(bool away) { away_ = away; }
  // The next append waits within its call, as where the process was stopped there.
  void stop_in_append(std::shared_future<void> go) {
    std::lock_guard lock(mutex_);
    go_ = std::move(go);
  }
  int appends() const { return appends_; }

  void append(std::vector<Record> records, AppendDone done) override {
    ++appends_;
    std::shared_future<void> go;
    {
      std::lock_guard lock(mutex_);
      go = std::exchange(go_, {});
    }
    if (go.valid()) {
      go.wait();
    } else if (away_) {
      return done(fail(ErrorKind::unavailable, "the broker is away"));
    }
    if (cut_ == 0) return log_.append(std::move(records), std::move(done));
    --cut_;
    records.resize(records.size() / 2);
    log_.append(std::move(records), [done = std::move(done)](const auto&) {
      done(fail(ErrorKind::unavailable, "the broker went away"));
    });
  }
  Result<ReadResult> read(const TopicPartition& partition, std::int64_t from,
                          const ReadLimits& limits) override {
    if (away_) return fail(ErrorKind::unavailable, "the broker is away");
    return log_.read(partition, from, limits);
  }
  bool reads_again_cheaply() const override { return log_.reads_again_cheaply(); }
  Result<Watermarks> watermarks(const TopicPartition& partition) override {
    return log_.watermarks(partition);
  }
  Result<std::int64_t> offset_at(const TopicPartition& partition, Timestamp time) override {
    return log_.offset_at(partition, time);
  }
  std::unique_ptr<Watch> watch(const std::map<TopicPartition, std::int64_t>& offsets,
                               Told told) override {
    return log_.watch(offsets, std::move(told));
  }

 private:
  EventLog& log_;
  std::atomic<int> cut_{0}, appends_{0};
  std::atomic<bool> away_{false};
  std::mutex mutex_;
  std::shared_future<void> go_;  // guarded by mutex_
};

class RelayTest : public testing::Test {
 protected:
  RelayTest() { log.ensure("user.events", TopicKind::entity, 1); }
  static Record change(int version, int user = 1) {
    return to_record(user_event("updated", user, version));
  }
  // Events with the versions from…to of one user, each a commit of its own.
  void add(int from, int to) {
    for (int version = from; version <= to; ++version) outbox.add({change(version)});
  }
  // The same in one commit.
  void add_together(int from, int to) {
    std::vector<Record> records;
    for (int version = from; version <= to; ++version) records.push_back(change(version));
    outbox.add(std::move(records));
  }
  // Versions of the user in the log, as often as they are there.
  std::vector<std::string> appended(const std::string& user = "acme/1") const {
    std::vector<std::string> versions;
    for (const auto& record : log.records("user.events")) {
      if (record.key != user) continue;
      versions.emplace_back(find_header(record.headers, "ce_sequence"));
    }
    return versions;
  }
  // Without the repetitions that "at least once" allows.
  std::vector<std::string> in_log(const std::string& user = "acme/1") const {
    std::vector<std::string> versions;
    for (auto& version : appended(user)) {
      if (std::ranges::find(versions, version) == versions.end()) versions.push_back(version);
    }
    return versions;
  }
  static std::vector<std::string> numbers(int from, int to) {
    std::vector<std::string> all;
    for (int n = from; n <= to; ++n) all.push_back(std::to_string(n));
    return all;
  }
  // Moves the clock by steps while `relays` of them wait for it, until it is so; none loses its
  // lease by that.
  bool comes_true(const std::function<bool()>& so, int relays = 1) {
    return eventually([&] {
      if (so()) return true;
      clock.await_waiters(relays);
      clock.advance(Duration{100});
      return false;
    });
  }
  // By its own word, which is late where it stood still.
  static bool works(Metrics& of) {
    return of.expose().find("\nmesh_outbox_relaying 1\n") != std::string::npos;
  }
  bool drained(int relays = 1) {
    return comes_true([&] { return outbox.size() == 0; }, relays);
  }

  ManualClock clock;
  FakeEventLog log{clock};
  OwnWayToTheLog way{log};
  FakeLeaseStore leases{clock};
  FakeOutbox outbox{leases, clock};
  Metrics metrics;
  Relay relay{outbox, leases, way, log, "first", clock, metrics};
};

TEST_F(RelayTest, EventsReachTheLogInOrder) {
  add(1, 700);
  relay.start();
  add(701, 1'200);
  ASSERT_TRUE(drained());
  EXPECT_EQ(appended(), numbers(1, 1'200));
  EXPECT_LT(log.append_calls(), 600) << "events are appended one by one";
}

TEST_F(RelayTest, AFailedAppendIsRepeatedWithoutLossOrAnotherOrder) {
  log.fail_appends(7);
  relay.start();
  add(1, 1'000);
  ASSERT_TRUE(drained());
  EXPECT_EQ(appended(), numbers(1, 1'000)) << "in the log, or again: of the seven nothing arrived";
}

TEST_F(RelayTest, AnEventHasOneSpanOfTheOutboxHoweverManyAppendsItTakes) {
  KeptSpans kept(clock);
  Relay traced(outbox, leases, way, log, "traced", clock, metrics, &kept.get());
  const TraceContext request = TraceContext::make(true);
  Event event = user_event("updated", 1, 1);
  event.traceparent = request.traceparent();
  log.fail_appends(1);
  outbox.add({to_record(event)});
  traced.start();
  ASSERT_TRUE(drained(2)) << "the relay and the export wait by the clock";
  traced.stop();
  const auto spans = kept.all();
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[0]["name"], "log append");
  EXPECT_EQ(spans[0]["parentSpanId"], request.span_id);
  EXPECT_TRUE(spans[0].contains("status")) << "it failed";
  EXPECT_EQ(spans[1]["name"], "log append");
  EXPECT_EQ(spans[2]["name"], "outbox relay");
  EXPECT_EQ(spans[2]["parentSpanId"], request.span_id);
  EXPECT_EQ(spans[1]["parentSpanId"], spans[2]["spanId"]);
}

TEST_F(RelayTest, AnAppendThatFailedWhereSomeArrivedIsRepeatedWhole) {
  way.cut(3);
  add(1, 10);
  relay.start();
  ASSERT_TRUE(drained());
  EXPECT_EQ(in_log(), numbers(1, 10));
  EXPECT_EQ(appended().size(), 3 * 5 + 10u);
  std::set<std::string> ids;
  for (const auto& record : log.records("user.events")) {
    ids.emplace(find_header(record.headers, "ce_id"));
  }
  EXPECT_EQ(ids.size(), 10u) << "an event came back under another id";
}

// Of two transactions side by side the slower may have the lower sequence.
TEST_F(RelayTest, AnEntryThatShowsUpBehindHigherSequencesIsSent) {
  const auto slow = outbox.begin();
  outbox.add({change(1, 2), change(2, 2)});
  relay.start();
  ASSERT_TRUE(drained());
  outbox.commit(slow, change(1));
  ASSERT_TRUE(drained());
  EXPECT_THAT(appended(), ElementsAre("1"));
  EXPECT_THAT(appended("acme/2"), ElementsAre("1", "2"));
}

TEST_F(RelayTest, AnAcknowledgementTakesNoEntryThatWasNotSent) {
  const auto slow = outbox.begin();
  outbox.add({change(1, 2), change(2, 2)});
  outbox.hold_acknowledges();
  relay.start();
  ASSERT_TRUE(eventually([&] { return outbox.held() == 1; }));
  log.hold_appends();
  outbox.commit(slow, change(1));
  ASSERT_TRUE(eventually([&] { return log.held() == 1; }));
  outbox.release_acknowledges();
  EXPECT_TRUE(outbox.holds(slow, slow).value()) << "it is not in the log yet";
  EXPECT_EQ(outbox.size(), 1);
  log.release_appends();
  ASSERT_TRUE(drained());
  EXPECT_THAT(appended(), ElementsAre("1"));
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
  for (int i = 0; i < 600; ++i) {
    clock.await_waiters(1);
    clock.advance(Duration{1'000});
  }
  EXPECT_EQ(log.held(), 1u);
  EXPECT_TRUE(works(metrics)) << "it is renewed meanwhile";
  log.release_appends();
  ASSERT_TRUE(drained());
  EXPECT_EQ(appended(), numbers(1, 6));
}

TEST_F(RelayTest, TheNextBatchIsAppendedWhileAnAcknowledgementIsOnItsWay) {
  outbox.hold_acknowledges();
  relay.start();
  add(1, 1);
  ASSERT_TRUE(eventually([&] { return in_log().size() == 1; }));
  add(2, 2);
  EXPECT_TRUE(eventually([&] { return in_log().size() == 2; }));
  EXPECT_EQ(appended(), numbers(1, 2)) << "an event was sent again";
  outbox.release_acknowledges();
  EXPECT_TRUE(drained());
}

TEST_F(RelayTest, AFailedAcknowledgementIsAskedForAgain) {
  outbox.fail_acknowledges(2);
  relay.start();
  add(1, 1);
  ASSERT_TRUE(drained());
  EXPECT_EQ(appended(), numbers(1, 1));
}

TEST_F(RelayTest, AFailedAppendDoesNotRepeatWhatIsBeingAcknowledged) {
  outbox.hold_acknowledges();
  relay.start();
  add(1, 3);
  ASSERT_TRUE(eventually([&] { return in_log().size() == 3; }));
  log.fail_appends(1);
  add(4, 6);
  ASSERT_TRUE(comes_true([&] { return in_log().size() == 6; }));
  outbox.release_acknowledges();
  ASSERT_TRUE(drained());
  EXPECT_EQ(appended(), numbers(1, 6));
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
  for (int i = 0; i < 3'600; ++i) {
    clock.advance(Duration{1'000});
    clock.await_waiters(1);
  }
  EXPECT_EQ(outbox.reads(), reads);
  EXPECT_TRUE(works(metrics));
}

TEST_F(RelayTest, StopFinishesTheBatchUnderWayAndGivesTheLeaseUp) {
  log.hold_appends();
  add(1, 3);
  relay.start();
  ASSERT_TRUE(eventually([&] { return log.held() == 1; }));
  EXPECT_EQ(leases.holder("relay"), "first");
  std::thread stopper([&] { relay.stop(); });
  log.release_appends();
  stopper.join();
  EXPECT_EQ(in_log(), numbers(1, 3));
  EXPECT_EQ(outbox.size(), 0);
  EXPECT_EQ(leases.holder("relay"), "");
  EXPECT_FALSE(works(metrics));
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
  EXPECT_EQ(leases.releases(), 0) << "another would overtake the append";
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

// Two processes over one store and one log.
class TwoRelays : public RelayTest {
 protected:
  // The first holds the lease.
  void SetUp() override {
    relay.start();
    ASSERT_TRUE(eventually([&] { return works(metrics); }));
    second.start();
    clock.await_waiters(2);
  }
  // The lease of the first runs out; `waiting` of the two wait for the clock.
  void second_takes_over(int waiting) {
    ASSERT_TRUE(comes_true([&] { return works(second_metrics); }, waiting));
    ASSERT_EQ(leases.holder("relay"), "second");
  }

  OwnWayToTheLog second_way{log};
  Metrics second_metrics;
  Relay second{outbox, leases, second_way, log, "second", clock, second_metrics};
};

TEST_F(TwoRelays, OneWorksAndTheOtherWaitsAndIsNotInTrouble) {
  add(1, 1'000);
  ASSERT_TRUE(drained(2));
  EXPECT_EQ(appended(), numbers(1, 1'000));
  EXPECT_EQ(second_way.appends(), 0);
  EXPECT_FALSE(works(second_metrics));
  EXPECT_EQ(second.trouble(), std::nullopt);
  for (int i = 0; i < 100; ++i) {
    clock.await_waiters(2);
    clock.advance(Duration{1'000});
  }
  EXPECT_TRUE(works(metrics)) << "it renews";
  EXPECT_EQ(second.trouble(), std::nullopt);
}

TEST_F(TwoRelays, OneThatStopsIsFollowedSoonerThanItsLeaseEnds) {
  relay.stop();
  const auto stopped = clock.now();
  ASSERT_TRUE(comes_true([&] { return works(second_metrics); }));
  EXPECT_LT(clock.now() - stopped, kTtl / 5);
  add(1, 3);
  ASSERT_TRUE(drained());
  EXPECT_EQ(appended(), numbers(1, 3));
}

// As by SIGSTOP, in the middle of an append.
TEST_F(TwoRelays, OneThatStoodStillBeyondItsLeaseAppendsAndAcknowledgesNothingMore) {
  std::promise<void> go;
  way.stop_in_append(go.get_future().share());
  add_together(1, 3);
  ASSERT_TRUE(eventually([&] { return way.appends() == 1; }));
  second_takes_over(1);
  add_together(4, 6);
  ASSERT_TRUE(eventually([&] { return outbox.size() == 0; }));
  EXPECT_EQ(appended(), numbers(1, 6));

  outbox.hold_acknowledges();
  add_together(7, 9);
  ASSERT_TRUE(eventually([&] { return outbox.held() == 1; }));
  go.set_value();
  ASSERT_TRUE(eventually([&] { return appended().size() == 13; }));
  EXPECT_EQ(appended().back(), "9") << "the append that was under way came, and was put right";
  EXPECT_TRUE(eventually([&] { return !works(metrics); }));
  outbox.release_acknowledges();
  add_together(10, 12);
  ASSERT_TRUE(drained(2));
  EXPECT_EQ(in_log(), numbers(1, 12));
  EXPECT_EQ(appended().back(), "12");
  EXPECT_EQ(appended().size(), 16u) << "and nothing more";
  EXPECT_EQ(way.appends(), 2);
  EXPECT_EQ(outbox.refused(), 0) << "it did not even try to acknowledge";
  EXPECT_EQ(relay.trouble(), std::nullopt);

  second.stop();
  ASSERT_TRUE(comes_true([&] { return works(metrics); }));
  add_together(13, 15);
  ASSERT_TRUE(drained());
  EXPECT_EQ(in_log(), numbers(1, 15));
  EXPECT_EQ(appended().back(), "15");
  EXPECT_EQ(appended().size(), 19u);
}

// The append of a user's creation comes behind its removal, which compaction would then take for
// overtaken.
class LateAppend : public TwoRelays {
 protected:
  void SetUp() override {
    TwoRelays::SetUp();
    way.stop_in_append(go.get_future().share());
    outbox.add({to_record(user_event("created", 7, 1))});
    ASSERT_TRUE(eventually([&] { return way.appends() == 1; }));
    second_takes_over(1);
    outbox.add({to_record(user_event("deleted", 7, 2))});
    ASSERT_TRUE(eventually([&] { return outbox.size() == 0; }));
    ASSERT_THAT(appended("acme/7"), ElementsAre("1", "2"));
  }
  std::string last_type() const {
    std::string type;
    for (const auto& record : log.records("user.events")) {
      if (record.key == "acme/7") type = find_header(record.headers, "ce_type");
    }
    return type;
  }
  std::promise<void> go;
};

TEST_F(LateAppend, IsPutRightByWhoFindsItsLeaseLost) {
  go.set_value();
  ASSERT_TRUE(eventually([&] { return appended("acme/7").size() == 4; }));
  EXPECT_THAT(appended("acme/7"), ElementsAre("1", "2", "1", "2"));
  EXPECT_EQ(last_type(), "user.deleted");
}

TEST_F(LateAppend, IsPutRightOnceTheLogCanBeReachedAgain) {
  way.cut_off(true);
  go.set_value();
  ASSERT_TRUE(comes_true([&] { return relay.trouble().has_value(); }, 2));
  EXPECT_TRUE(relay.trouble()->starts_with("could not put newest states behind older ones: "))
      << *relay.trouble();
  EXPECT_THAT(appended("acme/7"), ElementsAre("1", "2", "1"));
  way.cut_off(false);
  ASSERT_TRUE(comes_true([&] { return appended("acme/7").size() == 4; }, 2));
  EXPECT_EQ(last_type(), "user.deleted");
  EXPECT_TRUE(comes_true([&] { return !relay.trouble(); }, 2));
}

TEST_F(LateAppend, OfOneThatEndedIsPutRightByTheHolder) {
  way.cut_off(true);
  go.set_value();
  ASSERT_TRUE(eventually([&] { return appended("acme/7").size() == 3; }));
  relay.stop();
  EXPECT_EQ(last_type(), "user.created");
  outbox.add({change(1, 8)});
  ASSERT_TRUE(comes_true([&] { return appended("acme/7").size() == 4; }));
  EXPECT_EQ(last_type(), "user.deleted");
  outbox.add({change(2, 8)});
  ASSERT_TRUE(drained());
  EXPECT_EQ(appended("acme/7").size(), 4u) << "what was put right is no append of another";
}

TEST_F(TwoRelays, OneThatStoodStillWhileItReadAppendsNothing) {
  const int reads = outbox.reads();
  std::promise<void> go;
  outbox.stop_in_read(go.get_future().share());
  add_together(1, 3);
  ASSERT_TRUE(eventually([&] { return outbox.reads() > reads; }));
  second_takes_over(1);
  ASSERT_TRUE(eventually([&] { return outbox.size() == 0; }));
  log.hold_appends();
  add_together(4, 6);
  ASSERT_TRUE(eventually([&] { return log.held() == 1; }));
  go.set_value();  // it is given what the second is about to append
  ASSERT_TRUE(eventually([&] { return !works(metrics); }));
  log.release_appends();
  ASSERT_TRUE(drained(2));
  EXPECT_EQ(appended(), numbers(1, 6));
  EXPECT_EQ(way.appends(), 0);
}

// The store cannot be reached while the log does not answer.
TEST_F(TwoRelays, OneThatCouldNotRenewDropsTheBatchThatItWaitsFor) {
  log.hold_appends();
  add_together(1, 3);
  ASSERT_TRUE(eventually([&] { return log.held() == 1; }));
  leases.cut_off("first");
  second_takes_over(2);
  ASSERT_TRUE(eventually([&] { return log.held() == 2; })) << "the second appends it, too";
  ASSERT_TRUE(comes_true([&] { return !works(metrics); }, 2));
  add_together(4, 6);
  log.release_appends();
  ASSERT_TRUE(drained(2));
  EXPECT_EQ(in_log(), numbers(1, 6));
  EXPECT_EQ(way.appends(), 1);
  EXPECT_EQ(outbox.refused(), 0) << "it did not even try to acknowledge";
  ASSERT_TRUE(comes_true([&] { return relay.trouble().has_value(); }, 2));
  EXPECT_TRUE(relay.trouble()->starts_with("could not take its lease: ")) << *relay.trouble();
  leases.cut_off("");
  EXPECT_TRUE(comes_true([&] { return !relay.trouble(); }, 2)) << "the other works: all is well";
}

TEST_F(TwoRelays, WhatTheFirstAcknowledgesTooLateTheSecondSendsAgain) {
  outbox.hold_acknowledges();
  add_together(1, 3);
  ASSERT_TRUE(eventually([&] { return outbox.held() == 1; }));
  leases.cut_off("first");
  second_takes_over(2);
  ASSERT_TRUE(eventually([&] { return outbox.held() == 2; }));
  outbox.release_acknowledges();  // the first's comes first
  EXPECT_EQ(outbox.size(), 0);
  EXPECT_EQ(outbox.refused(), 1);
  add_together(4, 6);
  ASSERT_TRUE(drained(2));
  EXPECT_THAT(appended(), ElementsAre("1", "2", "3", "1", "2", "3", "4", "5", "6"));
}

// Longer than its lease, and no other took it.
TEST_F(RelayTest, BeyondItsLeaseItAppendsNothingUntilItHoldsItAgain) {
  relay.start();
  ASSERT_TRUE(eventually([&] { return works(metrics); }));
  leases.cut_off("first");
  clock.await_waiters(1);
  clock.advance(kTtl);
  ASSERT_TRUE(comes_true([&] { return relay.trouble().has_value(); }));
  add(1, 3);
  for (int i = 0; i < 100; ++i) {
    clock.await_waiters(1);
    clock.advance(Duration{1'000});
  }
  EXPECT_THAT(appended(), IsEmpty());
  EXPECT_EQ(outbox.size(), 3);
  leases.cut_off("");
  ASSERT_TRUE(drained());
  EXPECT_EQ(appended(), numbers(1, 3));
  EXPECT_TRUE(eventually([&] { return !relay.trouble(); }));
}

// So that an append has time to arrive before another begins.
TEST_F(RelayTest, ThatCannotRenewStopsBeforeItsLeaseEnds) {
  relay.start();
  ASSERT_TRUE(eventually([&] { return works(metrics); }));
  leases.cut_off("first");
  ASSERT_TRUE(comes_true([&] { return !works(metrics); }));
  EXPECT_EQ(leases.holder("relay"), "first") << "others wait still";
  add(1, 3);
  clock.await_waiters(1);
  clock.advance(Duration{1'000});
  clock.await_waiters(1);
  EXPECT_THAT(appended(), IsEmpty());
}

TEST_F(RelayTest, AShortOutageOfTheLeasesDoesNotInterruptIt) {
  relay.start();
  ASSERT_TRUE(eventually([&] { return works(metrics); }));
  leases.cut_off("first");
  for (int i = 0; i < 6; ++i) {
    clock.await_waiters(1);
    clock.advance(Duration{1'000});
  }
  add(1, 3);
  ASSERT_TRUE(eventually([&] { return outbox.size() == 0; }));
  leases.cut_off("");
  for (int i = 0; i < 20; ++i) {
    clock.await_waiters(1);
    clock.advance(Duration{1'000});
  }
  EXPECT_TRUE(works(metrics));
  EXPECT_EQ(outbox.readers(), 1) << "it began anew";
}

}  // namespace
}  // namespace mesh::pipeline
