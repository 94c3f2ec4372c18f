#include "tests/contract/event_log_contract.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "common/base/ids.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/read_all.h"

namespace mesh::test {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

void EventLogContract::SetUp() {
  host_ = GetParam()();
  if (!host_)
    GTEST_SKIP() << "this engine's server is not installed; ./scripts/bootstrap tells how";
}

std::string EventLogContract::make_topic(const std::string& name, int partitions, TopicKind kind) {
  TopicSpec spec{named(name), kind, partitions, {}, {}};
  const auto made = admin().ensure_topic(spec);
  EXPECT_TRUE(made) << made.error().to_string();
  return spec.name;
}

Record EventLogContract::record(const std::string& topic, const std::string& key,
                                const std::string& value) {
  return Record{topic, key, value, {}};
}

std::vector<Position> EventLogContract::append(std::vector<Record> records) {
  auto positions = append_and_wait(log(), std::move(records));
  EXPECT_TRUE(positions) << positions.error().to_string();
  return positions.value_or(std::vector<Position>{});
}

Position EventLogContract::append(const std::string& topic, const std::string& key,
                                  const std::string& value) {
  auto positions = append({record(topic, key, value)});
  return positions.empty() ? Position{} : positions.front();
}

std::vector<std::string> EventLogContract::values(const std::string& topic, int partition,
                                                  std::int64_t from) {
  auto records = test::read_all(log(), {topic, partition}, from, {});
  EXPECT_TRUE(records) << records.error().to_string();
  std::vector<std::string> found;
  for (const auto& r : records.value_or(std::vector<StoredRecord>{})) {
    found.push_back(r.value.value_or("(none)"));
  }
  return found;
}

std::unique_ptr<LogConsumer> EventLogContract::consumer(const std::string& group,
                                                        const std::vector<std::string>& topics,
                                                        const std::string& member) {
  auto opened = admin().open_consumer(named(group), topics, member);
  EXPECT_TRUE(opened) << opened.error().to_string();
  host().settle();
  return opened ? std::move(*opened) : nullptr;
}

void EventLogContract::let_session_pass_but_for(LogConsumer& kept) {
  if (host().silent_members_leave()) {
    host().let_half_session_pass();
    kept.keep_alive();
    host().let_half_session_pass();
  } else {
    host().let_session_pass();
  }
  host().settle();
}

std::map<TopicPartition, std::int64_t> EventLogContract::committed(const std::string& group) {
  const auto groups = admin().groups().value();
  for (const auto& info : groups) {
    if (info.name == named(group)) return info.committed;
  }
  return {};
}

std::vector<std::string> EventLogContract::members(const std::string& group) {
  const auto groups = admin().groups().value();
  for (const auto& info : groups) {
    if (info.name == named(group)) return info.members;
  }
  return {};
}

std::vector<std::string> EventLogContract::take(LogConsumer& consumer, std::size_t count) {
  std::vector<std::string> found;
  for (int tries = 3; tries > 0 && found.size() < count; --tries) {  // a poll ends with changes
    auto records = consumer.poll({count - found.size(), 4 << 20}, kLong);
    EXPECT_TRUE(records) << records.error().to_string();
    if (!records) break;
    for (const auto& r : *records) found.push_back(r.value.value_or("(none)"));
  }
  return found;
}

TEST_P(EventLogContract, AppendedRecordsAreReadBackInOrderWithAllTheirParts) {
  const auto topic = make_topic("parts");
  const std::string binary("\0\xff\n\x80 end", 8);
  Record full{topic, "k\0ey", binary, {{"ce_id", "1"}, {"ce_id", "again"}, {"empty", ""}}};
  Record tombstone{topic, "k", {}, {}};
  Record empty_value{topic, "k", "", {}};
  append({full, tombstone, empty_value});
  const auto records = test::read_all(log(), {topic, 0}, 0, {});
  ASSERT_TRUE(records);
  ASSERT_THAT(*records, SizeIs(3));
  EXPECT_EQ((*records)[0].key, full.key);
  EXPECT_EQ((*records)[0].value, binary);
  EXPECT_EQ((*records)[0].headers, full.headers);
  EXPECT_EQ((*records)[0].position, (Position{topic, 0, 0}));
  EXPECT_EQ((*records)[1].value, std::nullopt);
  EXPECT_EQ((*records)[2].value, "");
}

TEST_P(EventLogContract, PositionsNameWhereEachRecordIs) {
  const auto topic = make_topic("positions", 4);
  std::vector<Record> records;
  for (int i = 0; i < 40; ++i) {
    records.push_back(record(topic, "key" + std::to_string(i), std::to_string(i)));
  }
  const auto positions = append(records);
  ASSERT_THAT(positions, SizeIs(40));
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const auto& p = positions[i];
    const auto found = test::read_all(log(), {p.topic, p.partition}, p.offset, {1, 1 << 20});
    ASSERT_TRUE(found);
    ASSERT_THAT(*found, SizeIs(1));
    EXPECT_EQ(found->front().value, records[i].value);
  }
}

TEST_P(EventLogContract, RecordsOfAKeyGoToThePartitionOfItsStableHash) {
  const auto topic = make_topic("keys", 8);
  for (int i = 0; i < 20; ++i) {
    const auto key = "tenant-a/" + std::to_string(i);
    EXPECT_EQ(append(topic, key, "v").partition, static_cast<int>(stable_hash(key) % 8));
  }
}

TEST_P(EventLogContract, RecordsWithoutAKeySpreadOverThePartitions) {
  const auto topic = make_topic("keyless", 4);
  std::vector<Record> records(40, record(topic, "", "v"));
  std::set<int> used;
  for (const auto& p : append(records)) used.insert(p.partition);
  EXPECT_GT(used.size(), 1U);
}

