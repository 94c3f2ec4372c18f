// How a real daemon comes by the issuer's keys, and what it says of tokens that do not serve.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <mutex>

#include "common/http/server.h"
#include "tests/common/auth/mint.h"
#include "tests/e2e/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using auth::test::Issuer;
using ::testing::HasSubstr;
using ::testing::Not;

const Issuer& first_key() {
  static const Issuer issuer = Issuer::ed25519();
  return issuer;
}
const Issuer& second_key() {
  static const Issuer issuer = Issuer::ec("P-256");
  return issuer;
}

std::int64_t now() { return system_clock().now().time_since_epoch().count() / 1000; }

Json claims() {
  return {{"iss", "https://issuer.test"},
          {"aud", "mesh"},
          {"exp", now() + 3600},
          {"sub", "alice"},
          {"realm", {{"tenant", "acme"}}}};
}

std::string first_token(const Json& body = claims()) {
  return first_key().token({{"alg", "EdDSA"}, {"kid", "first"}}, body);
}
std::string second_token() {
  return second_key().token({{"alg", "ES256"}, {"kid", "second"}}, claims());
}
std::string first_set() { return auth::test::jwks({first_key().jwk("first")}); }
std::string both_sets() {
  return auth::test::jwks({first_key().jwk("first"), second_key().jwk("second")});
}

std::string config_with(const std::string& keys) {
  return "auth:\n  mode: jwt\n  jwt:\n    issuer: https://issuer.test\n    audience: mesh\n"
         "    tenant_claim: /realm/tenant\n    " +
         keys + "\n";
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

int status(Daemon& daemon, const std::string& token) {
  return daemon.call("users", "GET", "/users", token).status;
}

// The issuer's server: answers /keys with `set`, or 500 where it is empty.
class KeyServer {
 public:
  explicit KeyServer(std::string set) : set_(std::move(set)) {
    http::Route route;
    route.method = "GET";
    route.pattern = "/keys";
    route.access = http::Access::open;
    route.handler = [this](const auto&, const http::Responder& respond) {
      ++asked;
      std::lock_guard lock(mutex_);
      if (set_.empty()) return respond(http::Response::problem(500, "broken"));
      respond(http::Response::json_text(200, set_).with("Cache-Control", "max-age=3600"));
    };
    started_ = server_.start({{"127.0.0.1:0", {"issuer"}, {route}, false}});
  }
  ~KeyServer() { server_.stop(Duration::zero()); }
  std::string url() const { return "http://" + server_.addresses().front() + "/keys"; }
  bool started() const { return started_.has_value(); }

  std::atomic<int> asked{0};

 private:
  std::mutex mutex_;
  const std::string set_;
  Metrics metrics_;
  http::Server server_{{}, {}, system_clock(), metrics_};
  Status started_;
};

TEST(Keys, AreReadAgainOnSighupAndABrokenFileChangesNothing) {
  test::TempDir dir;
  const auto file = dir.file("jwks.json");
  write(file, first_set());
  Daemon daemon(dir.file("data"), config_with("jwks_file: " + file));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  EXPECT_EQ(status(daemon, first_token()), 200);
  EXPECT_EQ(status(daemon, second_token()), 401);
  const auto reload = [&](const std::string& text) {
    write(file, text);
    daemon.signal(SIGHUP);
    ASSERT_TRUE(daemon.await_notification("READY=1"));
  };
  reload(both_sets());
  EXPECT_EQ(status(daemon, second_token()), 200);
  for (const char* broken : {R"({"keys":[]})", "{", R"({"keys":[{"kty":"oct","k":"AAAA"}]})"}) {
    reload(broken);
    EXPECT_EQ(status(daemon, first_token()), 200);
    EXPECT_EQ(status(daemon, second_token()), 200);
  }
  reload(first_set());
  EXPECT_EQ(status(daemon, first_token()), 200);
  EXPECT_EQ(status(daemon, second_token()), 401) << "a removed key ends";
  EXPECT_EQ(daemon.stop(), 0);
  EXPECT_THAT(daemon.errors(), HasSubstr("auth.jwt.jwks_file"));
  EXPECT_THAT(daemon.errors(), HasSubstr(file));
  EXPECT_THAT(daemon.errors(), HasSubstr("a symmetric key"));
}

TEST(Keys, TheOperatorsTokenIsReadAgainOnSighup) {
  test::TempDir dir;
  Daemon daemon(dir.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const auto file = dir.file("data") + "/operator.token";
  const auto old_token = daemon.operator_token();
  const std::string new_token(40, 'n');
  const auto status_of = [&](const std::string& token) {
    return daemon.call("admin", "GET", "/admin/v1/config", token).status;
  };
  for (const auto& [text, accepted, refused] :
       {std::tuple{std::string("short"), old_token, new_token},
        std::tuple{new_token, new_token, old_token}}) {
    write(file, text);
    daemon.signal(SIGHUP);
    ASSERT_TRUE(daemon.await_notification("READY=1"));
    EXPECT_EQ(status_of(accepted), 200);
    EXPECT_EQ(status_of(refused), 401);
  }
  EXPECT_EQ(daemon.stop(), 0);
  EXPECT_THAT(daemon.errors(), HasSubstr("auth.operator_token_file: operator token " + file));
}

TEST(Keys, AreFetchedFromTheIssuersServerOnce) {
  KeyServer server(both_sets());
  ASSERT_TRUE(server.started());
  test::TempDir dir;
  Daemon daemon(dir.file("data"), config_with("jwks_url: " + server.url()));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  EXPECT_EQ(status(daemon, first_token()), 200);
  EXPECT_EQ(status(daemon, second_token()), 200);
  const auto stranger = Issuer::ed25519();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(status(daemon, stranger.token({{"alg", "EdDSA"}, {"kid", "first"}}, claims())), 401);
  }
  EXPECT_EQ(server.asked, 1);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Keys, OfAServerThatDoesNotAnswerAreNoReasonNotToStart) {
  KeyServer server("");
  ASSERT_TRUE(server.started());
  test::TempDir dir;
  Daemon daemon(dir.file("data"), config_with("jwks_url: " + server.url()));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const auto answer = daemon.call("users", "GET", "/users", first_token());
  EXPECT_EQ(answer.status, 503) << answer.body;
  EXPECT_FALSE(answer.header("Retry-After").empty());
  EXPECT_THAT(answer.body, HasSubstr("the issuer's keys are not there yet"));
  EXPECT_THAT(answer.body, Not(HasSubstr("127.0.0.1")));
  EXPECT_EQ(status(daemon, "nonsense"), 401);
  EXPECT_EQ(daemon.call("admin", "GET", "/admin/v1/config", daemon.operator_token()).status, 200);
  const auto checked = daemon.mesh({"check"});
  EXPECT_NE(checked.exit_code, 0);
  EXPECT_THAT(checked.out, HasSubstr("auth.jwt.jwks_url cannot be fetched"));
  EXPECT_EQ(daemon.stop(), 0);
  EXPECT_THAT(daemon.errors(), HasSubstr("auth.jwt.jwks_url"));
  EXPECT_THAT(daemon.errors(), HasSubstr("the answer is 500"));
}

TEST(Challenge, SaysWhy) {
  test::TempDir dir;
  write(dir.file("jwks.json"), first_set());
  Daemon daemon(dir.file("data"), config_with("jwks_file: " + dir.file("jwks.json")));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const auto challenge = [&](const std::string& authorization) {
    http::HeaderList headers;
    if (!authorization.empty()) headers.emplace_back("Authorization", authorization);
    const auto answer = daemon.call("users", "GET", "/users", "", {}, headers);
    EXPECT_EQ(answer.status, 401) << answer.body;
    return answer.header("WWW-Authenticate");
  };
  EXPECT_EQ(challenge(""), R"(Bearer realm="mesh")");
  EXPECT_EQ(challenge("Basic YTpi"), R"(Bearer realm="mesh")");
  const std::string invalid = R"(Bearer realm="mesh", error="invalid_token", )"
                              R"(error_description="the credential is not valid)";
  EXPECT_EQ(challenge("Bearer nonsense"), invalid + "\"");
  EXPECT_EQ(challenge("bearer " + second_token()), invalid + "\"");
  Json body = claims();
  body["exp"] = now() - 3600;
  EXPECT_EQ(challenge("Bearer " + first_token(body)), invalid + ": expired\"");
  body = claims();
  body.erase("realm");
  EXPECT_EQ(challenge("Bearer " + first_token(body)), invalid + ": no claim /realm/tenant\"");
}

