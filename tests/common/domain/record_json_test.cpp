#include "common/domain/record_json.h"

#include <gtest/gtest.h>

#include "common/base/strings.h"

namespace mesh {
namespace {

using Data = std::optional<std::string>;

StoredRecord record(const std::string& content_type, Data value) {
  StoredRecord stored{{"order.events", 1, 7}, Timestamp{}, "acme/k", std::move(value), {}};
  stored.headers = {{"ce_specversion", "1.0"}, {"ce_id", "e1"},         {"ce_type", "order.closed"},
                    {"ce_source", "/s"},       {"ce_tenantid", "acme"}, {"ce_dataschema", "/d"}};
  if (!content_type.empty()) stored.headers.emplace_back("content-type", content_type);
  return stored;
}

// As a client sees it: a line of JSON, read again.
Json shown(const StoredRecord& stored) {
  const std::string line = dump(to_json(stored));
  EXPECT_EQ(line.find('\n'), line.npos);
  Json json = parse_json(line, {64, line.size()}).value();
  keep_value(json, line);
  return json;
}

Data read_back(const StoredRecord& stored) {
  const Json json = shown(stored);
  return data_of(json, "value", content_type_of(json)).value();
}

// Of each the bytes were others after export and publish.
TEST(RecordJson, DataIsReadBackToTheByte) {
  const std::vector<std::pair<std::string, Data>> all = {
      {"application/json", R"({"n":12345678901234567890123,"d":0.1234567890123456789012})"},
      {"application/json", R"({ "spaces" : 1.10 ,"e":"\u00e9\/" })"},
      {"application/json", "{\n  \"lines\": 1\n}\n"},
      {"application/json", R"("a string")"},
      {"application/json", "null"},
      {"application/json", "-0"},
      {"application/json", " { } "},
      {"application/json", "{broken"},
      {"application/vnd.x+json; charset=utf-8", "[1e2]"},
      {"text/plain", R"({"looks":"like JSON"})"},
      {"text/plain", R"("quoted")"},
      {"text/plain", "lines\nand\ttabs \x01 \xc3\xa9"},
      {"text/plain", "42"},
      {"application/octet-stream", std::string("\xff\x00\x01", 3)},
      {"application/xml", "<a b=\"1\"/>"},
      {"", R"({"tenantId":"acme"})"},
      {"", "plain"},
      {"", R"("quoted")"},
      {"", "{broken"},
      {"", "[\n1]"},
      {"", "\xff"},
      {"", std::nullopt},
      {"application/json", std::nullopt},
  };
  for (const auto& [type, value] : all) {
    EXPECT_EQ(read_back(record(type, value)), value) << type << " " << value.value_or("nothing");
  }
}

TEST(RecordJson, TheContentTypeDecidesNotTheLook) {
  EXPECT_EQ(to_json(record("text/plain", R"({"a":1})"))["value"], R"({"a":1})");
  EXPECT_NE(dump(to_json(record("application/json", R"({"a":1.0})"))).find(R"("value":{"a":1.0})"),
            std::string::npos);
}

TEST(RecordJson, EveryHeaderStaysAndTimeIsShownAsWritten) {
  auto stored = record("text/plain", "x");
  stored.headers.emplace_back("ce_time", "2026-01-02T03:04:05.123456789+02:00");
  const Json json = to_json(stored);
  EXPECT_EQ(json["event_time"], "2026-01-02T03:04:05.123456789+02:00");
  EXPECT_EQ(json["headers"]["ce_dataschema"], "/d");
  EXPECT_EQ(json["headers"].size(), stored.headers.size());
}

// What somebody mends in `value` counts; the bytes beside it are those from before.
TEST(RecordJson, AMendedValueCounts) {
  Json json = shown(record("application/json", "{\n\"a\":1}"));
  ASSERT_TRUE(json.contains("value_base64"));
  json["value"] = Json{{"a", 2}};
  EXPECT_EQ(data_of(json, "value", "application/json").value(), R"({"a":2})");
}

TEST(RecordJson, WithoutDataOrWithBrokenBase64ItSaysSo) {
  EXPECT_FALSE(data_of(Json::object(), "value", ""));
  const auto broken = data_of(Json{{"value_base64", "*"}}, "value", "");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message, "value_base64 is not base64");
}

}  // namespace
}  // namespace mesh
