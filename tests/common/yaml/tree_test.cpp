#include "common/yaml/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mesh::yaml {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& text) {
  const auto tree = parse(text);
  return tree ? "accepted" : tree.error().message;
}

TEST(YamlTree, AnEmptyTextIsNull) {
  for (const std::string text : {"", "\n\n", "# only a comment\n", "---\n"}) {
    const auto tree = parse(text);
    ASSERT_TRUE(tree.has_value()) << tree.error().message;
    EXPECT_TRUE(tree->is_null()) << text;
  }
}

TEST(YamlTree, ATreeKeepsOrderAndWhatWasQuoted) {
  const auto tree = parse("b: 1\na: ['x', null, \"null\"]\nc: ~\n");
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

TEST(YamlTree, BrokenSyntaxNamesTheLine) {
  EXPECT_THAT(refusal("http:\n  max_body: [1\nlog: {}\n"), HasSubstr("line "));
  EXPECT_THAT(refusal("a: 1\nb: \"open\n"), HasSubstr("line "));
  EXPECT_THAT(refusal("a: b: c\n"), HasSubstr("line 1"));
}

TEST(YamlTree, AForgottenQuoteDoesNotSwallowTheRestOfTheFile) {
  EXPECT_THAT(refusal("data_dir: \"x\nauth:\n  mode: jwt\n"), HasSubstr("EOF in scalar"));
  EXPECT_THAT(refusal("data_dir: 'x\nauth: {}\n\n"), HasSubstr("EOF in scalar"));
}

TEST(YamlTree, AKeyThatAppearsTwiceIsRefused) {
  EXPECT_THAT(refusal("a: 1\nb: 2\na: 3\n"),
              HasSubstr("line 3, column 1: the key a appears twice"));
  EXPECT_THAT(refusal("x: {a: 1, a: 2}\n"), HasSubstr("appears twice"));
}

TEST(YamlTree, KeysMustBeWords) {
  EXPECT_THAT(refusal("[1, 2]: x\n"), HasSubstr("a key that is not a word"));
  EXPECT_THAT(refusal("~: x\n"), HasSubstr("a key that is not a word"));
  EXPECT_THAT(refusal("\"a\\nb\": x\n"), HasSubstr("a key that is not a word"));
}

TEST(YamlTree, ASecondDocumentIsRefused) {
  EXPECT_THAT(refusal("a: 1\n---\nb: 2\n"), HasSubstr("more than one"));
}

TEST(YamlTree, AnAliasIsACopy) {
  const auto tree = parse("a: &x {k: v}\nb: *x\n");
  ASSERT_TRUE(tree.has_value()) << tree.error().message;
  EXPECT_EQ(tree->members[1].value.members[0].value.text, "v");
}

TEST(YamlTree, AMemberKnowsTheLineOfItsName) {
  const auto tree = parse("# first\na: &all\n  b:\n    - 1\nc: {d: 2,\n  e: 3}\nf: *all\n");
  ASSERT_TRUE(tree.has_value()) << tree.error().message;
  const auto lines = [](const Value& value) {
    std::vector<int> all;
    for (const Member& member : value.members) all.push_back(member.line);
    return all;
  };
  EXPECT_THAT(lines(*tree), testing::ElementsAre(2, 5, 7));
  EXPECT_THAT(lines(tree->members[0].value), testing::ElementsAre(3));
  EXPECT_THAT(lines(tree->members[1].value), testing::ElementsAre(5, 6));
  EXPECT_THAT(lines(tree->members[2].value), testing::ElementsAre(3)) << "where it is written";
}

TEST(YamlTree, AliasBombsAreRefused) {
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

TEST(YamlTree, DepthAndLengthAreBounded) {
  EXPECT_THAT(refusal(std::string(17, '[') + std::string(17, ']')), HasSubstr("deeper than 16"));
  EXPECT_THAT(refusal(std::string(100'000, '[')), HasSubstr("deeper than 16"));
  EXPECT_THAT(refusal(std::string((1 << 20) + 1, '#')), HasSubstr("1 MiB"));
}

TEST(YamlTree, TextMustBeUtf8) {
  EXPECT_THAT(refusal("a: \xff\n"), HasSubstr("UTF-8"));
  EXPECT_THAT(refusal(std::string("a\0\0\0b: 1\n", 9)), HasSubstr("UTF-8"));  // no UTF-32 either
}

}  // namespace
}  // namespace mesh::yaml
