// A load over TLS: whom it believes, as whom it comes, and that all else is as without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "common/http/server.h"
#include "common/load/load.h"
#include "common/telemetry/log.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"

namespace mesh::load {
namespace {

using test::Certificate;
using testing::HasSubstr;

class TlsLoad : public testing::Test {
 protected:
  TlsLoad() {
    log::set_level(log::Level::error);
    authority_.write(dir_.file("ca"));
    Certificate::authority("another CA").write(dir_.file("stranger"));
    authority_.client("urn:ada").write(dir_.file("ada"));
    tls_.certificate = {"certificate", server_certificate_.pem()};
    tls_.key = {"key", server_certificate_.key_pem()};
    tls_.client_ca = {"client_ca", authority_.pem()};
    plan_.warm_up = Seconds(0);
    plan_.time = std::chrono::minutes(10);
    plan_.connections = 4;
    plan_.requests = 40;
    plan_.request = [](std::uint64_t, std::string& out) {
      out = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    };
    plan_.tls = TlsOptions{};
    plan_.tls->host = "127.0.0.1";
    plan_.tls->ca_file = dir_.file("ca.crt");
    plan_.tls->ca_setting = "--ca FILE";
  }
  void serve() {
    http::ServerOptions options;
    context_ = http::TlsContext::make(tls_).value();
    options.tls = context_;
    options.max_buffered_bytes = 1 << 30;
    server_ = std::make_unique<http::Server>(options, http::Hooks{}, system_clock(), metrics_);
    http::Route route;
    route.method = "POST";
    route.pattern = "/";
    route.access = http::Access::open;
    route.body = http::Body::bulk;
    route.handler = [this](auto request, auto respond) {
      if (request->certificate) ++known_;
      respond(http::Response::text(200, std::string(request->body.size(), 'a')));
    };
    ASSERT_TRUE(server_->start({{"127.0.0.1:0", {"test"}, {route}}}));
    plan_.address = server_->addresses()[0];
  }
  std::string refusal() {
    try {
      (void)run(plan_);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "none";
  }

  test::TempDir dir_;
  const Certificate authority_ = Certificate::authority();
  const Certificate server_certificate_ = authority_.server();
  http::TlsOptions tls_;
  Plan plan_;
  std::atomic<std::uint64_t> known_{0};
  std::shared_ptr<const http::TlsContext> context_;
  Metrics metrics_;
  std::unique_ptr<http::Server> server_;  // last: its handlers use all of the above
};

TEST_F(TlsLoad, RequestsAreAnsweredAlsoOverConnectionsThatAreMadeAnew) {
  serve();
  for (const char* field : {"", "Connection: close\r\n"}) {
    plan_.request = [field](std::uint64_t, std::string& out) {
      out = std::string("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n") + field + "\r\n";
    };
    for (const double rate : {0.0, 1000.0}) {
      plan_.rate = rate;
      const auto outcome = run(plan_);
      EXPECT_EQ(outcome.answered, 40u) << field << rate;
      EXPECT_EQ(outcome.failed(), 0u) << outcome.failures();
    }
  }
}

// More than the sockets take at once, both ways.
TEST_F(TlsLoad, BodiesOfMegabytesArriveWhole) {
  serve();
  plan_.requests = 8;
  plan_.request = [](std::uint64_t, std::string& out) {
    out = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6000000\r\n\r\n";
    out.append(6'000'000, 'b');
  };
  std::size_t received = 0;
  plan_.on_answer = [&](const Answer& answer) { received += answer.body.size(); };
  const auto outcome = run(plan_);
  EXPECT_EQ(outcome.answered, 8u) << outcome.failures();
  EXPECT_EQ(received, 8u * 6'000'000);
}

TEST_F(TlsLoad, ComesWithTheCertificateOfTheClient) {
  tls_.client_auth = http::ClientAuth::require;
  serve();
  plan_.tls->cert_file = dir_.file("ada.crt");
  plan_.tls->key_file = dir_.file("ada.key");
  EXPECT_EQ(run(plan_).answered, 40u);
  EXPECT_EQ(known_, 40u);
}

TEST_F(TlsLoad, AServerThatIsNotBelievedIsAnErrorAtTheStart) {
  serve();
  plan_.tls->ca_file = dir_.file("stranger.crt");
  EXPECT_THAT(refusal(), HasSubstr("cannot connect to " + plan_.address));
  EXPECT_THAT(refusal(), HasSubstr("name its authority with --ca FILE"));
  plan_.tls->ca_file = dir_.file("ca.crt");
  plan_.tls->host = "mesh.example.org";
  EXPECT_THAT(refusal(), HasSubstr("ostname mismatch"));
  plan_.tls->ca_file = dir_.file("none.crt");
  EXPECT_THAT(refusal(), HasSubstr("none.crt cannot be used"));
  EXPECT_EQ(known_, 0u);
}

TEST_F(TlsLoad, APinnedKeyCountsInPlaceOfAuthorityAndName) {
  serve();
  plan_.tls->ca_file = dir_.file("stranger.crt");
  plan_.tls->host = "mesh.example.org";
  plan_.tls->pinned_key = context_->public_key_pin();
  EXPECT_EQ(run(plan_).answered, 40u);
  plan_.tls->pinned_key[12] ^= 1;
  EXPECT_THAT(refusal(), HasSubstr("its public key is another one"));
  plan_.tls->skip_verify = true;
  EXPECT_THAT(refusal(), HasSubstr("its public key is another one"));
  plan_.tls->pinned_key.clear();
  EXPECT_EQ(run(plan_).answered, 40u) << "anybody may be the server";
}

TEST_F(TlsLoad, AServerWithoutTlsIsAnErrorAtTheStart) {
  serve();
  server_ = std::make_unique<http::Server>(http::ServerOptions{}, http::Hooks{}, system_clock(),
                                           metrics_);
  ASSERT_TRUE(server_->start({{"127.0.0.1:0", {"test"}, {}}}));
  plan_.address = server_->addresses()[0];
  EXPECT_THAT(refusal(), HasSubstr("no TLS"));
}

}  // namespace
}  // namespace mesh::load
