#include <future>

#include "tests/common/engines_sqlite/log_fixture.h"

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
  EXPECT_EQ(log_->read({kTopic, 0}, 0, {})->front().position.offset, 3);
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
  ASSERT_TRUE(append_and_wait(*log_, records));
  upkeep();
  EXPECT_LE(info().bytes, 10'000U);
  EXPECT_GT(info().bytes, 8'500U);
}

TEST_F(LogUpkeep, AGroupBehindTheStartGoesOnFromTheStart) {
  open();
  make_topic({kTopic, TopicKind::activity, 1, kHour, {}});
  auto consumer = log_->open_consumer("g", {kTopic}).value();
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
  options_.compaction_lag = kHour;
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

TEST_F(LogUpkeep, TombstonesGoAfterTheirAge) {
  options_.tombstone_age = 24 * kHour;
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
  options_.tombstone_age = 24 * kHour;
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
  options_.tombstone_age = Duration(0);
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
  options_.tombstone_age = Duration(0);
  open_with_topic(TopicKind::entity);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(append("k" + std::to_string(i % 3), std::to_string(i)));
  for (const auto* key : {"k0", "k1", "k2"}) ASSERT_TRUE(append(key, {}));
  auto consumer = log_->open_consumer("late", {kTopic});
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
  ASSERT_TRUE(append_and_wait(*log_, records));
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
      auto records = log_->read({kTopic, 0}, 0, {});
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
    ASSERT_TRUE(append_and_wait(*log_, records));
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
