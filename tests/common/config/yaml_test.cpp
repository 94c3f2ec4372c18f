#include "common/config/yaml.h"

#include <gtest/gtest.h>

namespace mesh::config {
namespace {

const char* no_environment(const char*) { return nullptr; }

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
      const auto tree = yaml::parse("k: " + to_yaml(value) + "\n");
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
