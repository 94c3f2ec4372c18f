#include "common/domain/schema_compat.h"

#include <gtest/gtest.h>

#include "common/domain/schema_rules.h"

namespace mesh {
namespace {

std::vector<std::string> reasons(const char* before, const char* after) {
  std::vector<std::string> pointers;
  for (const auto& reason : incompatibilities(checked_schema(Json::parse(before)).value(),
                                              checked_schema(Json::parse(after)).value())) {
    EXPECT_NE(reason.detail.find(".v2"), std::string::npos) << "says what to do";
    pointers.push_back(reason.pointer);
  }
  return pointers;
}

TEST(SchemaCompat, TakesWhatTakesAllThatTheOldVersionTook) {
  const struct {
    const char *before, *after;
  } cases[] = {
      {R"({"type": "object"})", R"({"type": "object", "title": "renamed"})"},
      {R"({"type": "object"})", "{}"},
      {R"({"type": "integer"})", R"({"type": "number"})"},
      {R"({"type": "integer"})", R"({"type": ["string", "integer"]})"},
      {R"({"minimum": 5})", R"({"minimum": 4})"},
      {R"({"minimum": 5})", R"({"exclusiveMinimum": 4})"},
      {R"({"exclusiveMaximum": 5})", R"({"maximum": 5})"},
      {R"({"multipleOf": 6})", R"({"multipleOf": 3})"},
      {R"({"maxLength": 5, "pattern": "^a"})", R"({"maxLength": 6, "pattern": "^a"})"},
      {R"({"type": "string"})", R"({"minItems": 3, "minimum": 7, "required": ["a"]})"},
      {R"({"items": {"type": "integer"}})", R"({"items": {"type": "number"}})"},
      {R"({"required": ["a", "b"]})", R"({"required": ["a"]})"},
      {R"({"enum": ["a"]})", R"({"enum": ["a", "b"]})"},
      {R"({"const": 7})", R"({"type": "integer", "minimum": 1})"},
      // Nothing could stand there before.
      {R"({"properties": {"a": {}}, "additionalProperties": false})",
       R"({"properties": {"a": {}, "b": {"type": "string"}}, "additionalProperties": false})"},
      {R"({"properties": {"a": {}}, "additionalProperties": false})",
       R"({"properties": {"a": {}}})"},
      {R"({"additionalProperties": {"type": "integer"}})",
       R"({"properties": {"n": {"type": "number"}}, "additionalProperties": {"type": "integer"}})"},
      {R"({"type": "object", "properties": {"a": {"type": "string"}}})", R"({"type": "object"})"},
      {R"({"anyOf": [{"type": "string"}]})",
       R"({"anyOf": [{"type": "integer"}, {"type": "string"}]})"},
      {R"({"anyOf": [{"type": "string"}, {"type": "null"}]})", R"({"type": ["null", "string"]})"},
      {R"({"type": "string"})", R"({"anyOf": [{"type": "null"}, {"type": "string"}]})"},
      {R"({"allOf": [{"minimum": 3}]})", R"({"allOf": [{"minimum": 2}]})"},
      {R"({"minimum": 3})", R"({"allOf": [{"minimum": 2}]})"},
      // What a part says stands beside what is said around it.
      {R"({"required": ["a"], "allOf": [{"required": ["b"]}, {"allOf": [{"required": ["c"]}]}]})",
       R"({"required": ["a", "b", "c"]})"},
      {R"({"minimum": 1, "allOf": [{"minimum": 3}, {"exclusiveMaximum": 9, "maximum": 20}]})",
       R"({"minimum": 2, "maximum": 9})"},
      {R"({"allOf": [{"minLength": 2, "maxItems": 4}]})", R"({"minLength": 1, "maxItems": 5})"},
      {R"({"allOf": [{"minProperties": 2}, true]})",
       R"({"allOf": [{"minProperties": 1}, {"minProperties": 2}]})"},
      {R"({"not": {"const": 1}, "oneOf": [{}, false]})", R"({"not": {"const": 1}})"},
  };
  for (const auto& [before, after] : cases) {
    EXPECT_EQ(reasons(before, after), std::vector<std::string>()) << before << " → " << after;
  }
}

TEST(SchemaCompat, TellsWhereAValueOfTheOldVersionMayBeRefused) {
  const struct {
    const char *before, *after, *pointer;
  } cases[] = {
      {"{}", R"({"type": "object"})", "/type"},
      {R"({"type": "number"})", R"({"type": "integer"})", "/type"},
      {R"({"minimum": 4})", R"({"minimum": 5})", "/minimum"},
      {R"({"minimum": 4})", R"({"exclusiveMinimum": 4})", "/exclusiveMinimum"},
      {R"({"type": "number"})", R"({"type": "number", "maximum": 9})", "/maximum"},
      {R"({"multipleOf": 3})", R"({"multipleOf": 6})", "/multipleOf"},
      {R"({"maxLength": 5})", R"({"maxLength": 4})", "/maxLength"},
      {R"({"pattern": "^a"})", R"({"pattern": "^ab?"})", "/pattern"},
      {R"({"type": "string"})", R"({"type": "string", "format": "date-time"})", "/format"},
      {R"({"items": {"type": "number"}})", R"({"items": {"type": "integer"}})", "/items/type"},
      {R"({"required": ["a"]})", R"({"required": ["a", "b"]})", "/required"},
      {R"({"enum": ["a", "b"]})", R"({"enum": ["a"]})", ""},
      {R"({"type": "string"})", R"({"enum": ["a"]})", "/enum"},
      // Any value could stand there before.
      {R"({"properties": {"a": {}}})", R"({"properties": {"a": {}, "b": {"type": "string"}}})",
       "/properties/b"},
      {R"({"properties": {"a": {}}})",
       R"({"properties": {"a": {}}, "additionalProperties": false})", "/additionalProperties"},
      {R"({"properties": {"a": {"type": "string"}}, "additionalProperties": false})",
       R"({"additionalProperties": false})", "/additionalProperties"},
      {R"({"anyOf": [{"type": "string"}, {"type": "null"}]})", R"({"anyOf": [{"type": "string"}]})",
       "/anyOf"},
      {R"({"anyOf": [{"type": "string"}, {"type": "null"}]})", R"({"type": "string"})", "/type"},
      {"{}", R"({"not": {"const": 1}})", "/not"},
      {"{}", R"({"oneOf": [{}, {"type": "string"}]})", "/oneOf"},
      {"{}", R"({"if": {"type": "string"}, "then": {"minLength": 1}})", "/if"},
      {R"({"maximum": 1})", R"({"allOf": [{"minimum": 2}]})", "/allOf/0/minimum"},
      {R"({"minimum": 1, "allOf": [{"minimum": 3}]})", R"({"minimum": 4})", "/minimum"},
      {R"({"allOf": [{"required": ["a"]}]})", R"({"required": ["b"]})", "/required"},
      {R"({"properties": {"a": {"properties": {"b": {}}, "additionalProperties": false}}})",
       R"({"properties": {"a": {"properties": {"b": {}}, "additionalProperties": false,
           "required": ["b"]}}})",
       "/properties/a/required"},
      // An alternative with properties of its own: what stands around it judges other names.
      {R"({"properties": {"a": {}, "b": {}}, "additionalProperties": false,
           "anyOf": [{"properties": {"a": {"type": "string"}}}]})",
       R"({"properties": {"a": {"type": "string"}}, "additionalProperties": false})",
       "/additionalProperties"},
  };
  for (const auto& [before, after, pointer] : cases) {
    const auto found = reasons(before, after);
    EXPECT_NE(std::find(found.begin(), found.end(), pointer), found.end())
        << before << " → " << after << ": " << testing::PrintToString(found);
  }
}

