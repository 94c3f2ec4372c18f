#include "daemon/pipeline/consumer/window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mesh::pipeline {
namespace {

using testing::ElementsAre;

const TopicPartition kWindowOne{"analytics.events", 0}, kWindowOther{"analytics.events", 1};
constexpr std::size_t kMany = 1'000'000;

StoredRecord record(const TopicPartition& partition, std::int64_t offset, const std::string& tenant,
                    std::size_t bytes = 10) {
  return {{partition.topic, partition.partition, offset},
          {},
          tenant + "/ann",
          std::string(bytes, 'x'),
          {{"ce_id", "e"}}};
}

class WindowTest : public testing::Test {
 protected:
  // Which offsets come, and up to where was read.
  std::vector<std::int64_t> take(const Lanes::Stretch& stretch, std::size_t max_bytes = kMany) {
    std::vector<StoredRecord> records;
    taken = window.take(stretch, max_bytes, records);
    std::vector<std::int64_t> offsets;
    for (const auto& one : records) offsets.push_back(one.position.offset);
    EXPECT_EQ(taken.events, offsets.size());
    return offsets;
  }

  Window window{kMany};
  Lanes::Taken taken;
};

TEST_F(WindowTest, AStretchGivesItsLaneAndLeavesWhatItLeadsOver) {
  for (const auto& [offset, tenant] : {std::pair{3, "acme"}, {4, "beta"}, {5, "acme"}}) {
    window.put(record(kWindowOne, offset, tenant));
  }
  EXPECT_THAT(take({"acme", kWindowOne, 3, 6, 3}), ElementsAre(3, 5));
  EXPECT_EQ(taken.records, 3u) << "one was another's";
  EXPECT_EQ(taken.next, 6);
  EXPECT_THAT(take({"beta", kWindowOne, 4, 5, 1}), ElementsAre(4));
  EXPECT_EQ(window.room(), kMany);
}

TEST_F(WindowTest, ATurnEndsWithItsRecordsOrItsBytesButHasOne) {
  for (int offset = 0; offset < 5; ++offset) window.put(record(kWindowOne, offset, "acme", 1'000));
  EXPECT_THAT(take({"acme", kWindowOne, 0, 5, 2}), ElementsAre(0, 1));
  EXPECT_EQ(taken.next, 2) << "the rest of the stretch is for a later turn";
  EXPECT_THAT(take({"acme", kWindowOne, 2, 5, 5}, 1), ElementsAre(2));
  EXPECT_EQ(taken.next, 3);
  EXPECT_THAT(take({"acme", kWindowOne, 3, 5, 5}), ElementsAre(3, 4));
}

TEST_F(WindowTest, WhatIsGoneIsNoObstacle) {
  window.put(record(kWindowOne, 7, "acme"));
  EXPECT_THAT(take({"acme", kWindowOne, 2, 7, 5}), ElementsAre());
  EXPECT_EQ(taken.next, 7);
}

TEST_F(WindowTest, RoomIsOfMemoryAndComesBack) {
  Window small(2 * memory_of(record(kWindowOne, 0, "acme")));
  small.put(record(kWindowOne, 0, "acme"));
  EXPECT_EQ(small.room(), memory_of(record(kWindowOne, 0, "acme")));
  EXPECT_GT(small.room(), bytes_of(record(kWindowOne, 0, "acme")) + sizeof(StoredRecord));
  small.put(record(kWindowOther, 0, "acme"));
  small.put(record(kWindowOther, 1, "acme"));
  EXPECT_EQ(small.room(), 0u) << "a poll may bring more than there is room for";
  small.drop(kWindowOther);
  EXPECT_EQ(small.room(), memory_of(record(kWindowOne, 0, "acme")));
  small.drop(kWindowOther);
  small.clear();
  EXPECT_EQ(small.room(), 2 * memory_of(record(kWindowOne, 0, "acme")));
}

}  // namespace
}  // namespace mesh::pipeline
