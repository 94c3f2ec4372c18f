// Which column gives way where a table is too wide, and what stands in the cells.
#include "cli/render/csv.h"
#include "cli/render/number.h"
#include "cli/render/view.h"
#include "cli/render/width.h"
#include "common/base/time.h"
#include "tests/cli/widest.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<std::vector<std::string>> kLetters{
    {"01938c5e-7c1a-7000-8000-000000000001", "analytics.recorded",
     "the data has no member event_type"},
    {"01938c5e-7c1a-7000-8000-000000000002", "analytics.recorded",
     "the data has no member event_type"}};

std::string letters(int width) {
  return table({{"EVENT", false, Cut::first}, {"TYPE"}, {"CAUSE", false, Cut::last}}, kLetters,
               {.max_width = width});
}

TEST(Cut, AnIdIsShortenedBeforeTheOthersAndStaysDifferentFromTheOtherRows) {
  const std::string text = letters(70);
  EXPECT_LE(widest(text), 70);
  EXPECT_THAT(text, HasSubstr("analytics.recorded  the data has no member event_type\n"));
  EXPECT_THAT(text, HasSubstr("01938c5…"));
  EXPECT_THAT(text, HasSubstr("0001 "));
  EXPECT_THAT(text, HasSubstr("0002 "));
}

TEST(Cut, WhatOneCameForIsCutWhenTheOthersGiveNoMore) {
  const std::string tight = letters(53);
  EXPECT_EQ(tight,
            "EVENT     TYPE      CAUSE\n"
            "0193…001  analyti…  the data has no member event_type\n"
            "0193…002  analyti…  the data has no member event_type\n");
  const std::string tighter = letters(44);
  EXPECT_LE(widest(tighter), 44);
  EXPECT_THAT(tighter, HasSubstr("  the data has no member …\n"));
}

TEST(Cut, IdsThatDifferInTheirMiddleAloneAreNotShortened) {
  const std::string text =
      table({{"ID", false, Cut::first}, {"B"}},
            {{"aaaaaaaa-1-zzzzzzzz", std::string(50, 'x')}, {"aaaaaaaa-2-zzzzzzzz", "y"}},
            {.max_width = 40});
  EXPECT_THAT(text, HasSubstr("aaaaaaaa-1-zzzzzzzz"));
  EXPECT_THAT(text, HasSubstr("aaaaaaaa-2-zzzzzzzz"));
  EXPECT_LE(widest(text), 40);
}

TEST(Cut, APartOfANumberIsAnotherNumber) {
  const std::string text = table({{"N", true, Cut::never}, {"B"}},
                                 {{"123,456,789,012", std::string(50, 'x')}}, {.max_width = 20});
  EXPECT_THAT(text, HasSubstr("123,456,789,012  xxxxxxx…"));
}

TEST(TruncateMiddle, KeepsBothEndsAndNeverExceeds) {
  EXPECT_EQ(truncate_middle("01938c5e-7c1a-7000-8000-000000000001", 13), "01938c…000001");
  EXPECT_EQ(truncate_middle("abc", 3), "abc");
  EXPECT_EQ(truncate_middle("abcdef", 4), "ab…f");
  EXPECT_EQ(truncate_middle("日本語日本語", 6), "日…語");
  EXPECT_EQ(truncate_middle("abcd", 1), "…");
  EXPECT_EQ(truncate_middle("abcd", 0), "");
  EXPECT_EQ(truncate_middle("abcde\u0301f", 4), "ab…f") << "a mark without its letter";
}

const Timestamp kNow = *parse_rfc3339("2026-11-21T08:00:00Z");
const View kTimes{
    "id", {{"id", "ID", "the id"}, {"at", "WHEN", "when", Field::Show::always, Field::Kind::time}}};

TEST(Ages, StandInTablesAndTheInstantInWideOnesAndRecords) {
  const std::vector<Json> items{{{"id", "a"}, {"at", "2026-11-21T07:56:48.123Z"}},
                                {{"id", "b"}, {"at", "2026-11-21T08:05:00Z"}},
                                {{"id", "c"}, {"at", nullptr}},
                                {{"id", "d"}, {"at", "soon"}}};
  EXPECT_EQ(view_table(kTimes, items, false, kNow),
            "ID   WHEN\n"
            "a   3m11s\n"
            "b   in 5m\n"
            "c       -\n"
            "d    soon\n");
  EXPECT_THAT(view_table(kTimes, items, true, kNow), HasSubstr("a   2026-11-21T07:56:48.123Z\n"));
  EXPECT_EQ(view_record(kTimes, items[0]), "ID:    a\nWHEN:  2026-11-21T07:56:48.123Z\n");
}

