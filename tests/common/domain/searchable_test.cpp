#include "common/domain/searchable.h"

#include <gmock/gmock.h>

#include "common/base/strings.h"
#include "common/domain/own_types.h"

namespace mesh {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Json kSoldChair = Json::parse(R"({
  "title": "Blue chair", "total": 120, "paid": true, "note": null,
  "address": {"city": "Berlin", "zip": "10115"},
  "lines": [{"sku": "c-1", "count": 2}, {"sku": "c-2", "count": 1}],
  "tags": ["new", "sale"]
})");

std::string text(std::string_view of, const Json& data = kSoldChair) {
  return searchable_text({.text = std::string(of)}, data);
}

TEST(SearchableText, PutsPlacesOfTheDataIntoTheTemplate) {
  EXPECT_EQ(text("{title}"), "Blue chair");
  EXPECT_EQ(text("{title} to {address.city}, {total} {paid}"), "Blue chair to Berlin, 120 true");
  EXPECT_EQ(text("{lines.sku}"), "c-1 c-2") << "below an array each element";
  EXPECT_EQ(text("{tags}"), "new sale");
  EXPECT_EQ(text("{address.*}"), "Berlin 10115");
  EXPECT_EQ(text("{lines.*}"), "c-1 c-2") << "numbers are no text";
  EXPECT_EQ(text("{{{title}}"), "{Blue chair}");
}

TEST(SearchableText, WhatIsNotThereIsNothing) {
  EXPECT_EQ(text("{colour} {title} {address.street}"), "Blue chair");
  EXPECT_EQ(text("an order: {colour}{note}"), "");
  EXPECT_EQ(text("{title.below} {address}"), "");
  EXPECT_EQ(text("{title}", Json::array()), "");
  EXPECT_EQ(text("{title}", Json()), "");
}

TEST(SearchableText, AStarIsInOrderOfNamesWhateverTheProducerWrote) {
  EXPECT_EQ(text("{*}", Json::parse(R"({"b":"2","a":"1","c":{"z":"4","y":"3"}})")), "1 2 3 4");
  EXPECT_EQ(text("{*}", Json::parse(R"({"c":{"y":"3","z":"4"},"a":"1","b":"2"})")), "1 2 3 4");
}

TEST(SearchableText, IsCutAtACharacter) {
  std::string word;
  for (int i = 0; i < 5'000; ++i) word += "\u00e9";
  const auto cut = text("x{title}", {{"title", word}});
  EXPECT_LE(cut.size(), kMaxSearchableText);
  EXPECT_GT(cut.size(), kMaxSearchableText - 3);
  EXPECT_TRUE(is_valid_utf8(cut));
}

TEST(FieldValuesOf, AreThoseOfTheDeclaredKind) {
  const Searchable searchable{.text = "{title}",
                              .fields = {{"title", FieldKind::keyword},
                                         {"total", FieldKind::number},
                                         {"paid", FieldKind::keyword},
                                         {"address.zip", FieldKind::number},
                                         {"lines.sku", FieldKind::keyword},
                                         {"lines.count", FieldKind::number},
                                         {"none", FieldKind::keyword}}};
  EXPECT_EQ(dump(to_json(field_values(searchable, kSoldChair))),
            R"({"lines.count":[2,1],"lines.sku":["c-1","c-2"],"paid":"true",)"
            R"("title":"Blue chair","total":120})");
}

TEST(FieldValuesOf, AreBounded) {
  Json many = Json::array();
  for (int i = 0; i < 100; ++i) many.push_back(i);
  const Searchable searchable{.text = "{a}",
                              .fields = {{"a", FieldKind::number}, {"b", FieldKind::keyword}}};
  const auto values = field_values(
      searchable, {{"a", many}, {"b", {std::string(257, 'x'), std::string(256, 'y')}}});
  EXPECT_EQ(values.count("a"), 32u);
  EXPECT_EQ(values.count("b"), 1u);
  Json wide = Json::object();
  for (int i = 0; i < 100; ++i) wide["m" + std::to_string(i)] = "v";
  EXPECT_EQ(field_values({.text = "{o}", .open = "o"}, {{"o", wide}}).size(), 64u);
}

TEST(FieldValuesOf, BelowAnOpenMemberEveryScalarIsOne) {
  const Json data = Json::parse(R"({"user_id":"u1","event_type":"sale","metadata":
    {"country":"DE","amount":9.5,"vip":true,"deep":{"plan":"gold"},"list":["a",2],"no":null}})");
  const auto values = field_values(*built_in_searchable("analytics.recorded"), data);
  EXPECT_EQ(dump(to_json(values)),
            R"({"event_type":"sale","metadata.amount":9.5,"metadata.country":"DE",)"
            R"("metadata.deep.plan":"gold","metadata.list":["a",2],"metadata.vip":"true",)"
            R"("user_id":"u1"})");
}

TEST(FieldValuesOf, ADeclaredFieldBelowAnOpenMemberHasItsKind) {
  const Searchable searchable{
      .text = "{o.*}", .fields = {{"o.size", FieldKind::number}}, .open = "o"};
  EXPECT_TRUE(field_values(searchable, {{"o", {{"size", "big"}}}}).empty());
  EXPECT_EQ(field_values(searchable, {{"o", {{"size", 3}}}}).size(), 1u);
}

