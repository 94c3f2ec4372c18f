// No secret of the configuration is in anything that leaves the process. The keys are those of
// --print-config-schema, so that a new one is looked for without a new test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "common/base/strings.h"
#include "tests/e2e/daemon.h"
#include "tests/support/certificates.h"
#include "tests/support/receipt_keys.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

constexpr const char* kMeshdProgram = MESH_BIN_DIR "/meshd";

// Files that hold nothing secret.
bool is_open(std::string_view key) {
  return key.ends_with("ca_file") || key.ends_with("cert_file") || key.ends_with("jwks_file") ||
         key.ends_with("prompt_file");
}

constexpr std::string_view kMasterKey = "tenants.master_key_file";
constexpr std::string_view kOldMasterKey = "tenants.old_master_key_file";
constexpr std::string_view kReceiptKeyFile = "tenants.receipt_key_file";

// Of TLS. Those of the mesh's own are of kinds of their own.
bool is_private_key(std::string_view key) {
  return key.ends_with("key_file") && !key.ends_with("api_key_file") && key != kMasterKey &&
         key != kOldMasterKey && key != kReceiptKeyFile;
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class SecretsTest : public ::testing::Test {
 protected:
  enum class Sort { file, text, url };
  struct Key {
    Sort sort = Sort::file;
    std::string scheme;  // of a URL
  };

  SecretsTest() {
    std::filesystem::create_directory(dir_.file("secrets"));
    find_keys(Json::parse(run({kMeshdProgram, "--print-config-schema"}).out), "");
    ca_.write(dir_.file("ca"));
    ca_.server().write(dir_.file("server"));
  }

  void find_keys(const Json& group, const std::string& path) {
    for (const auto& [name, schema] : group.at("properties").items()) {
      const std::string key = path.empty() ? name : path + "." + name;
      if (schema.contains("properties")) {
        find_keys(schema, key);
        continue;
      }
      // Of one that may be null: its other form.
      const Json& form = schema.contains("anyOf") ? schema["anyOf"][0] : schema;
      if (form.value("writeOnly", false)) {
        keys_[key] = {Sort::text, ""};
      } else if (form.value("format", "") == "uri") {
        const auto pattern = form["pattern"].get<std::string>();
        keys_[key] = {Sort::url, pattern.substr(2, pattern.find_first_of("|)") - 2)};
      } else if (name.ends_with("_file") && !is_open(name)) {
        keys_[key] = {Sort::file, ""};
      }
    }
  }

  // What is looked for of a key's secret: 40 characters that are nowhere else.
  std::string marker(const std::string& key) {
    auto& made = markers_[key];
    if (made.empty()) {
      made = "Marker" + std::to_string(markers_.size()) + std::string(34, 'Q');
      // A key is a secret of a form of its own: a line in the middle of it.
      if (key == kReceiptKeyFile) made = split(test::kReceiptKey, '\n')[1];
      if (is_private_key(key)) made = split(contents(dir_.file("server.key")), '\n')[1];
      if (key == kMasterKey) made = "5ec2e7" + std::string(58, 'a');
      if (key == kOldMasterKey) made = "01dec2" + std::string(58, 'b');
    }
    return made;
  }
  std::string file_of(const std::string& key) {
    if (is_private_key(key)) {
      (void)marker(key);
      return dir_.file("server.key");
    }
    const std::string file = dir_.file("secrets/" + std::to_string(std::hash<std::string>{}(key)));
    std::string text = marker(key);
    if (key == "postgres.dsn_file") text = dsn(text);
    if (key == kReceiptKeyFile) {
      text = "-----BEGIN PRIVATE KEY-----\n" + text + "\n-----END PRIVATE KEY-----";
    }
    if (key == "telemetry.otlp.headers_file") text = "Authorization: Bearer " + text;
    std::ofstream(file) << text << "\n";
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    return file;
  }
  static std::string dsn(const std::string& password) {
    return "host=127.0.0.1 port=1 user=mesh dbname=mesh password=" + password;
  }

  static Json& at(Json& config, const std::string& key) {
    Json* node = &config;
    for (const auto& part : split(key, '.')) node = &(*node)[part];
    return *node;
  }
  // Puts a marker behind each of these keys.
  void plant(Json& config, const std::set<std::string>& left_out,
             const std::string& only_below = {}) {
    for (const auto& [key, what] : keys_) {
      if (left_out.contains(key) || !key.starts_with(only_below)) continue;
      Json& value = at(config, key);
      if (what.sort == Sort::file) value = file_of(key);
      if (what.sort == Sort::text) value = dsn(marker(key));
      // Of one that is there, the server stays.
      const auto given =
          value.is_string() ? value.get<std::string>() : what.scheme + "://127.0.0.1:1";
      const auto host = given.find("://") + 3;
      if (what.sort == Sort::url) {
        value = given.substr(0, host) + "someone:" + marker(key) + "@" + given.substr(host);
      }
      planted_.insert(key);
    }
  }
  std::string write(const Json& config) {
    const auto path = dir_.file("meshd.yaml");
    std::ofstream(path) << config.dump() << "\n";
    return path;
  }

  // For a Daemon, which has its own data_dir.
  static std::string groups_of(const Json& config) {
    std::string text;
    for (const auto& [group, value] : config.items()) {
      if (group != "data_dir") text += group + ": " + value.dump() + "\n";
    }
    return text;
  }

  void expect_clean(const std::string& what, const std::string& text) {
    for (const auto& [key, secret] : markers_) {
      const auto found = text.find(secret);
      EXPECT_EQ(found, std::string::npos)
          << key << " is in " << what << ": …" << text.substr(found < 80 ? 0 : found - 80, 200);
    }
  }
  void expect_clean(const std::string& what, const Outcome& outcome) {
    expect_clean(what, outcome.out + outcome.err);
  }
  void expect_clean(const std::string& what, const Answer& answer) {
    std::string text = answer.body;
    for (const auto& [name, value] : answer.headers) text += name + ": " + value + "\n";
    expect_clean(what, text);
  }

  // Every engine that asks a server; nobody answers at port 1.
  Json servers() const {
    return {{"log", {{"engine", "kafka"}}},
            {"store", {{"engine", "postgres"}}},
            {"vectors", {{"engine", "qdrant"}}},
            {"limiter", {{"engine", "redis"}}},
            {"cache", {{"engine", "redis"}, {"searches", true}}},
            {"embedder", {{"engine", "openai"}}},
            {"extractor", {{"engine", "openai"}}},
            {"openai", {{"model", "m"}}},
            {"kafka",
             {{"brokers", {"127.0.0.1:1"}},
              {"security", "sasl_ssl"},
              {"cert_file", dir_.file("server.crt")},
              {"sasl", "plain"},
              {"username", "mesh"}}}};
  }
  Json base(const std::string& folder) {
    return {{"data_dir", dir_.file(folder)},
            {"roles", {"users", "gateway", "publisher", "subscriber", "admin", "pipelines"}},
            {"listen",
             {{"users", "127.0.0.1:0"},
              {"gateway", "127.0.0.1:0"},
              {"publisher", "127.0.0.1:0"},
              {"subscriber", "127.0.0.1:0"},
              {"admin", "127.0.0.1:0"}}},
            {"http", {{"tls", {{"cert_file", dir_.file("server.crt")}}}}},
            {"auth",
             {{"mode", "jwt"},
              {"anonymous_tenant", nullptr},
              {"jwt", {{"issuer", "i"}, {"audience", "a"}}}}},
            {"telemetry", {{"log", {{"level", "trace"}}}}}};
  }

  test::TempDir dir_;
  const test::Certificate ca_ = test::Certificate::authority();
  std::map<std::string, Key> keys_;
  std::map<std::string, std::string> markers_;
  std::set<std::string> planted_;
};

// Of each pair that excludes one another, each once.
const std::set<std::string> kFirst{"postgres.dsn", "redis.password_file"};
const std::set<std::string> kSecond{"postgres.dsn_file", "postgres.password_file", "redis.url"};

TEST_F(SecretsTest, AreNeitherPrintedNorToldOfABadConfiguration) {
  for (const auto& left_out : {kFirst, kSecond}) {
    Json config = base("all");
    config.update(servers(), true);
    plant(config, left_out);
    const auto path = write(config);
    const auto printed = run({kMeshdProgram, "--config", path, "--print-config"});
    EXPECT_EQ(printed.exit_code, 0) << printed.err;
    expect_clean("--print-config", printed);
    const auto good = run({kMeshdProgram, "--config", path, "--check-config"});
    EXPECT_EQ(good.exit_code, 0) << good.err;
    expect_clean("--check-config", good);
    // Each value where another sort of value belongs, and each key misspelt.
    for (const auto& [key, ignored] : keys_) {
      if (left_out.contains(key)) continue;
      Json wrong = config;
      Json value = at(wrong, key);
      at(wrong, key) = Json{{"list", {value}}};
      expect_clean("--check-config",
                   run({kMeshdProgram, "--config", write(wrong), "--check-config"}));
      at(wrong, key) = value;
      at(wrong, key + "s") = value;
      expect_clean("--check-config",
                   run({kMeshdProgram, "--config", write(wrong), "--check-config"}));
    }
    // The secrets themselves are of no use.
    for (const char* key : {"auth.operator_token_file", "auth.jwt.hs256_secret_file"}) {
      Json wrong = config;
      markers_[std::string("short ") + key] = "ShortMarkerQQ";
      std::ofstream(dir_.file("short")) << "ShortMarkerQQ\n";
      at(wrong, key) = dir_.file("short");
      const auto refused = run({kMeshdProgram, "--config", write(wrong), "--check-config"});
      EXPECT_EQ(refused.exit_code, 2);
      expect_clean("--check-config", refused);
    }
  }
  std::set<std::string> all;
  for (const auto& [key, ignored] : keys_) all.insert(key);
  EXPECT_EQ(planted_, all) << "a secret that no configuration of this test has";
  EXPECT_GE(all.size(), 12u);
}

TEST_F(SecretsTest, AreNotToldByAStartThatFails) {
  for (const auto& left_out : {kFirst, kSecond}) {
    for (const char* without : {"log", "store"}) {
      Json config = base("failing");
      config.update(servers(), true);
      plant(config, left_out);
      // One of both, so that each is the reason once.
      config.erase(without);
      config.erase(without == std::string("log") ? "kafka" : "postgres");
      const auto failed = run({kMeshdProgram, "--config", write(config)});
      EXPECT_EQ(failed.exit_code, 1) << failed.err;
      expect_clean("the log of a start that fails", failed);
    }
  }
}

TEST_F(SecretsTest, AreInNothingThatAServerWhoseEnginesFailTells) {
  // It answers every request with what it was sent.
  test::ScriptedServer echo([](const test::ScriptedRequest& request) {
    test::ScriptedAnswer answer{401, request.target + "\n" + request.body + "\n"};
    for (const auto& [name, value] : request.headers) answer.body += name + ": " + value + "\n";
    return answer;
  });
  Json config = base("data");
  Json engines = servers();
  for (const char* embedded : {"log", "store", "kafka"}) engines.erase(embedded);
  engines["qdrant"]["url"] = echo.url();
  engines["openai"]["base_url"] = echo.url() + "/v1";
  engines["telemetry"]["otlp"]["endpoint"] = echo.url();
  config.update(engines, true);
  config["auth"]["mode"] = "dev";
  config["auth"].erase("jwt");
  plant(config, {"redis.password_file"}, "redis.");
  plant(config, {}, "qdrant.");
  plant(config, {}, "openai.");
  plant(config, {}, "telemetry.");
  plant(config, {}, "http.");
  plant(config, {"auth.jwt.hs256_secret_file", "auth.jwt.jwks_url"}, "auth.");
  Daemon daemon(dir_.file("data"), groups_of(config));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  daemon.use_tls({.ca_file = dir_.file("ca.crt")});
  const auto token = marker("auth.operator_token_file");
  expect_clean("the command line", contents("/proc/" + std::to_string(daemon.pid()) + "/cmdline"));
  expect_clean("an answer", daemon.call("users", "POST", "/users/create", "acme:ada",
                                        R"({"email":"ada@acme.dev","name":"Ada"})"));
  expect_clean("an answer", daemon.call("publisher", "POST", "/api/v1/events/chemical", "acme:ada",
                                        R"({"molecule_id":"m","researcher":"r","data":{}})"));
  expect_clean("an answer",
               daemon.call("gateway", "GET", "/ai/users/search?query=ada", "acme:ada"));
  for (const char* path :
       {"/admin/v1/config", "/admin/v1/config/settings", "/admin/v1/servers", "/admin/v1/members",
        "/admin/v1/groups", "/admin/v1/tasks", "/admin/v1/indexes", "/admin/v1/logs", "/metrics",
        "/readyz?verbose", "/openapi.json"}) {
    const auto answer = daemon.call("admin", "GET", path, token);
    EXPECT_LT(answer.status, 500) << path;
    expect_clean(path, answer);
  }
  expect_clean("/admin/v1/check", daemon.call("admin", "POST", "/admin/v1/check", token, "{}"));
  for (const std::vector<std::string>& command : {std::vector<std::string>{"doctor"},
                                                  {"check"},
                                                  {"-v", "search", "ada", "-t", "acme"},
                                                  {"-v", "ratelimit", "list", "-t", "acme"},
                                                  {"config", "list", "-o", "json"},
                                                  {"members", "-o", "json"}}) {
    auto words = command;
    words.insert(words.end(), {"--token", token});
    expect_clean("mesh " + command.front(), daemon.mesh(words));
  }
  const std::string bundle = dir_.file("bundle.zip"), unpacked = dir_.file("unpacked");
  expect_clean("mesh bundle", daemon.mesh({"bundle", bundle, "--tenants", "--token", token}));
  std::filesystem::create_directory(unpacked);
  ASSERT_EQ(run({"/usr/bin/python3", "-m", "zipfile", "-e", bundle, unpacked}).exit_code, 0);
  int parts = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(unpacked)) {
    if (!entry.is_regular_file()) continue;
    expect_clean(entry.path(), contents(entry.path()));
    ++parts;
  }
  EXPECT_GE(parts, 10);
  expect_clean("run.json", contents(dir_.file("data") + "/run.json"));
  EXPECT_EQ(daemon.stop(), 0);
  expect_clean("the log", daemon.errors());
  EXPECT_NE(daemon.errors().find("qdrant"), std::string::npos) << "it did not fail";
  EXPECT_NE(daemon.errors().find("model"), std::string::npos) << "it did not fail";
  EXPECT_NE(daemon.errors().find("traces are not sent"), std::string::npos) << "it did not fail";
}

TEST_F(SecretsTest, AreNotInABackup) {
  Json config = base("data");
  config["auth"]["mode"] = "dev";
  config["auth"].erase("jwt");
  plant(config, {}, "http.");
  plant(config, {"auth.jwt.hs256_secret_file", "auth.jwt.jwks_url"}, "auth.");
  Daemon daemon(dir_.file("data"), groups_of(config));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const auto token = marker("auth.operator_token_file");
  const auto made = daemon.mesh({"backup", dir_.file("backup"), "--token", token});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  expect_clean("mesh backup", made);
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.file("backup"))) {
    if (!entry.is_regular_file()) continue;
    expect_clean(entry.path(), contents(entry.path()));
    ++files;
  }
  EXPECT_GE(files, 3);
}

}  // namespace
}  // namespace mesh::e2e
