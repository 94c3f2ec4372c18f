// Values out of JSON files, the ids of their events, and what the command does with them.
#include <unistd.h>

#include "cli/import/event_ids.h"
#include "cli/import/json_reader.h"
#include "tests/cli/cli_fixture.h"
#include "tests/support/manual_clock.h"

namespace mesh::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class JsonReaderTest : public ::testing::Test {
 protected:
  // "line:text" or "line!reason" per value.
  std::vector<std::string> values(const std::string& text,
                                  JsonReader::Arrays arrays = JsonReader::Arrays::opened) {
    std::ofstream(dir_.file("f"), std::ios::binary) << text;
    LineReader lines = *LineReader::open(dir_.file("f"));
    JsonReader reader(lines, arrays);
    std::vector<std::string> seen;
    while (true) {
      auto value = reader.next();
      if (!value) seen.push_back("stopped: " + value.error().message);
      if (!value || !*value) return seen;
      seen.push_back(std::to_string((*value)->line) +
                     ((*value)->broken.empty() ? ":" + (*value)->text : "!" + (*value)->broken));
    }
  }
  test::TempDir dir_;
};

TEST_F(JsonReaderTest, TakesLinesArraysAndPrettyPrintedValues) {
  EXPECT_THAT(values("{\"a\":1}\n\n{\"a\":2}"), ElementsAre("1:{\"a\":1}", "3:{\"a\":2}"));
  EXPECT_THAT(values("[{\"a\":1},\n 2, \"x,]\" ,[3]]\n[4]"),
              ElementsAre("1:{\"a\":1}", "2:2", "2:\"x,]\"", "2:[3]", "3:4"));
  EXPECT_THAT(
      values("{\n  \"a\": [\n    {\n      \"b\": \"}\\\"\"\n    }\n  ]\n}\n{\n}"),
      ElementsAre("1:{\n  \"a\": [\n    {\n      \"b\": \"}\\\"\"\n    }\n  ]\n}", "8:{\n}"));
  EXPECT_THAT(values("{\"a\":1}{\"a\":2}"), ElementsAre("1:{\"a\":1}", "1:{\"a\":2}"));
  EXPECT_THAT(values(" \n"), IsEmpty());
}

TEST_F(JsonReaderTest, MarksAndSeparatorsBetweenValuesDoNotCount) {
  EXPECT_THAT(values("\xef\xbb\xbf{\"a\":1}\n\xef\xbb\xbf{\"a\":2}\n\x1a"),
              ElementsAre("1:{\"a\":1}", "2:{\"a\":2}"));
  EXPECT_THAT(values("\x1e{\"a\":1}\n\x1e{\"a\":2}\n"), ElementsAre("1:{\"a\":1}", "2:{\"a\":2}"));
}

TEST_F(JsonReaderTest, AnArrayMayBeAValue) {
  EXPECT_THAT(values("[1,2]\n[3]\n", JsonReader::Arrays::kept), ElementsAre("1:[1,2]", "2:[3]"));
}

TEST_F(JsonReaderTest, ABrokenLineCostsOnlyItself) {
  const auto seen = values(
      "{\"a\":1\n"
      "{\"a\":2}\n"
      "{\"a\":\"open}\n"
      "{\"a\":4}\n"
      "{\"a\":5}}\n"
      "not json {\n"
      "{\"a\":7}\n");
  EXPECT_THAT(seen, ElementsAre(StartsWith("1!line 2, column 1: \"{\" where none may stand"),
                                "2:{\"a\":2}", StartsWith("3!column 12: the text in quotes"),
                                "4:{\"a\":4}", StartsWith("5!column 8: text behind the value"),
                                "6:not json {", "7:{\"a\":7}"));
}

