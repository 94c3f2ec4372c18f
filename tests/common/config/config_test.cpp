#include "common/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "common/base/json.h"
#include "common/config/header_lines.h"
#include "common/config/keys.h"
#include "common/yaml/json.h"
#include "tests/support/temp_dir.h"

namespace mesh::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using namespace std::chrono_literals;

const char* environment(const char* name) {
  const std::string_view wanted = name;
  if (wanted == "PORT") return "8123";
  if (wanted == "EVIL") return "x\nauth: {mode: jwt}";
  if (wanted == "NULLISH") return "null";
  if (wanted == "EMPTY") return "";
  return nullptr;
}

Result<Config> load(const std::string& yaml) { return load_text(yaml, environment); }

// The message that stops the start.
std::string refusal(const std::string& yaml) {
  const auto config = load(yaml);
  if (config) return "accepted";
  EXPECT_EQ(config.error().kind, ErrorKind::invalid);
  return config.error().message;
}

std::string read(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write(const std::string& path, const std::string& text, int mode = 0600) {
  std::ofstream(path) << text;
  std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode));
}

TEST(Config, AnEmptyFileGivesTheDefaults) {
  for (const std::string text : {"", "# nothing\n", "http:\nauth: {jwt: }\n"}) {
    const auto config = load(text);
    ASSERT_TRUE(config.has_value()) << config.error().message;
    EXPECT_EQ(print(*config), print(Config{}));
  }
}

TEST(Config, EveryKindOfValueIsRead) {
  const auto config = load(
      "data_dir: /var/lib/mesh\n"
      "roles: [users, admin]\n"
      "listen: {users: '[::1]:0'}\n"
      "http: {workers: 4, max_body: 512KiB, idle_timeout: 1m30s}\n"
      "auth: {allow_dev_on_network: true, anonymous_tenant: null}\n"
      "log: {retention: {activity: {age: 14d, size: 1GiB, hard_size: 4GiB}},\n"
      "  compaction: {min_lag: 5s, max_lag: 1m}}\n"
      "vectors: {hnsw_threshold: 50000}\n"
      "pipelines: {retry: {base: 50ms, max_attempts: 3}}\n"
      "telemetry: {log: {level: debug}}\n");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->data_dir, "/var/lib/mesh");
  EXPECT_THAT(config->roles, ElementsAre("users", "admin"));
  EXPECT_TRUE(config->has_role(role::kAdmin));
  EXPECT_FALSE(config->has_role(role::kGateway));
  EXPECT_EQ(config->listen.users, "[::1]:0");
  EXPECT_EQ(config->http.workers, 4);
  EXPECT_EQ(config->http.max_body, 512u << 10);
  EXPECT_EQ(config->http.idle_timeout, 90s);
  EXPECT_TRUE(config->auth.allow_dev_on_network);
  EXPECT_EQ(config->auth.anonymous_tenant, std::nullopt);
  EXPECT_EQ(config->log.retention.activity.age, 14 * 24h);
  EXPECT_EQ(config->log.retention.activity.hard_size, 4ull << 30);
  EXPECT_EQ(config->log.compaction.min_lag, 5s);
  EXPECT_EQ(config->log.compaction.max_lag, 60s);
  EXPECT_EQ(config->log.compaction.delete_retention, 24h);
  EXPECT_EQ(config->vectors.hnsw_threshold, 50'000);
  EXPECT_EQ(config->pipelines.retry.base, 50ms);
  EXPECT_EQ(config->pipelines.retry.cap, 60s);
  EXPECT_EQ(config->pipelines.retry.max_attempts, 3);
  EXPECT_EQ(config->telemetry.log.level, "debug");
}

TEST(Config, BoundsOfTheLogThatContradictEachOtherAreRefused) {
  EXPECT_THAT(refusal("log: {retention: {activity: {size: 2GiB, hard_size: 1GiB}}}"),
              HasSubstr("log.retention.activity.hard_size: is below log.retention.activity.size"));
  EXPECT_THAT(refusal("log: {compaction: {min_lag: 2m, max_lag: 2m}}"),
              HasSubstr("log.compaction.max_lag: is below log.compaction.min_lag + 30s"));
}

TEST(Config, WrongValuesNamePathValueAndWhatIsAllowed) {
  EXPECT_EQ(refusal("http: {max_body: 12 bananas}"),
            "http.max_body: \"12 bananas\" is not a size; write 4096, 512KiB or 1MiB");
  EXPECT_EQ(refusal("http: {idle_timeout: 75}"),
            "http.idle_timeout: \"75\" is not a duration; write 250ms, 75s or 1h30m");
  EXPECT_EQ(refusal("http: {workers: two}"),
            "http.workers: \"two\" is not a whole number from 0 to 1024");
  EXPECT_EQ(refusal("auth: {mode: none}"), "auth.mode: \"none\" is not one of dev or jwt");
  EXPECT_EQ(refusal("auth: {allow_dev_on_network: yes}"),
            "auth.allow_dev_on_network: \"yes\" is not true or false");
  EXPECT_EQ(refusal("http: {workers: null}"),
            "http.workers: null is not a whole number from 0 to 1024");
  EXPECT_EQ(refusal("data_dir: [a]"), "data_dir: a list is not a text of one line, not empty");
  EXPECT_EQ(refusal("http: 5"), "http: a group of keys, not a value");
  EXPECT_EQ(refusal("- a"), "the file is not a mapping of keys");
}

