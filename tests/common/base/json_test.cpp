#include "common/base/json.h"

#include <gtest/gtest.h>

#include <random>

namespace mesh {
namespace {

using namespace std::string_literals;

std::string message_of(std::string_view text, const JsonLimits& limits = {}) {
  const auto parsed = parse_json(text, limits);
  return parsed ? "parsed: " + dump(*parsed) : parsed.error().message;
}

ErrorKind kind_of(std::string_view text, const JsonLimits& limits = {}) {
  const auto parsed = parse_json(text, limits);
  EXPECT_FALSE(parsed) << text;
  return parsed ? ErrorKind::internal : parsed.error().kind;
}

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']');
}

TEST(ParseJson, ReadsEveryKindOfValueAndKeepsTheOrderOfMembers) {
  const std::string text =
      R"({"z":1,"a":[true,false,null],"m":{"s":"x\n\u00e9\ud83d\ude00","n":-2,"d":1.5}})";
  const auto parsed = parse_json(text);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(dump(*parsed), R"({"z":1,"a":[true,false,null],"m":{"s":"x\né😀","n":-2,"d":1.5}})");
}

TEST(ParseJson, KeepsIntegersOf64BitsExact) {
  EXPECT_EQ(dump(parse_json("18446744073709551615").value()), "18446744073709551615");
  EXPECT_EQ(dump(parse_json("-9223372036854775808").value()), "-9223372036854775808");
  EXPECT_TRUE(parse_json("18446744073709551616").value().is_number_float());
  EXPECT_EQ(parse_json("1e-999").value().get<double>(), 0.0);
}

TEST(ParseJson, ErrorsCarryTheBytePosition) {
  EXPECT_EQ(message_of(R"({"a":1,})"),
            "malformed JSON at byte 7: expected a member name in quotes");
  EXPECT_EQ(message_of("[1 2]"), "malformed JSON at byte 3: expected ',' or ']'");
  EXPECT_EQ(message_of("[1"), "malformed JSON at byte 2: the document ends inside an array");
  EXPECT_EQ(message_of("1 x"), "malformed JSON at byte 2: text after the end of the document");
  EXPECT_EQ(message_of(" "),
            "malformed JSON at byte 1: the document ends where a value is expected");
}

TEST(ParseJson, RefusesBrokenSyntax) {
  for (const char* text : {"",
                           "{",
                           "}",
                           "[",
                           "]",
                           "[1,]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{a:1}",
                           "{'a':1}",
                           "tru",
                           "True",
                           "NaN",
                           "Infinity",
                           "-",
                           "+1",
                           "01",
                           "-01",
                           "1.",
                           ".5",
                           "1e",
                           "1e+",
                           "0x1",
                           "\"a",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12g4\"",
                           "\"\\ud800\"",
                           "\"\\ud800\\u0041\"",
                           "\"\\udc00\"",
                           "\"\t\"",
                           "\"\\\"",
                           "[1,,2]",
                           "{\"a\":1 \"b\":2}",
                           "null null",
                           "// x\n1",
                           "\xef\xbb\xbf",
                           "1\xef\xbb\xbf"}) {
    EXPECT_EQ(kind_of(text), ErrorKind::invalid) << text;
  }
  EXPECT_EQ(kind_of("[1]\0"s), ErrorKind::invalid);
  EXPECT_EQ(kind_of("\"a\0b\""s), ErrorKind::invalid);
}

TEST(ParseJson, PassesOverAByteOrderMark) {
  const std::string text = "\xef\xbb\xbf {\"a\":[1]}";
  EXPECT_EQ(*parse_json(text), Json::parse(R"({"a":[1]})"));
  EXPECT_EQ(member_text(text, "a"), "[1]");
}

TEST(ParseJson, RefusesInvalidUtf8InNamesAndValues) {
  for (const char* text : {"\"\xff\"", "{\"\xc0\xa0\":1}", "\"\xed\xa0\x80\"", "\"\xe1\x80\"",
                           "\"ok\\n\xf5\"", "\xc3\xa9"}) {
    EXPECT_EQ(kind_of(text), ErrorKind::invalid) << text;
  }
  EXPECT_EQ(message_of("[\"ab\", \"\xff\"]"),
            "malformed JSON at byte 8: a string that is not UTF-8");
}