// What the documentation promises: `--filter country=DE`.
TEST(BuiltIn, AnalyticsAreFilteredByTheirMetadata) {
  const auto& searchable = *built_in_searchable("analytics.recorded");
  const Json data = Json::parse(
      R"({"user_id":"u1","event_type":"checkout failed","metadata":{"country":"DE","card":"visa"}})");
  EXPECT_EQ(searchable_text(searchable, data), "checkout failed visa DE");
  for (const char* filter : {"country=DE", "metadata.country=DE", "user_id=u1", "country!=AT"}) {
    const auto condition = parse_condition(filter, searchable.fields, searchable.open);
    ASSERT_TRUE(condition) << filter;
    EXPECT_TRUE(holds({*condition}, field_values(searchable, data))) << filter;
  }
  EXPECT_FALSE(holds({*parse_condition("country=AT", searchable.fields, searchable.open)},
                     field_values(searchable, data)));
}

TEST(BuiltIn, ChemicalsAreFoundByWhatIsKnownOfThem) {
  const auto& searchable = *built_in_searchable("chemical.recorded");
  const Json data = Json::parse(R"({"molecule_id":"m-7","researcher":"Dr. Jane",
    "data":{"name":"Aspirin","formula":"C9H8O4","weight":180.2}})");
  EXPECT_EQ(searchable_text(searchable, data), "m-7 Dr. Jane C9H8O4 Aspirin");
  EXPECT_TRUE(holds({*parse_condition("weight>180", searchable.fields, searchable.open)},
                    field_values(searchable, data)));
}

TEST(BuiltIn, OthersHaveNoneUnlessTheTenantSaysSo) {
  EXPECT_EQ(built_in_searchable("user.created"), nullptr);
  const Searchables own{{"analytics.recorded", {.text = "{user_id}"}},
                        {"order.placed", {.text = "{title}"}}};
  EXPECT_EQ(searchable_of(own, "analytics.recorded")->text, "{user_id}");
  EXPECT_EQ(searchable_of(own, "order.placed")->text, "{title}");
  EXPECT_EQ(searchable_of(own, "order.sent"), nullptr);
  EXPECT_EQ(searchable_of({}, "analytics.recorded"), built_in_searchable("analytics.recorded"));
}

TEST(SearchableJson, RoundTrips) {
  const Json json =
      Json::parse(R"({"text":"{a} {b.*}","fields":{"b.n":"number","c":"keyword"},"open":"b"})");
  const auto read = searchable_from_json(json);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(to_json(*read), json);
  EXPECT_EQ(dump(to_json(*searchable_from_json({{"text", "{a}"}}))), R"({"text":"{a}"})");
  for (const char* type : {"analytics.recorded", "chemical.recorded"}) {
    const auto& built_in = *built_in_searchable(type);
    EXPECT_EQ(searchable_from_json(to_json(built_in)).value(), built_in) << type;
  }
}

std::vector<std::string> pointers(const Json& json) {
  const auto read = searchable_from_json(json, "/search/t");
  EXPECT_FALSE(read) << json;
  std::vector<std::string> found;
  if (read) return found;
  EXPECT_EQ(read.error().kind, ErrorKind::unprocessable);
  for (const auto& field : read.error().fields) found.push_back(field.pointer);
  return found;
}

TEST(SearchableJson, RefusesWhatCannotBeMeantWithItsPlace) {
  EXPECT_THAT(pointers(7), ElementsAre("/search/t"));
  EXPECT_THAT(pointers(Json::object()), ElementsAre("/search/t/text"));
  for (const char* text : {"", "no place", "{", "{a", "{}", "{a..b}", "{*.a}", "{.a}", "{{a}}"}) {
    EXPECT_THAT(pointers({{"text", text}}), ElementsAre("/search/t/text")) << text;
  }
  EXPECT_THAT(pointers({{"text", "{a}" + std::string(kMaxTemplate, 'x')}}),
              ElementsAre("/search/t/text"));
  EXPECT_THAT(pointers({{"text", "{a}"}, {"fields", {{"a", "date"}}}}),
              ElementsAre("/search/t/fields/a"));
  EXPECT_THAT(pointers({{"text", "{a}"}, {"fields", {{"a=b", "number"}, {"a..b", "number"}}}}),
              ElementsAre("/search/t/fields/a=b", "/search/t/fields/a..b"));
  Json many = Json::object();
  for (std::size_t i = 0; i <= kMaxFields; ++i) many["f" + std::to_string(i)] = "number";
  EXPECT_THAT(pointers({{"text", "{a}"}, {"fields", many}}), ElementsAre("/search/t/fields"));
  EXPECT_THAT(pointers({{"text", "{a}"}, {"open", 7}, {"weight", 2}}),
              ElementsAre("/search/t/open", "/search/t/weight"));
}

TEST(SearchableJson, OfATenantIsOfTypesThatItHas) {
  const Searchables search{{"order.placed", {.text = "{a}"}},
                           {"chemical.recorded", {.text = "{a}"}}};
  EXPECT_TRUE(check_search(search, {{"order.placed", Json::object()}}));
  const auto checked = check_search(search, {});
  ASSERT_FALSE(checked);
  ASSERT_EQ(checked.error().fields.size(), 1u);
  EXPECT_EQ(checked.error().fields[0].pointer, "/search/order.placed");
  EXPECT_FALSE(check_search({{"user.created", {.text = "{name}"}}}, {}))
      << "users have an index of their own";
  EXPECT_THAT(searchables_from_json({{"a.b", 7}}).error().fields[0].pointer, "/search/a.b");
  EXPECT_FALSE(searchables_from_json(Json::array()));
}

}  // namespace
}  // namespace mesh
