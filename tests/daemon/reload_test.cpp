#include "daemon/reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/keys.h"

namespace mesh {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

config::Config loaded(const std::string& yaml) {
  auto config = config::load_text(yaml, [](const char*) -> const char* { return nullptr; });
  EXPECT_TRUE(config) << config.error().message;
  return config.value_or(config::Config{});
}

Json setting(const Json& settings, const std::string& key) {
  for (const Json& each : settings) {
    if (each["key"] == key) return each;
  }
  ADD_FAILURE() << key;
  return nullptr;
}

// Every key has another value in the two.
config::Config with_other_values(std::string mode) {
  config::Config other;
  other.auth.mode = std::move(mode);
  other.auth.operator_token_file = "/t";
  other.auth.jwt.issuer = "i";
  other.auth.jwt.jwks_url = "https://id.example/keys";
  other.auth.jwt.ca_file = "/ca";
  other.auth.client_certificate.operators = {"CN=ops"};
  other.http.tls.cert_file = "/c";
  other.http.workers = 9;
  other.rate_limits.erase("search");
  other.rate_limits["admin"] = {5, std::chrono::seconds{1}, 5};
  other.telemetry.log.level = "warn";
  other.telemetry.log.format = "json";
  return other;
}

TEST(TakeOver, TakesWhatNeedsNoRestart) {
  config::Config running;
  const auto fresh = with_other_values("dev");
  take_over(running, fresh);
  EXPECT_EQ(running.auth.operator_token_file, "/t");
  EXPECT_EQ(running.auth.jwt.issuer, "i");
  EXPECT_THAT(running.auth.client_certificate.operators, ElementsAre("CN=ops"));
  EXPECT_FALSE(running.rate_limits.contains("search"));
  EXPECT_EQ(running.rate_limits.at("admin").rate, 5);
  EXPECT_EQ(running.rate_limits.at("users"), fresh.rate_limits.at("users"));
  EXPECT_EQ(running.telemetry.log.level, "warn");
  EXPECT_THAT(config::changed_keys(running, fresh),
              ElementsAre("http.workers", "http.tls.cert_file", "auth.jwt.jwks_url",
                          "auth.jwt.ca_file", "telemetry.log.format"));
}

TEST(TakeOver, TakesTlsWhereThereIsSome) {
  config::Config running;
  running.http.tls.cert_file = "/before";
  const auto fresh = with_other_values("dev");
  take_over(running, fresh);
  EXPECT_EQ(running.http.tls.cert_file, "/c");
  take_over(running, config::Config{});
  EXPECT_EQ(running.http.tls.cert_file, "/c") << "TLS does not end without a restart";
}

TEST(TakeOver, TakesNobodysRightsInAnotherMode) {
  config::Config running;
  take_over(running, with_other_values("jwt"));
  EXPECT_EQ(running.auth.operator_token_file, std::nullopt);
  EXPECT_EQ(running.auth.jwt.issuer, std::nullopt);
  EXPECT_THAT(running.auth.client_certificate.operators, IsEmpty());
  EXPECT_EQ(running.telemetry.log.level, "warn");
}

TEST(TakeOver, LeavesAValueThatStaysItsOrigin) {
  auto running = loaded("http:\n  workers: 2\n  max_body: 2MiB\n");
  const auto fresh = loaded(
      "# A line more.\n"
      "http:\n  workers: 3\n  max_body: 2MiB\ntelemetry: {log: {level: warn}}\n");
  running.origins.at("http.workers").file = "/before.yaml";
  take_over(running, fresh);
  const Json all = settings(running, fresh);
  EXPECT_EQ(setting(all, "http.workers")["value"], 2);
  EXPECT_EQ(setting(all, "http.workers")["where"], "/before.yaml:2") << "the file may be another";
  EXPECT_EQ(setting(all, "http.workers")["pending"],
            Json::parse(R"({"value":3,"where":"line 3"})"));
  EXPECT_EQ(setting(all, "http.max_body")["where"], "line 4") << "of a value that is in both, now";
  EXPECT_TRUE(setting(all, "http.max_body")["pending"].is_null());
  EXPECT_EQ(setting(all, "telemetry.log.level")["value"], "warn");
  EXPECT_EQ(setting(all, "telemetry.log.level")["where"], "line 5");
}

TEST(TakeOver, OfAKeyThatIsNoLongerWrittenTheDefaultComesNext) {
  auto running = loaded("http: {workers: 2}\nrate_limits: {search: {rate: 1}}\n");
  const auto fresh = loaded("");
  take_over(running, fresh);
  const Json all = settings(running, fresh);
  EXPECT_EQ(setting(all, "http.workers")["origin"], "file");
  EXPECT_EQ(setting(all, "http.workers")["pending"], Json::parse(R"({"value":0,"where":null})"));
  EXPECT_EQ(setting(all, "rate_limits.search")["origin"], "default");
  EXPECT_TRUE(setting(all, "rate_limits.search")["pending"].is_null());
}

TEST(TakeOver, TakesTheKeysOfWhichTheSettingsSaySo) {
  config::Config running;
  std::vector<std::string> reloaded;
  for (const Json& each : settings(running, running)) {
    if (each["reload"] == true) reloaded.push_back(each["key"]);
  }
  EXPECT_THAT(reloaded, testing::IsSupersetOf(
                            {"auth.jwt.issuer", "rate_limits.search", "telemetry.log.level"}));
  EXPECT_THAT(reloaded, testing::Not(testing::Contains("auth.jwt.jwks_url")));
  EXPECT_THAT(reloaded, testing::Not(testing::Contains("http.tls.cert_file"))) << "plain HTTP";
  running.http.tls.cert_file = "/c";
  EXPECT_EQ(setting(settings(running, running), "http.tls.cert_file")["reload"], true);
}

TEST(TakeOver, AKeyThatAReloadCouldNotTakeIsNotSaidToBe) {
  config::Config running, fresh;
  fresh.auth.mode = "jwt";
  fresh.auth.operator_token_file = "/other";
  take_over(running, fresh);
  const Json each = setting(settings(running, fresh), "auth.operator_token_file");
  EXPECT_EQ(each["reload"], false) << "another mode needs a restart";
  EXPECT_EQ(each["pending"]["value"], "/other");
}

TEST(Settings, OfASecretThatWillChangeTellThatAlone) {
  config::Config running, fresh;
  running.postgres.dsn = config::Secret("host=db password=old");
  fresh.postgres.dsn = config::Secret("host=db password=new");
  const Json each = setting(settings(running, fresh), "postgres.dsn");
  EXPECT_EQ(each["value"], "***");
  EXPECT_EQ(each["pending"], Json::parse(R"({"value":"***","where":null})"));
}

}  // namespace
}  // namespace mesh
