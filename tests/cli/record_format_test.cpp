#include "cli/render/record_format.h"

namespace mesh::cli {
namespace {

const Json kRecord{{"topic", "user.events"},
                   {"partition", 3},
                   {"offset", 17},
                   {"time", "2026-11-21T08:00:00.000Z"},
                   {"key", "acme/7"},
                   {"id", "e1"},
                   {"type", "user.created"},
                   {"tenant", "acme"},
                   {"headers", {{"ce_id", "e1"}, {"x", "y"}}},
                   {"value", {{"id", 7}}}};

std::string formatted(const char* format, const Json& record = kRecord) {
  auto parsed = RecordFormat::parse(format);
  return parsed ? parsed->apply(record) : "refused: " + parsed.error().message;
}

TEST(RecordFormat, KnowsEveryVerb) {
  EXPECT_EQ(formatted("%t %p %o %k %v %T %y %i %e %h"),
            "user.events 3 17 acme/7 {\"id\":7} 2026-11-21T08:00:00.000Z user.created e1 acme "
            "ce_id=e1,x=y");
}

TEST(RecordFormat, KnowsEscapesAndThePercentSign) {
  EXPECT_EQ(formatted("100%%\\t%k\\n\\\\"), "100%\tacme/7\n\\");
}

TEST(RecordFormat, AMissingMemberIsNothingAndANullValueIsNull) {
  EXPECT_EQ(formatted("[%k][%i][%h]", {{"offset", 1}}), "[][][]");
  EXPECT_EQ(formatted("%v", {{"value", nullptr}}), "null");
}

// Numbers were rounded, and bytes came as U+FFFD.
TEST(RecordFormat, DataIsPrintedAsItLiesInTheLog) {
  EXPECT_EQ(formatted("%v", {{"value", raw_json("[1.10,12345678901234567890123]")}}),
            "[1.10,12345678901234567890123]");
  EXPECT_EQ(formatted("%v", {{"value_base64", "/wE="}}), "\xff\x01");
}

TEST(RecordFormat, ATextValueIsPrintedAsItIs) {
  EXPECT_EQ(formatted("%v", {{"value", "plain"}}), "plain");
}

TEST(RecordFormat, ForATerminalDataIsMadeHarmlessAndTheFormatIsKept) {
  const auto format = *RecordFormat::parse("%k\\n");
  EXPECT_EQ(format.apply({{"key", "\x1b[2J"}}, true), "\\x1b[2J\n");
  EXPECT_EQ(format.apply({{"key", "\x1b[2J"}}), "\x1b[2J\n");
}

TEST(RecordFormat, RefusesUnknownVerbsWithTheirPlace) {
  EXPECT_NE(formatted("%k %q").find("%q at position 4"), std::string::npos);
  EXPECT_NE(formatted("\\z").find("\\z"), std::string::npos);
  EXPECT_NE(formatted("50%").find("lone %"), std::string::npos);
}

}  // namespace
}  // namespace mesh::cli
