// What is told of each key beside its value: its default, and where the value comes from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/base/json.h"
#include "common/config/config.h"
#include "common/config/keys.h"
#include "tests/support/temp_dir.h"

namespace mesh::config {
namespace {

using testing::HasSubstr;
using testing::Not;

const char* variables(const char* name) {
  const std::string_view wanted = name;
  if (wanted == "BODY") return "3MiB";
  if (wanted == "RATE") return "30";
  if (wanted == "EMPTY") return "";
  if (wanted == "DSN") return "host=db password=hunter2";
  return nullptr;
}

Config loaded(const std::string& yaml) {
  auto config = load_text(yaml, variables);
  EXPECT_TRUE(config) << config.error().message;
  return config.value_or(Config{});
}

Json setting(const Config& config, const std::string& key) {
  for (const Json& each : settings(config)) {
    if (each["key"] == key) return each;
  }
  ADD_FAILURE() << key;
  return nullptr;
}

// "file meshd.yaml:3"
std::string origin(const Config& config, const std::string& key) {
  const Json each = setting(config, key);
  const std::string kind = each["origin"];
  return each["where"].is_null() ? kind : kind + " " + each["where"].get<std::string>();
}

TEST(Settings, AreAllKeysInTheFilesOrder) {
  const Json all = settings(Config{});
  ASSERT_EQ(all.size(), keys().size());
  for (std::size_t i = 0; i < keys().size(); ++i) {
    EXPECT_EQ(all[i]["key"], keys()[i].path);
    EXPECT_EQ(all[i]["value"], all[i]["default"]) << keys()[i].path;
    EXPECT_EQ(all[i]["origin"], "default");
    EXPECT_TRUE(all[i]["where"].is_null());
    EXPECT_THAT(all[i]["description"].get<std::string>(), Not(HasSubstr("\n")));
  }
  EXPECT_EQ(setting(Config{}, "http.max_body")["description"],
            "Largest body of a request; beyond it: 413.");
}

TEST(Settings, OfAFileNameTheLineOfTheirKey) {
  const auto config = loaded(
      "# a comment\n"
      "data_dir: /d\n"
      "http:\n"
      "  max_body: 2MiB\n"
      "\n"
      "  allowed_hosts:\n"
      "    - mesh.example.com\n"
      "log: {partitions: 8}\n");
  EXPECT_EQ(origin(config, "data_dir"), "file line 2");
  EXPECT_EQ(origin(config, "http.max_body"), "file line 4");
  EXPECT_EQ(setting(config, "http.max_body")["value"], "2MiB");
  EXPECT_EQ(setting(config, "http.max_body")["default"], "1MiB");
  EXPECT_EQ(origin(config, "http.allowed_hosts"), "file line 6") << "not that of its list";
  EXPECT_EQ(origin(config, "log.partitions"), "file line 8") << "though it is the default's value";
  EXPECT_EQ(origin(config, "http.workers"), "default");
}

TEST(Settings, OfTheFileNameItAbsolutely) {
  test::TempDir dir;
  std::ofstream(dir.file("meshd.yaml")) << "\nhttp: {workers: 7}\n";
  const auto config = load_file(dir.path() + "/./meshd.yaml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(origin(*config, "http.workers"), "file " + dir.file("meshd.yaml") + ":2");
}

TEST(Settings, OfTheEnvironmentNameTheVariables) {
  const auto config = loaded(
      "http:\n"
      "  max_body: ${BODY}\n"
      "  max_bulk_body: ${NONE:-32MiB}\n"
      "  workers: ${EMPTY:-5}\n"
      "listen: {users: '127.0.0.1:${RATE}${NONE:-0}${RATE}'}\n"
      "openai:\n  base_url: ${EMPTY:-}\n");
  EXPECT_EQ(origin(config, "http.max_body"), "environment line 2");
  EXPECT_EQ(setting(config, "http.max_body")["variables"],
            Json::parse(R"([{"name":"BODY","set":true}])"));
  EXPECT_EQ(origin(config, "http.max_bulk_body"), "file line 3");
  EXPECT_EQ(setting(config, "http.max_bulk_body")["variables"],
            Json::parse(R"([{"name":"NONE","set":false}])"));
  EXPECT_EQ(origin(config, "http.workers"), "file line 4") << "an empty one is as none";
  EXPECT_EQ(setting(config, "listen.users")["variables"],
            Json::parse(R"([{"name":"RATE","set":true},{"name":"NONE","set":false}])"));
  EXPECT_EQ(origin(config, "openai.base_url"), "file line 7");
  EXPECT_TRUE(setting(config, "openai.base_url")["value"].is_null());
}

TEST(Settings, WhoseValueIsAMapHaveOneOrigin) {
  const auto config = loaded(
      "rate_limits:\n"
      "  search:\n"
      "    rate: ${RATE}\n"
      "    per: ${NONE:-1m}\n"
      "  publish: null\n");
  EXPECT_EQ(origin(config, "rate_limits.search"), "environment line 2");
  EXPECT_EQ(setting(config, "rate_limits.search")["variables"],
            Json::parse(R"([{"name":"RATE","set":true},{"name":"NONE","set":false}])"));
  EXPECT_EQ(origin(config, "rate_limits.publish"), "file line 5");
  EXPECT_TRUE(setting(config, "rate_limits.publish")["value"].is_null());
  EXPECT_EQ(origin(config, "rate_limits.users"), "default");
}

TEST(Settings, OfAnEmptyGroupAreDefaults) {
  const auto config = loaded("http:\nauth: {jwt: }\n");
  EXPECT_EQ(origin(config, "http.workers"), "default");
  EXPECT_EQ(origin(config, "auth.jwt.issuer"), "default");
}

TEST(Settings, OfTheCommandLineNameTheFlag) {
  auto config = loaded("data_dir: /file\n");
  config.data_dir = "/flag";
  config.origins["data_dir"] = {.flag = "--data-dir"};
  EXPECT_EQ(origin(config, "data_dir"), "flag --data-dir");
}

// The default of mode dev was shown, and the value that runs looked as if somebody had set it.
TEST(Settings, InModeJwtTheDefaultIsNoAnonymousTenant) {
  test::TempDir dir;
  std::ofstream(dir.file("keys")) << "{}";
  const std::string jwt =
      "auth: {mode: jwt, jwt: {issuer: i, audience: a, jwks_file: " + dir.file("keys") + "}}\n";
  const Json each = setting(loaded(jwt), "auth.anonymous_tenant");
  EXPECT_TRUE(each["value"].is_null());
  EXPECT_TRUE(each["default"].is_null());
  EXPECT_EQ(each["origin"], "default");
  EXPECT_EQ(setting(loaded(""), "auth.anonymous_tenant")["default"], "default");
}

TEST(Settings, TellNoSecretAndNothingThatAVariableHolds) {
  const auto config = loaded(
      "store: {engine: postgres}\n"
      "postgres: {dsn: '${DSN}'}\n"
      "limiter: {engine: redis}\n"
      "redis: {url: 'redis://me:${RATE}hunter2@h/0'}\n");
  EXPECT_EQ(origin(config, "postgres.dsn"), "environment line 2");
  EXPECT_EQ(setting(config, "postgres.dsn")["value"], "***");
  EXPECT_EQ(setting(config, "redis.url")["value"], "redis://***@h/0");
  EXPECT_THAT(settings(config).dump(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(print(config), Not(HasSubstr("DSN"))) << "origins are no part of the file";
}

}  // namespace
}  // namespace mesh::config
