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
      {{.outbox = 17, .user = 7}, "outbox~18~7"},
      {{.outbox = 17}, "outbox~18"},
      {{.log = {{{"analytics.events", 2}, 5}, {{"chemical.events", 0}, 1}}},
       "analytics.events~0~0~5~~chemical.events~1"},
      {{.log = {{{"user.events", 0}, 1}}, .outbox = 1, .user = 2}, "outbox~2~2~~user.events~1"},
  };
  for (const auto& [position, text] : kCases) {
    EXPECT_EQ(format_write_position(position), text);
    EXPECT_EQ(parse_write_position(text).value(), position) << text;
  }
}

TEST(WritePosition, WhatNamesNoPlaceIsRefused) {
  for (const char* text :
       {"", "outbox", "outbox~", "outbox~x", "outbox~-1", "outbox~0", "outbox~0~7", "outbox~1~2~3",
        "user.events", "17", "outbox~99999999999999999999"}) {
    EXPECT_NE(refusal(text), "accepted") << text;
  }
  EXPECT_EQ(refusal("outbox~0~7"), "\"outbox~0~7\" is not outbox~<sequence>~<user>");
}

TEST(WritePosition, TheLastEventOfEachPartitionCounts) {
  const auto position = behind({{"a.events", 1, 4}, {"a.events", 1, 3}, {"b.events", 0, 0}});
  EXPECT_EQ(position.log, (LogOffsets{{{"a.events", 1}, 5}, {{"b.events", 0}, 1}}));
}

}  // namespace
}  // namespace mesh