TEST(Config, NumbersOutOfRangeAreRefused) {
  EXPECT_EQ(refusal("embedder: {dimension: 15}"), "embedder.dimension: 15 is below the least, 16");
  EXPECT_EQ(refusal("embedder: {dimension: 4097}"),
            "embedder.dimension: 4097 is above the most, 4096");
  EXPECT_EQ(refusal("log: {partitions: 0}"), "log.partitions: 0 is below the least, 1");
  EXPECT_EQ(refusal("log: {partitions: 1025}"), "log.partitions: 1025 is above the most, 1024");
  EXPECT_EQ(refusal("http: {max_body: 12}"), "http.max_body: 12 is below the least, 1KiB");
  EXPECT_EQ(refusal("http: {answer_timeout: 25s}"),
            "http.answer_timeout: 25s is below the least, 26s");
  EXPECT_EQ(refusal("http: {max_wait: 1m}"),
            "http.answer_timeout: is below http.max_wait + 1s; raise it");
  EXPECT_EQ(refusal("http: {max_wait: 59s}"), "accepted");
  EXPECT_EQ(refusal("auth: {jwt: {leeway: 61s}}"), "auth.jwt.leeway: 1m1s is above the most, 1m");
  EXPECT_EQ(refusal("auth: {jwt: {leeway: 60s}}"), "accepted");
  EXPECT_THAT(refusal("http: {workers: 99999999999999999999}"), HasSubstr("is not a whole number"));
  EXPECT_THAT(refusal("telemetry: {otlp: {sample: 1.5}}"), HasSubstr("from 0 to 1"));
  EXPECT_THAT(refusal("telemetry: {otlp: {sample: nan}}"), Not(HasSubstr("accepted")));
}

TEST(Config, AllErrorsComeInOneMessage) {
  EXPECT_EQ(
      refusal("http: {max_body: x, workers: -1}\nlisten: {users: nowhere}\nnope: 1\n"),
      "http.max_body: \"x\" is not a size; write 4096, 512KiB or 1MiB\n"
      "listen.users: \"nowhere\" is not an address; write host:port, as 127.0.0.1:8080, "
      "[::1]:8080 or 0.0.0.0:8080\n"
      "nope: unknown key; allowed here: data_dir, roles, listen, http, auth, log, store, "
      "vectors, limiter, cache, embedder, extractor, pipelines, tasks, tenants, console, canary, "
      "rate_limits, "
      "kafka, postgres, qdrant, redis, openai, telemetry\n"
      "http.workers: -1 is below the least, 0");
}

TEST(Config, UnknownKeysComeWithASuggestion) {
  EXPECT_EQ(refusal("htpp: {}"), "htpp: unknown key; did you mean http?");
  EXPECT_EQ(refusal("http: {maxbody: 1}"),
            "http.maxbody: unknown key; did you mean http.max_body?");
  EXPECT_EQ(refusal("max_body: 1MiB"), "max_body: unknown key; did you mean http.max_body?");
  EXPECT_EQ(refusal("Roles: [users]"), "Roles: unknown key; did you mean roles?");
  EXPECT_EQ(refusal("store: {motor: x}"), "store.motor: unknown key; allowed here: engine");
  EXPECT_EQ(refusal("secrets: {jwks: x}").substr(0, 20), "secrets: unknown key");
}

TEST(Config, AFloodOfErrorsIsCut) {
  std::string yaml;
  for (int i = 0; i < 200; ++i) yaml += "unknown" + std::to_string(i) + ": 1\n";
  EXPECT_THAT(refusal(yaml), testing::EndsWith("\nand 150 more"));
}

TEST(Config, LongValuesAreCutInMessages) {
  EXPECT_LT(refusal("http: {workers: " + std::string(5000, 'x') + "}").size(), 300u);
}

TEST(Config, BrokenYamlNamesTheLine) {
  EXPECT_THAT(refusal("http:\n  max_body: [1\n"), HasSubstr("line "));
  EXPECT_THAT(refusal("http: {}\nhttp: {}\n"), HasSubstr("the key http appears twice"));
}

TEST(Config, VariablesExpandInScalars) {
  const auto config = load(
      "listen: {users: \"127.0.0.1:${PORT}\", admin: '127.0.0.1:${ADMIN:-0}'}\n"
      "http: {workers: '${WORKERS:-3}'}\n"
      "data_dir: a$$b\n"
      "vectors:\n  hnsw_threshold: ${EMPTY}\n"
      "auth:\n  anonymous_tenant: ${EMPTY}\n");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->listen.users, "127.0.0.1:8123");
  EXPECT_EQ(config->listen.admin, "127.0.0.1:0");
  EXPECT_EQ(config->http.workers, 3);
  EXPECT_EQ(config->data_dir, "a$b");
  EXPECT_EQ(config->vectors.hnsw_threshold, std::nullopt);
  EXPECT_EQ(config->auth.anonymous_tenant, std::nullopt);
}

TEST(Config, AnUnsetVariableNamesPathAndVariable) {
  EXPECT_EQ(refusal("data_dir: ${MESH_NO_SUCH}"),
            "data_dir: the variable MESH_NO_SUCH is not set; set it or write "
            "${MESH_NO_SUCH:-default}");
}

