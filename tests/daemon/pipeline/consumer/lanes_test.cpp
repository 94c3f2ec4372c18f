#include "daemon/pipeline/consumer/lanes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace mesh::pipeline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kTopic = "analytics.events";
constexpr std::size_t kAll = 1'000'000;

// Lanes over a log whose records are known by their lane; the tests read it as the pipeline does.
class LanesTest : public testing::Test {
 protected:
  // Records of partition 0, a letter each: the lane. '.' is an offset without a record.
  void file(const std::string& records, std::int32_t partition = 0) {
    for (const char c : records) {
      std::string& log = logs[partition];
      const Position at{kTopic, partition, static_cast<std::int64_t>(log.size())};
      log.push_back(c);
      if (c != '.') lanes.file(std::string(1, c), at);
    }
  }
  std::vector<Lanes::Stretch> next(std::size_t limit = kAll) {
    return lanes.next(limit, [this](const std::string& lane) { return may(lane); });
  }
  Lanes::Taken read(const Lanes::Stretch& stretch) {
    const std::string& log = logs[stretch.partition.partition];
    Lanes::Taken taken{stretch, stretch.from, 0, 0};
    while (taken.next < stretch.to && taken.records < stretch.records) {
      const char c = log[static_cast<std::size_t>(taken.next)];
      if (c != '.') ++taken.records;
      if (std::string(1, c) == stretch.lane) {
        ++taken.events;
        done.push_back(stretch.lane + std::to_string(taken.next));
      }
      ++taken.next;
    }
    return taken;
  }
  // One batch; what was done in it: "a0" is the record of lane a at offset 0.
  std::vector<std::string> turn(std::size_t limit = kAll) {
    done.clear();
    for (const Lanes::Stretch& stretch : next(limit)) lanes.take(read(stretch));
    return done;
  }
  std::int64_t low(std::int32_t partition = 0) { return lanes.low().at({kTopic, partition}); }
  Position at(std::int64_t offset) { return {kTopic, 0, offset}; }

  Lanes lanes{Lanes::Limits{.runs = 12, .lane_runs = 4, .near = 1, .share = 1}};
  std::map<std::int32_t, std::string> logs;
  std::function<std::size_t(const std::string&)> may = [](const std::string&) { return kAll; };
  std::vector<std::string> done;
};

TEST_F(LanesTest, TheLaneOfARecordIsItsTenant) {
  EXPECT_EQ(lane_of("acme/ann"), "acme");
  EXPECT_EQ(lane_of("acme"), "acme");
  EXPECT_EQ(lane_of(""), "");
}

TEST_F(LanesTest, ATenantWithOneEventBehindAHundredOfAnotherIsInTheNextBatch) {
  file(std::string(100, 'a') + "b");
  EXPECT_THAT(turn(4), ElementsAre("a0", "a1", "a2", "b100"));
}

TEST_F(LanesTest, SharesAreEqualWhileAllHaveEvents) {
  file(std::string(10, 'a') + std::string(10, 'b') + std::string(10, 'c'));
  EXPECT_THAT(turn(6), ElementsAre("a0", "a1", "b10", "b11", "c20", "c21"));
}

TEST_F(LanesTest, WhoCameShortInOneBatchComesFirstInTheNext) {
  file("aabbcc");
  EXPECT_THAT(turn(2), ElementsAre("a0", "b2"));
  EXPECT_THAT(turn(2), ElementsAre("c4", "a1"));
}

TEST_F(LanesTest, WithinATenantThePartitionsTakeTurns) {
  file("aaa", 0);
  file("aaa", 1);
  EXPECT_EQ(next(2).front().partition.partition, 0);
  turn(2);
  EXPECT_EQ(next(2).front().partition.partition, 1);
}

TEST_F(LanesTest, RecordsOfATenantThatFollowEachOtherAreReadAtOnce) {
  file(std::string(50, 'a'));
  const auto stretches = next();
  ASSERT_EQ(stretches.size(), 1u);
  EXPECT_EQ(stretches[0].records, 50u);
}

