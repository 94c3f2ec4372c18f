// Servers that the real daemon asks over TLS, and whom of them it believes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/http/server.h"
#include "tests/common/auth/mint.h"
#include "tests/e2e/daemon.h"
#include "tests/support/certificates.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using test::Certificate;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// An issuer's keys at /keys, a model that does not work, and nothing anywhere else.
class TlsServer {
 public:
  TlsServer(const Certificate& certificate, const std::string& keys) {
    http::Route route;
    route.method = "GET";
    route.pattern = "/keys";
    route.access = http::Access::open;
    route.handler = [keys](const auto&, const http::Responder& respond) {
      respond(http::Response::json_text(200, keys));
    };
    http::Route model;
    model.method = "POST";
    model.pattern = "/v1/chat/completions";
    model.access = http::Access::open;
    model.body = http::Body::json;
    model.handler = [this](const auto&, const http::Responder& respond) {
      model_asked = true;
      respond(http::Response::problem(500, "broken"));
    };
    http::ServerOptions options;
    options.tls = *http::TlsContext::make(
        {.certificate = {"", certificate.pem()}, .key = {"", certificate.key_pem()}});
    server_ = std::make_unique<http::Server>(options, http::Hooks{}, system_clock(), metrics_);
    EXPECT_TRUE(server_->start({{"127.0.0.1:0", {"other"}, {route, model}, false}}));
  }
  std::string url() const { return "https://" + server_->addresses().front(); }

  std::atomic<bool> model_asked{false};

 private:
  Metrics metrics_;
  std::unique_ptr<http::Server> server_;
};

class OutgoingTls : public ::testing::Test {
 protected:
  static std::string keys() { return auth::test::jwks({auth::test::Issuer::ec("P-256").jwk("k")}); }
  OutgoingTls() {
    authority_.write(dir_.file("ca"));
    Certificate::authority("another CA").write(dir_.file("stranger"));
  }
  // A daemon that asks `server` for all that it can ask over HTTP.
  void start(const TlsServer& server, const std::string& ca) {
    const std::string file = dir_.file(ca + ".crt");
    daemon_.emplace(dir_.file("data-" + ca),
                    "vectors: {engine: qdrant}\n"
                    "qdrant: {url: '" +
                        server.url() + "', ca_file: " + file +
                        "}\n"
                        "extractor: {engine: openai}\n"
                        "openai: {base_url: '" +
                        server.url() + "/v1', model: m, ca_file: " + file +
                        "}\n"
                        "auth: {mode: jwt, anonymous_tenant: null, jwt: {issuer: i, audience: a, "
                        "jwks_url: '" +
                        server.url() + "/keys', ca_file: " + file + "}}\n");
    ASSERT_TRUE(daemon_->start()) << daemon_->errors();
    // What properties are to be extracted of, so that the model's server is asked.
    const auto published =
        daemon_->call("publisher", "POST", "/api/v1/events/chemical", daemon_->operator_token(),
                      R"({"molecule_id":"m","researcher":"r","data":{"formula":"H2O"}})",
                      {{"X-Tenant-Id", "acme"}});
    ASSERT_EQ(published.status, 202) << published.body;
  }
  // What a check of this name says, once it says something of that sort.
  std::string detail(const std::string& name, const std::string& wanted) {
    std::string seen;
    test::eventually([&] {
      const Json answer =
          daemon_->call("admin", "POST", "/admin/v1/check", daemon_->operator_token(), "{}").json();
      for (const auto& check : answer["checks"]) {
        if (check["name"] == name) seen = check["detail"].get<std::string>();
      }
      return seen.find(wanted) != std::string::npos;
    });
    return seen;
  }

  test::TempDir dir_;
  const Certificate authority_ = Certificate::authority();
  std::optional<Daemon> daemon_;
};

TEST_F(OutgoingTls, WhomTheAuthorityOfTheConfigurationSignedIsAsked) {
  const TlsServer server(authority_.server(), keys());
  start(server, "ca");
  EXPECT_THAT(detail("qdrant", "no Qdrant"),
              AllOf(HasSubstr("no Qdrant"), Not(HasSubstr("certificate"))));
  EXPECT_TRUE(test::eventually([&] { return server.model_asked.load(); }));
  EXPECT_THAT(detail("jwks", "are known"), HasSubstr("are known"));
}

TEST_F(OutgoingTls, NobodyElseIsAndTheWordSaysWhichKeyToLookAt) {
  const TlsServer server(authority_.server(), keys());
  start(server, "stranger");
  for (const auto& [check, key] :
       {std::pair{"qdrant", "qdrant.ca_file"}, {"extractor", "openai.ca_file"}}) {
    EXPECT_THAT(detail(check, key), AllOf(HasSubstr("not trusted here"), HasSubstr(key))) << check;
  }
  EXPECT_THAT(detail("jwks", "cannot be fetched"), HasSubstr("cannot be fetched"));
  EXPECT_EQ(daemon_->stop(), 0);
  EXPECT_THAT(daemon_->errors(), HasSubstr("auth.jwt.ca_file"));
}

TEST_F(OutgoingTls, TheServersNameCountsToo) {
  const TlsServer server(Certificate::make({.names = {"DNS:other.example.org"}}, &authority_),
                         keys());
  start(server, "ca");
  EXPECT_THAT(detail("qdrant", "another name"), HasSubstr("another name"));
}

}  // namespace
}  // namespace mesh::e2e