TEST(Config, WhatAVariableHoldsNeverBecomesStructure) {
  EXPECT_THAT(refusal("data_dir: ${EVIL}"), HasSubstr("data_dir: "));
  const auto config = load("auth:\n  anonymous_tenant: ${NULLISH}\n");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->auth.anonymous_tenant, "null");
}

TEST(Config, AddressesAreChecked) {
  for (const std::string good : {"127.0.0.1:0", "127.9.9.9:65535", "[::1]:80", "localhost:1"}) {
    EXPECT_EQ(refusal("listen: {users: '" + good + "'}"), "accepted") << good;
  }
  for (const std::string bad : {"", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80",
                                "[::1]", "[::1:80", "[]:80", "[127.0.0.1]:80", "1.2.3:80", "a b:80",
                                "127.0.0.1:-1", "127.0.0.1:+1", "256.0.0.1:80", "h:000080"}) {
    EXPECT_THAT(refusal("listen: {users: '" + bad + "'}"), HasSubstr("is not an address")) << bad;
  }
}

TEST(Config, RolesAreAKnownNonEmptySet) {
  EXPECT_THAT(refusal("roles: []"), HasSubstr("roles: the list is empty"));
  EXPECT_EQ(refusal("roles: [users, users]"), "roles: \"users\" appears twice");
  EXPECT_THAT(refusal("roles: [user]"), HasSubstr("roles: \"user\" is not one of users, gateway"));
  EXPECT_THAT(refusal("roles: users"), HasSubstr("is not a list"));
}

TEST(Config, AVariableGivesAListWithCommas) {
  const auto with = [](const char* value) {
    return load_text(
        "roles: ${LIST}\nhttp: {allowed_hosts: \"${HOSTS:-}\"}",
        [=](const char* name) { return std::string(name) == "LIST" ? value : nullptr; });
  };
  const auto config = with("admin, users");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_THAT(config->roles, ElementsAre("admin", "users"));
  EXPECT_THAT(config->http.allowed_hosts, IsEmpty());
  EXPECT_THAT(with("admin")->roles, ElementsAre("admin"));
  EXPECT_THAT(with("").error().message, HasSubstr("roles: the list is empty"));
  EXPECT_THAT(with("admin,").error().message, HasSubstr("roles: \"\" is not one of"));
  EXPECT_THAT(with("admin,admin").error().message, HasSubstr("\"admin\" appears twice"));
}

TEST(Config, AWrittenRateLimitReplacesThePolicy) {
  const auto config = load(
      "rate_limits:\n"
      "  search: {rate: 30, per: 1m}\n"
      "  users: null\n"
      "  admin: {rate: 5, per: 1s, burst: 0}\n");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->rate_limits.at("search"), (RatePolicy{30, 1min, 29}));
  EXPECT_EQ(config->rate_limits.at("publish"), Config{}.rate_limits.at("publish"));
  EXPECT_FALSE(config->rate_limits.contains("users"));
  EXPECT_EQ(config->rate_limits.at("admin"), (RatePolicy{5, 1s, 0}));
}

TEST(Config, WrongRateLimitsAreRefused) {
  EXPECT_EQ(refusal("rate_limits: {serach: {rate: 1}}"),
            "rate_limits.serach: unknown key; did you mean rate_limits.search?");
  EXPECT_EQ(refusal("rate_limits: {search: {rate: 1, brust: 2}}"),
            "rate_limits.search.brust: unknown key; did you mean rate_limits.search.burst?");
  EXPECT_THAT(refusal("rate_limits: {search: {per: 1s}}"),
              HasSubstr("rate_limits.search: has no rate"));
  EXPECT_THAT(refusal("rate_limits: {search: 5}"), HasSubstr("is not a rate; write"));
  EXPECT_THAT(refusal("rate_limits: {search: {rate: 0}}"),
              HasSubstr("rate_limits.search.rate: 0 is below the least, 1"));
  EXPECT_THAT(refusal("rate_limits: {search: {rate: x}}"),
              HasSubstr("rate_limits.search.rate: \"x\" is not a whole number"));
  EXPECT_THAT(refusal("rate_limits: {search: {rate: 1, burst: -1}}"),
              HasSubstr(".burst: -1 is below"));
  EXPECT_THAT(refusal("rate_limits: {search: {rate: 2000000}}"), HasSubstr("a million per second"));
}

TEST(Config, APortIsDigits) {
  for (const char* port : {"-0", "+1", "-1", "000000", "65536", ""}) {
    EXPECT_THAT(refusal(std::string("listen: {users: '127.0.0.1:") + port + "'}"),
                HasSubstr("is not an address"))
        << port;
  }
}

TEST(Config, DevModeStaysOnLoopback) {
  EXPECT_THAT(refusal("listen: {users: '0.0.0.0:8081'}"),
              HasSubstr("listen.users: \"0.0.0.0:8081\" is not on loopback"));
  EXPECT_THAT(refusal("listen: {admin: '[::]:9090'}"), HasSubstr("listen.admin"));
  EXPECT_EQ(refusal("listen: {users: '0.0.0.0:8081'}\nauth: {allow_dev_on_network: true}"),
            "accepted");
  // A listener that this process does not open is no danger.
  EXPECT_EQ(refusal("listen: {users: '0.0.0.0:8081'}\nroles: [admin]"), "accepted");
}