TEST_P(EventLogContract, OneBadRecordKeepsTheWholeAppendOut) {
  const auto topic = make_topic("atomic");
  const auto failed =
      append_and_wait(log(), {record(topic, "a", "1"), record(named("no-such-topic"), "a", "2")});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::not_found);
  EXPECT_THAT(values(topic), IsEmpty());
}

TEST_P(EventLogContract, AnAppendOfNothingSucceeds) {
  const auto done = append_and_wait(log(), {});
  ASSERT_TRUE(done);
  EXPECT_THAT(*done, IsEmpty());
}

TEST_P(EventLogContract, AnUnknownTopicOrPartitionIsNotFound) {
  const auto topic = make_topic("known", 2);
  for (const auto& unknown : {TopicPartition{named("unknown"), 0}, TopicPartition{topic, 2}}) {
    EXPECT_EQ(log().read(unknown, 0, {}).error().kind, ErrorKind::not_found);
    EXPECT_EQ(log().watermarks(unknown).error().kind, ErrorKind::not_found);
    EXPECT_EQ(log().offset_at(unknown, host().now()).error().kind, ErrorKind::not_found);
  }
  const auto opened = admin().open_consumer(named("g"), {named("unknown")}, "m");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::not_found);
}

TEST_P(EventLogContract, AReadStopsAtItsLimitsButAlwaysGivesOneRecord) {
  const auto topic = make_topic("limits");
  for (int i = 0; i < 5; ++i) append(topic, "k", std::string(1000, 'x'));
  EXPECT_THAT(log().read({topic, 0}, 0, {3, 1 << 20})->records, SizeIs(3));
  EXPECT_THAT(log().read({topic, 0}, 0, {100, 2'500})->records, SizeIs(2));
  EXPECT_THAT(log().read({topic, 0}, 0, {100, 10})->records, SizeIs(1));
}

TEST_P(EventLogContract, APollStopsAtItsLimitsButAlwaysGivesOneRecord) {
  const auto topic = make_topic("poll-limits");
  for (int i = 0; i < 5; ++i) append(topic, "k", std::string(1000, 'x'));
  auto member = consumer("g", {topic}, "m");
  const auto poll = [&](const ReadLimits& limits) {
    for (int tries = 3; tries > 0; --tries) {  // a poll ends with changes
      const auto records = member->poll(limits, kLong);
      if (!records || !records->empty()) return records ? records->size() : 0;
    }
    return std::size_t{0};
  };
  EXPECT_EQ(poll({100, 10}), 1u);
  EXPECT_EQ(poll({100, 2'500}), 2u);
  EXPECT_EQ(poll({1, 1 << 20}), 1u);
  EXPECT_EQ(poll({100, 1 << 20}), 1u);
}

TEST_P(EventLogContract, AReadAtOrBeyondTheEndIsEmpty) {
  const auto topic = make_topic("end");
  append(topic, "k", "v");
  EXPECT_THAT(values(topic, 0, 1), IsEmpty());
  EXPECT_THAT(values(topic, 0, 1000), IsEmpty());
}

TEST_P(EventLogContract, WatermarksEncloseTheRecords) {
  const auto topic = make_topic("marks");
  EXPECT_EQ(log().watermarks({topic, 0})->end, 0);
  append(topic, "k", "1");
  append(topic, "k", "2");
  EXPECT_EQ(log().watermarks({topic, 0})->start, 0);
  EXPECT_EQ(log().watermarks({topic, 0})->end, 2);
}

TEST_P(EventLogContract, OffsetAtFindsTheFirstRecordTakenAtOrAfterATime) {
  const auto topic = make_topic("times");
  const auto before = host().now();
  std::vector<Timestamp> times;
  for (int i = 0; i < 5; ++i) {
    append(topic, "k", std::to_string(i));
    times.push_back(log().read({topic, 0}, i, {1, 1 << 20})->records.front().time);
    host().let_time_pass();
  }
  EXPECT_EQ(log().offset_at({topic, 0}, before), 0);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(log().offset_at({topic, 0}, times[static_cast<std::size_t>(i)]), i);
    EXPECT_EQ(log().offset_at({topic, 0}, times[static_cast<std::size_t>(i)] + Duration(1)), i + 1);
  }
}

namespace {

// Counts how often it was told.
struct Bell {
  std::mutex mutex;
  std::condition_variable rung;
  int times = 0;  // guarded by mutex

  Told told() {
    return [this] {
      std::lock_guard lock(mutex);
      ++times;
      rung.notify_all();
    };
  }
  bool await(Duration timeout) {
    std::unique_lock lock(mutex);
    return rung.wait_for(lock, timeout, [&] { return times > 0; });
  }
  int count() {
    std::lock_guard lock(mutex);
    return times;
  }
};

}  // namespace

TEST_P(EventLogContract, AWatchTellsAtOnceWhereARecordIsThere) {
  const auto topic = make_topic("there", 2);
  const auto p = append(topic, "a", "1");
  Bell there, beyond;
  const auto first = log().watch({{{topic, 0}, 0}, {{topic, 1}, 0}}, there.told());
  const auto second = log().watch({{{topic, p.partition}, p.offset + 1}}, beyond.told());
  EXPECT_TRUE(there.await(kLong));
  EXPECT_FALSE(beyond.await(kShort));
}

// One that follows the end must not hide from another what lies before it.
TEST_P(EventLogContract, AWatchFromBeforeTellsBesideOneAtTheEnd) {
  const auto topic = make_topic("before");
  const auto last = append(topic, "a", "1");
  Bell beyond, before;
  const auto first = log().watch({{{topic, 0}, last.offset + 1}}, beyond.told());
  const auto second = log().watch({{{topic, 0}, last.offset}}, before.told());
  EXPECT_TRUE(before.await(kLong));
  EXPECT_FALSE(beyond.await(kShort));
}

TEST_P(EventLogContract, AWatchTellsOnceWhenRecordsArrive) {
  const auto topic = make_topic("arrives", 2);
  Bell bell;
  const auto watch = log().watch({{{topic, 0}, 0}, {{topic, 1}, 0}}, bell.told());
  append(topic, "a", "1");
  EXPECT_TRUE(bell.await(kLong));
  for (int i = 0; i < 10; ++i) append(topic, std::to_string(i), "more");
  EXPECT_EQ(bell.count(), 1);
}

TEST_P(EventLogContract, ADroppedWatchTellsNothing) {
  const auto topic = make_topic("dropped");
  Bell dropped, kept;
  auto watch = log().watch({{{topic, 0}, 0}}, dropped.told());
  const auto other = log().watch({{{topic, 0}, 0}}, kept.told());
  watch.reset();
  append(topic, "a", "1");
  EXPECT_TRUE(kept.await(kLong));
  EXPECT_EQ(dropped.count(), 0);
}

// Else whoever follows all topics would learn of a new one only when another has a record.
TEST_P(EventLogContract, AWatchTellsThatATopicWasMade) {
  Bell bell;
  const auto watch = log().watch({}, bell.told());
  make_topic("new");
  EXPECT_TRUE(bell.await(kLong));
}

TEST_P(EventLogContract, WatchesThatComeAndGoWhileRecordsArriveMissNone) {
  const auto topic = make_topic("busy");
  constexpr int kRecords = 200;
  auto writer = std::async(std::launch::async, [&] {
    for (int i = 0; i < kRecords; ++i) append(topic, "k", std::to_string(i));
  });
  for (std::int64_t next = 0; next < kRecords;) {
    Bell bell;
    const auto watch = log().watch({{{topic, 0}, next}}, bell.told());
    ASSERT_TRUE(bell.await(kLong)) << "at " << next;
    const auto marks = log().watermarks({topic, 0});
    ASSERT_TRUE(marks);
    next = marks->end;
  }
  writer.get();
}

TEST_P(EventLogContract, AppendsOfManyThreadsAreAllThereAfterReopening) {
  const auto topic = make_topic("threads", 4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const auto name = std::to_string(t) + "-" + std::to_string(i);
        EXPECT_TRUE(append_and_wait(log(), {record(topic, name, name)}));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  reopen();
  std::set<std::string> found;
  for (int partition = 0; partition < 4; ++partition) {
    for (const auto& value : values(topic, partition)) found.insert(value);
  }
  EXPECT_THAT(found, SizeIs(200));
}

TEST_P(EventLogContract, OffsetsGoOnAfterReopening) {
  const auto topic = make_topic("goes-on");
  append(topic, "k", "1");
  reopen();
  EXPECT_EQ(append(topic, "k", "2").offset, 1);
  EXPECT_THAT(values(topic), ElementsAre("1", "2"));
}

TEST_P(EventLogContract, EnsuringATopicAgainChangesItsRetentionAtMost) {
  const auto topic = make_topic("again", 2);
  append(topic, "k", "v");
  TopicSpec spec{topic, TopicKind::activity, 2, Duration(3'600'000), 1 << 20};
  EXPECT_TRUE(admin().ensure_topic(spec));
  reopen();
  const auto topics = admin().topics();
  ASSERT_TRUE(topics);
  const auto info = std::find_if(topics->begin(), topics->end(),
                                 [&](const TopicInfo& t) { return t.spec.name == topic; });
  ASSERT_NE(info, topics->end());
  EXPECT_EQ(info->spec.max_age, host().alters_topics() ? spec.max_age : std::nullopt);
  EXPECT_EQ(info->spec.max_bytes, host().alters_topics() ? spec.max_bytes : std::nullopt);
  EXPECT_EQ(info->records, 1U);
  if (host().tells_bytes()) {
    EXPECT_GT(info->bytes, 0U);
  }
  EXPECT_THAT(info->partitions, SizeIs(2));
}

// Symptom: a start with another number of partitions in its configuration ended with a conflict.
TEST_P(EventLogContract, ATopicKeepsItsPartitionsAndItsKeysTheirs) {
  const auto topic = make_topic("fixed", 3);
  for (int i = 0; i < 10; ++i) append(topic, "key" + std::to_string(i), "1");
  for (const int other : {8, 1}) {
    ASSERT_TRUE(admin().ensure_topic({topic, TopicKind::activity, other, {}, {}}));
    reopen();
    for (int i = 0; i < 10; ++i) {
      const auto key = "key" + std::to_string(i);
      EXPECT_EQ(append(topic, key, "2").partition, static_cast<int>(stable_hash(key) % 3));
    }
  }
  const auto topics = admin().topics().value();
  const auto info = std::ranges::find(topics, topic, [](const auto& t) { return t.spec.name; });
  ASSERT_NE(info, topics.end());
  EXPECT_EQ(info->spec.partitions, 3);
  EXPECT_THAT(info->partitions, SizeIs(3));
  EXPECT_EQ(log().read({topic, 3}, 0, {}).error().kind, ErrorKind::not_found);
}

TEST_P(EventLogContract, ATopicKeepsItsKind) {
  const auto topic = make_topic("kind", 2);
  const auto other = admin().ensure_topic({topic, TopicKind::entity, 2, {}, {}});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::conflict);
}

TEST_P(EventLogContract, ANewGroupBeginsAtTheStartAndReadsAllTopics) {
  const auto one = make_topic("one"), two = make_topic("two", 3);
  append(one, "k", "1");
  append(two, "k", "2");
  auto group = consumer("g", {one, two});
  EXPECT_THAT(take(*group, 2), testing::UnorderedElementsAre("1", "2"));
}

TEST_P(EventLogContract, AGroupIsKnownBeforeItReadsAnythingAndAfterReopening) {
  const auto topic = make_topic("to-come", 2);
  append(topic, "k", "1");
  ASSERT_TRUE(admin().ensure_group(named("to-come"), {topic}));
  reopen();
  const auto groups = admin().groups().value();
  const auto info = std::ranges::find(groups, named("to-come"), &GroupInfo::name);
  ASSERT_NE(info, groups.end());
  EXPECT_FALSE(info->active);
  EXPECT_EQ(info->committed,
            (std::map<TopicPartition, std::int64_t>{{{topic, 0}, 0}, {{topic, 1}, 0}}));
  EXPECT_THAT(take(*consumer("to-come", {topic}), 1), ElementsAre("1"));
}

TEST_P(EventLogContract, MakingAGroupKnownAgainLeavesItsOffsetsAlone) {
  const auto topic = make_topic("known-again");
  for (const auto* v : {"1", "2"}) append(topic, "k", v);
  auto group = consumer("known-again", {topic});
  ASSERT_TRUE(group->commit({{{topic, 0}, 1}}));
  ASSERT_TRUE(admin().ensure_group(named("known-again"), {topic})) << "also while it is open";
  group.reset();
  EXPECT_THAT(take(*consumer("known-again", {topic}), 1), ElementsAre("2"));
  const auto unknown = admin().ensure_group(named("g"), {named("no-such-topic")});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::not_found);
}

TEST_P(EventLogContract, APollEndsWhenARecordArrives) {
  const auto topic = make_topic("poll");
  auto group = consumer("g", {topic});
  auto polled = std::async(std::launch::async, [&] { return take(*group, 1); });
  append(topic, "k", "v");
  EXPECT_THAT(polled.get(), ElementsAre("v"));
}

TEST_P(EventLogContract, APollWithoutRecordsTimesOutEmpty) {
  const auto topic = make_topic("silent");
  auto group = consumer("g", {topic});
  const auto polled = group->poll({}, kShort);
  ASSERT_TRUE(polled);
  EXPECT_THAT(*polled, IsEmpty());
}

TEST_P(EventLogContract, WakeEndsThePollThatWaitsOrTheNextOne) {
  const auto topic = make_topic("wake");
  auto group = consumer("g", {topic});
  group->wake();
  EXPECT_THAT(*group->poll({}, kLong), IsEmpty());
  auto polled = std::async(std::launch::async, [&] { return group->poll({}, kLong); });
  group->wake();
  EXPECT_THAT(*polled.get(), IsEmpty());
}

TEST_P(EventLogContract, CommittedRecordsDoNotComeAgainAndOthersDo) {
  const auto topic = make_topic("committed");
  for (const auto* v : {"1", "2", "3"}) append(topic, "k", v);
  {
    auto group = consumer("g", {topic});
    EXPECT_THAT(take(*group, 3), ElementsAre("1", "2", "3"));
    EXPECT_TRUE(group->commit({{{topic, 0}, 2}}));
    EXPECT_EQ(group->position().at({topic, 0}), 3);
  }
  reopen();
  auto group = consumer("g", {topic});
  EXPECT_THAT(take(*group, 1), ElementsAre("3"));
}

TEST_P(EventLogContract, ACommitLeavesPartitionsThatItDoesNotName) {
  const auto topic = make_topic("partial", 2);
  append(std::vector<Record>(4, record(topic, "", "v")));
  auto group = consumer("g", {topic});
  ASSERT_TRUE(group->commit({{{topic, 0}, 1}, {{topic, 1}, 1}}));
  ASSERT_TRUE(group->commit({{{topic, 0}, 2}}));
  const auto groups = admin().groups();
  ASSERT_TRUE(groups);
  const auto info = std::find_if(groups->begin(), groups->end(),
                                 [&](const GroupInfo& g) { return g.name == named("g"); });
  ASSERT_NE(info, groups->end());
  EXPECT_EQ(info->committed.at({topic, 0}), 2);
  EXPECT_EQ(info->committed.at({topic, 1}), 1);
}

TEST_P(EventLogContract, GroupsGoOnIndependently) {
  const auto topic = make_topic("independent");
  append(topic, "k", "1");
  auto one = consumer("one", {topic}), two = consumer("two", {topic});
  EXPECT_THAT(take(*one, 1), ElementsAre("1"));
  EXPECT_TRUE(one->commit(one->position()));
  EXPECT_THAT(take(*two, 1), ElementsAre("1"));
}

TEST_P(EventLogContract, MembersShareThePartitionsWithAsFewMovesAsItTakes) {
  const auto topic = make_topic("shared", 6);
  auto first = consumer("g", {topic});
  EXPECT_THAT(first->changes().gained, SizeIs(6)) << "all are gained at first";
  EXPECT_TRUE(first->changes().empty()) << "told before";
  auto second = consumer("g", {topic});
  const auto taken_over = first->changes();
  EXPECT_THAT(taken_over.gained, IsEmpty());
  EXPECT_THAT(taken_over.lost, SizeIs(3));
  EXPECT_THAT(second->changes().gained, SizeIs(3));
  auto third = consumer("g", {topic});
  for (auto* before : {first.get(), second.get()}) {
    const auto changes = before->changes();
    EXPECT_THAT(changes.gained, IsEmpty());
    EXPECT_THAT(changes.lost, SizeIs(1));
  }
  (void)third->changes();
  std::set<TopicPartition> all;
  for (auto* member : {first.get(), second.get(), third.get()}) {
    EXPECT_THAT(member->position(), SizeIs(2));
    for (const auto& [partition, next] : member->position()) all.insert(partition);
  }
  EXPECT_THAT(all, SizeIs(6));
}

TEST_P(EventLogContract, EachRecordIsPolledByOneMember) {
  const auto topic = make_topic("once", 4);
  auto first = consumer("g", {topic}), second = consumer("g", {topic});
  std::vector<Record> records;
  for (int i = 0; i < 40; ++i) records.push_back(record(topic, "", std::to_string(i)));
  append(records);
  std::multiset<std::string> found;
  for (auto* member : {first.get(), second.get()}) {
    const auto own = take(*member, 20);
    EXPECT_THAT(own, SizeIs(20));
    found.insert(own.begin(), own.end());
  }
  EXPECT_THAT(found, SizeIs(40));
  EXPECT_THAT(std::set<std::string>(found.begin(), found.end()), SizeIs(40));
}

TEST_P(EventLogContract, AMemberWithoutAPartitionWaitsForOne) {
  const auto topic = make_topic("scarce");
  append(topic, "k", "1");
  auto first = consumer("g", {topic}), second = consumer("g", {topic});
  EXPECT_TRUE(second->changes().empty());
  auto polled = std::async(std::launch::async, [&] { return take(*second, 1); });
  first.reset();
  EXPECT_THAT(polled.get(), ElementsAre("1"));
}

TEST_P(EventLogContract, WhatAMemberLeavesGoesOnAtTheCommittedOffset) {
  const auto topic = make_topic("left", 2);
  append(std::vector<Record>(8, record(topic, "", "v")));
  auto first = consumer("g", {topic}), second = consumer("g", {topic});
  (void)first->changes();
  const auto theirs = second->changes().gained.begin()->first;
  EXPECT_THAT(take(*second, 4), SizeIs(4));
  ASSERT_TRUE(second->commit({{theirs, 3}}));
  second.reset();
  host().settle();
  const std::map<TopicPartition, std::int64_t> rest{{theirs, 3}};
  EXPECT_EQ(first->changes().gained, rest);
  EXPECT_THAT(take(*first, 5), SizeIs(5)) << "its own four, and the one that was not committed";
}

// A commit that comes too late passed for a success: what the new owner had done was done over, or
// what nobody had done was passed over.
TEST_P(EventLogContract, ACommitOfWhatIsAnothersIsAConflictAndNothingOfItIsCommitted) {
  const auto topic = make_topic("late", 2);
  append(std::vector<Record>(8, record(topic, "", "v")));
  auto first = consumer("g", {topic});
  EXPECT_THAT(take(*first, 8), SizeIs(8));
  (void)first->changes();
  EXPECT_THAT(take(*first, 8), SizeIs(8));
  auto second = consumer("g", {topic});
  const auto both = first->position();
  const auto before = committed("g");
  EXPECT_EQ(first->commit(both).error().kind, ErrorKind::conflict);
  EXPECT_EQ(committed("g"), before);
  const auto lost = first->changes().lost;
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_EQ(first->commit({{lost.front(), 4}}).error().kind, ErrorKind::conflict);
  ASSERT_TRUE(first->commit(first->position())) << "what it kept";
  EXPECT_EQ(committed("g").at(lost.front()), 0);
  EXPECT_THAT(take(*second, 4), SizeIs(4)) << "what was not committed is polled again";
}

TEST_P(EventLogContract, APartitionThatWasAnothersInBetweenBeginsAnew) {
  const auto topic = make_topic("in-between", 2);
  append(std::vector<Record>(4, record(topic, "", "v")));
  auto first = consumer("g", {topic});
  (void)first->changes();
  EXPECT_THAT(take(*first, 4), SizeIs(4));
  auto second = consumer("g", {topic});
  const auto theirs = second->changes().gained.begin()->first;
  ASSERT_TRUE(second->commit({{theirs, 1}}));
  second.reset();
  host().settle();
  EXPECT_EQ(first->commit({{theirs, 2}}).error().kind, ErrorKind::conflict);
  const auto changes = first->changes();
  const std::map<TopicPartition, std::int64_t> anew{{theirs, 1}};
  EXPECT_EQ(changes.gained, anew);
  EXPECT_THAT(changes.lost, IsEmpty());
  EXPECT_TRUE(first->commit({{theirs, 2}}));
}

TEST_P(EventLogContract, AMemberWithoutASignOfLifeLosesItsPartitionsWhenOthersPoll) {
  const auto topic = make_topic("zombie", 2);
  append(std::vector<Record>(4, record(topic, "", "v")));
  auto zombie = consumer("g", {topic}, "zombie"), other = consumer("g", {topic}, "other");
  (void)zombie->changes();
  (void)other->changes();
  EXPECT_THAT(take(*zombie, 2), SizeIs(2));
  const auto done = zombie->position();
  let_session_pass_but_for(*other);
  ASSERT_TRUE(other->poll({}, kShort));
  const std::map<TopicPartition, std::int64_t> theirs{{done.begin()->first, 0}};
  EXPECT_EQ(other->changes().gained, theirs);
  EXPECT_EQ(zombie->commit(done).error().kind, ErrorKind::conflict);
  zombie->keep_alive();
  const auto changes = zombie->changes();
  EXPECT_THAT(changes.lost, ElementsAre(done.begin()->first));
  EXPECT_THAT(changes.gained, IsEmpty()) << "not before its next poll";
  EXPECT_THAT(members("g"), ElementsAre("other"));
  EXPECT_THAT(take(*other, 2), SizeIs(2)) << "what nobody committed";
  ASSERT_TRUE(zombie->poll({}, kShort)) << "back again";
  host().settle();
  EXPECT_THAT(zombie->changes().gained, SizeIs(1));
  EXPECT_THAT(other->changes().lost, SizeIs(1));
}

TEST_P(EventLogContract, AMemberThatKeepsItselfAliveKeepsItsPartitions) {
  const auto topic = make_topic("pauses", 2);
  append(std::vector<Record>(4, record(topic, "", "v")));
  auto pauses = consumer("g", {topic}), other = consumer("g", {topic});
  (void)pauses->changes();
  (void)other->changes();
  EXPECT_THAT(take(*pauses, 2), SizeIs(2));
  for (int i = 0; i < 6; ++i) {
    host().let_half_session_pass();
    pauses->keep_alive();
    ASSERT_TRUE(other->poll({}, Duration(0)));
  }
  EXPECT_TRUE(other->changes().empty());
  EXPECT_TRUE(pauses->changes().empty());
  EXPECT_TRUE(pauses->commit(pauses->position()));
}

TEST_P(EventLogContract, AMemberThatNeverPollsHoldsItsShareForASession) {
  const auto topic = make_topic("silent-member", 2);
  auto silent = consumer("g", {topic}), other = consumer("g", {topic});
  (void)other->changes();
  ASSERT_TRUE(other->poll({}, Duration(0)));
  EXPECT_TRUE(other->changes().empty());
  let_session_pass_but_for(*other);
  ASSERT_TRUE(other->poll({}, Duration(0)));
  EXPECT_THAT(other->changes().gained, SizeIs(1));
}

TEST_P(EventLogContract, AMemberThatIsAloneMayTakeAsLongAsItNeedsOrComesBackByItsNextPoll) {
  const auto topic = make_topic("alone");
  append(topic, "k", "1");
  auto alone = consumer("g", {topic});
  (void)alone->changes();
  EXPECT_THAT(take(*alone, 1), SizeIs(1));
  host().let_session_pass();
  host().settle();
  if (host().silent_members_leave()) {
    EXPECT_EQ(alone->commit({{{topic, 0}, 1}}).error().kind, ErrorKind::conflict);
    EXPECT_THAT(alone->changes().lost, SizeIs(1));
    EXPECT_THAT(take(*alone, 1), SizeIs(1)) << "back again, from what was committed";
    EXPECT_THAT(alone->changes().gained, SizeIs(1));
    return;
  }
  EXPECT_TRUE(alone->commit({{{topic, 0}, 1}}));
  ASSERT_TRUE(alone->poll({}, Duration(0)));
  EXPECT_TRUE(alone->changes().empty());
}

TEST_P(EventLogContract, AGroupNamesItsMembers) {
  const auto topic = make_topic("members", 2);
  auto one = consumer("g", {topic}, "process-1"), two = consumer("g", {topic}, "process-2");
  EXPECT_THAT(members("g"), testing::UnorderedElementsAre("process-1", "process-2"));
  one.reset();
  host().settle();
  EXPECT_THAT(members("g"), ElementsAre("process-2"));
  EXPECT_EQ(admin().delete_group(named("g")).error().kind, ErrorKind::conflict);
}

// Else an event behind the committed offset, which nobody has to do any more, would be done again;
// and retention may have taken it away.
TEST_P(EventLogContract, CommittedOffsetsRiseWhileMembersComeAndGo) {
  const auto topic = make_topic("turmoil", 4);
  const std::size_t count = host().turmoil();
  append(std::vector<Record>(count, record(topic, "", "v")));
  std::atomic<bool> ended = false;
  std::mutex mutex;
  std::set<Position> seen;  // guarded by mutex
  const auto work = [&](int seed) {
    for (int round = seed; !ended; ++round) {
      auto member = consumer("g", {topic});
      for (int batch = 0; batch < 1 + round % 4 && !ended; ++batch) {
        const auto polled = member->poll({7, 1 << 20}, host().turn());
        ASSERT_TRUE(polled);
        const auto changes = member->changes();
        {
          std::lock_guard lock(mutex);
          for (const auto& one : *polled) {
            const TopicPartition from{one.position.topic, one.position.partition};
            const bool is_void =
                changes.gained.contains(from) || std::ranges::count(changes.lost, from) > 0;
            if (!is_void) seen.insert(one.position);
          }
        }
        const auto done = member->commit(member->position());
        ASSERT_TRUE(done || done.error().kind == ErrorKind::conflict) << done.error().to_string();
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(work, i);
  std::map<TopicPartition, std::int64_t> last;
  for (std::size_t sum = 0; sum < count;) {
    sum = 0;
    for (const auto& [partition, next] : committed("g")) {
      EXPECT_GE(next, last[partition]);
      last[partition] = next;
      sum += static_cast<std::size_t>(next);
    }
    if (HasFailure()) break;
  }
  ended = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), count) << "none is passed over";
}

constexpr const char* kSeeksNone = "it moves no group that has members";
constexpr const char* kErasesNone = "it takes no single record out";

TEST_P(EventLogContract, AGroupThatHasMembersIsMovedOrThatIsAConflictAndItStays) {
  const auto topic = make_topic("seek-active", 2);
  append(std::vector<Record>(6, record(topic, "", "v")));
  const std::map<TopicPartition, std::int64_t> before{{{topic, 0}, 2}, {{topic, 1}, 2}};
  const std::map<TopicPartition, std::int64_t> target{{{topic, 0}, 1}, {{topic, 1}, 0}};
  auto group = consumer("g", {topic});
  ASSERT_THAT(take(*group, 6), SizeIs(6));
  ASSERT_TRUE(group->commit(before));
  const auto sought = admin().seek_group(named("g"), target);
  if (admin().seeks_active_groups()) {
    ASSERT_TRUE(sought) << sought.error().to_string();
    EXPECT_EQ(committed("g"), target);
  } else {
    ASSERT_FALSE(sought);
    EXPECT_EQ(sought.error().kind, ErrorKind::conflict);
    EXPECT_EQ(committed("g"), before);
    EXPECT_TRUE(group->commit(before)) << "and its members notice nothing";
  }
  group.reset();
  ASSERT_TRUE(admin().seek_group(named("g"), target)) << "one without members";
  EXPECT_EQ(committed("g"), target);
  group = consumer("g", {topic});
  EXPECT_EQ(group->changes().gained, target);
}

TEST_P(EventLogContract, SeekingAGroupMovesItsMembersAndOutdatesTheirCommits) {
  if (!admin().seeks_active_groups()) GTEST_SKIP() << kSeeksNone;
  const auto topic = make_topic("seek-group", 2);
  append(std::vector<Record>(6, record(topic, "", "v")));
  auto group = consumer("g", {topic});
  (void)group->changes();
  EXPECT_THAT(take(*group, 6), SizeIs(6));
  const auto polled = group->position();
  ASSERT_TRUE(group->commit({{{topic, 0}, 2}, {{topic, 1}, 2}}));
  ASSERT_TRUE(admin().seek_group(named("g"), {{{topic, 0}, 1}}));
  EXPECT_EQ(group->commit(polled).error().kind, ErrorKind::conflict) << "polled before the seek";
  EXPECT_EQ(committed("g"),
            (std::map<TopicPartition, std::int64_t>{{{topic, 0}, 1}, {{topic, 1}, 2}}));
  const std::map<TopicPartition, std::int64_t> target{{{topic, 0}, 1}};
  EXPECT_EQ(group->changes().gained, target);
  EXPECT_THAT(take(*group, 2), SizeIs(2));
  EXPECT_TRUE(group->commit({{{topic, 0}, 2}, {{topic, 1}, 3}}));
  group.reset();
  reopen();
  group = consumer("g", {topic});
  EXPECT_THAT(take(*group, 1), SizeIs(1));
}

// Else what was polled before the seek could be committed behind it.
TEST_P(EventLogContract, ASeekThatAPollHasFollowedOutdatesCommitsUntilItIsTold) {
  if (!admin().seeks_active_groups()) GTEST_SKIP() << kSeeksNone;
  const auto topic = make_topic("seek-polled");
  append(std::vector<Record>(6, record(topic, "k", "v")));
  auto group = consumer("g", {topic});
  (void)group->changes();
  EXPECT_THAT(take(*group, 6), SizeIs(6));
  const auto polled = group->position();
  ASSERT_TRUE(admin().seek_group(named("g"), {{{topic, 0}, 1}}));
  EXPECT_THAT(take(*group, 5), SizeIs(5));
  EXPECT_EQ(group->commit(polled).error().kind, ErrorKind::conflict);
  EXPECT_EQ(committed("g"), (std::map<TopicPartition, std::int64_t>{{{topic, 0}, 1}}));
  EXPECT_THAT(group->changes().gained, SizeIs(1));
  EXPECT_THAT(take(*group, 5), SizeIs(5)) << "from there once more: what was polled is void";
  EXPECT_TRUE(group->commit(group->position()));
}

TEST_P(EventLogContract, SeekingAGroupEndsTheWaitOfItsPoll) {
  if (!admin().seeks_active_groups()) GTEST_SKIP() << kSeeksNone;
  const auto topic = make_topic("seek-waiting");
  append(topic, "k", "1");
  auto group = consumer("g", {topic});
  EXPECT_THAT(take(*group, 1), SizeIs(1));
  auto polled = std::async(std::launch::async, [&] { return take(*group, 1); });
  ASSERT_TRUE(admin().seek_group(named("g"), {{{topic, 0}, 0}}));
  EXPECT_THAT(polled.get(), ElementsAre("1"));
}

TEST_P(EventLogContract, AMemberIsToldOnceWhereASeekOfItsGroupMovedIt) {
  if (!admin().seeks_active_groups()) GTEST_SKIP() << kSeeksNone;
  const auto topic = make_topic("moved", 2);
  append(std::vector<Record>(8, record(topic, "", "v")));
  auto group = consumer("g", {topic});
  (void)group->changes();
  EXPECT_THAT(take(*group, 8), SizeIs(8));
  EXPECT_TRUE(group->commit(group->position()));
  EXPECT_TRUE(group->changes().empty()) << "neither a poll nor a commit is a change";
  const std::map<TopicPartition, std::int64_t> target{{{topic, 1}, 1}};
  ASSERT_TRUE(admin().seek_group(named("g"), target));
  EXPECT_EQ(group->changes().gained, target) << "not before a poll";
  EXPECT_EQ(group->position().at({topic, 1}), 1);
  EXPECT_TRUE(group->changes().empty()) << "told before";
  ASSERT_TRUE(admin().seek_group(named("g"), target));
  ASSERT_TRUE(group->poll({}, kLong));
  EXPECT_EQ(group->changes().gained, target) << "to the same place is a move as well";
}

// What a poll gave of a partition that changed while it read is void: whoever is told drops it.
TEST_P(EventLogContract, WhatIsToldBehindAPollIsPolledAgain) {
  if (!admin().seeks_active_groups()) GTEST_SKIP() << kSeeksNone;
  const auto topic = make_topic("behind-a-poll");
  for (const auto* v : {"1", "2", "3"}) append(topic, "k", v);
  auto group = consumer("g", {topic});
  (void)group->changes();
  ASSERT_TRUE(admin().seek_group(named("g"), {{{topic, 0}, 1}}));
  EXPECT_THAT(take(*group, 2), ElementsAre("2", "3"));
  EXPECT_THAT(group->changes().gained, SizeIs(1));
  EXPECT_THAT(take(*group, 2), ElementsAre("2", "3"));
}

TEST_P(EventLogContract, AMemberBeginsWhereASeekBeforeItPutTheGroup) {
  const auto topic = make_topic("moved-before");
  append(topic, "k", "1");
  const std::map<TopicPartition, std::int64_t> target{{{topic, 0}, 1}};
  ASSERT_TRUE(admin().seek_group(named("g"), target));
  auto group = consumer("g", {topic});
  EXPECT_EQ(group->changes().gained, target);
  EXPECT_TRUE(group->changes().empty());
}

TEST_P(EventLogContract, AReadOfKeysGivesTheSameRecordsUpToTheirValuesAndHeaders) {
  const auto topic = make_topic("keys-only");
  for (int i = 0; i < 3; ++i) {
    append({Record{topic, "key" + std::to_string(i), std::string(1000, 'x'), {{"name", "value"}}}});
  }
  const auto full = log().read({topic, 0}, 1, {})->records;
  const auto keys = log().read({topic, 0}, 1, {.keys_only = true})->records;
  ASSERT_THAT(keys, SizeIs(2));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(keys[i].key, full[i].key);
    EXPECT_EQ(keys[i].position, full[i].position);
    EXPECT_EQ(keys[i].time, full[i].time);
  }
  EXPECT_THAT(log().read({topic, 0}, 0, {.max_records = 2, .keys_only = true})->records, SizeIs(2));
}

TEST_P(EventLogContract, SeekingAGroupThatDoesNotExistMakesIt) {
  const auto topic = make_topic("made-by-seek");
  for (const auto* v : {"1", "2"}) append(topic, "k", v);
  ASSERT_TRUE(admin().seek_group(named("made"), {{{topic, 0}, 1}}));
  auto group = consumer("made", {topic});
  EXPECT_THAT(take(*group, 1), ElementsAre("2"));
}

TEST_P(EventLogContract, ADeletedGroupBeginsAtTheStartAgain) {
  const auto topic = make_topic("deleted");
  append(topic, "k", "1");
  auto group = consumer("g", {topic});
  ASSERT_TRUE(group->commit({{{topic, 0}, 1}}));
  const auto active = admin().delete_group(named("g"));
  ASSERT_FALSE(active);
  EXPECT_EQ(active.error().kind, ErrorKind::conflict);
  group.reset();
  EXPECT_TRUE(admin().delete_group(named("g")));
  group = consumer("g", {topic});
  EXPECT_THAT(take(*group, 1), ElementsAre("1"));
}

TEST_P(EventLogContract, ALogThatTakesNoSingleRecordOutSaysSoAndKeepsIt) {
  if (admin().erases_records()) GTEST_SKIP() << "this log takes single records out";
  const auto topic = make_topic("kept");
  append(topic, "k", "1");
  const std::int64_t offsets[] = {0};
  const auto erased = admin().erase({topic, 0}, offsets);
  ASSERT_FALSE(erased);
  EXPECT_EQ(erased.error().kind, ErrorKind::unprocessable);
  EXPECT_THAT(values(topic), ElementsAre("1"));
}

TEST_P(EventLogContract, WhatIsErasedIsAGapForReadersAndGroups) {
  if (!admin().erases_records()) GTEST_SKIP() << kErasesNone;
  const auto topic = make_topic("erased"), other = make_topic("erased-other");
  for (const auto* v : {"0", "1", "2", "3", "4"}) append(topic, "k", v);
  append(other, "k", "of another topic");
  auto group = consumer("g", {topic});
  EXPECT_THAT(take(*group, 1), ElementsAre("0"));
  ASSERT_TRUE(group->commit({{{topic, 0}, 1}}));
  // Whatever the group has not committed, and beside what is not there.
  const std::int64_t offsets[] = {3, 1, -1, 5, 99};
  EXPECT_EQ(admin().erase({topic, 0}, offsets).value(), 2);
  EXPECT_EQ(admin().erase({topic, 0}, offsets).value(), 0) << "they are gone already";
  EXPECT_THAT(take(*group, 2), ElementsAre("2", "4"));
  group.reset();
  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    EXPECT_THAT(values(topic), ElementsAre("0", "2", "4"));
    EXPECT_THAT(values(topic, 0, 3), ElementsAre("4"));
    EXPECT_THAT(values(other), ElementsAre("of another topic"));
    EXPECT_EQ(log().watermarks({topic, 0})->start, 0);
    EXPECT_EQ(log().watermarks({topic, 0})->end, 5);
    EXPECT_EQ(committed("g"), (std::map<TopicPartition, std::int64_t>{{{topic, 0}, 1}}));
    const auto topics = admin().topics().value();
    const auto info =
        std::ranges::find(topics, topic, [](const TopicInfo& t) { return t.spec.name; });
    ASSERT_NE(info, topics.end());
    EXPECT_EQ(info->records, 3U);
  }
  group = consumer("g", {topic});
  EXPECT_THAT(take(*group, 2), ElementsAre("2", "4"));
}

TEST_P(EventLogContract, AnErasedRecordsOffsetIsNotGivenAgain) {
  if (!admin().erases_records()) GTEST_SKIP() << kErasesNone;
  const auto topic = make_topic("erased-at-the-end");
  for (const auto* v : {"0", "1", "2"}) append(topic, "k", v);
  const std::int64_t last[] = {2, 1};
  EXPECT_EQ(admin().erase({topic, 0}, last).value(), 2);
  reopen();
  EXPECT_EQ(log().watermarks({topic, 0})->end, 3);
  EXPECT_EQ(append(topic, "k", "3").offset, 3);
  const std::int64_t all[] = {0, 3};
  EXPECT_EQ(admin().erase({topic, 0}, all).value(), 2);
  reopen();
  const auto read = log().read({topic, 0}, 0, {}).value();
  EXPECT_THAT(read.records, IsEmpty());
  EXPECT_TRUE(read.at_end);
  EXPECT_EQ(append(topic, "k", "4").offset, 4);
  EXPECT_THAT(values(topic), ElementsAre("4"));
  auto group = consumer("g", {topic});
  EXPECT_THAT(take(*group, 1), ElementsAre("4"));
}

TEST_P(EventLogContract, ErasingInAPartitionThatIsNotThereIsNotFound) {
  if (!admin().erases_records()) GTEST_SKIP() << kErasesNone;
  const auto topic = make_topic("erased-nowhere");
  for (const TopicPartition& nowhere :
       {TopicPartition{topic, 1}, TopicPartition{named("no-topic"), 0}}) {
    const auto erased = admin().erase(nowhere, {});
    ASSERT_FALSE(erased);
    EXPECT_EQ(erased.error().kind, ErrorKind::not_found);
  }
}

}  // namespace mesh::test