TEST(CheckConfig, FindsWhatWouldStopTheStart) {
  test::TempDir dir;
  write(dir.file("good.json"), first_set());
  write(dir.file("empty.json"), R"({"keys":[]})");
  write(dir.file("file"), "");
  const auto check = [&](const std::string& text, const std::string& data_dir) {
    write(dir.file("meshd.yaml"), text);
    return run({MESH_BIN_DIR "/meshd", "--config", dir.file("meshd.yaml"), "--data-dir", data_dir,
                "--check-config"});
  };
  const auto refused = [&](const std::string& text, const std::string& data_dir) {
    const auto outcome = check(text, data_dir);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.out;
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  const auto fresh = dir.file("new/data");
  const auto good = config_with("jwks_file: " + dir.file("good.json"));
  const auto fine = check(good, fresh);
  EXPECT_EQ(fine.exit_code, 0) << fine.err;
  EXPECT_EQ(fine.out, "configuration ok\n");
  EXPECT_FALSE(std::filesystem::exists(dir.file("new"))) << "nothing is made";

  EXPECT_THAT(
      refused(config_with("jwks_file: " + dir.file("empty.json")), fresh),
      HasSubstr("auth.jwt.jwks_file: \"" + dir.file("empty.json") + "\": JWKS: no RSA, EC"));
  EXPECT_THAT(refused(config_with("jwks_file: " + dir.file("none.json")), fresh),
              HasSubstr("auth.jwt.jwks_file: \"" + dir.file("none.json") + "\" cannot be read"));
  EXPECT_THAT(refused(good, dir.file("file")), HasSubstr("data_dir: "));
  EXPECT_THAT(refused(good, dir.file("file/data")), HasSubstr("is not a folder"));
  EXPECT_THAT(refused(good + "listen: {users: 192.0.2.1:0}\n", fresh),
              HasSubstr("listen.users: \"192.0.2.1:0\": cannot listen on"));
  std::filesystem::create_directory(dir.file("old"));
  write(dir.file("old/operator.token"), "short\n");
  const auto several = refused(good + "listen: {admin: no-such-host.invalid:0}\n", dir.file("old"));
  EXPECT_THAT(several, HasSubstr("auth.operator_token_file: operator token " + dir.file("old")));
  EXPECT_THAT(several, HasSubstr("listen.admin: "));
}

}  // namespace
}  // namespace mesh::e2e
