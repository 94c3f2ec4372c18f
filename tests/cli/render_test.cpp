#include "cli/render/number.h"
#include "cli/render/progress_line.h"
#include "cli/render/table.h"
#include "cli/render/view.h"
#include "cli/render/width.h"
#include "tests/cli/widest.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Width, CountsWideCharactersTwiceAndCombiningOnesNot) {
  EXPECT_EQ(display_width("Alice"), 5);
  EXPECT_EQ(display_width("日本"), 4);
  EXPECT_EQ(display_width("Jose\u0301"), 4);
  EXPECT_EQ(display_width("Zoë"), 3);
}

TEST(Width, TruncationEndsInAnEllipsisAndNeverExceeds) {
  EXPECT_EQ(truncate("hello", 5), "hello");
  EXPECT_EQ(truncate("hello", 4), "hel…");
  EXPECT_EQ(truncate("日本語", 4), "日…");
  EXPECT_EQ(truncate("x", 0), "");
}

TEST(Width, DataCannotMoveTheCursor) {
  EXPECT_EQ(printable("a\x1b[2Jb\nc\td"), "a\\x1b[2Jb\\nc\\td");
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\u009b"
                      "31m"),
            "\\x9b31m");
  EXPECT_EQ(printable("Zoë 日本"), "Zoë 日本");
}

TEST(Width, NothingTurnsALineOrEndsIt) {
  EXPECT_EQ(printable("Ann\u202egnp.exe\u2066\u200f\u061c"),
            "Ann\\u202egnp.exe\\u2066\\u200f\\u061c");
  EXPECT_EQ(printable("a\u2028b\u2029c\u0085"), "a\\u2028b\\u2029c\\x85");
  EXPECT_EQ(printable("\u0646\u200c\u0647 \U0001f468\u200d\U0001f469"),
            "\u0646\u200c\u0647 \U0001f468\u200d\U0001f469");
  EXPECT_EQ(printable_lines("a\u202e\nb\x1b["), "a\\u202e\nb\\x1b[");
}

TEST(Width, JsonStaysTheSameValueOnATerminal) {
  const Json value = {{"name", "Ann\u202egnp\u2028\u009b\x7f"}, {"city", "Zo\u00eb"}};
  const std::string text = printable_json(value.dump(2));
  EXPECT_EQ(Json::parse(text), value);
  EXPECT_THAT(text, HasSubstr("Ann\\u202egnp\\u2028\\u009b\\u007f"));
  EXPECT_THAT(text, HasSubstr("Zo\u00eb"));
  EXPECT_THAT(text, HasSubstr("\n"));
}

TEST(Table, AlignsByDisplayWidthWithoutTrailingSpaces) {
  EXPECT_EQ(table({{"NAME"}, {"N", true}}, {{"日本", "1"}, {"Bob", "23"}}),
            "NAME   N\n"
            "日本   1\n"
            "Bob   23\n");
}

TEST(Table, CutsOnlyWhereAWidthIsGiven) {
  const std::string longest(100, 'x');
  EXPECT_THAT(table({{"A"}, {"B"}}, {{longest, "y"}}), HasSubstr(longest));
  const std::string cut = table({{"A"}, {"B"}}, {{"y", longest}}, {.max_width = 40});
  EXPECT_THAT(cut, HasSubstr("…"));
  EXPECT_LE(widest(cut), 40);
}

TEST(Table, ARowNeverBreaksIntoTwo) {
  const std::string text = table({{"A"}}, {{"one\ntwo"}});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

const View kView{"id",
                 {{"id", "ID", "the number"},
                  {"size", "SIZE", "bytes", Field::Show::always, Field::Kind::size},
                  {"a.b", "DEEP", "a member of a member", Field::Show::wide},
                  {"hidden", "HIDDEN", "only in JSON", Field::Show::never}}};

TEST(ViewTable, WideShowsMoreColumnsAndMissingValuesAreDashes) {
  const std::vector<Json> items{{{"id", 1}, {"size", 1536}, {"a", {{"b", "x"}}}}, {{"id", 22}}};
  EXPECT_EQ(view_table(kView, items, false, {}), "ID     SIZE\n 1  1.5 KiB\n22        -\n");
  EXPECT_THAT(view_table(kView, items, true, {}), HasSubstr("DEEP"));
  EXPECT_THAT(view_table(kView, items, true, {}), Not(HasSubstr("HIDDEN")));
}

TEST(ViewRecord, IsALinePerField) {
  EXPECT_THAT(view_record(kView, {{"id", 7}, {"a", {{"b", {"x", "y"}}}}}),
              HasSubstr("DEEP:  x,y\n"));
}

TEST(ViewHelp, NamesEveryFieldWithALine) {
  const std::string help = view_help(kView);
  for (const Field& field : kView.fields) {
    EXPECT_THAT(help, HasSubstr(field.path));
    EXPECT_THAT(help, HasSubstr(field.help));
  }
}

TEST(ViewNames, AreTheIdsALineEach) {
  EXPECT_EQ(view_names(kView, {{{"id", 1}}, {{"id", "b"}}}), "1\nb\n");
}

TEST(PlainText, ShowsListsAndFlatObjectsInOneCell) {
  EXPECT_EQ(plain_text(Json::parse(R"(["a","b"])")), "a,b");
  EXPECT_EQ(plain_text(Json::parse(R"({"x":1,"y":2})")), "x=1,y=2");
  EXPECT_EQ(plain_text(Json::parse(R"({"x":{"y":2}})")), R"({"x":{"y":2}})");
  EXPECT_EQ(plain_text(Json::array()), "-");
}

TEST(Texts, AreForPeople) {
  EXPECT_EQ(with_thousands(1234567), "1,234,567");
  EXPECT_EQ(with_thousands(-1000), "-1,000");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(time_text("2026-11-21T08:00:00.123Z"), "2026-11-21T08:00:00Z");
  EXPECT_EQ(time_text("2026-11-21T08:00:00+01:00"), "2026-11-21T08:00:00+01:00");
  EXPECT_EQ(seconds_text(0.25), "250ms");
  EXPECT_EQ(seconds_text(9.93e-05), "<1ms");
  EXPECT_EQ(seconds_text(0), "0s");
  EXPECT_EQ(seconds_text(90), "1m30s");
  EXPECT_EQ(clock_text(65), "01:05");
  EXPECT_EQ(clock_text(7207), "2:00:07");
  EXPECT_EQ(clock_text(1e12), "--:--");
}

TEST(ProgressLine, ShowsShareRateAndRemainingTimeWithinTheWidth) {
  const std::string line = progress_line({"replay", 0.45, 12345, 27000, 3200, 4.6}, 100);
  EXPECT_THAT(line, HasSubstr("=>"));
  EXPECT_THAT(line, HasSubstr(" 45%  12,345/27,000  3,200/s  00:05 left"));
  for (int width : {1, 10, 20, 40, 60, 200}) {
    EXPECT_LE(display_width(progress_line({"replay", 0.45, 12345, 27000, 3200, 4.6}, width)),
              width);
  }
}

TEST(ProgressLine, WithoutATotalThereIsNoBar) {
  EXPECT_EQ(progress_line({"import", -1, 10, 0, 5, -1}, 80), "import  10  5.0/s");
}

}  // namespace
}  // namespace mesh::cli
