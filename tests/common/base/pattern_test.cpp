#include "common/base/pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace mesh {
namespace {

bool found(std::string_view pattern, std::string_view text) {
  const auto parsed = Pattern::parse(pattern);
  EXPECT_TRUE(parsed) << pattern << ": " << (parsed ? "" : parsed.error().message);
  return parsed && parsed->found_in(text);
}

TEST(Pattern, FindsWhatEcmaScriptFinds) {
  const struct {
    const char *pattern, *text;
    bool expected;
  } cases[] = {
      {"", "", true},
      {"b", "abc", true},
      {"^b", "abc", false},
      {"c$", "abc", true},
      {"b$", "abc", false},
      {"^$", "", true},
      {"^$", "x", false},
      {"^a.c$", "abc", true},
      {"^a.c$", "a\nc", false},
      {"^a.c$", "aéc", true},
      {"^[a-f0-9]{4}$", "12ef", true},
      {"^[a-f0-9]{4}$", "12e", false},
      {"^[a-f0-9]{2,3}$", "12ef", false},
      {"^[a-f0-9]{2,}$", "12ef", true},
      {"^[^a-c]+$", "xyz", true},
      {"^[^a-c]+$", "xaz", false},
      {"^[\\]\\d-]+$", "]9-", true},
      {"^(cat|dog)s?$", "dogs", true},
      {"^(cat|dog)s?$", "cats ", false},
      {"^(?:ab)*$", "ababab", true},
      {"^(?:ab)*$", "aba", false},
      {"^(a*)*$", "aaaa", true},
      {"^(|a)+b", "aab", true},
      {"\\d+\\.\\d+", "v1.25", true},
      {"^\\w+$", "a_1", true},
      {"^\\w+$", "ä", false},
      {"^\\S+$", "a b", false},
      {"\\s", "a\xc2\xa0z", true},
      {"^\\u00e9\\x41$", "éA", true},
      {"^a+?$", "aaa", true},
      {"^a{0}$", "", true},
      {"^a{0,2}b$", "aab", true},
      {"^a{0,2}b$", "aaab", false},
      {"x|^a", "ba", false},
      {"x|^a", "ab", true},
  };
  for (const auto& [pattern, text, expected] : cases) {
    EXPECT_EQ(found(pattern, text), expected) << pattern << " in " << text;
  }
}

TEST(Pattern, RefusesWhatItCannotHoldTo) {
  for (const char* pattern : {"(a",
                              "a)",
                              "[a",
                              "a**",
                              "*a",
                              "a{2,1}",
                              "a{",
                              "{",
                              "\\1",
                              "(?=a)",
                              "(?!a)",
                              "(?<n>a)",
                              "\\b",
                              "\\p{L}",
                              "^*",
                              "a\\",
                              "[z-a]",
                              "\\x4",
                              "a{3000}",
                              "((a{50}){50}){50}",
                              "(((){1000}){1000}){1000}"}) {
    const auto parsed = Pattern::parse(pattern);
    ASSERT_FALSE(parsed) << pattern;
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
  }
  EXPECT_FALSE(Pattern::parse(std::string(Pattern::kMaxBytes + 1, 'a')));
  EXPECT_FALSE(Pattern::parse(std::string(60, '(') + std::string(60, ')')));
}

// Symptom: std::regex runs out of stack on the first, and takes hours for the others.
TEST(Pattern, TakesLinearTimeForWhatBacktrackingDoesNot) {
  const std::string many(300'000, 'a');
  EXPECT_TRUE(found("^(a|b)*$", many));
  EXPECT_FALSE(found("^(a+)+$", many + "!"));
  EXPECT_FALSE(found("(a*)*(a*)*c", many));
  EXPECT_FALSE(found("^(a|a)*$", many + "b"));
}

// Symptom: 78 MB of a pattern of 1,000 bytes, since each repetition had its ranges anew.
TEST(Pattern, ASetIsKeptOnceAndAsSmallAsItIs) {
  std::string members;
  while (members.size() < 980) members += "\\s\\D";
  const auto pattern = Pattern::parse("[" + members + "]{1900}");
  ASSERT_TRUE(pattern);
  EXPECT_GE(pattern->steps(), 1900u);
  EXPECT_EQ(pattern->ranges(), 2u) << "what is before 0, and what is behind 9";
  EXPECT_TRUE(found("^[c-ea-d]$", "e"));
  EXPECT_FALSE(found("^[c-ea-d]$", "f"));
  EXPECT_TRUE(found("^[^zx0-5a]+$", "by6"));
  EXPECT_FALSE(found("^[^zx0-5a]+$", "b3"));
}

}  // namespace
}  // namespace mesh