TEST_F(JsonReaderTest, ABrokenPrettyPrintedValueCostsItsLines) {
  EXPECT_THAT(values("{\n  \"a\": \"open,\n  \"b\": 1\n}\n{\n  \"a\": 2\n}\n"),
              ElementsAre("1!line 2, column 14: the text in quotes does not end in its line; lines "
                          "1 to 4 are passed over",
                          "5:{\n  \"a\": 2\n}"));
  EXPECT_THAT(values("[\n  {\n    \"a\": [}\n  },\n  {\n    \"a\": 2\n  }\n]\n"),
              ElementsAre(StartsWith("2!line 3, column 11: \"}\""), "5:{\n    \"a\": 2\n  }"));
}

TEST_F(JsonReaderTest, WhatCannotBeReadOnIsSaid) {
  EXPECT_THAT(values("[{\"a\":1},{\"a\":[}},{\"a\":3}]"),
              ElementsAre("1:{\"a\":1}", HasSubstr("f: line 1, column 16: \"}\" where none may")));
  EXPECT_THAT(
      values("[{\"a\":1},"),
      ElementsAre("1:{\"a\":1}", HasSubstr("the array that begins in line 1 is never closed")));
  EXPECT_THAT(values("{\"a\":1}\n{\"a\":"),
              ElementsAre("1:{\"a\":1}", StartsWith("2!what begins in line 2 is not closed")));
}

TEST_F(JsonReaderTest, AValueOverTheBoundIsPassedOver) {
  const std::string text = "[{\"a\":\"" + std::string(3 << 20, 'x') + "\"},{\"a\":2}]";
  EXPECT_THAT(values(text), ElementsAre("1!longer than 1 MiB", "1:{\"a\":2}"));
  EXPECT_THAT(values(std::string(1 << 20, '[')), ElementsAre(HasSubstr("\"[\" where none may")));
}

TEST_F(JsonReaderTest, AnArrayOfAnySizeIsReadInPieces) {
  std::string text = "[";
  for (int i = 0; i < 200'000; ++i)
    text += (i == 0 ? "{\"n\":" : ",{\"n\":") + std::to_string(i) + "}";
  const auto seen = values(text + "]");
  ASSERT_EQ(seen.size(), 200'000u);
  EXPECT_EQ(seen.back(), "1:{\"n\":199999}");
}

TEST_F(JsonReaderTest, APipeIsReadyOnlyOnceSomethingOfAValueIsThere) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  LineReader lines(ends[0], true, "pipe");
  JsonReader reader(lines);
  ASSERT_EQ(::write(ends[1], "{\"a\":1}\n", 8), 8);
  EXPECT_EQ((**reader.next()).text, "{\"a\":1}");
  EXPECT_FALSE(reader.ready(0));
  ASSERT_EQ(::write(ends[1], "{\"a\":2}\n", 8), 8);
  EXPECT_TRUE(reader.ready(1000));
  EXPECT_EQ((**reader.next()).text, "{\"a\":2}");
  ::close(ends[1]);
}

// --- ids

class EventIdsTest : public JsonReaderTest {
 protected:
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(dir_.file(name), std::ios::binary) << text;
    return dir_.file(name);
  }
  std::string id(const std::string& from, const std::string& file, const JsonText& record,
                 const std::string& source = "s") {
    auto ids = EventIds::make(from, file, source, clock_);
    if (!ids) return ids.error().message;
    auto made = ids->of(record);
    return made ? *made : made.error().message;
  }
  ManualClock clock_;
};

TEST_F(EventIdsTest, OfLinesDependOnContentPlaceAndSource) {
  const std::string a = file("a", "one\ntwo\n"), same = file("same", "one\ntwo\n"),
                    other = file("other", "one\ntwo\nthree\n");
  const std::string first = id("line", a, {.line = 1});
  EXPECT_EQ(first.size(), 36u);
  EXPECT_EQ(id("line", same, {.line = 1}), first);
  EXPECT_NE(id("line", a, {.line = 2}), first);
  EXPECT_NE(id("line", a, {.line = 1, .column = 9}), first);
  EXPECT_NE(id("line", other, {.line = 1}), first) << "another file has other events";
  EXPECT_NE(id("line", a, {.line = 1}, "t"), first);
  EXPECT_THAT(id("line", "-", {.line = 1}), HasSubstr("read twice"));
}

