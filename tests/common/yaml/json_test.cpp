#include "common/yaml/json.h"

namespace mesh::yaml {
namespace {

TEST(YamlJson, ReadsMappingsSequencesAndScalars) {
  const auto json =
      to_json("a: 1\nb: [x, true, ~, 1.5, 'yes', \"2\"]\nc:\n  d: text with spaces\n");
  ASSERT_TRUE(json) << json.error().to_string();
  EXPECT_EQ(
      *json,
      Json::parse(R"({"a":1,"b":["x",true,null,1.5,"yes","2"],"c":{"d":"text with spaces"}})"));
}

TEST(YamlJson, FollowsTheCoreSchemaOfYaml12) {
  EXPECT_EQ(*to_json("no"), "no");
  EXPECT_EQ(*to_json("+5"), 5);
  EXPECT_EQ(*to_json("null"), nullptr);
  EXPECT_EQ(*to_json(""), nullptr);
}

TEST(YamlJson, WhatIsWrittenIsReadBack) {
  const Json values = Json::parse(R"([
    null, true, -7, 1.5, "", " ", "a", "a b", "a: b", "a #b", "- a", "-", "yes", "No", "null", "~", "12", "1e3",
    "0x1f", "12:30", "@-1h", "%t", "line\nbreak", "tab\t", "quote\"s", "back\\slash", "Zoë 日本", "\u001b[1m",
    {}, [], {"": 1, "a: b": 2, "true": 3, "n": null},
    [[1, [2, 3]], {"x": {"y": [{"z": 1, "w": []}]}}, []],
    {"list": [{"a": 1, "b": {"c": [1, 2]}}, {"a": 2}], "empty": {}, "text": "x"}
  ])");
  const std::string yaml = from_json(values);
  const auto back = to_json(yaml);
  ASSERT_TRUE(back) << back.error().to_string() << "\n" << yaml;
  EXPECT_EQ(*back, values) << yaml;
  for (const Json& value : values) EXPECT_EQ(*to_json(from_json(value)), value) << from_json(value);
}

TEST(YamlJson, LongKeysReadBack) {
  for (const std::size_t size : {200u, 1'100u}) {
    const Json value{{std::string(size, '\x15'), {{"a", 1}, {std::string(size, 'b'), "c"}}}};
    const auto back = to_json(from_json(Json::array({value})));
    ASSERT_TRUE(back) << back.error().to_string();
    EXPECT_EQ(*back, Json::array({value}));
  }
}

TEST(YamlJson, IsWrittenInBlockStyle) {
  EXPECT_EQ(from_json(Json::parse(R"({"a":[{"b":1,"c":"x"},2],"d":{"e":[]}})")),
            "a:\n  - b: 1\n    c: x\n  - 2\nd:\n  e: []\n");
}

TEST(YamlJson, ErrorsNameThePlace) {
  for (const char* text : {"a: [", "a: 1\na: 2", "a: &x 1\nb: *x", "? [1]\n: 2", "\xff",
                           "a: 1\n---\nb: 2", "a: \"open\n"}) {
    const auto json = to_json(text);
    ASSERT_FALSE(json) << text;
    EXPECT_EQ(json.error().kind, ErrorKind::invalid);
  }
  EXPECT_EQ(to_json("a: 1\na: 2").error().message, "line 2, column 1: the key a appears twice");
  EXPECT_EQ(to_json("a: &x 1\nb: *x").error().message, "line 2, column 4: aliases are not taken");
}

TEST(YamlJson, DeepNestingIsRefused) {
  EXPECT_TRUE(to_json(std::string(32, '[') + std::string(32, ']')));
  EXPECT_FALSE(to_json(std::string(33, '[') + std::string(33, ']')));
  EXPECT_FALSE(to_json(std::string(100'000, '[')));
}

TEST(YamlJson, NumbersOfRawJsonStandAsTheyCame) {
  const Json json{
      {"value", raw_json(R"({"number":12345678901234567890123,"d":[1.10,2],"s":"x"})")}};
  EXPECT_EQ(from_json(json),
            "value:\n  number: 12345678901234567890123\n  d:\n    - 1.10\n    - 2\n  s: x\n");
}

}  // namespace
}  // namespace mesh::yaml
