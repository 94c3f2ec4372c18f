#include "daemon/pipeline/progress.h"

#include <gtest/gtest.h>

#include <atomic>

#include "common/base/ids.h"
#include "daemon/pipeline/groups.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_outbox.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"
#include "tests/support/outbox.h"

namespace mesh::pipeline {
namespace {

using test::advance_until;

constexpr int kPartitions = 2;
const TenantId kAcme = *TenantId::parse("acme");

// Counts who asks for it, and fails when it is told to.
class AskedRetries final : public RetryStore {
 public:
  Result<std::vector<ParkedEvent>> take(const Parker& parker,
                                        const std::set<TopicPartition>& partitions) override {
    return store_.take(parker, partitions);
  }
  Status park(const Parker& parker, std::span<const ParkedEvent> events) override {
    return store_.park(parker, events);
  }
  Status remove(const Parker& parker, std::span<const Position> positions) override {
    return store_.remove(parker, positions);
  }
  Result<std::vector<ParkedKey>> parked_keys(const std::string& pipeline) override {
    ++asked;
    if (failing) return fail(ErrorKind::unavailable, "the fake is away");
    return store_.parked_keys(pipeline);
  }
  Result<std::optional<ParkedEvent>> find(const std::string& pipeline,
                                          const Position& position) override {
    return store_.find(pipeline, position);
  }
  std::atomic<int> asked = 0;
  std::atomic<bool> failing = false;

 private:
  test::FakeRetryStore store_;
};

class ProgressTest : public ::testing::Test {
 protected:
  ProgressTest() {
    for (const auto& reads : kTopicGroups) {
      log_.ensure(reads.topic, TopicKind::activity, kPartitions);
    }
    log_.ensure("order.events", TopicKind::activity, kPartitions);
    (void)log_.ensure_group("analytics", {kAnalytics.topic});
    (void)log_.ensure_group("user-index-1", {kUserIndex.topic});
    (void)index_.create_generation({4, "fake/4"}, 0);
    (void)index_.serve(1, 0);
  }

  static TopicPartition partition_of(const char* topic, const std::string& key) {
    return {topic, static_cast<std::int32_t>(stable_hash(key) % kPartitions)};
  }
  // A key of the tenant's whose events stand in the same partition as those of acme/1, or not.
  static std::int64_t user_beside(bool same) {
    const auto first = partition_of(kUserIndex.topic, "acme/1");
    for (std::int64_t id = 2;; ++id) {
      const auto other = partition_of(kUserIndex.topic, "acme/" + std::to_string(id));
      if ((other == first) == same) return id;
    }
  }
  Position append(const char* topic, const std::string& key) {
    return log_.append_now({topic, key, "{}", {}});
  }
  void commit(const std::string& group, const Position& at) {
    (void)log_.seek_group(group, {{{at.topic, at.partition}, at.offset + 1}});
  }
  void park(const std::string& pipeline, const Position& at, const std::string& key) {
    ParkedEvent event;
    event.record.position = at;
    event.record.key = key;
    (void)retries_.park({pipeline, "one"}, {&event, 1});
  }
  // A change of user 1 that went through the outbox into the log.
  AwaitedWrite changed(Position& at, std::int64_t user = 1) {
    outbox_.add({{kUserIndex.topic, "acme/1", "{}", {}}});
    at = append(kUserIndex.topic, "acme/1");
    leave_outbox();
    return AwaitedWrite(kAcme, place_of_change(1, user), Reached::processed);
  }
  void leave_outbox() { EXPECT_TRUE(test::acknowledge(outbox_, leases_, {1})); }
  Reached look(AwaitedWrite& write) {
    EXPECT_TRUE(progress_.look(write));
    return write.reached();
  }