TEST(Config, JwtModeNeedsIssuerAudienceAndKeys) {
  EXPECT_EQ(refusal("auth: {mode: jwt}"),
            "auth.jwt.issuer: auth.mode jwt needs it\n"
            "auth.jwt.audience: auth.mode jwt needs it\n"
            "auth.jwt: auth.mode jwt needs jwks_file, jwks_url or hs256_secret_file, or several");
  const auto with_url = [](const std::string& url) {
    return refusal("auth: {mode: jwt, jwt: {issuer: i, audience: a, jwks_url: '" + url + "'}}");
  };
  EXPECT_EQ(with_url("https://x/y"), "accepted");
  EXPECT_EQ(with_url("http://127.0.0.1:8080/keys"), "accepted");
  EXPECT_THAT(with_url("file:///etc/passwd"), HasSubstr("auth.jwt.jwks_url: "));
}

TEST(Config, ATenantClaimIsANameOrAJsonPointer) {
  for (const char* good : {"tenant_id", "https://x/t~", "/realm/tenant", "/a~0b/c~1d", "/"}) {
    EXPECT_EQ(refusal("auth: {jwt: {tenant_claim: '" + std::string(good) + "'}}"), "accepted")
        << good;
  }
  for (const char* bad : {"/a~", "/a~2", "/~/b"}) {
    EXPECT_THAT(refusal("auth: {jwt: {tenant_claim: '" + std::string(bad) + "'}}"),
                HasSubstr("auth.jwt.tenant_claim: \"" + std::string(bad) +
                          "\" begins with / but is no JSON pointer"));
  }
}

TEST(Config, JwtModeHasNoAnonymousTenant) {
  test::TempDir dir;
  write(dir.path() + "/secret", "\xef\xbb\xbf" + std::string(32, 's') + "\r\n");
  const std::string jwt =
      "jwt: {issuer: i, audience: a, hs256_secret_file: " + dir.path() + "/secret}";
  const auto config = load("auth: {mode: jwt, " + jwt + "}\nlisten: {users: '0.0.0.0:80'}");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->auth.anonymous_tenant, std::nullopt);
  EXPECT_EQ(config->secrets.hs256_secret.reveal(), std::string(32, 's'));
  EXPECT_THAT(refusal("auth: {mode: jwt, anonymous_tenant: acme, " + jwt + "}"),
              HasSubstr("auth.anonymous_tenant: \"acme\" is for auth.mode dev only"));
  EXPECT_THAT(refusal("auth: {anonymous_tenant: Not_One}"), HasSubstr("is not a tenant id"));
}

TEST(Config, AnEngineHasWhatItNeeds) {
  EXPECT_EQ(refusal("log: {engine: pulsar}"),
            "log.engine: \"pulsar\" is not one of sqlite or kafka");
  EXPECT_EQ(refusal("log: {engine: kafka}"), "accepted");
  EXPECT_EQ(refusal("vectors: {engine: qdrant}"), "accepted");
  EXPECT_THAT(refusal("store: {engine: postgres}"),
              HasSubstr("postgres.dsn_file: store.engine: postgres needs it, or dsn"));
  EXPECT_EQ(refusal("store: {engine: postgres}\npostgres: {dsn: 'host=db'}"), "accepted");
  test::TempDir dir;
  write(dir.path() + "/dsn", "host=db\n", 0600);
  EXPECT_EQ(refusal("store: {engine: postgres}\npostgres: {dsn: 'host=db', dsn_file: " +
                    dir.path() + "/dsn}"),
            "postgres.dsn: postgres.dsn_file is set, too; take one of them out");
  EXPECT_EQ(refusal("embedder: {engine: openai}"),
            "openai.base_url: an engine openai needs it\nopenai.model: an engine openai needs it");
  EXPECT_EQ(
      refusal("embedder: {engine: static}"),
      "embedder.path: embedder.engine: static needs it: the folder of a model, as `mesh model "
      "build` makes one");
  EXPECT_EQ(refusal("embedder: {engine: static, path: /m, letters: 0}"), "accepted");
  EXPECT_EQ(
      refusal("embedder: {path: /m}"),
      "embedder.path: does nothing without embedder.engine: static; set that or leave it out");
  EXPECT_EQ(refusal("embedder: {letters: 64}"),
            "embedder.letters: does nothing without embedder.engine: static or openai; set that or "
            "leave it out");
  EXPECT_EQ(refusal("embedder: {engine: static, path: /m, letters: 15}"),
            "embedder.letters: 15 is below the least, 16; 0 is for none");
  EXPECT_EQ(refusal("extractor: {engine: openai, model: m}\nopenai: {base_url: 'http://m/v1'}"),
            "accepted");
  EXPECT_THAT(refusal("extractor: {rate: 5, price: {output: 1.5}}"),
              AllOf(HasSubstr("extractor.rate: does nothing"),
                    HasSubstr("extractor.price.output: does nothing")));
  EXPECT_EQ(refusal("extractor: {model: m}"),
            "extractor.model: does nothing without extractor.engine: openai; set that or leave it "
            "out");
}

