#include "common/base/json_members.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

std::string pointer_of(const Error& error) {
  EXPECT_EQ(error.kind, ErrorKind::unprocessable);
  EXPECT_EQ(error.fields.size(), 1u);
  return error.fields.empty() ? "" : error.fields[0].pointer;
}

TEST(JsonMembers, WhatIsMissingIsNotGiven) {
  const Json none = Json::object();
  EXPECT_EQ(string_member(none, "a").value(), std::nullopt);
  EXPECT_EQ(int_member(none, "a").value(), std::nullopt);
  EXPECT_EQ(bool_member(none, "a").value(), false);
}

TEST(JsonMembers, WhatIsThereIsRead) {
  const Json given{{"s", ""}, {"i", -7}, {"b", true}};
  EXPECT_EQ(string_member(given, "s").value(), "");
  EXPECT_EQ(int_member(given, "i").value(), -7);
  EXPECT_EQ(bool_member(given, "b").value(), true);
}

// A client that sent {"dry_run":null} had its letters purged.
TEST(JsonMembers, NullIsRefusedAndNotTakenForMissing) {
  const Json given{{"a", nullptr}};
  EXPECT_EQ(pointer_of(string_member(given, "a").error()), "/a");
  EXPECT_EQ(pointer_of(int_member(given, "a").error()), "/a");
  const auto flag = bool_member(given, "a");
  ASSERT_FALSE(flag);
  EXPECT_EQ(pointer_of(flag.error()), "/a");
  EXPECT_NE(flag.error().message.find("leave it out"), std::string::npos);
}

TEST(JsonMembers, AnotherTypeIsRefused) {
  for (const Json& value : {Json(1), Json(1.5), Json(Json::array()), Json(Json::object())}) {
    EXPECT_FALSE(string_member({{"a", value}}, "a")) << value;
    EXPECT_FALSE(bool_member({{"a", value}}, "a")) << value;
  }
  for (const Json& value : {Json("1"), Json(1.5), Json(true), Json(UINT64_MAX), Json(1e300),
                            Json(9223372036854775808.0)}) {
    EXPECT_FALSE(int_member({{"a", value}}, "a")) << value;
  }
}

// JSON has one kind of number, and JSON Schema takes 7.0 for an integer.
TEST(JsonMembers, AWholeNumberMayBeWrittenWithAFraction) {
  const Json given = Json::parse(R"({"a":7.0,"b":-2e3,"c":-9223372036854775808})");
  EXPECT_EQ(int_member(given, "a").value(), 7);
  EXPECT_EQ(int_member(given, "b").value(), -2000);
  EXPECT_EQ(int_member(given, "c").value(), INT64_MIN);
}

TEST(JsonMembers, AnInvalidValueIsTheFaultOfItsMember) {
  EXPECT_EQ(pointer_of(in_member("a", {ErrorKind::invalid, "no", {}, {}, {}}).value()), "/a");
  EXPECT_EQ(in_member("a", {ErrorKind::not_found, "no", {}, {}, {}}).value().kind,
            ErrorKind::not_found);
}

TEST(JsonMembers, UnknownMembersAreNamedWithWhatIsAllowed) {
  const auto refused = only_members({{"dry_run", true}, {"b", 1}}, {"b", "c"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(pointer_of(refused.error()), "/dry_run");
  EXPECT_NE(refused.error().fields[0].detail.find("b, c"), std::string::npos);
  EXPECT_TRUE(only_members({{"b", 1}}, {"b", "c"}));
  EXPECT_EQ(only_members({{"a/b~", 1}}, {}).error().fields.front().pointer, "/a~1b~0");
  EXPECT_EQ(bad_member("a/b", "is wrong").value().fields.front().pointer, "/a~1b");
}

}  // namespace
}  // namespace mesh
