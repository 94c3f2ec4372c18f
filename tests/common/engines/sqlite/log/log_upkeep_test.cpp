#include <filesystem>
#include <fstream>
#include <future>

#include "common/engines/sqlite/core/database.h"
#include "tests/common/engines/sqlite/log/log_fixture.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/eventually.h"
#include "tests/support/read_all.h"

namespace mesh::sqlite {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Duration kHour{3'600'000};

class LogUpkeep : public test::LogFixture {
 protected:
  void upkeep() {
    const auto done = log_->upkeep();
    ASSERT_TRUE(done) << done.error().to_string();
  }
  GroupInfo group(const std::string& name) {
    const auto groups = log_->groups().value();
    const auto found = std::ranges::find(groups, name, &GroupInfo::name);
    return found == groups.end() ? GroupInfo{} : *found;
  }
  void commit(const std::string& name, std::int64_t next) {
    auto consumer = log_->open_consumer(name, {kTopic}, "m").value();
    ASSERT_TRUE(consumer->commit({{{kTopic, 0}, next}}));
  }
  // As the mesh writes it when an entity is removed.
  void append_removal(const std::string& key, const std::string& value) {
    ASSERT_TRUE(
        test::append_and_wait(*log_, {{kTopic, key, value, {{"ce_type", "user.deleted"}}}}));
  }
  // Whether the bytes stand anywhere in the files of the log, the write-ahead log too.
  bool on_disk(const std::string& bytes) {
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string content{std::istreambuf_iterator<char>(in), {}};
      if (content.find(bytes) != std::string::npos) return true;
    }
    return false;
  }
};

TEST_F(LogUpkeep, ActivityExpiresByAge) {
  open();
  make_topic({kTopic, TopicKind::activity, 1, kHour, {}});
  for (const auto* v : {"1", "2"}) ASSERT_TRUE(append("k", v));
  clock_.advance(kHour / 2);
  ASSERT_TRUE(append("k", "3"));
  clock_.advance(kHour / 2 + Duration(1));
  upkeep();
  EXPECT_THAT(values(), ElementsAre("3"));
  EXPECT_EQ(log_->watermarks({kTopic, 0})->start, 2);
  EXPECT_EQ(info().records, 1U);
  reopen();
  EXPECT_EQ(log_->watermarks({kTopic, 0})->start, 2);
  EXPECT_EQ(info().records, 1U);
}

TEST_F(LogUpkeep, OffsetsAndTimesGoOnAfterEverythingExpired) {
  open();
  make_topic({kTopic, TopicKind::activity, 1, kHour, {}});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(append("k", "v"));
  clock_.advance(2 * kHour);
  upkeep();
  EXPECT_EQ(info().records, 0U);
  EXPECT_EQ(info().bytes, 0U);
  reopen();
  EXPECT_EQ(info().bytes, 0U);
  EXPECT_EQ(append("k", "v")->front().offset, 3);
  EXPECT_EQ(log_->read({kTopic, 0}, 0, {})->records.front().position.offset, 3);
}