TEST_F(EventIdsTest, OfAMemberAreWhatItSays) {
  const JsonText record{
      .line = 1, .text = R"({"n":17,"order/no":"A-1","deep":{"id":"x"},"list":["y"],"f":1.5})"};
  EXPECT_EQ(id("n", "-", record), "17");
  EXPECT_EQ(id("order/no", "-", record), "A-1");
  EXPECT_EQ(id("/deep/id", "-", record), "x");
  EXPECT_EQ(id("/list/0", "-", record), "y");
  for (const char* missing : {"none", "/deep", "f", "/list/1", "/list/x"})
    EXPECT_THAT(id(missing, "-", record), HasSubstr("no text and no whole number")) << missing;
  EXPECT_THAT(id("/a~2", "-", record), HasSubstr("neither a member nor a JSON pointer"));
}

TEST_F(EventIdsTest, AreNewWithoutARule) {
  EXPECT_NE(id("", "-", {.line = 1}), id("", "-", {.line = 1}));
}

// --- the command

class PublishFileTest : public CliTest {
 protected:
  PublishFileTest() {
    fake.on("POST", "/api/v1/events", [](const http::Request& request) {
      std::istringstream lines(request.body);
      Json ids = Json::array();
      for (std::string line; std::getline(lines, line);) ids.push_back(Json::parse(line)["id"]);
      return http::Response::json(202, Json{{"accepted", ids.size()}, {"ids", ids}});
    });
  }
  std::vector<std::string> published(const std::string& name, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"events", "publish", dir.file(name), "--type",
                                       "a.b",    "-o",      "name"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    exit = at_fake(arguments);
    std::vector<std::string> ids;
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) ids.push_back(line);
    return ids;
  }
  int exit = 0;
};

TEST_F(PublishFileTest, AnArrayIsPublishedAndASecondRunHasTheSameIds) {
  file("events.json", "[\n  {\"n\": 1},\n  {\"n\": 2}, {\"n\": 3}\n]\n");
  const auto first = published("events.json", {"--id-from", "line"});
  EXPECT_EQ(exit, 0) << err;
  ASSERT_EQ(first.size(), 3u);
  EXPECT_EQ((std::set<std::string>(first.begin(), first.end()).size()), 3u);
  EXPECT_EQ(published("events.json", {"--id-from", "line"}), first);
  EXPECT_THAT(published("events.json", {"--id-from", "n"}), ElementsAre("1", "2", "3"));
}

TEST_F(PublishFileTest, AMarkBeforeTheFirstRecordDoesNotLoseIt) {
  file("events.ndjson", "\xef\xbb\xbf{\"n\":1}\n{\"n\":2}\n");
  EXPECT_THAT(published("events.ndjson", {"--id-from", "n"}), ElementsAre("1", "2"));
  EXPECT_EQ(exit, 0) << err;
}

TEST_F(PublishFileTest, WhatCameBeforeABrokenPlaceIsPublishedAndTheRestIsSaid) {
  file("events.json", "[{\"n\":1},{\"n\":[}},{\"n\":3}]");
  EXPECT_THAT(published("events.json", {"--id-from", "n"}), ElementsAre("1"));
  EXPECT_EQ(exit, 2);
  EXPECT_THAT(err, HasSubstr("line 1, column 16"));
  EXPECT_THAT(err, HasSubstr("nothing behind it can be read"));
}

TEST_F(PublishFileTest, ARecordWithoutTheFieldIsRefused) {
  file("events.ndjson", "{\"n\":1}\n{\"m\":2}\n");
  EXPECT_THAT(published("events.ndjson", {"--id-from", "n"}), ElementsAre("1"));
  EXPECT_EQ(exit, 6);
  EXPECT_THAT(err, HasSubstr("line 2: no text and no whole number at /n"));
}

}  // namespace
}  // namespace mesh::cli