TEST(ParseJson, RefusesDuplicateMembersAlsoInLargeObjectsAndThroughEscapes) {
  EXPECT_EQ(message_of(R"({"a":1,"b":{"c":1,"c":2}})"),
            R"(malformed JSON at byte 18: the member "c" appears twice)");
  EXPECT_EQ(kind_of(R"({"a":1,"\u0061":2})"), ErrorKind::invalid);
  std::string large = "{\"first\":0";
  for (int i = 0; i < 1'000; ++i) large += ",\"k" + std::to_string(i) + "\":0";
  EXPECT_TRUE(parse_json(large + "}"));
  EXPECT_EQ(kind_of(large + ",\"k500\":1}"), ErrorKind::invalid);
  EXPECT_TRUE(parse_json(R"([{"a":1},{"a":2},{"b":{"a":3},"a":4}])"));
}

TEST(ParseJson, RefusesNumbersBeyondDouble) {
  EXPECT_EQ(message_of("[1, 1e400]"),
            "malformed JSON at byte 4: a number beyond the range of a double");
  EXPECT_EQ(kind_of("-1e400"), ErrorKind::invalid);
  EXPECT_EQ(kind_of(std::string(400, '9')), ErrorKind::invalid);
}

TEST(ParseJson, BoundsDepthAndSize) {
  EXPECT_TRUE(parse_json(nested(32)));
  EXPECT_EQ(kind_of(nested(33)), ErrorKind::too_large);
  EXPECT_EQ(kind_of(nested(3), {.max_depth = 2}), ErrorKind::too_large);
  EXPECT_TRUE(parse_json("[[1],[2],{\"a\":[3]}]", {.max_depth = 3}));
  EXPECT_TRUE(parse_json("\"[[[[[[\"", {.max_depth = 0}));
  EXPECT_TRUE(parse_json("[1]", {.max_bytes = 3}));
  EXPECT_EQ(kind_of("[10]", {.max_bytes = 3}), ErrorKind::too_large);
  EXPECT_EQ(kind_of(std::string(1'000'000, '[')), ErrorKind::too_large);
}

TEST(ParseJson, ManyMembersCostTimeInProportion) {
  // Symptom: an object of 60,000 members took seconds, since each was searched among the others.
  std::string text = "{\"x\":0";
  for (int i = 0; i < 60'000; ++i) text += ",\"" + std::to_string(i) + "\":0";
  text += "}";
  const auto parsed = parse_json(text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->size(), 60'001u);
}

// What the library's own parser takes, ours takes with the same value; what it refuses, we refuse.
// Where they may differ (duplicates, depth) the documents stay clear.
TEST(ParseJson, AgreesWithTheLibraryOnDamagedDocuments) {
  const std::vector<std::string> seeds{
      R"({"user_id":"u1","event_type":"click","metadata":{"x":[1,-2.5e3,null],"y":"\u00e9\\\""}})",
      R"([0,-0,1.0,12e2,1E-2,true,false,"\ud83d\ude00","é",{"a":{},"b":[]}])", "\"text\"", "-12.5"};
  const std::string alphabet = "{}[]\",:\\u0019eE+-. \ntfn\x01\xc3\xa9";
  std::mt19937_64 random(20261121);
  int accepted = 0;
  for (int i = 0; i < 60'000; ++i) {
    std::string text = seeds[random() % seeds.size()];
    for (auto edits = random() % 3; edits > 0; --edits) {
      const auto at = random() % text.size();
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        default:
          if (text.size() > 1) text.erase(at, 1);
      }
    }
    const auto ours = parse_json(text);
    const auto theirs = Json::parse(text, nullptr, false);
    if (ours) {
      ++accepted;
      ASSERT_EQ(ours->dump(), theirs.is_discarded() ? "discarded" : theirs.dump()) << text;
    } else if (ours.error().message.find("twice") == std::string::npos) {
      ASSERT_TRUE(theirs.is_discarded()) << text << "\n" << ours.error().message;
    }
  }
  EXPECT_GT(accepted, 1'000);
}

