#include "common/domain/write_position.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

std::string refusal(const std::string& text) {
  const auto position = parse_write_position(text);
  return position ? "accepted" : position.error().message;
}

TEST(WritePosition, ATextStandsForThePlaceOfEvents) {
  const std::pair<WritePosition, const char*> kCases[] = {
      {{}, "~"},
      {{.outbox = {17, 17}, .users = {7, 7}}, "outbox~18~7"},
      {{.outbox = {17, 19}, .users = {7, 9}}, "outbox~20~9!outbox~17~7"},
      {{.outbox = {17, 19}, .users = {7, 7}}, "outbox~20~7!outbox~17~7"},
      {{.outbox = {17, 17}}, "outbox~18"},
      {{.outbox = {17, 19}}, "outbox~20!outbox~17"},
      {{.log = {{{"analytics.events", 2}, 5}, {{"chemical.events", 0}, 1}},
        .first = {{{"analytics.events", 2}, 3}}},
       "analytics.events~0~0~5~~chemical.events~1!analytics.events~0~0~3"},
      {{.log = {{{"user.events", 0}, 1}}, .outbox = {1, 1}, .users = {2, 2}},
       "outbox~2~2~~user.events~1"},
  };
  for (const auto& [position, text] : kCases) {
    EXPECT_EQ(format_write_position(position), text);
    EXPECT_EQ(parse_write_position(text).value(), position) << text;
  }
}

TEST(WritePosition, WhatNamesNoPlaceIsRefused) {
  for (const char* text :
       {"", "outbox", "outbox~", "outbox~x", "outbox~-1", "outbox~0", "outbox~0~7", "outbox~1~2~3",
        "outbox~1~2", "outbox~3~2!outbox~3~2", "outbox~3~2!outbox~2~3", "a.events~1!outbox~1",
        "outbox~2~1!", "~!~!~", "user.events", "17", "outbox~99999999999999999999"}) {
    EXPECT_NE(refusal(text), "accepted") << text;
  }
  EXPECT_EQ(refusal("outbox~0~7"), "\"outbox~0~7\" is not outbox~<sequence>~<user>");
}

TEST(WritePosition, TheFirstAndTheLastEventOfEachPartitionCount) {
  const auto position =
      place_of({{"a.events", 1, 4}, {"a.events", 1, 3}, {"a.events", 1, 9}, {"b.events", 0, 0}});
  EXPECT_EQ(position.log, (LogOffsets{{{"a.events", 1}, 10}, {{"b.events", 0}, 1}}));
  EXPECT_EQ(position.first, (LogOffsets{{{"a.events", 1}, 3}})) << "0 is the start anyhow";
}

TEST(WritePosition, AChangeThatWroteNothingIsNowhere) {
  EXPECT_EQ(place_of_change(0, 7), WritePosition{});
  EXPECT_EQ(place_of_change(17, 7), (WritePosition{.outbox = {17, 17}, .users = {7, 7}}));
}

TEST(WritePosition, ASpanTakesNumbersInAnyOrder) {
  WritePosition::Span span;
  for (const int number : {0, 5, 3, 9, 0}) span.add(number);
  EXPECT_EQ(span, (WritePosition::Span{3, 9}));
}

}  // namespace
}  // namespace mesh