TEST(Config, KafkaIsToldWhoComes) {
  test::TempDir dir;
  write(dir.path() + "/password", "secret\n", 0600);
  const auto with = [&](const std::string& keys) {
    return refusal("log: {engine: kafka}\nkafka: {" + keys + "}");
  };
  const std::string who =
      "sasl: scram-sha-512, username: mesh, password_file: " + dir.path() + "/password";
  EXPECT_EQ(with("security: sasl_ssl, " + who), "accepted");
  EXPECT_EQ(with("prefix: mesh-1._"), "accepted");
  for (const char* prefix : {"mesh/", "__mesh", "mäsh"}) {
    EXPECT_THAT(with("prefix: " + std::string(prefix)),
                HasSubstr(" cannot begin a topic's name; write up to 100 letters"));
  }
  EXPECT_EQ(with("security: sasl_ssl"),
            "kafka.sasl: kafka.security: sasl_ssl needs it\n"
            "kafka.username: kafka.security: sasl_ssl needs it\n"
            "kafka.password_file: kafka.security: sasl_ssl needs it");
  EXPECT_THAT(with(who), HasSubstr("kafka.sasl: does nothing with kafka.security: plaintext; set "
                                   "sasl_ssl or sasl_plaintext or leave it out"));
  const std::string ca = dir.path() + "/ca.pem";
  EXPECT_THAT(with("ca_file: " + ca), HasSubstr("cannot be read"));
  write(ca, "nonsense\n");
  EXPECT_THAT(with("ca_file: " + ca), HasSubstr("holds no PEM certificate"));
  write(ca, "-----BEGIN CERTIFICATE-----\n");
  EXPECT_THAT(with("ca_file: " + ca), HasSubstr("kafka.ca_file: does nothing with"));
  EXPECT_EQ(with("security: ssl, cert_file: /c.pem"),
            "kafka.key_file: a client certificate is both cert_file and key_file; add it");
  EXPECT_THAT(with("sasl: gssapi"), HasSubstr("is not one of"));
}

// Each would have begun with an empty store of its own, and served what the others do not see.
TEST(Config, ProcessesThatDivideTheRolesShareEverything) {
  test::TempDir dir;
  write(dir.path() + "/token", std::string(64, 't') + "\n", 0600);
  const std::string token = "auth: {operator_token_file: " + dir.path() + "/token}\n";
  const std::string some = "roles: [users, publisher]\n", log = "log: {engine: kafka}\n",
                    store = "store: {engine: postgres}\npostgres: {dsn: 'host=db'}\n",
                    index = "vectors: {engine: qdrant}\n";
  EXPECT_EQ(refusal(some + token + log + store + index), "accepted");
  EXPECT_EQ(refusal(some), "accepted") << "the folder's lock refuses the other one";
  EXPECT_EQ(refusal(log + store), "accepted") << "one process may mix";
  EXPECT_THAT(refusal(some + token + log), HasSubstr("store.engine: is this process's own"));
  EXPECT_THAT(refusal(some + token + store + index),
              HasSubstr("log.engine: is this process's own"));
  EXPECT_THAT(refusal(some + token + log + store), HasSubstr("vectors.engine: is this process's"));
  EXPECT_THAT(refusal(some + log + store + index),
              testing::StartsWith("auth.operator_token_file: processes that share the roles"));
}

TEST(Config, RedisHasAnAddressAndOnePassword) {
  const auto with = [](const std::string& keys) {
    return refusal("limiter: {engine: redis}\nredis: {" + keys + "}");
  };
  EXPECT_EQ(refusal("limiter: {engine: redis}"), "accepted");
  EXPECT_EQ(with("url: 'redis://mesh:s%40@[::1]:6380/2', prefix: 'prod:'"), "accepted");
  EXPECT_EQ(with("url: 'rediss://h:6379'"), "accepted");
  EXPECT_THAT(with("url: 'redis://h:port'"), HasSubstr("redis.url: has no valid host and port"));
  EXPECT_THAT(with("url: 'redis://mesh@h'"), HasSubstr("redis.url: names a user without"));
  test::TempDir dir;
  write(dir.path() + "/password", "secret\n");
  const std::string file = ", password_file: " + dir.path() + "/password";
  EXPECT_EQ(with("url: 'redis://mesh@h'" + file), "accepted");
  EXPECT_THAT(with("url: 'redis://:secret@h'" + file),
              HasSubstr("redis.password_file: redis.url has a password, too"));
}

TEST(Config, BoundsMustFitEachOther) {
  EXPECT_THAT(refusal("http: {max_bulk_body: 4KiB}"),
              HasSubstr("http.max_bulk_body: is below http.max_body"));
  EXPECT_THAT(refusal("http: {max_buffered: 1MiB}"), HasSubstr("http.max_buffered: is below"));
  EXPECT_THAT(refusal("http: {max_buffered: 127MiB}"),
              HasSubstr("http.max_buffered: is below twice http.max_bulk_body"));
  EXPECT_THAT(refusal("pipelines: {retry: {base: 10m}}"),
              HasSubstr("pipelines.retry.cap: is below"));
}

TEST(Config, HostsAndOriginsAreCheckedWhenRead) {
  const auto config = load(
      "http: {allowed_hosts: [mesh.example.com, '*'], cors: {origins: "
      "['https://app.example.com', 'http://localhost:5173']}}");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->http.cors.origins.size(), 2u);
  for (const char* origin :
       {"'*'", "app.example.com", "'https://app.example.com/'", "'https://app.example.com:443'",
        "'https://App.example.com'", "'ftp://app.example.com'", "'https://a b'", "'null'"}) {
    EXPECT_THAT(refusal("http: {cors: {origins: [" + std::string(origin) + "]}}"),
                HasSubstr("http.cors.origins: "))
        << origin;
  }
  for (const char* host : {"'mesh.example.com:80'", "'http://mesh'", "'[::1]'", "''"}) {
    EXPECT_THAT(refusal("http: {allowed_hosts: [" + std::string(host) + "]}"),
                HasSubstr("http.allowed_hosts: "))
        << host;
  }
}

