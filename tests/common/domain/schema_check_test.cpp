#include "common/domain/schema_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace mesh {
namespace {

const EventTypeDef& type(std::string_view name) { return *find_event_type(name); }

const Json kClick = {{"user_id", "u1"},
                     {"event_type", "click"},
                     {"timestamp", "2026-11-21T08:32:00Z"},
                     {"metadata", {{"page", "/"}}},
                     {"extra", 1}};
const Json kAspirin = {{"molecule_id", "m1"},
                       {"researcher", "Dr. Jane Smith"},
                       {"data", {{"formula", "C9H8O4"}}},
                       {"timestamp", "2026-11-21T08:32:00+01:00"}};

std::vector<std::string> pointers(const Status& status) {
  std::vector<std::string> all;
  if (status) return all;
  for (const auto& field : status.error().fields) all.push_back(field.pointer);
  return all;
}

Json with(Json json, const std::string& member, const Json& value) {
  json[member] = value;
  return json;
}

TEST(ValidateData, PassesConformingData) {
  EXPECT_TRUE(validate_data(type("analytics.recorded"), kClick));
  EXPECT_TRUE(validate_data(type("analytics.recorded"), {{"user_id", "u"}, {"event_type", "x"}}));
  EXPECT_TRUE(validate_data(type("chemical.recorded"), kAspirin));
  EXPECT_TRUE(validate_data(
      type("user.created"),
      {{"id", 123}, {"email", "alice@tenant-a.dev"}, {"name", "A"}, {"tenantId", "tenant-a"}}));
  EXPECT_TRUE(validate_data(
      type("tenant.updated"),
      {{"id", "acme"}, {"rate_limits", {{"search", {{"rate", 1}, {"per", "1s"}, {"burst", 0}}}}}}));
  EXPECT_TRUE(
      validate_data(type("task.created"), {{"id", "t"}, {"kind", "replay"}, {"state", "queued"}}));
  EXPECT_TRUE(validate_data(type("billing.usage.incremented"),
                            {{"tenantId", "acme"},
                             {"period_start", "2026-11-21T08:32:00.000Z"},
                             {"period_seconds", 60},
                             {"process", "mesh-0-5b3f9a1c"},
                             {"usage", {{"events", 3}, {"a kind of later", 1}}}}));
}

TEST(ValidateData, PassesTypesOutsideTheCatalogue) {
  EXPECT_TRUE(validate_data({"order.created", "order.events", "", "", true}, Json("anything")));
}

TEST(ValidateData, PointsAtEveryViolationOnce) {
  const auto status =
      validate_data(type("analytics.recorded"),
                    {{"user_id", 7}, {"timestamp", "yesterday"}, {"metadata", Json::array()}});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::unprocessable);
  auto found = pointers(status);
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found,
            (std::vector<std::string>{"/event_type", "/metadata", "/timestamp", "/user_id"}));
}

// The library says each failure once more for the objects around it, and tells them in prose only.
TEST(ValidateData, SaysInTheMeshsWordsWhatIsMissingOrOfAnotherType) {
  const auto analytics = validate_data(type("analytics.recorded"), {{"user_id", 7}});
  ASSERT_FALSE(analytics);
  EXPECT_THAT(analytics.error().fields,
              testing::UnorderedElementsAre(FieldError{"/user_id", "has the wrong type"},
                                            FieldError{"/event_type", "is required"}));
  const Json limits = {{"search", {{"per", "1s"}}}, {"write", {{"rate", "1"}, {"per", "1s"}}}};
  const auto tenant =
      validate_data(type("tenant.created"), {{"id", "acme"}, {"rate_limits", limits}});
  ASSERT_FALSE(tenant);
  EXPECT_THAT(
      tenant.error().fields,
      testing::UnorderedElementsAre(FieldError{"/rate_limits/search/rate", "is required"},
                                    FieldError{"/rate_limits/search/burst", "is required"},
                                    FieldError{"/rate_limits/write/rate", "has the wrong type"},
                                    FieldError{"/rate_limits/write/burst", "is required"}));
}