TEST(Ages, HaveTwoUnitsAtMost) {
  using namespace std::chrono;
  const auto age = [](auto span) { return age_text(duration_cast<Duration>(span)); };
  EXPECT_EQ(age(milliseconds{900}), "0s");
  EXPECT_EQ(age(seconds{59}), "59s");
  EXPECT_EQ(age(minutes{3}), "3m");
  EXPECT_EQ(age(minutes{25} + seconds{9}), "25m");
  EXPECT_EQ(age(hours{2} + minutes{5}), "2h5m");
  EXPECT_EQ(age(hours{53}), "2d5h");
  EXPECT_EQ(age(hours{24 * 30 + 3}), "30d");
  EXPECT_EQ(age(-minutes{5}), "in 5m");
}

TEST(Numbers, OfAKindHaveOneForm) {
  EXPECT_EQ(duration_text(0), "0s");
  EXPECT_EQ(duration_text(0.0000993), "<1ms");
  EXPECT_EQ(duration_text(0.25), "250ms");
  EXPECT_EQ(duration_text(0.9996), "1s");
  EXPECT_EQ(duration_text(2.52), "2.5s");
  EXPECT_EQ(duration_text(9.96), "10s");
  EXPECT_EQ(duration_text(90), "1m30s");
  EXPECT_EQ(duration_text(11 * 3600 + 59), "11h");
  EXPECT_EQ(duration_text(11 * 3600 + 120), "11h2m");
  EXPECT_EQ(rate_text(0), "0");
  EXPECT_EQ(rate_text(0.04), "<0.1");
  EXPECT_EQ(rate_text(8.33), "8.3");
  EXPECT_EQ(rate_text(9.96), "10");
  EXPECT_EQ(rate_text(12345.6), "12,346");
  EXPECT_EQ(percent_text(0.999), "99%");
  EXPECT_EQ(percent_text(1), "100%");
}

TEST(Numbers, StandRightAlsoWhereTheyAreMadeOfText) {
  const View view{"id",
                  {{"id", "ID", "the id"},
                   {"n", "COUNT", "so many", Field::Show::always, Field::Kind::count},
                   {"ms", "TIME", "so long", Field::Show::always, Field::Kind::millis},
                   {"by", "BY CAUSE", "so many each", Field::Show::always, Field::Kind::counts}}};
  EXPECT_EQ(view_table(view,
                       {{{"id", "a"}, {"n", 1234567}, {"ms", 1.6}, {"by", {{"x", 1234}, {"y", 1}}}},
                        {{"id", "b"}, {"n", 5}, {"ms", 90000}}},
                       false, kNow),
            "ID      COUNT   TIME  BY CAUSE\n"
            "a   1,234,567    2ms  x 1,234; y 1\n"
            "b           5  1m30s  -\n");
}

const View kRow{"id",
                {{"id", "ID", "the id"},
                 {"n", "COUNT", "so many", Field::Show::wide, Field::Kind::count},
                 {"at", "WHEN", "when", Field::Show::always, Field::Kind::time},
                 {"a.b", "DEEP", "a member of a member", Field::Show::never},
                 {"", "WORDS", "in words", Field::Show::always, Field::Kind::text,
                  [](const Json&) { return std::string("made"); }}}};

TEST(Csv, HasEveryFieldWithItsExactValue) {
  EXPECT_EQ(csv_header(kRow), "id,n,at,a.b\n");
  EXPECT_EQ(
      csv_row(
          kRow,
          {{"id", "x"}, {"n", 1234567}, {"at", "2026-11-21T07:56:48.123Z"}, {"a", {{"b", true}}}}),
      "x,1234567,2026-11-21T07:56:48.123Z,true\n");
  EXPECT_EQ(csv_row(kRow, {{"id", ""}, {"a", {{"b", {{"c", 1}}}}}}), "\"\",,,\"{\"\"c\"\":1}\"\n")
      << "empty text and nothing are two things";
}

TEST(Csv, QuotesWhatNeedsQuotesAndLeavesFormulasAsTheyAre) {
  const auto field = [](const std::string& text) {
    std::string row;
    append_csv_field(row, text);
    return row;
  };
  EXPECT_EQ(field("a,b"), "\"a,b\"");
  EXPECT_EQ(field("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(field("two\r\nlines"), "\"two\r\nlines\"");
  EXPECT_EQ(field(" padded "), "\" padded \"");
  for (const char* text : {"=1+1", "+49", "-5", "@x", "plain"}) EXPECT_EQ(field(text), text);
}

TEST(Csv, IsFitToPrintOnATerminal) {
  const Json item{{"id", "\x1b[2J"}};
  EXPECT_EQ(csv_row(kRow, item), "\x1b[2J,,,\n");
  EXPECT_EQ(csv_row(kRow, item, true), "\\x1b[2J,,,\n");
}

}  // namespace
}  // namespace mesh::cli