TEST(Config, ValidateChecksWhatCodeHasChanged) {
  Config config;
  EXPECT_TRUE(validate(config).has_value());
  config.embedder.dimension = 1;
  config.rate_limits["bogus"] = {1, 1s, 0};
  const auto status = validate(config);
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().message, HasSubstr("embedder.dimension: 1 is below"));
  EXPECT_THAT(status.error().message, HasSubstr("rate_limits.bogus: unknown key"));
}

TEST(Config, SecretsAreReadFromFilesWithoutTheirLineEnd) {
  test::TempDir dir;
  write(dir.path() + "/token", "0123456789abcdef0123456789abcdef \n");
  write(dir.path() + "/jwks", "{\"keys\":[]}\n", 0644);
  const auto config = load("auth: {operator_token_file: " + dir.path() +
                           "/token, jwt: {jwks_file: " + dir.path() + "/jwks}}");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->secrets.operator_token.reveal(), "0123456789abcdef0123456789abcdef ");
  EXPECT_EQ(config->secrets.jwks, "{\"keys\":[]}");
}

TEST(Config, ErasureByKeysNeedsTheMasterKeyInItsOneForm) {
  test::TempDir dir;
  const auto with = [&](const std::string& text) {
    write(dir.path() + "/master", text);
    return "tenants: {erasure: crypto, master_key_file: " + dir.path() + "/master}";
  };
  const std::string digits(64, 'a');
  EXPECT_EQ(refusal("tenants: {erasure: crypto}"),
            "tenants.master_key_file: tenants.erasure crypto needs it; `openssl rand -hex 32` "
            "makes what it holds");
  EXPECT_EQ(load(with(digits + "\n"))->secrets.master_key.reveal(), digits);
  for (const auto& other : {std::string(32, '\x01'), digits + "a", digits.substr(1) + "g",
                            std::string("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=")}) {
    const auto told = refusal(with(other));
    EXPECT_THAT(told, HasSubstr("/master\" holds something else than 64 hexadecimal digits"));
    EXPECT_THAT(told, Not(HasSubstr(other)));
  }
  // What was encrypted before is still to be read.
  (void)with(digits);
  EXPECT_TRUE(load("tenants: {master_key_file: " + dir.path() + "/master}"));
  // Its exchange.
  write(dir.path() + "/old", digits + "\n");
  const auto old = ", old_master_key_file: " + dir.path() + "/old}";
  EXPECT_THAT(refusal("tenants: {registration: open" + old),
              HasSubstr("tenants.master_key_file, which is not set"));
  EXPECT_THAT(refusal("tenants: {master_key_file: " + dir.path() + "/master" + old),
              HasSubstr("tenants.old_master_key_file: holds the same key as"));
  write(dir.path() + "/old", "short\n");
  EXPECT_THAT(refusal("tenants: {master_key_file: " + dir.path() + "/master" + old),
              HasSubstr("/old\" holds something else than 64 hexadecimal digits"));
  write(dir.path() + "/old", std::string(64, 'b') + "\n");
  EXPECT_TRUE(load("tenants: {master_key_file: " + dir.path() + "/master" + old));
  EXPECT_THAT(refusal("tenants: {erasure: shred}"), HasSubstr("tenants.erasure: "));
}

TEST(Config, SecretFilesThatCannotBeReadAreNamed) {
  test::TempDir dir;
  write(dir.path() + "/empty", "\n");
  write(dir.path() + "/short", "short\n");
  const auto with = [&](const std::string& file) {
    return refusal("auth: {operator_token_file: " + dir.path() + "/" + file + "}");
  };
  EXPECT_THAT(with("none"), HasSubstr("/none\" cannot be read: No such file"));
  EXPECT_THAT(with("none"), testing::StartsWith("auth.operator_token_file: "));
  EXPECT_THAT(with("empty"), HasSubstr("is empty"));
  EXPECT_THAT(with(""), HasSubstr("not a plain file"));
  EXPECT_THAT(with("short"), HasSubstr("/short\" holds less than 32 bytes"));
  EXPECT_THAT(with("short"), Not(HasSubstr("short\n")));
}

TEST(Config, APromptHasOnePlaceForTheExperiment) {
  test::TempDir dir;
  const auto with = [&](const std::string& prompt) {
    write(dir.path() + "/prompt", prompt, 0644);
    return refusal("extractor: {engine: openai, prompt_file: " + dir.path() +
                   "/prompt}\nopenai: {base_url: 'http://m/v1', model: m}");
  };
  EXPECT_EQ(with("Look:\n{experiment}\nTell."), "accepted");
  EXPECT_THAT(with("Tell."), HasSubstr("/prompt\" must have {experiment} once"));
  EXPECT_THAT(with("{experiment}{experiment}"), HasSubstr("must have {experiment} once"));
  EXPECT_THAT(with("{experiment}\xff"), HasSubstr("is not UTF-8"));
  EXPECT_THAT(with("{experiment}" + std::string(32 << 10, 'x')), HasSubstr("longer than 32 KiB"));
}