TEST(ValidateData, PointsIntoNestedObjects) {
  const Json policy = {{"rate", 0}, {"per", "1s"}, {"burst", 1}};
  EXPECT_EQ(pointers(validate_data(type("tenant.created"),
                                   {{"id", "acme"}, {"rate_limits", {{"a/b", policy}}}})),
            std::vector<std::string>{"/rate_limits/a~1b/rate"});
}

TEST(ValidateData, RefusesWhatIsNotAnObject) {
  for (const Json& json : {Json("text"), Json(nullptr), Json::array(), Json(1)}) {
    const auto status = validate_data(type("chemical.recorded"), json);
    ASSERT_FALSE(status) << json;
    EXPECT_FALSE(status.error().fields.empty());
  }
}

TEST(ValidateData, RefusesNulCharacters) {
  // Symptom: a store that keeps C strings cut such ids, so that two users became one.
  using namespace std::string_literals;
  EXPECT_EQ(pointers(validate_data(type("analytics.recorded"), with(kClick, "user_id", "u\0x"s))),
            std::vector<std::string>{"/user_id"});
}

TEST(ValidateData, AVeryLongTimestampIsOnlyRefused) {
  // Symptom: a regular expression for date-times ran out of stack.
  const std::string text = std::string(900'000, '1') + "-01-01T00:00:00Z";
  EXPECT_EQ(pointers(validate_data(type("analytics.recorded"), with(kClick, "timestamp", text))),
            std::vector<std::string>{"/timestamp"});
}

TEST(ValidateData, ListsAtMostTwentyViolations) {
  Json limits = Json::object();
  for (int i = 0; i < 50; ++i) limits["s" + std::to_string(i)] = 7;
  const auto status =
      validate_data(type("tenant.created"), {{"id", "acme"}, {"rate_limits", limits}});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().fields.size(), 20u);
}

// The quick check and the schema say the same of everything, else clients would see data accepted
// that the published schema forbids, or the reverse.
TEST(SchemaCheck, TheQuickCheckAgreesWithTheSchemaOnMutations) {
  using namespace std::string_literals;
  std::string e256, e257;
  for (int i = 0; i < 256; ++i) e256 += "é";
  e257 = e256 + "é";
  const std::vector<Json> values{nullptr,
                                 true,
                                 0,
                                 -1,
                                 7u,
                                 1.5,
                                 "",
                                 "x",
                                 Json::array(),
                                 Json::object(),
                                 {{"a", 1}},
                                 std::string(128, 'x'),
                                 std::string(129, 'x'),
                                 std::string(256, 'x'),
                                 std::string(257, 'x'),
                                 e256,
                                 e257,
                                 "a\0b"s,
                                 "\0"s,
                                 std::string(300, 'y') + "\0"s,
                                 "2026-11-21T08:32:00Z",
                                 "2026-11-21T08:32:00.5+02:00",
                                 "2026-11-21",
                                 "2026-13-21T08:32:00Z"};
  const std::vector<std::string> members{"user_id",     "event_type", "timestamp", "metadata",
                                         "molecule_id", "researcher", "data",      "other"};
  std::mt19937_64 random(7);
  std::map<bool, int> seen;
  for (int i = 0; i < 20'000; ++i) {
    const bool analytics = random() % 2 == 0;
    const auto& def = type(analytics ? "analytics.recorded" : "chemical.recorded");
    Json json = analytics ? kClick : kAspirin;
    for (auto edits = random() % 4; edits > 0; --edits) {
      const auto& member = members[random() % members.size()];
      if (random() % 4 == 0) {
        json.erase(member);
      } else {
        json[member] = values[random() % values.size()];
      }
    }
    if (random() % 100 == 0) json = values[random() % values.size()];
    const bool quick = conforms(def, json);
    ++seen[quick];
    ASSERT_EQ(quick, check_schema(def, json).has_value()) << def.type << " " << json;
  }
  EXPECT_GT(seen[true], 1'000);
  EXPECT_GT(seen[false], 1'000);
}

}  // namespace
}  // namespace mesh