TEST(MemberText, IsTheValueAsItStands) {
  const std::string_view object =
      R"( { "n" : 1.50e0 , "s":"a\"}\\","o" : {"data":[1,{"x":"]"}]} ,"data":  [ ] ,"last":null} )";
  ASSERT_TRUE(parse_json(object));
  EXPECT_EQ(member_text(object, "n"), "1.50e0");
  EXPECT_EQ(member_text(object, "s"), R"("a\"}\\")");
  EXPECT_EQ(member_text(object, "o"), R"({"data":[1,{"x":"]"}]})");
  EXPECT_EQ(member_text(object, "data"), "[ ]");
  EXPECT_EQ(member_text(object, "last"), "null");
  EXPECT_EQ(member_text(object, "x"), "");
  EXPECT_EQ(member_text("{}", "x"), "");
}

// A name may be written with escapes.
TEST(MemberText, IsFoundHoweverItsNameIsSpelled) {
  EXPECT_EQ(member_text(R"({"\u0064ata":1.10})", "data"), "1.10");
  EXPECT_EQ(member_text(R"({"d\"":1,"\\":2})", "\\"), "2");
}

TEST(ElementTexts, AreTheElementsAsTheyStand) {
  EXPECT_EQ(element_texts(R"( [ 1.0 ,{"a":[1,2]},"]," , null] )"),
            (std::vector<std::string_view>{"1.0", R"({"a":[1,2]})", R"("],")", "null"}));
  EXPECT_TRUE(element_texts("[ ]").empty());
}

TEST(OneLine, LosesWhiteSpaceBetweenTokensAlone) {
  EXPECT_EQ(one_line("{\n  \"a b\" : 1.10,\r\n\t\"q\\\\\\\" \\n\": [ 1e400 ]\n}"),
            R"({"a b":1.10,"q\\\" \n":[1e400]})");
  EXPECT_EQ(one_line(R"({ "a" : 1 })"), R"({ "a" : 1 })") << "one line stays as it is";
  EXPECT_EQ(one_line("\"\n\\"), "\"\n\\") << "what is no JSON ends where it ends";
}

// Numbers beyond 64 bits were rounded, and digits of long decimals lost.
TEST(RawJson, IsWrittenAsItCame) {
  const std::string text = R"({ "n":12345678901234567890123, "d":0.10, "s":"\u00e9\/" })";
  const Json json{{"id", 1}, {"value", raw_json(text)}, {"all", {raw_json("1e2"), "x"}}};
  EXPECT_EQ(dump(json), R"({"id":1,"value":)" + text + R"(,"all":[1e2,"x"]})");
  EXPECT_EQ(dump(json, 2), "{\n  \"id\": 1,\n  \"value\": " + text +
                               ",\n  \"all\": [\n    1e2,\n    \"x\"\n  ]\n}");
  EXPECT_EQ(dump(Json{{"a", raw_json("[\n1\n]")}}), R"({"a":[1]})");
}

TEST(ParseJson, KeepsNumbersAsTextWhereItIsAskedTo) {
  const std::string text =
      R"([1,-0,1.50,12345678901234567890123,0.1234567890123456789,1E3,18446744073709551615,-7])";
  const auto exact = parse_json(text, {.exact_numbers = true});
  ASSERT_TRUE(exact);
  EXPECT_EQ(dump(*exact), text);
  EXPECT_TRUE((*exact)[0].is_number_integer()) << "what is exact as a number is one";
  EXPECT_NE(dump(*parse_json(text)), text);
}

TEST(AppendQuoted, IsWhatTheLibraryWrites) {
  for (const std::string text :
       {"", "plain text", "a\"b", "back\\slash", "line\n", "del\x7f", "Zo\u00eb", "\xff"}) {
    std::string out = "x";
    append_quoted(out, text);
    EXPECT_EQ(out, "x" + dump(Json(text)));
  }
}

TEST(Dump, ReplacesInvalidUtf8InsteadOfThrowing) {
  EXPECT_EQ(dump(Json("a\xff"
                      "b")),
            "\"a\xef\xbf\xbd"
            "b\"");
  EXPECT_EQ(dump(Json::object()), "{}");
}

}  // namespace
}  // namespace mesh