  ManualClock clock_;
  test::FakeEventLog log_{clock_};
  test::FakeLeaseStore leases_{clock_};
  test::FakeOutbox outbox_{leases_, clock_};
  AskedRetries retries_;
  test::FakeVectorIndex index_;
  Progress progress_{{outbox_, log_, log_, retries_, index_}, clock_};
};

TEST_F(ProgressTest, AChangeGoesFromTheOutboxIntoTheLogAndPastItsGroup) {
  outbox_.add({{kUserIndex.topic, "acme/1", "{}", {}}});
  AwaitedWrite write(kAcme, place_of_change(1, 1), Reached::processed);
  AwaitedWrite logged(kAcme, place_of_change(1, 1), Reached::log);
  EXPECT_EQ(look(write), Reached::stored);
  const auto at = append(kUserIndex.topic, "acme/1");
  commit("user-index-1", at);
  EXPECT_EQ(look(write), Reached::stored) << "it may have been appended and not be known so";
  commit("user-index-1", {at.topic, at.partition, at.offset - 1});
  leave_outbox();
  EXPECT_EQ(look(write), Reached::log);
  EXPECT_EQ(look(logged), Reached::log);
  EXPECT_TRUE(logged.done());
  EXPECT_FALSE(write.done());
  commit("user-index-1", at);
  EXPECT_EQ(look(write), Reached::processed);
}

TEST_F(ProgressTest, OfOneUserOnlyItsPartitionCounts) {
  Position at;
  auto write = changed(at);
  auto several = AwaitedWrite(kAcme, {.outbox = {1, 1}}, Reached::processed);
  const auto other = append(kUserIndex.topic, "acme/" + std::to_string(user_beside(false)));
  commit("user-index-1", at);
  EXPECT_EQ(look(write), Reached::processed);
  EXPECT_EQ(look(several), Reached::log) << "theirs may be in any";
  commit("user-index-1", other);
  EXPECT_EQ(look(several), Reached::processed);
}

TEST_F(ProgressTest, WhatComesBehindItDoesNotHoldItUp) {
  Position at;
  auto write = changed(at);
  EXPECT_EQ(look(write), Reached::log);
  append(kUserIndex.topic, "acme/1");
  commit("user-index-1", at);
  EXPECT_EQ(look(write), Reached::processed);
}

TEST_F(ProgressTest, AGroupThatIsMovedBackIsWaitedForAgain) {
  Position at;
  auto write = changed(at);
  commit("user-index-1", at);
  (void)log_.seek_group("user-index-1", {{{at.topic, at.partition}, 0}});
  EXPECT_EQ(look(write), Reached::log);
  commit("user-index-1", at);
  EXPECT_EQ(look(write), Reached::processed);
}

TEST_F(ProgressTest, AParkedEventIsNotProcessedThoughItsGroupWentOn) {
  Position at;
  auto write = changed(at);
  commit("user-index-1", at);
  park("user-index-1", at, "acme/1");
  EXPECT_EQ(look(write), Reached::log);
  (void)retries_.remove({"user-index-1", "one"}, {&at, 1});
  EXPECT_EQ(look(write), Reached::processed);
}

TEST_F(ProgressTest, WhatOthersHaveParkedDoesNotHoldAChangeUp) {
  const auto beside = user_beside(true);
  const std::string key = "acme/" + std::to_string(beside);
  const auto before = append(kUserIndex.topic, key);
  Position at;
  auto write = changed(at);
  auto several = AwaitedWrite(kAcme, {.outbox = {1, 1}}, Reached::processed);
  auto others = AwaitedWrite(*TenantId::parse("acm"), {.outbox = {1, 1}}, Reached::processed);
  const auto behind = append(kUserIndex.topic, key);
  for (int p = 0; p < kPartitions; ++p) commit("user-index-1", {kUserIndex.topic, p, 9});
  park("user-index-1", before, key);
  park("user-index-2", at, "acme/1");
  EXPECT_EQ(look(write), Reached::processed) << "another user, another group";
  EXPECT_EQ(look(several), Reached::log) << "it may be one of several";
  EXPECT_EQ(look(others), Reached::processed) << "another tenant";
  (void)retries_.remove({"user-index-1", "one"}, {&before, 1});
  EXPECT_EQ(look(several), Reached::processed);
  (void)behind;
}

TEST_F(ProgressTest, OfSeveralUsersOnlyTheirOwnParkedEventsCount) {
  const auto stranger = append(kUserIndex.topic, "acme/9");
  outbox_.add({{kUserIndex.topic, "acme/1", "{}", {}}, {kUserIndex.topic, "acme/3", "{}", {}}});
  const auto own = append(kUserIndex.topic, "acme/3");
  append(kUserIndex.topic, "acme/1");
  EXPECT_TRUE(test::acknowledge(outbox_, leases_, {1, 2}));
  AwaitedWrite several(kAcme, {.outbox = {1, 2}, .users = {1, 3}}, Reached::processed);
  for (int p = 0; p < kPartitions; ++p) commit("user-index-1", {kUserIndex.topic, p, 9});
  park("user-index-1", stranger, "acme/9");
  park("user-index-1", own, "acme/3");
  EXPECT_EQ(look(several), Reached::log);
  (void)retries_.remove({"user-index-1", "one"}, {&own, 1});
  EXPECT_EQ(look(several), Reached::processed) << "9 is none of them";
}

// A store whose transactions run side by side: one of the batch's entries shows up behind the
// other, which has left already.
TEST_F(ProgressTest, OfSeveralChangesTheSlowestIsWaitedFor) {
  const auto slow = outbox_.begin();
  const auto quick = outbox_.begin();
  outbox_.commit(quick, {kUserIndex.topic, "acme/2", "{}", {}});
  EXPECT_TRUE(test::acknowledge(outbox_, leases_, {quick}));
  outbox_.commit(slow, {kUserIndex.topic, "acme/1", "{}", {}});
  AwaitedWrite batch(kAcme, {.outbox = {slow, quick}, .users = {1, 2}}, Reached::log);
  EXPECT_EQ(look(batch), Reached::stored);
  EXPECT_TRUE(test::acknowledge(outbox_, leases_, {slow}));
  EXPECT_EQ(look(batch), Reached::log);
}

// The keys of a tenant share partitions: one event in retry is no reason that nothing of it counts.
TEST_F(ProgressTest, AnEventParkedBeforeARequestDoesNotHoldItUp) {
  const auto before = append(kAnalytics.topic, "acme/u1");
  const auto first = append(kAnalytics.topic, "acme/u1");
  const auto between = append(kAnalytics.topic, "acme/u1");
  const auto last = append(kAnalytics.topic, "acme/u1");
  const auto behind = append(kAnalytics.topic, "acme/u1");
  AwaitedWrite write(kAcme, place_of({last, first}), Reached::processed);
  AwaitedWrite operators(std::nullopt, place_of({last, first}), Reached::processed);
  commit("analytics", behind);
  park("analytics", before, "acme/u1");
  park("analytics", between, "other/u1");
  park("analytics", behind, "acme/u1");
  EXPECT_EQ(look(write), Reached::processed);
  EXPECT_EQ(look(operators), Reached::log) << "whose it is nobody said";
  AwaitedWrite held(kAcme, place_of({last, first}), Reached::processed);
  park("analytics", first, "acme/u1");
  EXPECT_EQ(look(held), Reached::log) << "the first is its own";
}

// As an earlier version kept it under a key: the first event is not known.
TEST_F(ProgressTest, APositionWithoutItsFirstEventTakesAnyBeforeItsEnd) {
  const auto before = append(kAnalytics.topic, "acme/u1");
  const auto at = append(kAnalytics.topic, "acme/u1");
  auto position = place_of({at});
  position.first.clear();
  AwaitedWrite write(kAcme, position, Reached::processed);
  commit("analytics", at);
  park("analytics", before, "acme/u1");
  EXPECT_EQ(look(write), Reached::log);
}

TEST_F(ProgressTest, TheGenerationThatServesIsTheOneToWaitFor) {
  (void)index_.create_generation({4, "fake/4"}, 0);
  (void)log_.ensure_group("user-index-2", {kUserIndex.topic});
  Position at;
  auto write = changed(at);
  commit("user-index-2", at);
  EXPECT_EQ(look(write), Reached::log) << "1 serves";
  (void)index_.serve(2, 0);
  EXPECT_EQ(look(write), Reached::processed);
}

TEST_F(ProgressTest, WithoutAGenerationThatServesNothingIsSearchable) {
  (void)index_.create_generation({4, "fake/4"}, 0);
  (void)index_.serve(2, 0);  // its group was not made yet
  Position at;
  auto write = changed(at);
  commit("user-index-1", at);
  EXPECT_EQ(look(write), Reached::log);
  (void)log_.ensure_group("user-index-2", {kUserIndex.topic});
  commit("user-index-2", at);
  EXPECT_EQ(look(write), Reached::processed);
}

TEST_F(ProgressTest, EachEventOfARequestIsWaitedForInItsGroup) {
  const auto counted = append(kAnalytics.topic, "acme/u1");
  const auto other = append("order.events", "acme/o1");
  AwaitedWrite mixed(kAcme, place_of({counted, other}), Reached::processed);
  AwaitedWrite plain(kAcme, place_of({other}), Reached::processed);
  AwaitedWrite nothing(kAcme, {}, Reached::processed);
  EXPECT_TRUE(nothing.done());
  EXPECT_EQ(look(plain), Reached::processed) << "no pipeline reads it";
  EXPECT_EQ(look(mixed), Reached::log);
  commit("analytics", counted);
  park("analytics", counted, "acme/u1");
  EXPECT_EQ(look(mixed), Reached::log);
  (void)retries_.remove({"analytics", "one"}, {&counted, 1});
  EXPECT_EQ(look(mixed), Reached::processed);
}

// "<tenant>", without a '/': the key of an event that is of nothing in particular.
TEST_F(ProgressTest, AParkedEventWhoseKeyIsTheTenantAloneIsTheTenants) {
  const auto counted = append(kAnalytics.topic, "acme");
  AwaitedWrite write(kAcme, place_of({counted}), Reached::processed);
  commit("analytics", counted);
  park("analytics", counted, "acme");
  EXPECT_EQ(look(write), Reached::log);
  (void)retries_.remove({"analytics", "one"}, {&counted, 1});
  EXPECT_EQ(look(write), Reached::processed);
}

TEST_F(ProgressTest, AnEngineThatIsAwayIsNoProgress) {
  Position at;
  auto write = changed(at);
  commit("user-index-1", at);
  retries_.failing = true;
  EXPECT_EQ(look(write), Reached::log);
  retries_.failing = false;
  EXPECT_EQ(look(write), Reached::processed);
}

TEST_F(ProgressTest, APlaceThatDoesNotExistIsSaid) {
  AwaitedWrite write(kAcme, {.log = {{{kUserIndex.topic, kPartitions}, 1}}}, Reached::processed);
  const auto looked = progress_.look(write);
  ASSERT_FALSE(looked);
  EXPECT_EQ(looked.error().kind, ErrorKind::not_found);
}

TEST_F(ProgressTest, WhoWatchesIsToldAndAllShareOneReading) {
  Position at;
  std::vector<std::unique_ptr<Watch>> watches;
  std::atomic<int> told = 0;
  commit("user-index-1", {kUserIndex.topic, 0, 9});
  commit("user-index-1", {kUserIndex.topic, 1, 9});
  const auto first = changed(at).reached();
  EXPECT_EQ(first, Reached::stored);
  park("user-index-1", at, "acme/1");
  for (int i = 0; i < 5; ++i) {
    auto write = std::make_shared<AwaitedWrite>(kAcme, place_of_change(1, 1), Reached::processed);
    watches.push_back(progress_.watch(write, [&] { ++told; }));
  }
  ASSERT_TRUE(advance_until(clock_, Progress::kInterval, [&] { return retries_.asked > 2; }));
  EXPECT_EQ(told, 0);
  (void)retries_.remove({"user-index-1", "one"}, {&at, 1});
  const int before = retries_.asked;
  ASSERT_TRUE(advance_until(clock_, Progress::kInterval, [&] { return told == 5; }));
  EXPECT_LE(retries_.asked - before, 2) << "one reading for all, and one that was under way";
}

TEST_F(ProgressTest, NobodyLooksWhileNobodyWaits) {
  Position at;
  auto write = std::make_shared<AwaitedWrite>(kAcme, place_of_change(1, 1), Reached::processed);
  (void)changed(at);
  commit("user-index-1", at);
  park("user-index-1", at, "acme/1");
  std::atomic<int> told = 0;
  auto watch = progress_.watch(write, [&] { ++told; });
  ASSERT_TRUE(advance_until(clock_, Progress::kInterval, [&] { return retries_.asked > 0; }));
  watch.reset();
  clock_.await_waiters(1);
  clock_.advance(Progress::kInterval);
  clock_.await_waiters(1);  // it sleeps until somebody comes
  const int before = retries_.asked;
  for (int i = 0; i < 5; ++i) clock_.advance(Progress::kInterval);
  clock_.await_waiters(1);
  EXPECT_EQ(retries_.asked, before);
  EXPECT_EQ(told, 0);
}

TEST_F(ProgressTest, WhatIsDoneIsToldAtOnce) {
  bool told = false;
  const auto write = std::make_shared<AwaitedWrite>(kAcme, WritePosition{}, Reached::processed);
  const auto watch = progress_.watch(write, [&] { told = true; });
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace mesh::pipeline