TEST_F(LogUpkeep, ActivityExpiresBySizeOldestFirst) {
  open();
  make_topic({kTopic, TopicKind::activity, 2, {}, 10'000});
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(append("", std::string(1'000, 'a')));
    clock_.advance(Duration(1));
  }
  upkeep();
  EXPECT_LE(info().bytes, 10'000U);
  EXPECT_GT(info().bytes, 8'500U) << "no more than needed";
  const auto marks = info().partitions;
  EXPECT_LE(std::abs(marks[0].start - marks[1].start), 1) << "both partitions are equally old";
}

TEST_F(LogUpkeep, OfRecordsTakenAtOnceOnlyAsManyExpireAsAreTooMany) {
  open();
  make_topic({kTopic, TopicKind::activity, 2, {}, 10'000});
  std::vector<Record> records(30, record("", std::string(1'000, 'a')));
  ASSERT_TRUE(test::append_and_wait(*log_, records));
  upkeep();
  EXPECT_LE(info().bytes, 10'000U);
  EXPECT_GT(info().bytes, 8'500U);
}

// Symptom: a clock that jumped ahead took away what no pipeline had processed.
TEST_F(LogUpkeep, WhatAGroupHasNotCommittedStaysHoweverOldItIs) {
  open();
  make_topic({kTopic, TopicKind::activity, 1, kHour, {}});
  for (const auto* v : {"1", "2", "3"}) ASSERT_TRUE(append("k", v));
  commit("g", 1);
  ASSERT_TRUE(log_->open_consumer("ahead", {kTopic}, "m").value()->commit({{{kTopic, 0}, 3}}));
  clock_.advance(8 * 24 * kHour);
  reopen();
  upkeep();
  EXPECT_THAT(values(), ElementsAre("2", "3"));
  EXPECT_EQ(info().held, 2U);
  EXPECT_EQ(group("g").holds, 2U);
  EXPECT_EQ(group("ahead").holds, 0U);
  commit("g", 3);
  EXPECT_EQ(group("g").holds, 0U);
  upkeep();
  EXPECT_THAT(values(), IsEmpty());
  EXPECT_EQ(info().held, 0U);
  EXPECT_EQ(info().passed_over, 0U);
}

TEST_F(LogUpkeep, AGroupThatIsOnlyKnownYetHoldsAllUntilItIsDeleted) {
  open();
  make_topic({kTopic, TopicKind::activity, 2, kHour, {}});
  ASSERT_TRUE(log_->ensure_group("to-come", {kTopic}));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(append("k" + std::to_string(i), "v"));
  reopen();
  clock_.advance(2 * kHour);
  upkeep();
  EXPECT_EQ(info().records, 10U);
  EXPECT_EQ(group("to-come").holds, 10U);
  ASSERT_TRUE(log_->delete_group("to-come"));
  upkeep();
  EXPECT_EQ(info().records, 0U);
}

// As in folders from before groups were written down when they are opened.
TEST_F(LogUpkeep, AGroupStandsAtTheStartOfAPartitionInWhichItNeverCommitted) {
  open();
  make_topic({kTopic, TopicKind::activity, 2, kHour, {}});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(append("k" + std::to_string(i), "v"));
  const auto ends = info().partitions;
  ASSERT_TRUE(log_->seek_group("g", {{{kTopic, 0}, ends[0].end}}));
  clock_.advance(2 * kHour);
  upkeep();
  EXPECT_EQ(info().records, static_cast<std::uint64_t>(ends[1].end));
}

TEST_F(LogUpkeep, SizeTakesOnlyWhatEveryGroupHasCommitted) {
  open();
  make_topic({kTopic, TopicKind::activity, 1, {}, 10'000});
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(append("", std::string(1'000, 'a')));
  commit("g", 5);
  upkeep();
  EXPECT_EQ(info().records, 25U);
  EXPECT_EQ(group("g").holds, info().held);
  EXPECT_GT(info().held, 10U);
  commit("g", 30);
  upkeep();
  EXPECT_LE(info().bytes, 10'000U);
  EXPECT_GT(info().bytes, 8'500U) << "no more than needed";
}

TEST_F(LogUpkeep, BeyondTheHardSizeTheOldestGoAndAreCountedForWhoeverHasNotReadThem) {
  options_.hard_max_bytes = 20'000;
  open();
  make_topic({kTopic, TopicKind::activity, 1, {}, 10'000});
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(append("", std::string(1'000, 'a')));
  commit("g", 5);
  commit("ahead", 30);
  upkeep();
  EXPECT_LE(info().bytes, 20'000U);
  EXPECT_GT(info().bytes, 18'500U) << "no more than needed";
  const auto gone = static_cast<std::uint64_t>(info().partitions[0].start) - 5;
  EXPECT_EQ(group("g").passed_over, gone);
  EXPECT_EQ(group("ahead").passed_over, 0U);
  EXPECT_EQ(info().passed_over, gone);
}

TEST_F(LogUpkeep, DeadLettersThatNobodySettledStay) {
  const std::string topic = "analytics.events.dlq";
  open();
  make_topic({topic, TopicKind::activity, 1, kHour, 1'000});
  const auto letter = [&](const std::string& value) {
    ASSERT_TRUE(
        test::append_and_wait(*log_, {{topic, "k", value, {{"mesh_pipeline", "analytics"}}}}));
  };
  const auto settle = [&](const std::string& offset) {
    ASSERT_TRUE(test::append_and_wait(
        *log_, {{topic, "k", {}, {{std::string(dead_letter::kSettles), "0@" + offset}}}}));
  };
  const auto kept = [&] {
    std::vector<std::string> values;
    const auto records = test::read_all(*log_, {topic, 0}, 0, {}).value();
    for (const auto& record : records) values.push_back(record.value.value_or("(marker)"));
    return values;
  };
  for (int i = 0; i < 4; ++i) letter(std::string(500, static_cast<char>('a' + i)));
  settle("0");
  settle("2");
  clock_.advance(8 * 24 * kHour);
  upkeep();
  EXPECT_THAT(kept(), SizeIs(5)) << "the second is the first that is not settled";
  EXPECT_EQ(log_->topics()->front().held, 5U);
  settle("1");
  upkeep();
  EXPECT_EQ(kept().front(), std::string(500, 'd'));
  reopen();
  settle("3");
  clock_.advance(2 * kHour);
  upkeep();
  EXPECT_THAT(kept(), IsEmpty());
}

TEST_F(LogUpkeep, AnErasedLetterHoldsNothingAnyMore) {
  const std::string topic = "analytics.events.dlq";
  open();
  make_topic({topic, TopicKind::activity, 1, kHour, {}});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(test::append_and_wait(*log_, {{topic, "k", "v", {}}}));
  clock_.advance(2 * kHour);
  upkeep();
  EXPECT_EQ(log_->topics()->front().records, 3U);
  const std::int64_t letters[] = {0, 1};
  EXPECT_EQ(log_->erase({topic, 0}, letters).value(), 2);
  upkeep();
  EXPECT_EQ(log_->topics()->front().partitions[0].start, 2) << "the third waits to be settled";
  EXPECT_EQ(log_->topics()->front().records, 1U);
}

// It counted what is gone before the cut, and took what was erased behind it for that.
TEST_F(LogUpkeep, WhatWasErasedBehindTheCutTakesNothingWithIt) {
  open();
  make_topic({kTopic, TopicKind::activity, 1, {}, 5'700});
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(append("k", std::string(900, static_cast<char>('0' + i))));
    clock_.advance(Duration(1));
  }
  const std::int64_t offsets[] = {5};
  ASSERT_TRUE(log_->erase({kTopic, 0}, offsets));
  upkeep();
  upkeep();
  EXPECT_LE(info().bytes, 5'700U);
  EXPECT_EQ(info().records, 6U) << "one was too many";
  EXPECT_EQ(log_->watermarks({kTopic, 0})->start, 1);
  const auto before = info();
  reopen();
  EXPECT_EQ(info().records, before.records);
  EXPECT_EQ(info().bytes, before.bytes);
}

TEST_F(LogUpkeep, RetentionGoesOnOverGapsAndKeepsItsCounts) {
  open();
  make_topic({kTopic, TopicKind::activity, 1, kHour, {}});
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(append("k", std::to_string(i)));
  clock_.advance(2 * kHour);
  for (int i = 4; i < 8; ++i) ASSERT_TRUE(append("k", std::to_string(i)));
  const std::int64_t offsets[] = {1, 6};
  ASSERT_TRUE(log_->erase({kTopic, 0}, offsets));
  upkeep();
  EXPECT_THAT(values(), ElementsAre("4", "5", "7"));
  EXPECT_EQ(info().records, 3U);
  reopen();
  EXPECT_THAT(values(), ElementsAre("4", "5", "7")) << "the gap is no damage";
  EXPECT_EQ(info().records, 3U);
}

TEST_F(LogUpkeep, NothingOfWhatIsErasedStaysOnTheDisk) {
  open_with_topic();
  ASSERT_TRUE(append("k", "small secret"));
  ASSERT_TRUE(append("k", "large secret" + std::string(100'000, 'x')));
  ASSERT_TRUE(append("k", "what stays"));
  ASSERT_TRUE(on_disk("small secret"));
  const std::int64_t offsets[] = {0, 1};
  ASSERT_TRUE(log_->erase({kTopic, 0}, offsets));
  EXPECT_TRUE(
      test::eventually([&] { return !on_disk("small secret") && !on_disk("large secret"); }));
  EXPECT_TRUE(on_disk("what stays"));
}

// As after a crash between the removal and the emptying, where the task that comes again finds
// none.
TEST_F(LogUpkeep, NothingStaysOnTheDiskOfWhatWasErasedBefore) {
  open_with_topic();
  ASSERT_TRUE(append("k", "small secret"));
  ASSERT_TRUE(append("k", "what stays"));
  {
    const auto db = Database::open(file(), Database::Mode::read_write).value();
    ASSERT_TRUE(db->execute("PRAGMA secure_delete=ON; DELETE FROM r1 WHERE o=0"));
  }
  ASSERT_TRUE(on_disk("small secret"));
  const std::int64_t offsets[] = {0};
  EXPECT_EQ(log_->erase({kTopic, 0}, offsets).value(), 0);
  EXPECT_TRUE(test::eventually([&] { return !on_disk("small secret"); }));
  EXPECT_TRUE(on_disk("what stays"));
}

TEST_F(LogUpkeep, UnsettledLettersThatGoByTheHardSizeAreCounted) {
  const std::string topic = "analytics.events.dlq";
  options_.hard_max_bytes = 3'000;
  open();
  make_topic({topic, TopicKind::activity, 1, kHour, {}});
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(test::append_and_wait(*log_, {{topic, "k", std::string(1'000, 'x'), {}}}));
  }
  ASSERT_TRUE(test::append_and_wait(
      *log_, {{topic, "k", {}, {{std::string(dead_letter::kSettles), "0@0"}}}}));
  upkeep();
  EXPECT_EQ(log_->topics()->front().passed_over,
            static_cast<std::uint64_t>(log_->topics()->front().partitions[0].start) - 1);
  EXPECT_GT(log_->topics()->front().passed_over, 5U);
}

TEST_F(LogUpkeep, AGroupBehindTheStartGoesOnFromTheStart) {
  options_.hard_max_bytes = 0;
  open();
  make_topic({kTopic, TopicKind::activity, 1, kHour, {}});
  auto consumer = log_->open_consumer("g", {kTopic}, "m").value();
  for (const auto* v : {"1", "2"}) ASSERT_TRUE(append("k", v));
  clock_.advance(2 * kHour);
  upkeep();
  ASSERT_TRUE(append("k", "3"));
  const auto records = consumer->poll({}, Duration(0));
  ASSERT_THAT(*records, SizeIs(1));
  EXPECT_EQ(records->front().value, "3");
}

TEST_F(LogUpkeep, CompactionKeepsTheLastRecordOfEachKey) {
  open_with_topic(TopicKind::entity);
  for (int round = 0; round < 3; ++round) {
    for (const auto* key : {"a", "b", "c"}) {
      ASSERT_TRUE(append(key, key + std::to_string(round)));
    }
  }
  ASSERT_TRUE(append("b", "b3"));
  upkeep();
  EXPECT_THAT(values(), ElementsAre("a2", "c2", "b3"));
  EXPECT_EQ(info().records, 3U);
  EXPECT_EQ(log_->watermarks({kTopic, 0})->end, 10);
  reopen();
  EXPECT_THAT(values(), ElementsAre("a2", "c2", "b3"));
  EXPECT_EQ(info().records, 3U);
}

// As a relay that stood still leaves it behind.
TEST_F(LogUpkeep, OfStatesThatHaveANumberTheNewestStaysWhereverItStands) {
  options_.delete_retention = kHour;
  open_with_topic(TopicKind::entity);
  const auto put = [&](const std::string& key, int sequence, const std::string& type) {
    Record state{kTopic, key, key + std::to_string(sequence), {}};
    state.headers = {{"ce_type", type}, {"ce_sequence", std::to_string(sequence)}};
    ASSERT_TRUE(test::append_and_wait(*log_, {state}));
  };
  for (const char* key : {"clean", "dirty"}) put(key, 1, "user.created");
  put("clean", 12, "user.deleted");
  put("other", 1, "user.created");
  upkeep();  // the removal is in the clean part before the old state comes
  EXPECT_THAT(values(), ElementsAre("dirty1", "clean12", "other1"));
  put("dirty", 12, "user.deleted");
  for (const char* key : {"clean", "dirty"}) put(key, 2, "user.updated");
  put("other", 2, "user.updated");
  clock_.advance(2 * kHour);
  upkeep();
  EXPECT_THAT(values(), ElementsAre("clean12", "dirty12", "other2"));
  for (int i = 0; i < 3; ++i) {
    clock_.advance(2 * kHour);
    upkeep();
  }
  EXPECT_THAT(values(), ElementsAre("other2")) << "then the removals go, as others do";
}

TEST_F(LogUpkeep, CompactionGoesOnAcrossRounds) {
  open_with_topic(TopicKind::entity);
  for (int round = 0; round < 4; ++round) {
    for (const auto* key : {"a", "b"}) ASSERT_TRUE(append(key, key + std::to_string(round)));
    if (round == 0) {
      ASSERT_TRUE(append("rare", "once"));
    }
    upkeep();
    reopen();
  }
  EXPECT_THAT(values(), ElementsAre("once", "a3", "b3"));
}

TEST_F(LogUpkeep, RecordsYoungerThanTheLagAreLeftAlone) {
  options_.min_compaction_lag = kHour;
  open_with_topic(TopicKind::entity);
  for (const auto* v : {"1", "2"}) ASSERT_TRUE(append("k", v));
  clock_.advance(kHour / 2);
  ASSERT_TRUE(append("k", "3"));
  ASSERT_TRUE(append("k", "4"));
  upkeep();
  EXPECT_THAT(values(), ElementsAre("1", "2", "3", "4"));
  clock_.advance(kHour / 2);
  upkeep();
  EXPECT_THAT(values(), ElementsAre("3", "4"));
}

TEST_F(LogUpkeep, APartitionWaitsUntilEnoughOfItIsDirty) {
  options_.dirty_ratio = 0.5;
  open_with_topic(TopicKind::entity);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(append("k" + std::to_string(i), "v"));
  upkeep();  // all of it is new
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(append("k" + std::to_string(i), "w"));
  upkeep();
  EXPECT_EQ(info().records, 15U);
  for (int i = 5; i < 10; ++i) ASSERT_TRUE(append("k" + std::to_string(i), "w"));
  upkeep();
  EXPECT_EQ(info().records, 10U);
}

// Symptom: of a quiet topic, what a removal had overtaken was readable for ever.
TEST_F(LogUpkeep, WhatWasOvertakenIsGoneAfterTheGreatestLagHoweverLittleItIs) {
  options_.min_compaction_lag = kHour / 2;
  options_.max_compaction_lag = kHour;
  options_.dirty_ratio = 0.5;
  open_with_topic(TopicKind::entity);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(append("k" + std::to_string(i), "v"));
  clock_.advance(kHour);
  upkeep();
  ASSERT_TRUE(append("ann", "ann@acme.dev"));
  append_removal("ann", "gone");
  clock_.advance(kHour - Duration(1));
  upkeep();
  EXPECT_TRUE(on_disk("ann@acme.dev"));
  clock_.advance(Duration(1));
  upkeep();
  EXPECT_EQ(values().back(), "gone");
  EXPECT_EQ(info().records, 21U);
  EXPECT_TRUE(test::eventually([&] { return !on_disk("ann@acme.dev"); }))
      << "the bytes are overwritten, in the write-ahead log too";
}

// The first round sees the later record, but may not yet take the earlier one.
TEST_F(LogUpkeep, WhatWasTooYoungWhenItWasOvertakenGoesAfterTheGreatestLagToo) {
  options_.min_compaction_lag = kHour / 2;
  options_.max_compaction_lag = kHour;
  open_with_topic(TopicKind::entity);
  ASSERT_TRUE(append("old", "v"));
  clock_.advance(kHour / 2);
  ASSERT_TRUE(append("ann", "ann@acme.dev"));
  append_removal("ann", "gone");
  upkeep();
  EXPECT_THAT(values(), ElementsAre("v", "ann@acme.dev", "gone"));
  options_.dirty_ratio = 0.9;
  reopen();
  clock_.advance(kHour);
  upkeep();
  EXPECT_THAT(values(), ElementsAre("v", "gone"));
}

TEST_F(LogUpkeep, ARemovalGoesAfterItsRetentionOnceEveryGroupIsPastIt) {
  options_.delete_retention = 24 * kHour;
  open_with_topic(TopicKind::entity);
  ASSERT_TRUE(log_->ensure_group("index", {kTopic}));
  ASSERT_TRUE(append("ann", "ann@acme.dev"));
  append_removal("ann", "gone");
  ASSERT_TRUE(append("bob", "bob@acme.dev"));
  const auto days = [&](int count) {
    for (int day = 0; day < count; ++day) {
      upkeep();
      clock_.advance(25 * kHour);
    }
    upkeep();
  };
  days(3);
  EXPECT_THAT(values(), ElementsAre("gone", "bob@acme.dev")) << "the group has not seen it";
  commit("index", 3);
  days(2);
  EXPECT_THAT(values(), ElementsAre("bob@acme.dev"));
}

TEST_F(LogUpkeep, TombstonesGoAfterTheirAge) {
  options_.delete_retention = 24 * kHour;
  open_with_topic(TopicKind::entity);
  ASSERT_TRUE(append("gone", "v"));
  ASSERT_TRUE(append("gone", {}));
  ASSERT_TRUE(append("stays", "v"));
  upkeep();
  EXPECT_THAT(values(), ElementsAre("(none)", "v"));
  clock_.advance(24 * kHour);
  upkeep();
  EXPECT_THAT(values(), ElementsAre("v"));
  EXPECT_EQ(info().records, 1U);
}

TEST_F(LogUpkeep, ATombstoneWaitsForEveryGroup) {
  options_.delete_retention = 24 * kHour;
  open_with_topic(TopicKind::entity);
  ASSERT_TRUE(log_->seek_group("slow", {{{kTopic, 0}, 0}}));
  ASSERT_TRUE(append("gone", "v"));
  ASSERT_TRUE(append("gone", {}));
  ASSERT_TRUE(append("stays", "v"));
  for (int day = 0; day < 3; ++day) {
    upkeep();
    clock_.advance(25 * kHour);
  }
  EXPECT_THAT(values(), ElementsAre("(none)", "v"));
  ASSERT_TRUE(log_->seek_group("slow", {{{kTopic, 0}, 2}}));
  for (int day = 0; day < 2; ++day) {
    upkeep();
    clock_.advance(25 * kHour);
  }
  EXPECT_THAT(values(), ElementsAre("v"));
}

TEST_F(LogUpkeep, ATombstoneAtTheEndStaysSoThatWaitersFindARecord) {
  options_.delete_retention = Duration(0);
  open_with_topic(TopicKind::entity);
  ASSERT_TRUE(append("gone", {}));
  for (int i = 0; i < 3; ++i) upkeep();
  bool told = false;
  const auto watch = log_->watch({{{kTopic, 0}, 0}}, [&] { told = true; });
  EXPECT_TRUE(told);
  EXPECT_THAT(values(), ElementsAre("(none)"));
}

// Else a group's lag, the offsets up to the end, would never become 0.
TEST_F(LogUpkeep, AGroupThatReadsACompactedPartitionComesToItsEnd) {
  options_.delete_retention = Duration(0);
  open_with_topic(TopicKind::entity);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(append("k" + std::to_string(i % 3), std::to_string(i)));
  for (const auto* key : {"k0", "k1", "k2"}) ASSERT_TRUE(append(key, {}));
  auto consumer = log_->open_consumer("late", {kTopic}, "m");
  ASSERT_TRUE(consumer);
  for (int i = 0; i < 3; ++i) upkeep();
  while (true) {
    auto records = (*consumer)->poll({}, Duration(0));
    ASSERT_TRUE(records);
    if (records->empty()) break;
  }
  ASSERT_TRUE((*consumer)->commit((*consumer)->position()));
  EXPECT_EQ(log_->groups()->front().committed,
            (std::map<TopicPartition, std::int64_t>{{{kTopic, 0}, 23}}));
  EXPECT_EQ(log_->watermarks({kTopic, 0})->end, 23);
}

TEST_F(LogUpkeep, CompactionOfManyRecordsIsManySmallTransactions) {
  open_with_topic(TopicKind::entity);
  std::vector<Record> records;
  for (int i = 0; i < 5'000; ++i) {
    records.push_back(record("k" + std::to_string(i % 7), std::to_string(i)));
  }
  ASSERT_TRUE(test::append_and_wait(*log_, records));
  upkeep();
  EXPECT_THAT(values(), SizeIs(7));
  EXPECT_EQ(values().back(), "4999");
}

TEST_F(LogUpkeep, ReadsDuringUpkeepNeverSeeDamage) {
  open();
  make_topic({kTopic, TopicKind::activity, 1, Duration(0), {}});
  std::atomic<bool> stop{false};
  auto reader = std::async(std::launch::async, [&] {
    while (!stop) {
      auto records = test::read_all(*log_, {kTopic, 0}, 0, {});
      if (!records) return records.error().to_string();
      for (std::size_t i = 1; i < records->size(); ++i) {
        const auto before = (*records)[i - 1].position.offset;
        if ((*records)[i].position.offset <= before) return std::string("order");
      }
    }
    return std::string();
  });
  for (int round = 0; round < 30; ++round) {
    std::vector<Record> records(100, record("k", std::string(500, 'x')));
    ASSERT_TRUE(test::append_and_wait(*log_, records));
    clock_.advance(Duration(1));
    upkeep();
  }
  stop = true;
  EXPECT_EQ(reader.get(), "");
}

TEST_F(LogUpkeep, TheUpkeepThreadWorksAtItsInterval) {
  std::promise<void> expired;
  std::atomic<int> commits{0};
  options_.upkeep_interval = Duration(30'000);
  options_.on_commit = [&](double, int) {
    if (++commits == 3) expired.set_value();  // topic, append, removal
  };
  open();
  make_topic({kTopic, TopicKind::activity, 1, Duration(1'000), {}});
  ASSERT_TRUE(append("k", "v"));
  clock_.await_waiters(1);
  clock_.advance(Duration(30'000));
  expired.get_future().wait();
  clock_.await_waiters(1);
  EXPECT_THAT(values(), IsEmpty());
}

}  // namespace
}  // namespace mesh::sqlite
