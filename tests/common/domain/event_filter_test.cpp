#include "common/domain/event_filter.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

namespace mesh {
namespace {

using ::testing::HasSubstr;
using Op = Condition::Op;

const std::map<std::string, FieldKind, std::less<>> kDeclared{{"country", FieldKind::keyword},
                                                              {"amount", FieldKind::number}};

FieldValues order() {
  return {{"amount", 10.5}, {"country", "DE"}, {"tag", "a"}, {"tag", "b"}, {"size", 3.0}};
}
bool matches(std::string_view text, std::string_view open = {}) {
  const auto condition = parse_condition(text, kDeclared, open);
  EXPECT_TRUE(condition) << text << ": " << condition.error().to_string();
  return condition && holds({*condition}, order());
}

TEST(EventFilter, EveryOperatorAsks) {
  for (const char* yes : {"country=DE", "country=AT|DE", "country!=AT", "country!=AT|CH",
                          "amount=10.5", "amount>10", "amount>=10.5", "amount<11", "amount<=10.5",
                          "amount!=10", "amount = 1|10.5", " country = DE ", "country= AT | DE "}) {
    EXPECT_TRUE(matches(yes)) << yes;
  }
  for (const char* no : {"country=de", R"(country=DE\ )", "country=AT|CH", "country!=DE",
                         "country!=AT|DE", "amount=10", "amount>10.5", "amount>=10.6",
                         "amount<10.5", "amount<=10.4", "amount!=10.5", "country="}) {
    EXPECT_FALSE(matches(no)) << no;
  }
}

TEST(EventFilter, AFieldOfSeveralValuesHasEach) {
  const auto holds_for = [](Op op, std::string value) {
    return holds({{"tag", op, {std::move(value)}}}, order());
  };
  EXPECT_TRUE(holds_for(Op::equal, "a"));
  EXPECT_TRUE(holds_for(Op::equal, "b"));
  EXPECT_FALSE(holds_for(Op::equal, "c"));
  EXPECT_FALSE(holds_for(Op::unequal, "a"));
  EXPECT_TRUE(holds_for(Op::unequal, "c"));
}

TEST(EventFilter, WhatHasNoValueIsUnequalAndNothingElse) {
  EXPECT_TRUE(holds({{"none", Op::unequal, {"x"}}}, order()));
  for (const Op op : {Op::equal, Op::less, Op::at_most, Op::greater, Op::at_least}) {
    EXPECT_FALSE(holds({{"none", op, {1.0}}}, order()));
  }
}

TEST(EventFilter, AllConditionsHold) {
  EXPECT_TRUE(holds({}, order()));
  EXPECT_TRUE(holds({{"country", Op::equal, {"DE"}}, {"amount", Op::less, {11.0}}}, order()));
  EXPECT_FALSE(holds({{"country", Op::equal, {"DE"}}, {"amount", Op::less, {10.0}}}, order()));
}

TEST(EventFilter, WhatStandsBehindABackslashIsOfTheValue) {
  const auto values = [](std::string_view text) {
    return parse_condition(text, kDeclared).value().values;
  };
  EXPECT_EQ(values(R"(country=a\|b|c)"), (std::vector<FieldValue>{"a|b", "c"}));
  EXPECT_EQ(values(R"(country= a\\| b c\ )"), (std::vector<FieldValue>{R"(a\)", "b c "}));
  EXPECT_EQ(values(R"(country=a\)"), std::vector<FieldValue>{R"(a\)"}) << "behind it is nothing";
}

TEST(EventFilter, OfAnOpenTypeUndeclaredNamesAreTakenAsOneBelow) {
  const auto condition = parse_condition("plan=gold", kDeclared, "metadata");
  ASSERT_TRUE(condition);
  EXPECT_EQ(condition->field, "metadata.plan");
  EXPECT_EQ(parse_condition("metadata.plan=gold", kDeclared, "metadata")->field, "metadata.plan");
  EXPECT_EQ(parse_condition("country=DE", kDeclared, "metadata")->field, "country");
  const FieldValues fields{{"metadata.size", 3.0}, {"metadata.code", "3"}};
  const auto asks = [&](std::string_view text) {
    return holds({parse_condition(text, kDeclared, "metadata").value()}, fields);
  };
  EXPECT_TRUE(asks("size=3"));
  EXPECT_TRUE(asks("code=3"));
  EXPECT_TRUE(asks("size>2"));
  EXPECT_FALSE(asks("code>2")) << "a keyword has no order";
  EXPECT_FALSE(asks("size!=3"));
}

TEST(EventFilter, SaysWhatItCannotRead) {
  const auto message = [](std::string_view text, std::string_view open = {}) {
    const auto condition = parse_condition(text, kDeclared, open);
    EXPECT_FALSE(condition) << text;
    EXPECT_EQ(condition.error().kind, ErrorKind::invalid);
    return condition.error().message;
  };
  EXPECT_THAT(message("country"), HasSubstr("no operator"));
  EXPECT_THAT(message(""), HasSubstr("no operator"));
  EXPECT_THAT(message("!country"), HasSubstr("no operator"));
  EXPECT_THAT(message("=DE"), HasSubstr("names no field"));
  EXPECT_THAT(message("colour=red"), HasSubstr("declared are amount, country"));
  EXPECT_THAT(message("country>DE"), HasSubstr("keyword"));
  EXPECT_THAT(message("amount=much"), HasSubstr("no number"));
  EXPECT_THAT(message("amount>1|2"), HasSubstr("several values"));
  EXPECT_THAT(message("plan>gold", "metadata"), HasSubstr("no number"));
  EXPECT_THAT(message("country=" + std::string(5'000, 'x')), HasSubstr("4096"));
  EXPECT_THAT(message("country=" + std::string(100, '|')), HasSubstr("64"));
  EXPECT_THAT(parse_condition("a=b", {}).error().message, HasSubstr("declares none"));
}

TEST(FieldValues, RoundTripThroughJson) {
  EXPECT_EQ(dump(to_json(order())), R"({"amount":10.5,"country":"DE","size":3,"tag":["a","b"]})");
  EXPECT_EQ(fields_from_json(to_json(order())).value(), order());
  EXPECT_EQ(dump(to_json(FieldValues{})), "{}");
  EXPECT_FALSE(fields_from_json(Json::array()));
  EXPECT_FALSE(fields_from_json({{"a", nullptr}}));
  EXPECT_FALSE(fields_from_json({{"a", Json::array({Json::object()})}}));
}

TEST(FieldValues, AnyNumberAndTextRoundTrips) {
  EXPECT_TRUE(rc::check([](double number, int text) {
    RC_PRE(std::isfinite(number));
    const FieldValues fields{{"n", number}, {"t", std::to_string(text)}};
    const auto read = fields_from_json(parse_json(dump(to_json(fields))).value()).value();
    RC_ASSERT(read == fields);
  }));
}

TEST(EventFilter, UnequalIsTheOppositeOfEqual) {
  EXPECT_TRUE(rc::check([](const std::vector<bool>& values, bool asked) {
    FieldValues fields;
    for (const bool value : values) fields.emplace("f", value ? "x" : "y");
    const std::vector<FieldValue> wanted{asked ? "x" : "y"};
    RC_ASSERT(holds({{"f", Op::equal, wanted}}, fields) !=
              holds({{"f", Op::unequal, wanted}}, fields));
  }));
}

}  // namespace
}  // namespace mesh