// Symptom: each level doubled the time.
TEST(SchemaCompat, WhatIsTooInvolvedIsNotCompared) {
  Json before{{"type", "string"}}, after{{"type", "integer"}};
  for (int depth = 1; depth < kMaxSchemaDepth; ++depth) {
    before = Json{{"allOf", Json::array({before})}};
    after = Json{{"allOf", Json::array({after})}};
  }
  const auto found = incompatibilities(before, after);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.front().pointer, "");
  EXPECT_NE(found.front().detail.find("too involved"), std::string::npos);
}

// Symptom: each alternative took a time that was the square of what is required.
TEST(SchemaCompat, ManyRequiredMembersWithManyAlternativesAreTooInvolved) {
  Json names = Json::array();
  for (int i = 0; i < 10'000; ++i) names.push_back("n" + std::to_string(i));
  const Json after{{"minProperties", 1}, {"required", {"n0", "n9999"}}};
  const auto compared = [&](int alternatives) {
    Json before{{"allOf", Json::array({{{"required", names}}})}, {"anyOf", Json::array()}};
    for (int i = 1; i <= alternatives; ++i) before["anyOf"].push_back({{"minProperties", i}});
    return incompatibilities(before, after);
  };
  EXPECT_TRUE(compared(2).empty());
  const auto found = compared(25);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(found.front().detail.find("too involved"), std::string::npos);
}

}  // namespace
}  // namespace mesh
