#include "daemon/migration/places.h"

#include <gtest/gtest.h>

namespace mesh::migration {
namespace {

const TopicPartition kHere{"user.events", 0}, kElsewhere{"user.events", 1};

std::string told(const std::optional<Place>& place) {
  if (!place) return "unknown";
  return std::to_string(place->offset) + (place->exact ? "" : " (behind)");
}

TEST(Places, ARecordsPlaceIsThatOfItsCopy) {
  Places places;
  places.want(kHere, 17);
  places.want(kHere, 19);
  EXPECT_EQ(told(places.find(kHere, 17)), "unknown");
  places.passed(kHere, 17, 0);
  places.passed(kHere, 18, 1);
  EXPECT_EQ(told(places.find(kHere, 17)), "0");
  EXPECT_EQ(told(places.find(kHere, 19)), "unknown");
  places.passed(kElsewhere, 19, 5);
  EXPECT_EQ(told(places.find(kHere, 19)), "unknown");
  places.passed(kHere, 19, 2);
  EXPECT_EQ(told(places.find(kHere, 19)), "2");
}

TEST(Places, WhatIsGoneIsWhereTheNextRecordIs) {
  Places places;
  for (const int offset : {0, 3, 4, 9}) places.want(kHere, offset);
  places.passed(kHere, 4, 0);
  EXPECT_EQ(told(places.find(kHere, 0)), "0 (behind)");
  EXPECT_EQ(told(places.find(kHere, 3)), "0 (behind)");
  EXPECT_EQ(told(places.find(kHere, 4)), "0");
  places.ended(kHere, 1);
  EXPECT_EQ(told(places.find(kHere, 9)), "1 (behind)");
}

TEST(Places, ThoseThatAreFoundOutliveARestart) {
  Places before;
  before.want(kHere, 3);
  before.want(kHere, 8);
  before.passed(kHere, 3, 1);
  Places after;
  after.want(kHere, 3);
  after.from_json(before.to_json());
  after.want(kHere, 3);
  after.want(kHere, 8);
  // The copy goes on behind what was copied.
  after.passed(kHere, 8, 2);
  EXPECT_EQ(told(after.find(kHere, 3)), "1");
  EXPECT_EQ(told(after.find(kHere, 8)), "2");
}

TEST(Places, NothingIsKnownOfWhatWasNotWanted) {
  Places places;
  places.passed(kHere, 1, 0);
  places.ended(kHere, 1);
  EXPECT_EQ(told(places.find(kHere, 1)), "unknown");
}

}  // namespace
}  // namespace mesh::migration
