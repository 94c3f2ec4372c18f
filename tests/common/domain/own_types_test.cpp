#include "common/domain/own_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mesh {
namespace {

using ::testing::ElementsAre;

const Json kOrder = Json::parse(R"({
  "type": "object", "required": ["order_id"], "additionalProperties": false,
  "properties": {
    "order_id": {"type": "string", "minLength": 1, "pattern": "^[A-Z]+-[0-9]+$"},
    "placed_at": {"type": "string", "format": "date-time"},
    "lines": {"type": "array", "maxItems": 3, "items": {
      "type": "object", "required": ["sku"],
      "properties": {"sku": {"type": "string", "maxLength": 5},
                     "count": {"type": ["integer", "null"], "minimum": 1}}}}}})");

std::vector<std::string> type_pointers(const Status& status) {
  std::vector<std::string> all;
  if (status) return all;
  EXPECT_EQ(status.error().kind, ErrorKind::unprocessable);
  for (const auto& field : status.error().fields) all.push_back(field.pointer);
  return all;
}

Status check(const Json& data) {
  const auto types = compile_types({{"order.placed", kOrder}});
  return check_own("order.placed", *types.at("order.placed"), data);
}

TEST(OwnTypes, HoldsDataToTheSchema) {
  EXPECT_TRUE(check({{"order_id", "A-1"}}));
  EXPECT_TRUE(check(Json::parse(R"({"order_id": "A-1", "placed_at": "2026-11-21T08:32:00Z",
                                    "lines": [{"sku": "x", "count": null}]})")));
  EXPECT_THAT(type_pointers(check(Json::object())), ElementsAre("/order_id"));
  EXPECT_THAT(type_pointers(check({{"order_id", "a-1"}})), ElementsAre("/order_id"));
  EXPECT_THAT(type_pointers(check({{"order_id", "A-1"}, {"placed_at", "today"}})),
              ElementsAre("/placed_at"));
  EXPECT_THAT(type_pointers(check(Json::parse(R"({"order_id": "A-1", "lines": [
                {"sku": "x"}, {"sku": "123456"}, {"sku": "x", "count": "1"}]})"))),
              testing::UnorderedElementsAre("/lines/1/sku", "/lines/2/count"));
  EXPECT_FALSE(check("text"));
  EXPECT_FALSE(check({{"order_id", "A-1"}, {"colour", "red"}}));
}

TEST(OwnTypes, RefusesNulWhereverItStands) {
  const Json data = Json::parse(R"({"order_id": "A-1", "lines": [{"sku": "a\u0000bcdefgh"}]})");
  EXPECT_THAT(type_pointers(check(data)), ElementsAre("/lines/0/sku"));
}

// Symptom: 125 GB were copied, since the path of each element was made.
TEST(OwnTypes, ALongNameOverManyElementsIsToldAtOnce) {
  const std::string name(500'000, 'n');
  EXPECT_THAT(type_pointers(check({{"order_id", "A-1"}, {name, std::vector<int>(250'000, 1)}})),
              ElementsAre(""));
  EXPECT_THAT(
      type_pointers(check({{name, std::string(1, '\0')}, {"a", {{"b", std::string(1, '\0')}}}})),
      ElementsAre("", "/a/b"));
  const auto open = compile_types({{"order.any", Json::object()}});
  EXPECT_TRUE(check_own("order.any", *open.at("order.any"), {{std::string(1024, 'n'), 1}}));
}

// Symptom: a regular expression ran out of stack.
TEST(OwnTypes, ALongTextOfAPatternIsOnlyRefused) {
  EXPECT_THAT(type_pointers(check({{"order_id", std::string(900'000, 'A')}})),
              ElementsAre("/order_id"));
}

Status check_by(const char* schema, const Json& data) {
  const auto types = compile_types({{"order.any", Json::parse(schema)}});
  return check_own("order.any", *types.at("order.any"), data);
}

// Symptom: the list of what is wrong took many times the memory of the event.
TEST(OwnTypes, OfLargeDataItIsNotToldWhere) {
  const char* texts = R"({"items": {"type": "string"}})";
  EXPECT_THAT(type_pointers(check_by(texts, Json::array({"a", 1}))), ElementsAre("/1"));
  const auto large = check_by(texts, std::vector<int>(2000, 1));
  EXPECT_THAT(type_pointers(large), ElementsAre(""));
  EXPECT_THAT(large.error().fields.front().detail, testing::HasSubstr("too large"));
  EXPECT_TRUE(check_by(texts, std::vector<std::string>(2000, "a")));
}

TEST(OwnTypes, WholeNumbersAreIntegersHoweverTheyAreWritten) {
  const char* integer = R"({"type": "integer"})";
  for (const char* good : {"1", "1.0", "-3e2"}) {
    EXPECT_TRUE(check_by(integer, Json::parse(good))) << good;
  }
  for (const char* bad : {"1.5", "1e300"}) EXPECT_FALSE(check_by(integer, Json::parse(bad))) << bad;
  EXPECT_TRUE(check_by(R"({"enum": [1, 2.0]})", 1.0));
  EXPECT_TRUE(check_by(R"({"enum": [1, 2.0]})", 2));
  // What the first one took, the second one takes.
  EXPECT_TRUE(
      check_types({{"order.any", {{"type", "integer"}}}}, {{"order.any", {{"enum", {1, 2}}}}}));
}

// Symptom: the fraction was cut before it was measured.
TEST(OwnTypes, MultiplesAreOfTheWholeNumber) {
  const char* fives = R"({"multipleOf": 5})";
  EXPECT_FALSE(check_by(fives, 5.9));
  EXPECT_FALSE(check_by(fives, 6));
  EXPECT_TRUE(check_by(fives, 10));
  EXPECT_TRUE(check_by(fives, 10.0));
}

TEST(OwnTypes, NamesAreThoseOfEventsThatTheMeshDoesNotWrite) {
  for (const char* good : {"order.placed", "order.placed.v2", "crm-x.lead_won"}) {
    EXPECT_TRUE(check_type_name(good)) << good;
  }
  for (const char* bad : {"order", "Order.placed", "user.renamed", "user.created", "task.x",
                          "analytics.recorded", "order.", ".placed", "a..b"}) {
    EXPECT_FALSE(check_type_name(bad)) << bad;
  }
}

TEST(OwnTypes, ANewVersionMustTakeWhatTheOldOneTook) {
  const TypeSchemas before{{"order.placed", kOrder}, {"order.paid", Json::object()}};
  EXPECT_TRUE(check_types(before));
  TypeSchemas after = before;
  after.erase("order.paid");
  after["order.placed"]["properties"]["note"] = {{"type", "string"}};
  EXPECT_TRUE(check_types(after, before));
  after["order.placed"]["required"].push_back("placed_at");
  EXPECT_THAT(type_pointers(check_types(after, before)),
              ElementsAre("/types/order.placed/required"));
  after = before;
  after["order.placed.v2"] = {{"type", "string"}};
  EXPECT_TRUE(check_types(after, before));
  after["order.placed.v2"]["format"] = "uri";
  after["user.created"] = Json::object();
  EXPECT_THAT(type_pointers(check_types(after, before)),
              ElementsAre("/types/order.placed.v2/format", "/types/user.created"));
}

TEST(OwnTypes, AreBounded) {
  TypeSchemas types;
  for (std::size_t i = 0; i <= kMaxOwnTypes; ++i) {
    types["order.t" + std::to_string(i)] = Json::object();
  }
  EXPECT_THAT(type_pointers(check_types(types)), ElementsAre("/types"));
}

}  // namespace
}  // namespace mesh
