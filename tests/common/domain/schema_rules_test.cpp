#include "common/domain/schema_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mesh {
namespace {

std::vector<std::string> faults(const char* schema, const std::string& at = {}) {
  const auto checked = checked_schema(Json::parse(schema), at);
  std::vector<std::string> pointers;
  if (checked) return pointers;
  EXPECT_EQ(checked.error().kind, ErrorKind::unprocessable);
  for (const auto& field : checked.error().fields) pointers.push_back(field.pointer);
  return pointers;
}

TEST(SchemaRules, GivesTheSchemaWithoutAnnotationsAndWithEachRefWrittenOut) {
  const auto checked = checked_schema(Json::parse(R"({
    "$schema": "http://json-schema.org/draft-07/schema#", "$id": "https://acme.dev/order",
    "title": "Order", "type": "object",
    "definitions": {"money": {"type": "integer", "minimum": 0, "description": "cents"}},
    "properties": {"net": {"$ref": "#/definitions/money"},
                   "title": {"type": "string", "pattern": "^[A-Z]", "format": "date-time"}},
    "additionalProperties": false})"));
  ASSERT_TRUE(checked) << checked.error().to_string();
  EXPECT_EQ(*checked, Json::parse(R"({
    "type": "object",
    "properties": {"net": {"type": "integer", "minimum": 0},
                   "title": {"type": "string", "pattern": "^[A-Z]", "format": "date-time"}},
    "additionalProperties": false})"));
}

TEST(SchemaRules, NamesEachThingThatEventsCannotBeHeldTo) {
  const struct {
    const char *schema, *pointer;
  } cases[] = {
      {"true", ""},
      {"[]", ""},
      {R"({"$schema": "https://json-schema.org/draft/2020-12/schema"})", "/$schema"},
      {R"({"$ref": "https://acme.dev/order.json"})", "/$ref"},
      {R"({"properties": {"a": {"$ref": "#/definitions/none"}}})", "/properties/a/$ref"},
      {R"({"definitions": {"a": {"items": {"$ref": "#/definitions/a"}}},
           "items": {"$ref": "#/definitions/a"}})",
       "/definitions/a/items/$ref"},
      {R"({"definitions": {"a": {}}, "$ref": "#/definitions/a", "type": "object"})", "/type"},
      {R"({"patternProperties": {"^a": {}}})", "/patternProperties"},
      {R"({"uniqueItems": true})", "/uniqueItems"},
      {R"({"format": "email"})", "/format"},
      {R"({"type": "text"})", "/type"},
      {R"({"type": []})", "/type"},
      {R"({"enum": []})", "/enum"},
      {R"({"items": [{}]})", "/items"},
      {R"({"minLength": -1})", "/minLength"},
      {R"({"maximum": "7"})", "/maximum"},
      {R"({"multipleOf": 0})", "/multipleOf"},
      {R"({"required": "a"})", "/required"},
      {R"({"allOf": []})", "/allOf"},
      {R"({"properties": {"a/b": 7}})", "/properties/a~1b"},
      {R"({"pattern": "(a)\\1"})", "/pattern"},
      {R"x({"pattern": "(?=a)"})x", "/pattern"},
      {R"({"definitions": {"unused": {"type": 7}}})", "/definitions/unused/type"},
  };
  for (const auto& [schema, pointer] : cases) {
    EXPECT_THAT(faults(schema), testing::ElementsAre(pointer)) << schema;
  }
  EXPECT_THAT(faults(R"({"type": "text", "nonsense": 1})", "/types/a.b"),
              testing::ElementsAre("/types/a.b/type", "/types/a.b/nonsense"));
}

TEST(SchemaRules, BoundsSizeDepthAndWhatRefsMultiply) {
  EXPECT_EQ(faults((R"({"const": ")" + std::string(kMaxSchemaBytes, 'x') + "\"}").c_str()),
            std::vector<std::string>{""});
  std::string deep = "{}";
  for (int i = 0; i < kMaxSchemaDepth; ++i) deep = "{\"not\":" + deep + "}";
  EXPECT_EQ(faults(deep.c_str()).size(), 1u);
  // Each names the one before ten times: a thousand schemas out of thirty.
  std::string bomb = R"({"definitions": {"d0": {"type": "null"})";
  for (int i = 1; i < 4; ++i) {
    bomb += ",\"d" + std::to_string(i) + "\": {\"anyOf\": [";
    for (int n = 0; n < 10; ++n) {
      bomb += (n == 0 ? "" : ",");
      bomb += "{\"$ref\": \"#/definitions/d" + std::to_string(i - 1) + "\"}";
    }
    bomb += "]}";
  }
  bomb += R"(}, "items": {"$ref": "#/definitions/d3"}})";
  EXPECT_EQ(faults(bomb.c_str()), std::vector<std::string>{""});
}

TEST(SchemaRules, PatternsAreBoundedTogether) {
  Json schema = {{"definitions", {{"code", {{"pattern", "^a{1600}$"}}}}}};
  for (const char* name : {"a", "b", "c"}) {
    schema["properties"][name] = {{"$ref", "#/definitions/code"}};
  }
  EXPECT_TRUE(checked_schema(schema));
  schema["properties"]["d"] = {{"$ref", "#/definitions/code"}};
  const auto refused = checked_schema(schema);
  ASSERT_FALSE(refused);
  ASSERT_EQ(refused.error().fields.size(), 1u);
  EXPECT_EQ(refused.error().fields.front().pointer, "/definitions/code/pattern");
  EXPECT_NE(refused.error().fields.front().detail.find("5000 steps"), std::string::npos);
}

}  // namespace
}  // namespace mesh