TEST_F(LanesTest, AFewRecordsOfOthersAreReadOverAndCountAgainstTheShare) {
  file(
      "abab"
      "a");
  EXPECT_EQ(next(2).front().records, 1u);
  const auto of_a = next().front();
  EXPECT_EQ(of_a.from, 0);
  EXPECT_EQ(of_a.to, 5);
  EXPECT_EQ(of_a.records, 5u);
  EXPECT_THAT(turn(), ElementsAre("a0", "a2", "a4", "b1", "b3"));
}

TEST_F(LanesTest, ManyRecordsOfOthersAreNotReadOver) {
  file("abba");
  const auto stretches = next();
  ASSERT_EQ(stretches.size(), 3u);
  EXPECT_EQ(stretches[0].to, 1);
  EXPECT_EQ(stretches[1].from, 3);
}

TEST_F(LanesTest, OffsetsWithoutARecordAreNoDistance) {
  file("a.........a");
  EXPECT_EQ(next().size(), 1u);
}

TEST_F(LanesTest, ALaneAtItsBoundReadsOverWhateverLiesBetween) {
  for (int i = 0; i < 20; ++i) file("abb");
  EXPECT_EQ(lanes.room(), 12u - 4u - 1u) << "those of b lead over the ones of a";
  EXPECT_THAT(turn(kAll), testing::SizeIs(60));
  EXPECT_TRUE(lanes.empty());
  EXPECT_EQ(lanes.room(), 12u);
}

TEST_F(LanesTest, ALaneAtItsBoundPaysForWhatItReadsInVain) {
  for (int i = 0; i < 20; ++i) file("abb");
  const auto of = [&](const std::string& lane) {
    std::size_t records = 0;
    for (const auto& stretch : next(30)) records += stretch.lane == lane ? stretch.records : 0;
    return records;
  };
  EXPECT_EQ(of("a"), 15u);
  EXPECT_EQ(of("b"), 15u);
}

TEST_F(LanesTest, WhatIsUnderWayCountsUntilItIsDone) {
  file("aab");
  turn(2);
  EXPECT_EQ(lanes.events(), 3u);
  lanes.finish();
  EXPECT_EQ(lanes.events(), 1u);
  EXPECT_THAT(turn(), ElementsAre("a1"));
}

TEST_F(LanesTest, AnotherTenantsRecordWithinARunHasATurnOfItsOwn) {
  file("aba");
  EXPECT_THAT(turn(1), ElementsAre("a0"));
  EXPECT_THAT(turn(1), ElementsAre("b1"));
  lanes.finish();
  EXPECT_THAT(turn(), ElementsAre("a2"));
}

TEST_F(LanesTest, TheLowOffsetNeverPassesWhatWaits) {
  file("aaab");
  EXPECT_EQ(low(), 0);
  EXPECT_THAT(turn(2), ElementsAre("a0", "b3"));
  EXPECT_EQ(low(), 1);
  turn();
  EXPECT_EQ(low(), 4);
}

TEST_F(LanesTest, ATenantThatMayNotGoOnIsPassedOver) {
  file("aabb");
  may = [](const std::string& lane) -> std::size_t { return lane == "a" ? 0 : kAll; };
  EXPECT_THAT(turn(), ElementsAre("b2", "b3"));
  EXPECT_THAT(turn(), IsEmpty());
  EXPECT_FALSE(lanes.empty());
}

TEST_F(LanesTest, ARecordThatIsNotToBeDoneIsNotReadOver) {
  file("a");
  logs[0].push_back('a');
  lanes.pass("a", at(1));
  file("a");
  EXPECT_THAT(turn(), ElementsAre("a0", "a2"));
  EXPECT_EQ(low(), 3);
}

