// TLS of the real daemon, and what the real command and an operator see of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/e2e/daemon.h"
#include "tests/support/certificates.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tls_client.h"

namespace mesh::e2e {
namespace {

using std::chrono::hours;
using test::Certificate;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kMesh = MESH_BIN_DIR "/mesh";
constexpr const char* kAlive = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr const char* kMeshd = MESH_BIN_DIR "/meshd";

class Tls : public ::testing::Test {
 protected:
  Tls() {
    authority_.write(dir_.file("ca"));
    clients_.write(dir_.file("clients"));
    authority_.server().write(dir_.file("server"));
  }
  std::string file(const std::string& name) const { return dir_.file(name); }
  std::string config(const std::string& more = {}) const {
    return "http: {tls: {cert_file: " + file("server.crt") + ", key_file: " + file("server.key") +
           more + "}}\n";
  }
  std::string with_clients(const std::string& auth) const {
    return config(", client_ca_file: " + file("clients.crt") + ", " + auth);
  }
  void start(const std::string& text) {
    daemon_ = std::make_unique<Daemon>(file("data"), text);
    ASSERT_TRUE(daemon_->start()) << daemon_->errors();
    daemon_->use_tls({.ca_file = file("ca.crt")});
  }
  // As a client that holds `name`.
  void come_as(const std::string& name) {
    daemon_->use_tls({.ca_file = file("ca.crt"),
                      .cert_file = file(name + ".crt"),
                      .key_file = file(name + ".key")});
  }
  // The status of a request, or the error that the connection ended with.
  std::string outcome(const std::string& role, const std::string& target, const std::string& token,
                      const http::HeaderList& headers = {}) {
    try {
      return std::to_string(daemon_->call(role, "GET", target, token, {}, headers).status);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }
  // `mesh` as somebody far away would call it.
  Outcome mesh(std::vector<std::string> arguments) {
    std::vector<std::string> command{kMesh, "--server", daemon_->url("admin")};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run(command, {}, {{"XDG_CONFIG_HOME", file("config")}, {"HOME", file("home")}});
  }
  // Whom the server's certificate was signed by.
  bool proves_itself_to(const Certificate& authority) {
    test::TlsClient client(daemon_->address("users"), {.ca = authority.pem()});
    return client.shake_hands();
  }
  void reload() {
    daemon_->signal(SIGHUP);
    ASSERT_TRUE(daemon_->await_notification("READY=1"));
  }

  test::TempDir dir_;
  const Certificate authority_ = Certificate::authority();
  const Certificate clients_ = Certificate::authority("clients");
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(Tls, EveryListenerSpeaksItAndTheCommandOnThisMachineFindsItByItself) {
  start(config());
  for (const char* role : {"users", "gateway", "publisher", "subscriber", "admin"}) {
    EXPECT_THAT(daemon_->url(role), HasSubstr("https://")) << role;
    EXPECT_EQ(outcome(role, "/livez", ""), "200") << role;
  }
  const auto created = daemon_->mesh(
      {"users", "create", "-t", "acme", "--email", "ada@acme.dev", "--name", "Ada", "--wait"});
  EXPECT_EQ(created.exit_code, 0) << created.err;
  EXPECT_THAT(daemon_->mesh({"search", "ada", "-t", "acme"}).out, HasSubstr("ada@acme.dev"));
  EXPECT_EQ(daemon_->mesh({"check"}).exit_code, 0);
  EXPECT_THAT(daemon_->mesh({"members", "-o", "wide"}).out, HasSubstr("https://127.0.0.1"));
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(Tls, FromAfarTheCommandSaysWhyItDoesNotBelieveAServer) {
  start(config());
  const std::string token = daemon_->operator_token();
  const auto unknown = mesh({"topics", "list", "--token", token});
  EXPECT_NE(unknown.exit_code, 0);
  EXPECT_THAT(unknown.err, HasSubstr("not trusted here"));
  EXPECT_THAT(unknown.err, HasSubstr("--ca"));
  const auto good = mesh({"topics", "list", "--token", token, "--ca", file("ca.crt")});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_EQ(good.err, "");
  EXPECT_THAT(mesh({"topics", "list", "--ca", file("clients.crt")}).err, HasSubstr("not trusted"));
  EXPECT_THAT(mesh({"topics", "list", "--ca", file("none.crt")}).err, HasSubstr(file("none.crt")));
  const auto careless = mesh({"topics", "list", "--token", token, "--insecure-skip-tls-verify"});
  EXPECT_EQ(careless.exit_code, 0) << careless.err;
  EXPECT_THAT(careless.err, HasSubstr("not looked at"));
  const auto plain = run({kMesh, "--server", "http://" + daemon_->address("admin"), "topics",
                          "list", "--token", token},
                         {}, {{"HOME", file("home")}});
  EXPECT_NE(plain.exit_code, 0);
  EXPECT_THAT(plain.err, HasSubstr("https://"));
}

TEST_F(Tls, AnotherNameAndATimeThatIsOverAreToldApart) {
  Certificate::make({.names = {"DNS:mesh.example.org"}}, &authority_).write(file("server"));
  start(config());
  EXPECT_THAT(mesh({"topics", "list", "--ca", file("ca.crt")}).err, HasSubstr("another name"));
  EXPECT_EQ(daemon_->mesh({"topics", "list"}).exit_code, 0) << "the key of run.json is its proof";
  authority_.server(-std::chrono::minutes(1)).write(file("server"));
  reload();
  EXPECT_THAT(mesh({"topics", "list", "--ca", file("ca.crt")}).err, HasSubstr("has expired"));
  const auto check = daemon_->mesh({"check"});
  EXPECT_EQ(check.exit_code, 2) << check.out;
  EXPECT_THAT(check.out, HasSubstr("expired"));
}

TEST_F(Tls, AContextHoldsTheAuthorityOfItsServerAndNoOther) {
  start(config());
  const std::map<std::string, std::string> home{{"XDG_CONFIG_HOME", file("config")},
                                                {"HOME", file("home")}};
  const auto added = run({kMesh, "context", "add", "prod", "--server", daemon_->url("admin"),
                          "--ca", file("ca.crt"), "--token", daemon_->operator_token()},
                         {}, home);
  EXPECT_EQ(added.exit_code, 0) << added.err;
  EXPECT_EQ(run({kMesh, "topics", "list"}, {}, home).exit_code, 0);
  EXPECT_THAT(run({kMesh, "context", "show", "-o", "json"}, {}, home).out,
              HasSubstr(file("ca.crt")));
  EXPECT_THAT(run({kMesh, "topics", "list", "--server", daemon_->url("users")}, {}, home).err,
              HasSubstr("not trusted"));
}

TEST_F(Tls, ANewPairIsTakenOverOnSighupAndABrokenOneIsNot) {
  start(config());
  test::TlsClient old(daemon_->address("users"), {.ca = authority_.pem()});
  ASSERT_TRUE(old.shake_hands());
  EXPECT_EQ(old.ask(kAlive).status, 200);
  const auto other = Certificate::authority("another CA");
  other.server().write(file("server"));
  reload();
  EXPECT_TRUE(proves_itself_to(other));
  EXPECT_FALSE(proves_itself_to(authority_));
  EXPECT_EQ(old.ask(kAlive).status, 200) << "what was open stays";
  EXPECT_EQ(daemon_->mesh({"topics", "list"}).exit_code, 0) << "run.json has the new key";
  // The key alone, as in the moment between two files that are copied.
  authority_.server().write(file("lost"));
  std::filesystem::copy_file(file("lost.key"), file("server.key"),
                             std::filesystem::copy_options::overwrite_existing);
  reload();
  EXPECT_TRUE(proves_itself_to(other));
  std::ofstream(file("server.crt")) << "nonsense\n";
  reload();
  EXPECT_TRUE(proves_itself_to(other));
  EXPECT_EQ(daemon_->stop(), 0);
  EXPECT_THAT(daemon_->errors(), HasSubstr("http.tls.key_file"));
  EXPECT_THAT(daemon_->errors(), HasSubstr("is not the key of"));
  EXPECT_THAT(daemon_->errors(), HasSubstr("http.tls.cert_file"));
}

TEST_F(Tls, WhenTheCertificateExpiresIsAMetricAndAWarningInTime) {
  authority_.server(hours(24) * 300).write(file("server"));
  start(config());
  const auto metric = [&] {
    const auto all = daemon_->call("admin", "GET", "/metrics", "").body;
    const std::string name = "\nmesh_tls_certificate_expiration_timestamp_seconds ";
    const auto at = all.find(name);
    return at == std::string::npos ? 0.0 : std::stod(all.substr(at + name.size()));
  };
  const double now = static_cast<double>(::time(nullptr));
  EXPECT_NEAR(metric() - now, 300 * 86'400, 3'600);
  EXPECT_EQ(daemon_->mesh({"check"}).exit_code, 0);
  // Signed long ago: a short-lived one is not late with two days to go.
  Certificate::make({.common_name = "meshd",
                     .names = {"IP:127.0.0.1"},
                     .from = -hours(24) * 88,
                     .until = hours(24) * 2},
                    &authority_)
      .write(file("server"));
  reload();
  EXPECT_NEAR(metric() - now, 2 * 86'400, 3'600);
  const auto check = daemon_->mesh({"check"});
  EXPECT_EQ(check.exit_code, 1) << check.out;
  EXPECT_THAT(check.out, HasSubstr("renew"));
}

TEST_F(Tls, ACertificateOfAClientIsAnIdentityAndKeepsToIt) {
  clients_.client("spiffe://mesh.test/acme/ada").write(file("ada"));
  clients_.client("spiffe://mesh.test/operator").write(file("ops"));
  clients_.client("spiffe://mesh.test/Not_A_Tenant/eve").write(file("nobody"));
  Certificate::make(
      {.names = {"URI:spiffe://mesh.test/acme/ada", "URI:spiffe://mesh.test/globex/a"}}, &clients_)
      .write(file("two"));
  Certificate::authority("clients").client("spiffe://mesh.test/acme/ada").write(file("forged"));
  clients_.client("spiffe://mesh.test/acme/ada", -std::chrono::minutes(1)).write(file("expired"));
  start(with_clients("client_auth: optional") +
        "auth: {client_certificate: {user: 'spiffe://mesh.test/{tenant}/{user}', operators: "
        "['spiffe://mesh.test/operator']}}\n");
  come_as("ada");
  EXPECT_EQ(outcome("users", "/users", ""), "200");
  EXPECT_EQ(outcome("users", "/users", "", {{"X-Tenant-Id", "globex"}}), "403");
  EXPECT_EQ(outcome("users", "/users", "acme:bob"), "200");
  EXPECT_EQ(outcome("users", "/users", "globex:eve"), "403");
  EXPECT_EQ(outcome("admin", "/admin/v1/topics", ""), "403");
  EXPECT_EQ(outcome("admin", "/admin/v1/topics", daemon_->operator_token()), "403");
  come_as("ops");
  EXPECT_EQ(outcome("admin", "/admin/v1/topics", ""), "200");
  EXPECT_EQ(outcome("users", "/users", "", {{"X-Tenant-Id", "acme"}}), "200");
  const Json described = daemon_->call("users", "GET", "/openapi.json", "").json();
  EXPECT_EQ(described["components"]["securitySchemes"]["certificate"]["type"], "mutualTLS");
  come_as("nobody");
  EXPECT_EQ(outcome("users", "/users", ""), "401");
  come_as("two");
  EXPECT_EQ(outcome("users", "/users", ""), "401");
  for (const char* bad : {"forged", "expired"}) {
    come_as(bad);
    EXPECT_THAT(outcome("users", "/users", "acme:bob"), HasSubstr("client's certificate")) << bad;
  }
  daemon_->use_tls({.ca_file = file("ca.crt")});
  EXPECT_EQ(outcome("users", "/users", ""), "401");
  EXPECT_EQ(outcome("users", "/users", "acme:bob"), "200");
  const auto listed = mesh({"topics", "list", "--ca", file("ca.crt"), "--client-cert",
                            file("ops.crt"), "--client-key", file("ops.key")});
  EXPECT_EQ(listed.exit_code, 0) << listed.err;
  EXPECT_THAT(mesh({"topics", "list", "--client-cert", file("ops.crt")}).err,
              HasSubstr("--client-key"));
}

TEST_F(Tls, AnAuthorityThatSighupTakesOutIsNoneForOpenConnectionsEither) {
  start(with_clients("client_auth: optional") +
        "auth: {client_certificate: {user: 'spiffe://mesh.test/{tenant}/{user}'}}\n");
  const auto ada = clients_.client("spiffe://mesh.test/acme/ada");
  test::TlsClient open(daemon_->address("users"),
                       {.ca = authority_.pem(), .certificate = ada.pem(), .key = ada.key_pem()});
  constexpr const char* kUsers = "GET /users HTTP/1.1\r\nHost: localhost\r\n\r\n";
  ASSERT_TRUE(open.shake_hands()) << open.failure();
  EXPECT_EQ(open.ask(kUsers).status, 200);
  reload();
  EXPECT_EQ(open.ask(kUsers).status, 200) << "nothing has changed";
  Certificate::authority("other clients").write(file("clients"));
  reload();
  EXPECT_EQ(open.ask(kUsers).status, 401);
}

TEST_F(Tls, TheAdminListenerMayRequireOneWhereTheOthersDoNot) {
  clients_.client("spiffe://mesh.test/operator").write(file("ops"));
  start(with_clients("admin_client_auth: require"));
  EXPECT_EQ(outcome("users", "/users", "acme:ada"), "200");
  EXPECT_THAT(outcome("admin", "/livez", ""), HasSubstr("asks for a certificate"));
  EXPECT_EQ(daemon_->mesh({"topics", "list"}).exit_code, 4);
  come_as("ops");
  EXPECT_EQ(outcome("admin", "/livez", ""), "200");
  EXPECT_EQ(outcome("admin", "/admin/v1/topics", ""), "401") << "a certificate names nobody here";
  EXPECT_EQ(outcome("admin", "/admin/v1/topics", daemon_->operator_token()), "200");
}

TEST_F(Tls, BadConfigurationIsToldBeforeTheStart) {
  const auto why = [&](const std::string& text) {
    std::ofstream(file("bad.yaml")) << "data_dir: " << file("other") << "\n" << text;
    return run({kMeshd, "--config", file("bad.yaml"), "--check-config"}).err;
  };
  EXPECT_EQ(why(config()), "");
  EXPECT_THAT(why("http: {tls: {cert_file: " + file("server.crt") + "}}\n"),
              HasSubstr("http.tls.key_file: http.tls.cert_file needs it"));
  EXPECT_THAT(why("http: {tls: {min_version: 1.3}}\n"), HasSubstr("http.tls.min_version"));
  EXPECT_THAT(why(config(", client_auth: require")), HasSubstr("http.tls.client_ca_file"));
  EXPECT_THAT(why(config(", client_auth: sometimes")), HasSubstr("none, optional or require"));
  EXPECT_THAT(why(config() + "auth: {client_certificate: {operators: [CN=ops]}}\n"),
              HasSubstr("nobody presents a certificate"));
  EXPECT_THAT(why(with_clients("client_auth: optional") +
                  "auth: {client_certificate: {user: 'CN={tenant}-{user}'}}\n"),
              HasSubstr("two ways"));
  EXPECT_THAT(why("http: {tls: {cert_file: " + file("server.crt") +
                  ", key_file: " + file("ca.key") + "}}\n"),
              HasSubstr("is not the key"));
  // TLS does not make dev tokens prove anything.
  EXPECT_THAT(why(config() + "listen: {users: 0.0.0.0:8081}\n"), HasSubstr("allow_dev_on_network"));
}

}  // namespace
}  // namespace mesh::e2e