TEST(Config, APriceIsANumberThatIsNotBelowNothing) {
  const std::string rest = "\nopenai: {base_url: 'http://m/v1', model: m}";
  const auto config = load("extractor: {engine: openai, price: {input: 0.15, output: 2}}" + rest);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->extractor.price.input, 0.15);
  EXPECT_EQ(config->extractor.price.output, 2);
  EXPECT_THAT(refusal("extractor: {engine: openai, price: {input: -1}}" + rest),
              HasSubstr("extractor.price.input"));
}

// They were accepted, and nobody heard that no trace was sent.
TEST(Config, KeysThatDoNothingAreRefused) {
  EXPECT_EQ(
      refusal("telemetry: {otlp: {sample: 0.5}}"),
      "telemetry.otlp.sample: does nothing without telemetry.otlp.endpoint; set that or leave "
      "it out");
  EXPECT_TRUE(load("telemetry: {otlp: {endpoint: 'http://127.0.0.1:4318', sample: 0.5}}"));
  EXPECT_EQ(refusal("kafka: {replication: 3}"),
            "kafka.replication: does nothing without log.engine: kafka; set that or leave it out");
  EXPECT_THAT(refusal("postgres: {dsn: 'host=db'}"), HasSubstr("postgres.dsn: does nothing"));
  EXPECT_THAT(refusal("qdrant: {prefix: x}"), HasSubstr("qdrant.prefix: does nothing without"));
  EXPECT_EQ(refusal("redis: {url: 'redis://h:6379/0'}"),
            "redis.url: does nothing without limiter.engine or cache.engine: redis; set that or "
            "leave it out");
  EXPECT_EQ(refusal("cache: {ttl: 5s}"),
            "cache.ttl: does nothing without cache.engine: redis; set that or leave it out");
  EXPECT_EQ(
      refusal("cache: {engine: redis}"),
      "cache.engine: does nothing without store.engine: postgres or cache.searches: true; set "
      "that or leave it out");
  EXPECT_THAT(refusal("cache: {searches: true}"), HasSubstr("cache.searches: does nothing"));
  EXPECT_TRUE(load("cache: {engine: redis, searches: true}"));
  EXPECT_THAT(refusal("openai: {model: m}"), HasSubstr("openai.model: does nothing"));
  const std::string kafka = refusal(
      "log: {engine: kafka, retention: {activity: {hard_size: 100GiB}}, compaction: "
      "{min_lag: 2m}}");
  EXPECT_THAT(kafka,
              HasSubstr("log.retention.activity.hard_size: does nothing without log.engine"));
  EXPECT_THAT(kafka, HasSubstr("log.compaction.min_lag: does nothing without log.engine: sqlite"));
  EXPECT_THAT(refusal("vectors: {engine: qdrant, hnsw_threshold: 5000}"),
              HasSubstr("vectors.hnsw_threshold: does nothing without vectors.engine: embedded"));
  EXPECT_TRUE(load("telemetry: {otlp: {endpoint: null, sample: 1.0}}").has_value());
}

TEST(Config, HeadersOfTheCollectorAreLinesOfAFile) {
  test::TempDir dir;
  const auto with = [&](const std::string& text) {
    write(dir.path() + "/headers", text);
    return refusal("telemetry: {otlp: {endpoint: 'http://h:4318', headers_file: " + dir.path() +
                   "/headers}}");
  };
  EXPECT_THAT(with("Authorization: Bearer s3cret\nno field\n"),
              AllOf(HasSubstr("telemetry.otlp.headers_file: "),
                    HasSubstr("line 2 is not `Name: value`"), Not(HasSubstr("s3cret"))));
  EXPECT_THAT(with("a b: c\n"), HasSubstr("line 1 is not"));
  write(dir.path() + "/headers", "Authorization: Bearer s3cret\r\n\n X-Scope-OrgID : 1\n", 0600);
  const auto good = load(
      "telemetry: {otlp: {endpoint: 'http://h:4318', headers_file: " + dir.path() + "/headers}}");
  ASSERT_TRUE(good.has_value());
  using Fields = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(*header_lines(good->secrets.otlp_headers.reveal()),
            (Fields{{"Authorization", "Bearer s3cret"}, {"X-Scope-OrgID", "1"}}));
}

TEST(Config, ASecretThatEverybodyMayReadIsAWarning) {
  test::TempDir dir;
  write(dir.path() + "/key", std::string(32, 'k') + "\n", 0644);
  testing::internal::CaptureStderr();
  EXPECT_TRUE(load("auth: {operator_token_file: " + dir.path() + "/key}").has_value());
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("readable by everybody"));
  std::filesystem::permissions(dir.path() + "/key", std::filesystem::perms::owner_read);
  testing::internal::CaptureStderr();
  EXPECT_TRUE(load("auth: {operator_token_file: " + dir.path() + "/key}").has_value());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Config, APrintedConfigurationLoadsAndPrintsTheSame) {
  const std::string odd =
      "data_dir: 'a \"b\" $$c # d'\n"
      "rate_limits: {users: null, search: {rate: 7, per: 1500ms, burst: 3}}\n"
      "http: {max_body: 1000000, drain_timeout: 0s, idle_timeout: 90m}\n"
      "auth: {anonymous_tenant: null}\n"
      "telemetry: {log: {format: json}, metrics: {tenants: 7}}\n";
  for (const std::string& yaml : {std::string(), odd}) {
    const auto config = load(yaml);
    ASSERT_TRUE(config.has_value()) << config.error().message;
    const auto printed = print(*config);
    const auto again = load(printed);
    ASSERT_TRUE(again.has_value()) << printed << again.error().message;
    EXPECT_EQ(print(*again), printed);
  }
  EXPECT_EQ(load(print(*load(odd)))->data_dir, "a \"b\" $c # d");
}

