#include "common/config/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mesh::config {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& text) {
  const auto tree = parse_yaml(text);
  return tree ? "accepted" : tree.error().message;
}

const char* no_environment(const char*) { return nullptr; }

TEST(Yaml, AnEmptyTextIsNull) {
  for (const std::string text : {"", "\n\n", "# only a comment\n", "---\n"}) {
    const auto tree = parse_yaml(text);
    ASSERT_TRUE(tree.has_value()) << tree.error().message;
    EXPECT_TRUE(tree->is_null()) << text;
  }
}

TEST(Yaml, ATreeKeepsOrderAndWhatWasQuoted) {
  const auto tree = parse_yaml("b: 1\na: ['x', null, \"null\"]\nc: ~\n");
  ASSERT_TRUE(tree.has_value());
  ASSERT_EQ(tree->members.size(), 3u);
  EXPECT_EQ(tree->members[0].name, "b");
  const Value& list = tree->members[1].value;
  ASSERT_EQ(list.items.size(), 3u);
  EXPECT_TRUE(list.items[0].quoted);
  EXPECT_TRUE(list.items[1].is_null());
  EXPECT_EQ(list.items[2].text, "null");
  EXPECT_TRUE(tree->members[2].value.is_null());
}

TEST(Yaml, BrokenSyntaxNamesTheLine) {
  EXPECT_THAT(refusal("http:\n  max_body: [1\nlog: {}\n"), HasSubstr("line "));
  EXPECT_THAT(refusal("a: 1\nb: \"open\n"), HasSubstr("line "));
  EXPECT_THAT(refusal("a: b: c\n"), HasSubstr("line 1"));
}

TEST(Yaml, AForgottenQuoteDoesNotSwallowTheRestOfTheFile) {
  EXPECT_THAT(refusal("data_dir: \"x\nauth:\n  mode: jwt\n"), HasSubstr("EOF in scalar"));
  EXPECT_THAT(refusal("data_dir: 'x\nauth: {}\n\n"), HasSubstr("EOF in scalar"));
}

TEST(Yaml, AKeyThatAppearsTwiceIsRefused) {
  EXPECT_THAT(refusal("a: 1\nb: 2\na: 3\n"),
              HasSubstr("line 3, column 1: the key a appears twice"));
  EXPECT_THAT(refusal("x: {a: 1, a: 2}\n"), HasSubstr("appears twice"));
}

TEST(Yaml, KeysMustBeWords) {
  EXPECT_THAT(refusal("[1, 2]: x\n"), HasSubstr("a key that is not a word"));
  EXPECT_THAT(refusal("~: x\n"), HasSubstr("a key that is not a word"));
  EXPECT_THAT(refusal("\"a\\nb\": x\n"), HasSubstr("a key that is not a word"));
}

TEST(Yaml, ASecondDocumentIsRefused) {
  EXPECT_THAT(refusal("a: 1\n---\nb: 2\n"), HasSubstr("more than one"));
}

TEST(Yaml, AnAliasIsACopy) {
  const auto tree = parse_yaml("a: &x {k: v}\nb: *x\n");
  ASSERT_TRUE(tree.has_value()) << tree.error().message;
  EXPECT_EQ(tree->members[1].value.members[0].value.text, "v");
}

TEST(Yaml, AliasBombsAreRefused) {
  std::string few = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 5; ++i) {  // 10^5 values by way of 40 aliases
    const auto before = "*a" + std::to_string(i - 1);
    few += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int n = 1; n < 10; ++n) few += ", " + before;
    few += "]\n";
  }
  EXPECT_THAT(refusal(few), HasSubstr("more than 16 aliases"));

  std::string wide = "a: &a [x";
  for (int i = 1; i < 900; ++i) wide += ", x";
  wide += "]\nb: [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n";
  EXPECT_THAT(refusal(wide), HasSubstr("more than 10000 values"));
  EXPECT_THAT(refusal("a: &a [*a]\n"), HasSubstr("alias"));
}

TEST(Yaml, DepthAndLengthAreBounded) {
  EXPECT_THAT(refusal(std::string(17, '[') + std::string(17, ']')), HasSubstr("deeper than 16"));
  EXPECT_THAT(refusal(std::string(100'000, '[')), HasSubstr("deeper than 16"));
  EXPECT_THAT(refusal(std::string((1 << 20) + 1, '#')), HasSubstr("1 MiB"));
}

TEST(Yaml, TextMustBeUtf8) {
  EXPECT_THAT(refusal("a: \xff\n"), HasSubstr("UTF-8"));
  EXPECT_THAT(refusal(std::string("a\0\0\0b: 1\n", 9)), HasSubstr("UTF-8"));  // no UTF-32 either
}

TEST(Expand, VariablesDefaultsAndDollars) {
  const Environment env = [](const char* name) -> const char* {
    if (std::string(name) == "HOST") return "db.internal";
    if (std::string(name) == "EMPTY") return "";
    return nullptr;
  };
  EXPECT_EQ(expand("${HOST}:${PORT:-5432}/$$x", env).value(), "db.internal:5432/$x");
  EXPECT_EQ(expand("${EMPTY}|${EMPTY:-full}|${NONE:-}", env).value(), "|full|");
  EXPECT_EQ(expand("plain", env).value(), "plain");
  EXPECT_EQ(expand("${HOST:-a:-b}", env).value(), "db.internal");
  EXPECT_EQ(expand("${NONE:-a:-b}", env).value(), "a:-b");
}

TEST(Expand, AnUnsetVariableIsNamed) {
  const auto missing = expand("${NONE}", no_environment);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().message,
            "the variable NONE is not set; set it or write ${NONE:-default}");
}

TEST(Expand, MalformedUsesAreRefused) {
  for (const std::string bad : {"$HOME", "a$", "${", "${A", "${}", "${1A}", "${A B}", "${A-b}"}) {
    EXPECT_FALSE(expand(bad, no_environment).has_value()) << bad;
  }
}

TEST(Expand, WhatAVariableHoldsIsNotExpandedAgain) {
  const Environment env = [](const char*) { return "${OTHER} $x"; };
  EXPECT_EQ(expand("${A}", env).value(), "${OTHER} $x");
}

TEST(ToYaml, WhatIsWrittenReadsBack) {
  for (const std::string text : {"plain",
                                 "127.0.0.1:8081",
                                 "[::1]:80",
                                 "two words",
                                 "null",
                                 "true",
                                 "12",
                                 "1e5",
                                 "",
                                 "a: b",
                                 "a #b",
                                 "$HOME ${X}",
                                 "quote\" and \\",
                                 "- x",
                                 "-x",
                                 "~",
                                 "line\nbreak",
                                 "Grüße",
                                 "*a",
                                 "&a",
                                 "a:",
                                 ":a",
                                 "@a",
                                 "http://h/p?q=1&r=2",
                                 "\x01\x7f"}) {
    for (const Json& value : {Json(text), Json::array({text, "x"})}) {
      const auto tree = parse_yaml("k: " + to_yaml(value) + "\n");
      ASSERT_TRUE(tree.has_value()) << to_yaml(value) << ": " << tree.error().message;
      const Value& read = tree->members[0].value;
      const Value& scalar = value.is_array() ? read.items.at(0) : read;
      ASSERT_EQ(scalar.kind, Value::Kind::scalar) << to_yaml(value);
      EXPECT_EQ(expand(scalar.text, no_environment).value(), text) << to_yaml(value);
    }
  }
}

}  // namespace
}  // namespace mesh::config
