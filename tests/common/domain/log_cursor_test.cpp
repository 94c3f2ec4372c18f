#include "common/domain/log_cursor.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

TEST(LogCursor, NamesTopicsAndTheOffsetsOfTheirPartitionsInOrder) {
  const LogOffsets offsets{
      {{"task.events", 0}, 3}, {{"user.events", 0}, 17}, {{"user.events", 1}, 4}};
  EXPECT_EQ(format_log_cursor(offsets), "task.events~3~~user.events~17~4");
  EXPECT_EQ(parse_log_cursor("task.events~3~~user.events~17~4"), offsets);
}

TEST(LogCursor, LeavesOutWhatBeginsAtItsStart) {
  EXPECT_EQ(format_log_cursor({{{"a", 0}, 0}, {{"a", 1}, 0}}), "~");
  EXPECT_EQ(format_log_cursor(
                {{{"a", 0}, 0}, {{"a", 1}, 0}, {{"a", 2}, 5}, {{"a", 3}, 0}, {{"b", 0}, 0}}),
            "a~0~0~5");
  EXPECT_EQ(format_log_cursor({{{"a", 7}, 5}}), "a~0~0~0~0~0~0~0~5") << "also partitions not named";
  EXPECT_EQ(parse_log_cursor("~"), LogOffsets{});
}

TEST(LogCursor, AnythingElseIsInvalidAndNamed) {
  for (const char* text :
       {"", "a", "a~", "~1", "a~x", "a~-1", "a~1~~", "~~a~1", "a~1~~b", "a~1.5"}) {
    const auto parsed = parse_log_cursor(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
  }
  EXPECT_NE(parse_log_cursor("a~1~~b~x").error().message.find("\"b~x\""), std::string::npos);
}

}  // namespace
}  // namespace mesh