TEST(Config, SecretsAreMasked) {
  Config config;
  config.postgres.dsn = Secret("hunter2");
  config.secrets.operator_token = Secret("hunter3");
  EXPECT_THAT(print(config), HasSubstr("dsn: \"***\""));
  EXPECT_THAT(print(config), Not(HasSubstr("hunter")));
}

TEST(Config, TheShippedFileHoldsEveryKeyWithItsDefault) {
  const auto shipped = read(MESH_SOURCE_DIR "/manifests/meshd.yaml");
  const auto config = load(shipped);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(print(*config), print(Config{}));
  EXPECT_EQ(shipped, example()) << "manifests/meshd.yaml is the output of config::example()";
}

TEST(Config, TheSchemaDescribesEveryKey) {
  const auto parsed = parse_json(schema());
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ((*parsed)["$schema"], "https://json-schema.org/draft/2020-12/schema");
  const Json& http = (*parsed)["properties"]["http"];
  EXPECT_EQ(http["additionalProperties"], false);
  EXPECT_EQ(http["properties"]["max_body"]["default"], "1MiB");
  for (const auto& key : keys()) {
    std::string pointer = "/properties/" + key.path;
    for (auto dot = pointer.find('.'); dot != std::string::npos; dot = pointer.find('.')) {
      pointer.replace(dot, 1, "/properties/");
    }
    const Json::json_pointer at(pointer);
    ASSERT_TRUE(parsed->contains(at)) << pointer;
    EXPECT_TRUE((*parsed)[at].contains("default")) << pointer;
    EXPECT_FALSE((*parsed)[at]["description"].get<std::string>().empty()) << pointer;
  }
}

TEST(Config, EveryGroupAndKeyIsDocumentedOnce) {
  std::set<std::string> paths, group_paths;
  for (const auto& key : keys()) {
    EXPECT_TRUE(paths.insert(key.path).second) << key.path;
    for (auto dot = key.path.find('.'); dot != std::string::npos;
         dot = key.path.find('.', dot + 1)) {
      group_paths.insert(key.path.substr(0, dot));
    }
  }
  std::set<std::string> documented;
  for (const auto& group : groups()) documented.emplace(group.path);
  EXPECT_EQ(documented, group_paths);
}

TEST(Config, AFileIsLoadedAndNamedInItsErrors) {
  test::TempDir dir;
  const std::string path = dir.path() + "/meshd.yaml";
  write(path, "http: {workers: 7}\n");
  EXPECT_EQ(load_file(path)->http.workers, 7);
  write(path, "http: {workers: x}\n");
  EXPECT_THAT(load_file(path).error().message, testing::StartsWith(path + ":\nhttp.workers: "));
  EXPECT_THAT(load_file(dir.path() + "/none").error().message, HasSubstr("/none: cannot be read"));
  EXPECT_THAT(load_file(dir.path()).error().message, HasSubstr("a folder"));
  EXPECT_TRUE(load_file(std::nullopt).has_value());
}

TEST(Config, TheFlagComesBeforeTheVariable) {
  setenv("MESH_CONFIG", "/from/variable.yaml", 1);
  EXPECT_EQ(find_config_file("/from/flag.yaml"), "/from/flag.yaml");
  EXPECT_EQ(find_config_file(std::nullopt), "/from/variable.yaml");
  unsetenv("MESH_CONFIG");
}

TEST(Config, ItsJsonIsWhatIsPrinted) {
  Config config;
  config.http.max_body = 512 << 10;
  config.postgres.dsn = Secret("host=db password=hunter2");
  const auto printed = yaml::to_json(print(config));
  ASSERT_TRUE(printed) << printed.error().message;
  EXPECT_EQ(to_json(config), *printed);
  EXPECT_EQ(to_json(config)["http"]["max_body"], "512KiB");
}

TEST(Config, KeysThatDifferAreNamed) {
  const Config a;
  Config b;
  EXPECT_THAT(changed_keys(a, b), testing::IsEmpty());
  b.http.max_body = 1;
  b.rate_limits.clear();
  EXPECT_THAT(changed_keys(a, b), testing::ElementsAre("http.max_body", "rate_limits.search",
                                                       "rate_limits.publish", "rate_limits.users"));
}

// What is printed hides it.
TEST(Config, AKeyOfWhichOnlyThePasswordDiffersIsNamed) {
  Config a, b;
  a.auth.jwt.jwks_url = "https://mesh:old@id.example/keys";
  b.auth.jwt.jwks_url = "https://mesh:new@id.example/keys";
  a.postgres.dsn = Secret("host=db password=old");
  b.postgres.dsn = Secret("host=db password=new");
  EXPECT_THAT(changed_keys(a, b), testing::ElementsAre("auth.jwt.jwks_url", "postgres.dsn"));
}

}  // namespace
}  // namespace mesh::config