TEST_F(LanesTest, AResetOfAPartitionVoidsItsRunsOnly) {
  file("aab", 0);
  file("a", 1);
  lanes.reset({kTopic, 0}, 7);
  EXPECT_EQ(low(0), 7);
  EXPECT_EQ(lanes.events(), 1u);
  EXPECT_EQ(lanes.room(), 11u);
  const auto stretches = next();
  ASSERT_EQ(stretches.size(), 1u);
  EXPECT_EQ(stretches[0].partition.partition, 1);
}

TEST_F(LanesTest, ADroppedPartitionIsNotOfTheseLanesUntilItIsReset) {
  file("aab", 0);
  file("a", 1);
  lanes.drop({kTopic, 0});
  EXPECT_EQ(lanes.events(), 1u);
  EXPECT_EQ(lanes.room(), 11u);
  const Offsets other{{{kTopic, 1}, 1}};
  EXPECT_EQ(lanes.seen(), other);
  EXPECT_EQ(lanes.low().size(), 1u);
  lanes.reset({kTopic, 0}, 2);
  EXPECT_EQ(low(0), 2);
}

TEST_F(LanesTest, AResetForgetsEverything) {
  file("aab");
  turn(1);
  lanes.reset({{{kTopic, 0}, 2}});
  EXPECT_TRUE(lanes.empty());
  EXPECT_EQ(lanes.events(), 0u);
  EXPECT_EQ(low(), 2);
}

TEST(LanesModel, EveryRecordIsGivenOnceAndInTheOrderOfItsLaneWhateverTheInterleaving) {
  EXPECT_TRUE(rc::check([] {
    Lanes lanes(Lanes::Limits{.runs = 1'000,
                              .lane_runs = *rc::gen::inRange<std::size_t>(1, 8),
                              .near = *rc::gen::inRange<std::size_t>(0, 4),
                              .share = 2});
    const auto records = *rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(0, 2), rc::gen::inRange(0, 4)));  // partition, lane
    std::map<std::int32_t, std::vector<std::string>> logs;
    std::map<std::pair<std::string, std::int32_t>, std::vector<std::int64_t>> filed, given;
    const auto turn = [&](std::size_t limit) {
      std::size_t left = limit;
      for (const auto& stretch : lanes.next(limit, [](const std::string&) { return kAll; })) {
        RC_ASSERT(stretch.records <= left);
        left -= stretch.records;
        Lanes::Taken taken{stretch, stretch.from, 0, 0};
        const auto& log = logs[stretch.partition.partition];
        for (; taken.next < stretch.to && taken.records < stretch.records; ++taken.next) {
          ++taken.records;
          if (log[static_cast<std::size_t>(taken.next)] != stretch.lane) continue;
          ++taken.events;
          given[{stretch.lane, stretch.partition.partition}].push_back(taken.next);
        }
        lanes.take(taken);
      }
      lanes.finish();
      for (const auto& [partition, low] : lanes.low()) {
        for (const auto& [name, offsets] : filed) {
          if (name.second != partition.partition) continue;
          const auto& through = given[name];
          if (through.size() == offsets.size()) continue;
          RC_ASSERT(low <= offsets[through.size()]);
        }
      }
    };
    for (const auto& [partition, lane] : records) {
      auto& log = logs[partition];
      const Position at{kTopic, partition, static_cast<std::int64_t>(log.size())};
      log.push_back(std::string(1, static_cast<char>('a' + lane)));
      filed[{log.back(), partition}].push_back(at.offset);
      lanes.file(log.back(), at);
      if (*rc::gen::weightedElement<bool>({{4, false}, {1, true}})) {
        turn(*rc::gen::inRange<std::size_t>(1, 10));
      }
    }
    std::size_t turns = 0;
    while (!lanes.empty() && turns++ < 10'000) turn(5);
    RC_ASSERT(given == filed);
    RC_ASSERT(lanes.events() == 0u);
    RC_ASSERT(lanes.room() == 1'000u);
  }));
}

}  // namespace
}  // namespace mesh::pipeline
