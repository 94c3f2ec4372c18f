// TLS to a real Redis with a certificate of a CA of the test's own.
#include <poll.h>

#include <thread>

#include "common/base/fd.h"
#include "common/engines/redis/session.h"
#include "tests/common/engines/redis/limiter_fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/raw_listener.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace mesh::redis {
namespace {

using test::Certificate;
using testing::HasSubstr;

struct RedisTls : testing::Test {
  void SetUp() override {
    if (!RedisServer::installed()) GTEST_SKIP() << RedisServer::kMissing;
    authority_.write(dir_.file("ca"));
    Certificate::authority("another CA").write(dir_.file("stranger"));
    serve(authority_.server());
  }
  void serve(const Certificate& certificate) {
    certificate.write(dir_.file("server"));
    server_.reset();
    tls_port_ = test::free_port();
    server_ = std::make_unique<RedisServer>(std::vector<std::string>{
        "--tls-port", std::to_string(tls_port_), "--tls-cert-file", dir_.file("server.crt"),
        "--tls-key-file", dir_.file("server.key"), "--tls-ca-cert-file", dir_.file("ca.crt"),
        "--tls-auth-clients", "no", "--requirepass", "a secret"});
  }
  std::unique_ptr<RedisLimiter> open(const std::string& ca, const std::string& host = "127.0.0.1") {
    ServerOptions options;
    options.host = host;
    options.port = static_cast<std::uint16_t>(tls_port_);
    options.tls = true;
    options.ca_file = dir_.file(ca);
    options.password = "a secret";
    // Of a machine under load.
    options.timeout = Duration{10'000};
    auto limiter = open_limiter(options, system_clock());
    return limiter ? std::move(*limiter) : nullptr;
  }
  // Why it is not connected, once it says something like that.
  static std::string trouble(const RedisLimiter& limiter, const std::string& like) {
    std::string said;
    eventually([&] {
      const auto trouble = limiter.trouble();
      said = trouble ? trouble->to_string() : "none";
      return said.find(like) != std::string::npos;
    });
    return said;
  }

  test::TempDir dir_;
  const Certificate authority_ = Certificate::authority();
  std::unique_ptr<RedisServer> server_;
  int tls_port_ = 0;
};

TEST_F(RedisTls, AServerThatItsAuthorityVouchesForIsUsed) {
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const auto limiter = open("ca.crt", host);
    ASSERT_EQ(trouble(*limiter, "none"), "none");
    EXPECT_TRUE(take(*limiter)) << host;
    // Many at once, so that answers come in several records.
    Calls calls;
    for (int i = 0; i < 2'000; ++i) calls.take(*limiter);
    EXPECT_TRUE(calls.all_answered());
    EXPECT_TRUE(calls.each_once());
    EXPECT_EQ(calls.failed(), 0u);
  }
}

TEST_F(RedisTls, ItIsConnectedToAnewWhereItWasAway) {
  const auto limiter = open("ca.crt");
  ASSERT_EQ(trouble(*limiter, "none"), "none");
  server_->kill();
  EXPECT_NE(trouble(*limiter, "unavailable"), "none");
  server_->start();
  EXPECT_EQ(trouble(*limiter, "none"), "none");
  EXPECT_TRUE(take(*limiter));
}

TEST_F(RedisTls, OneOfAnotherAuthorityOrNameIsRefusedWithAWordOnWhatToChange) {
  const auto mistrusting = open("stranger.crt");
  EXPECT_THAT(trouble(*mistrusting, "redis.ca_file"), HasSubstr("redis.ca_file"));
  const auto without = open("none.crt");
  EXPECT_THAT(trouble(*without, "redis.ca_file"), HasSubstr("cannot be read"));
  serve(Certificate::make({.names = {"DNS:cache.example.org"}}, &authority_));
  const auto elsewhere = open("ca.crt");
  EXPECT_THAT(trouble(*elsewhere, "mismatch"), HasSubstr("mismatch"));
}

// Each byte gave the handshake its whole time anew.
TEST(RedisTlsHandshake, AServerThatSendsByteByByteHasOneDeadline) {
  const test::RawListener listener;
  std::jthread server([&listener](const std::stop_token& stop) {
    const Fd client(::accept(listener.fd(), nullptr, nullptr));
    // A record of 16 KiB begins, and goes on a byte each 20 ms for longer than the client waits.
    const std::string head{0x16, 3, 3, 0x40, 0};
    ::send(client.get(), head.data(), head.size(), MSG_NOSIGNAL);
    for (int i = 0; i < 500 && !stop.stop_requested(); ++i) {
      pollfd nothing{-1, 0, 0};
      ::poll(&nothing, 1, 20);
      ::send(client.get(), "", 1, MSG_NOSIGNAL);
    }
  });
  ServerOptions options;
  options.port = listener.port();
  options.tls = true;
  options.timeout = Duration{200};
  const auto session = Session::open(options);
  ASSERT_FALSE(session);
  EXPECT_THAT(session.error().cause, HasSubstr("no answer in time"));
}

TEST_F(RedisTls, AServerWithoutTlsIsToldAndNotGivenThePassword) {
  ServerOptions options;
  options.port = static_cast<std::uint16_t>(server_->port());
  options.tls = true;
  options.ca_file = dir_.file("ca.crt");
  options.password = "a secret";
  const auto limiter = open_limiter(options, system_clock());
  ASSERT_TRUE(limiter);
  EXPECT_THAT(trouble(**limiter, "no TLS"), HasSubstr("no TLS connection"));
}

}  // namespace
}  // namespace mesh::redis
