// mesh bundle of a real daemon: what is in it, and what must not be.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/e2e/daemon.h"
#include "tests/support/postgres_server.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void write_secret(const std::string& path, const std::string& text) {
  std::ofstream(path) << text << "\n";
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

class Bundle : public ::testing::Test {
 protected:
  // Unpacks it; path within the bundle's folder → text.
  std::map<std::string, std::string> unpack(const std::string& file) {
    const std::string into = dir_.file("unpacked");
    fs::remove_all(into);
    fs::create_directory(into);
    const Outcome unzipped = run({"/usr/bin/python3", "-m", "zipfile", "-e", file, into});
    EXPECT_EQ(unzipped.exit_code, 0) << unzipped.err;
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(into)) {
      if (!entry.is_regular_file()) continue;
      const std::string name = fs::relative(entry.path(), into);
      files[name.substr(name.find('/') + 1)] = text_of(entry.path());
    }
    return files;
  }

  test::TempDir dir_;
};

TEST_F(Bundle, HoldsWhatTellsTheStateOfTheMesh) {
  Daemon daemon(dir_.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  daemon.mesh({"users", "create", "--tenant", "hidden-name", "--email", "a@b.dev", "--name", "A"});
  daemon.append_broken_experiment("hidden-name", "e-1", {{"payload", "not-in-a-bundle"}});
  daemon.await_idle();
  const std::string file = dir_.file("b.zip");
  const Outcome made = daemon.mesh({"bundle", file, "-o", "json"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto files = unpack(file);
  for (const char* name : {"manifest.json", "versions.json", "config.json", "readiness/admin.txt",
                           "checks.json", "servers.json", "metrics.txt", "log.ndjson",
                           "topics.json", "groups.json", "dead_letters.json", "tasks.json",
                           "members.json", "indexes.json", "tenants.json", "threads.txt"}) {
    ASSERT_TRUE(files.contains(name)) << name;
    EXPECT_FALSE(files.at(name).empty()) << name;
  }
  EXPECT_NE(files.at("log.ndjson").find("meshd is ready"), std::string::npos);
  EXPECT_NE(files.at("threads.txt").find(std::to_string(daemon.pid())), std::string::npos);
  EXPECT_NE(files.at("dead_letters.json").find("chemical"), std::string::npos);
  for (const auto& [name, text] : files) {
    EXPECT_EQ(text.find("not-in-a-bundle"), std::string::npos) << name;
    EXPECT_EQ(text.find("hidden-name"), std::string::npos) << name << "\n" << text;
  }
  EXPECT_EQ(daemon.mesh({"bundle", file}).exit_code, 1) << "one that is there stays";
  const std::string named = dir_.file("named.zip");
  ASSERT_EQ(daemon.mesh({"bundle", named, "--tenants"}).exit_code, 0);
  EXPECT_NE(unpack(named).at("tenants.json").find("hidden-name"), std::string::npos);
}

// What may hold a secret: keys whose file is one, and texts with a credential in them.
const std::set<std::string> kPlanted = {"auth.operator_token_file", "auth.jwt.hs256_secret_file",
                                        "postgres.dsn", "redis.password_file",
                                        "openai.api_key_file"};
// The same by other means, or of servers that this test does not have; and certificates, which are
// public. Of all of them the configuration shows paths. Keys of TLS, of receipts and of tenants go
// to the library alone, as text they are in no part of a bundle.
const std::set<std::string> kOthers = {"postgres.dsn_file",
                                       "postgres.password_file",
                                       "kafka.password_file",
                                       "kafka.key_file",
                                       "qdrant.api_key_file",
                                       "auth.jwt.jwks_file",
                                       "extractor.prompt_file",
                                       "kafka.ca_file",
                                       "kafka.cert_file",
                                       "http.tls.key_file",
                                       "tenants.receipt_key_file",
                                       "tenants.master_key_file",
                                       "tenants.old_master_key_file",
                                       "http.tls.cert_file",
                                       "auth.jwt.ca_file",
                                       "postgres.ca_file",
                                       "qdrant.ca_file",
                                       "redis.ca_file",
                                       "openai.ca_file",
                                       "http.tls.client_ca_file",
                                       "telemetry.otlp.headers_file",
                                       "telemetry.otlp.ca_file"};

void file_keys(const Json& node, const std::string& path, std::vector<std::string>& keys) {
  if (!node.contains("properties")) return;
  for (const auto& [name, member] : node["properties"].items()) {
    const std::string key = path.empty() ? name : path + "." + name;
    file_keys(member, key, keys);
    if (name.ends_with("_file") || name == "dsn") keys.push_back(key);
  }
}

TEST_F(Bundle, KnowsEveryKeyThatNamesASecret) {
  const Outcome schema = run({MESH_BIN_DIR "/meshd", "--print-config-schema"});
  ASSERT_EQ(schema.exit_code, 0) << schema.err;
  std::vector<std::string> keys;
  file_keys(Json::parse(schema.out), "", keys);
  EXPECT_GE(keys.size(), 10u);
  for (const auto& key : keys) {
    EXPECT_TRUE(kPlanted.contains(key) || kOthers.contains(key))
        << key << " is new: plant a marker in it below, or say in kOthers that it is no secret";
  }
}

class BundleSecrets : public Bundle {
 protected:
  void SetUp() override {
    if (!test::PostgresServer::installed()) GTEST_SKIP() << test::PostgresServer::kMissing;
    if (!test::RedisServer::installed()) GTEST_SKIP() << test::RedisServer::kMissing;
    redis_.emplace(std::vector<std::string>{"--requirepass", marker("redis")});
    postgres_.emplace();
    ASSERT_EQ(postgres_->ask("alter role mesh password '" + marker("postgres") + "'"), "");
  }
  // Long enough for a key of HMAC.
  static std::string marker(const std::string& where) {
    return "SECRET-MARKER-" + where + "-0123456789abcdef0123456789abcdef";
  }
  std::string secret_file(const std::string& where) {
    write_secret(dir_.file(where), marker(where));
    return dir_.file(where);
  }
  std::string config() {
    return "auth: {mode: jwt, operator_token_file: " + secret_file("operator") +
           ", jwt: {issuer: i, audience: a, hs256_secret_file: " + secret_file("hs256") +
           "}}\nstore: {engine: postgres}\npostgres: {schema: bundle, dsn: 'host=127.0.0.1 port=" +
           std::to_string(postgres_->port()) +
           " dbname=mesh user=mesh password=${PLANTED}'}\nlimiter: {engine: redis}\nredis: {url: "
           "'redis://127.0.0.1:" +
           std::to_string(redis_->port()) + "/0', password_file: " + secret_file("redis") +
           "}\nextractor: {engine: openai}\nopenai: {base_url: 'http://u:" + marker("url") +
           "@127.0.0.1:1/v1', model: m, api_key_file: " + secret_file("openai") + "}\n";
  }

  std::optional<test::RedisServer> redis_;
  std::optional<test::PostgresServer> postgres_;
};

TEST_F(BundleSecrets, AreInNoPartOfIt) {
  Daemon daemon(dir_.file("data"), config(), {{"PLANTED", marker("postgres")}});
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const std::string mark = "SECRET-MARKER";
  for (const std::string& token : {marker("token"), "acme:" + marker("user"),
                                   "e30." + marker("claims") + "." + marker("signature")}) {
    EXPECT_EQ(daemon.call("users", "GET", "/users", token).status, 401);
    EXPECT_EQ(daemon.call("admin", "GET", "/admin/v1/config", token).status, 401);
  }
  const std::string file = dir_.file("b.zip");
  const Outcome made = daemon.mesh({"bundle", file, "--tenants", "--token", marker("operator")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const auto files = unpack(file);
  EXPECT_NE(files.at("config.json").find("\"dsn\": \"***\""), std::string::npos)
      << files.at("config.json");
  EXPECT_NE(files.at("servers.json").find("postgres"), std::string::npos);
  EXPECT_NE(files.at("log.ndjson").find("meshd is ready"), std::string::npos);
  for (const auto& [name, text] : files) EXPECT_EQ(text.find(mark), std::string::npos) << name;
  EXPECT_EQ((made.out + made.err).find(mark), std::string::npos);
}

}  // namespace
}  // namespace mesh::e2e
