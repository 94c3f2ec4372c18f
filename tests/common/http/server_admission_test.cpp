// What is decided by the head of a request, before its body has come.
#include <gtest/gtest.h>

#include <atomic>

#include "common/http/server.h"
#include "tests/common/http/encode.h"
#include "tests/common/http/server_fixture.h"
#include "tests/support/eventually.h"

namespace mesh::http {
namespace {

constexpr std::size_t kBulk = 64 << 20;

// Tokens are "Bearer <tenant>"; every other one is bad. What the limiter was asked is counted.
class AdmissionTest : public ServerTest {
 protected:
  AdmissionTest() {
    hooks.authenticate = [](const Request& request, const Route&) -> Result<Principal> {
      const auto token = request.header("Authorization").value_or("");
      const auto tenant = TenantId::parse(token.substr(std::min<std::size_t>(7, token.size())));
      if (!tenant) return fail(ErrorKind::unauthenticated, "A good credential is needed.");
      return Principal{Principal::Kind::tenant_user, *tenant, "user"};
    };
    hooks.admit = [this](const TenantId&, const std::string&,
                         const Hooks::Later&) -> Result<Hooks::Admission> {
      ++asked;
      return Hooks::Admission{{}, {allowed, 1, 0, std::chrono::seconds(1), {}}};
    };
  }
  static Route bulk(std::string pattern = "/bulk") {
    Route route = echo("POST", std::move(pattern), Body::bulk, Access::tenant);
    route.scope = "publish";
    route.handler = [](std::shared_ptr<const Request> request, Responder respond) {
      respond(Response::text(200, std::to_string(request->body.size())));
    };
    return route;
  }
  static std::string head(std::size_t length, const std::string& headers,
                          std::string_view path = "/bulk") {
    return "POST " + std::string(path) + " HTTP/1.1\r\nHost: t\r\n" + headers +
           "Content-Length: " + std::to_string(length) + "\r\n\r\n";
  }
  static std::string chunk(std::size_t size) {
    char digits[20];
    std::snprintf(digits, sizeof digits, "%zx\r\n", size);
    return digits + std::string(size, 'x') + "\r\n";
  }

  std::atomic<int> asked{0};
  std::atomic<bool> allowed{true};
};

const std::string kGood = "Authorization: Bearer acme\r\n";
const std::string kBad = "Authorization: Bearer !\r\n";
const std::string kExpects = "Expect: 100-continue\r\n";
const std::string kChunked = "Transfer-Encoding: chunked\r\n\r\n";

TEST_F(AdmissionTest, ABadCredentialIsAnsweredWhileItsLongBodyIsStillToCome) {
  start({bulk()});
  std::vector<RawClient> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(connect());
    clients.back().send(head(kBulk, kBad));
    clients.back().send(std::string(1 << 20, 'x'));
  }
  for (auto& client : clients) {
    const auto reply = client.read();
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(reply.header("Connection"), "close");
  }
  EXPECT_EQ(server->buffered_bytes(), 0u);
  EXPECT_EQ(asked, 0);
}

TEST_F(AdmissionTest, ARefusedClientThatSendsItsWholeBodyFirstReadsTheAnswer) {
  start({bulk()});
  auto client = connect();
  client.send(head(8 << 20, kBad) + std::string(8 << 20, 'x'));
  EXPECT_EQ(client.read().status, 401);
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(AdmissionTest, WhoWaitsToBeAskedForABodyGetsTheFinalAnswerInstead) {
  allowed = false;
  start({bulk(), echo("POST", "/json", Body::json, Access::open)});
  const std::vector<std::pair<std::string, int>> cases{
      {head(5, kExpects + kBad), 401},
      {head(5, kExpects, "/nowhere"), 404},
      {head(5, kExpects, "/fence"), 405},
      {head(5, kExpects + "Content-Type: text/plain\r\n", "/json"), 415},
      {head(5, kExpects + "Content-Encoding: br\r\n", "/json"), 415},
      {head(kBulk + 1, kExpects + kGood), 413},
      {head(5, kExpects + kGood), 429},
      {"POST /bulk HTTP/1.1\r\nHost: t\r\n" + kExpects + kBad + kChunked, 401}};
  for (const auto& [request, status] : cases) {
    auto client = connect();
    EXPECT_EQ(client.ask(request).status, status) << request;
    EXPECT_TRUE(client.closed_by_server()) << request;
  }
  EXPECT_EQ(asked, 1);
}

TEST_F(AdmissionTest, WhoIsAdmittedIsAskedForTheBodyAndPaysOnce) {
  start({bulk()});
  auto client = connect();
  EXPECT_EQ(client.ask(head(5, kExpects + kGood)).status, 100);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(client.ask("hello").body, "5");
  EXPECT_EQ(asked, 1);
}

TEST_F(AdmissionTest, AShortBodyOfARefusedRequestKeepsTheConnectionInStep) {
  start({bulk()});
  const std::string looks_like_requests =
      "GET /echo HTTP/1.1\r\nHost: t\r\n\r\nGET /echo HTTP/1.1\r\nHost: t\r\n\r\n";
  auto client = connect();
  client.send(head(looks_like_requests.size(), kBad) + looks_like_requests + get("/fence"));
  EXPECT_EQ(client.read().status, 401);
  EXPECT_EQ(client.read().json()["path"], "/fence") << "the body is no request";
  client.send("POST /bulk HTTP/1.1\r\nHost: t\r\n" + kBad + kChunked + chunk(1000) + chunk(7) +
              "0\r\n\r\n" + get("/fence"));
  EXPECT_EQ(client.read().status, 401);
  EXPECT_EQ(client.read().json()["path"], "/fence");
  client.send(head(10, kBad) + "01234");
  sync();
  client.send("56789" + get("/fence"));
  EXPECT_EQ(client.read().status, 401);
  EXPECT_EQ(client.read().json()["path"], "/fence");
}

TEST_F(AdmissionTest, EndlessChunksOfARefusedRequestEndTheConnection) {
  start({bulk()});
  auto client = connect();
  client.send("POST /bulk HTTP/1.1\r\nHost: t\r\n" + kBad + kChunked);
  for (int i = 0; i < 80; ++i) client.send(chunk(1024));
  EXPECT_EQ(client.read().status, 401);
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_EQ(server->buffered_bytes(), 0u);
}

TEST_F(AdmissionTest, ARefusedBodyThatStopsComingGetsTheRefusal) {
  start({bulk()});
  auto client = connect();
  client.send(head(100, kBad) + "x");
  sync();
  clock.advance(options.body_timeout);
  EXPECT_EQ(client.read().status, 401) << "and not 408, which hides why";
}

TEST_F(AdmissionTest, OneTenantsBodiesLeaveRoomForAnothers) {
  options.max_bulk_body_bytes = 4 << 20;
  options.max_buffered_bytes = 8 << 20;
  start({bulk()});
  std::vector<RawClient> greedy;
  for (int i = 0; i < 8; ++i) {
    greedy.push_back(connect());
    greedy.back().send(head(4 << 20, kGood) + std::string(3 << 20, 'x'));
  }
  EXPECT_TRUE(test::eventually([&] { return server->buffered_bytes() >= 1u << 20; }));
  sync();
  EXPECT_LE(server->buffered_bytes(), 4u << 20);
  auto other = connect();
  const auto reply =
      other.ask(head(2 << 20, "Authorization: Bearer globex\r\n") + std::string(2 << 20, 'x'));
  EXPECT_EQ(reply.status, 200) << reply.body;
}

TEST_F(AdmissionTest, ABodyThatCannotFindRoomIsRefusedBeforeItIsSent) {
  options.max_bulk_body_bytes = 4 << 20;
  options.max_buffered_bytes = 8 << 20;
  start({bulk()});
  auto holder = connect();
  holder.send(head(4 << 20, kGood) + std::string(3 << 20, 'x'));
  EXPECT_TRUE(test::eventually([&] { return server->buffered_bytes() >= 1u << 20; }));
  auto next = connect();
  const auto reply = next.ask(head(4 << 20, kExpects + kGood));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.header("Retry-After"), "1");
  holder.leave();
  sync();
  EXPECT_EQ(connect().ask(head(4 << 20, kExpects + kGood)).status, 100);
}

TEST_F(AdmissionTest, ABodyWhereNoneIsWantedIsDropped) {
  start({echo("GET", "/echo"), echo("DELETE", "/echo")});
  auto client = connect();
  for (const auto* method : {"GET", "DELETE"}) {
    const std::string line = std::string(method) + " /echo HTTP/1.1\r\nHost: t\r\n";
    client.send(line + "Content-Length: 2\r\n\r\n{}" + get("/fence"));
    const auto reply = client.read();
    EXPECT_EQ(reply.status, 200) << method;
    EXPECT_EQ(reply.json()["body"], "");
    EXPECT_EQ(client.read().json()["path"], "/fence");
    client.send(line + kChunked + chunk(3) + "0\r\n\r\n" + get("/fence"));
    EXPECT_EQ(client.read().status, 200) << method;
    EXPECT_EQ(client.read().json()["path"], "/fence");
  }
  EXPECT_EQ(
      client.ask("DELETE /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 2000000\r\n\r\n").status,
      413);
}

class CodingTest : public ServerTest {
 protected:
  test::Answer send(const std::string& body, const std::string& coding,
                    std::string_view path = "/echo") {
    auto client = connect();
    return client.ask(post(path, body, "Content-Encoding: " + coding + "\r\n"));
  }
};

TEST_F(CodingTest, EncodedBodiesReachTheHandlerDecoded) {
  start({echo("POST", "/echo", Body::event)});
  const std::string text(100'000, 'a');
  EXPECT_EQ(send(gzip(text), "gzip").json()["body"], text);
  EXPECT_EQ(send(zstd(text), "zstd").json()["body"], text);
  EXPECT_EQ(send(text, "identity").json()["body"], text);
  EXPECT_TRUE(test::eventually([&] { return server->buffered_bytes() == 0; }))
      << "a worker may still hold a request that it has answered";
}

TEST_F(CodingTest, UnknownCodingsAre415AndToldWhichThereAre) {
  start({echo("POST", "/echo", Body::event)});
  for (const char* coding : {"br", "deflate", "gzip, gzip"}) {
    const auto reply = send("x", coding);
    EXPECT_EQ(reply.status, 415) << coding;
    EXPECT_EQ(reply.header("Accept-Encoding"), "gzip, zstd");
  }
  auto client = connect();
  EXPECT_EQ(
      client.ask(post("/echo", "x", "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n")).status,
      400);
}

TEST_F(CodingTest, BodiesThatAreNotOfTheirCodingAre400) {
  start({echo("POST", "/echo", Body::event)});
  EXPECT_EQ(send("{}", "gzip").status, 400);
  EXPECT_EQ(send(gzip(std::string(1000, 'a')).substr(0, 20), "gzip").status, 400);
  EXPECT_EQ(send("{}", "zstd").status, 400);
}

TEST_F(CodingTest, WhatExpandsBeyondTheLimitOfItsRouteIs413) {
  options.max_body_bytes = 1 << 20;
  start({echo("POST", "/echo", Body::event), echo("POST", "/bulk", Body::bulk)});
  const std::string most(1 << 20, 'a');
  EXPECT_EQ(send(gzip(most), "gzip").status, 200);
  EXPECT_EQ(send(gzip(most + "a"), "gzip").status, 413);
  EXPECT_EQ(send(zstd(std::string(32 << 20, 'a')), "zstd").status, 413);
  EXPECT_EQ(send(zstd(most + "a"), "zstd", "/bulk").status, 200);
}

TEST_F(CodingTest, WhatExpandsBeyondItsShareOfTheBuffersIs503) {
  options.max_bulk_body_bytes = 4 << 20;
  options.max_buffered_bytes = 4 << 20;
  start({echo("POST", "/bulk", Body::bulk)});
  EXPECT_EQ(send(gzip(std::string(4 << 20, 'a')), "gzip", "/bulk").status, 503);
  EXPECT_EQ(send(gzip(std::string(1 << 20, 'a')), "gzip", "/bulk").status, 200);
}

TEST_F(ServerTest, HostsThatAreNotItsOwnAre421) {
  options.allowed_hosts = {{"mesh.example.com"}};
  start({echo("GET", "/echo")});
  const auto of_host = [&](const std::string& host) {
    auto client = connect();
    return client.ask("GET /echo HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  };
  EXPECT_EQ(of_host("mesh.example.com:80").status, 200);
  EXPECT_EQ(of_host("127.0.0.1:80").status, 200);
  const auto refused = of_host("evil.example");
  EXPECT_EQ(refused.status, 421);
  EXPECT_NE(refused.json()["detail"].get<std::string>().find("http.allowed_hosts"),
            std::string::npos);
}

constexpr auto kOrigin = "Origin: https://app.example.com\r\n";

TEST_F(ServerTest, OtherOriginsAreKeptOutUnlessConfigured) {
  start({echo("GET", "/echo")});
  auto client = connect();
  const auto reply = client.ask(get("/echo", kOrigin));
  EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(reply.header("Vary"), "");
}

TEST_F(ServerTest, PagesOfAConfiguredOriginMayRead) {
  options.cors.origins = {"https://app.example.com"};
  start({echo("GET", "/echo")});
  auto client = connect();
  const auto reply = client.ask(get("/echo", kOrigin));
  EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), "https://app.example.com");
  EXPECT_EQ(reply.header("Access-Control-Allow-Credentials"), "");
  EXPECT_EQ(reply.header("Vary"), "Origin");
  EXPECT_NE(reply.header("Access-Control-Expose-Headers").find("ETag"), std::string::npos);
  for (const char* other : {"Origin: https://app.example.com.evil.example\r\n",
                            "Origin: http://app.example.com\r\n", "Origin: null\r\n", ""}) {
    const auto refused = client.ask(get("/echo", other));
    EXPECT_EQ(refused.header("Access-Control-Allow-Origin"), "") << other;
    EXPECT_EQ(refused.header("Vary"), "Origin") << "a cache must not take one for another";
  }
}

TEST_F(ServerTest, APreflightIsAnsweredWithoutACredential) {
  options.cors.origins = {"https://app.example.com"};
  start({echo("POST", "/mine", Body::json, Access::tenant)});
  auto client = connect();
  const auto ask = [&](const std::string& headers) {
    return client.ask(
        "OPTIONS /mine HTTP/1.1\r\nHost: t\r\nAccess-Control-Request-Method: POST\r\n"
        "Access-Control-Request-Headers: authorization,ce-id\r\n" +
        headers + "\r\n");
  };
  const auto reply = ask(kOrigin);
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), "https://app.example.com");
  EXPECT_EQ(reply.header("Access-Control-Allow-Methods"), "OPTIONS, POST");
  EXPECT_EQ(reply.header("Access-Control-Allow-Headers"), "authorization,ce-id");
  EXPECT_EQ(reply.header("Access-Control-Max-Age"), "600");
  const auto refused = ask("Origin: https://evil.example\r\n");
  EXPECT_EQ(refused.header("Access-Control-Allow-Methods"), "");
  EXPECT_EQ(refused.header("Access-Control-Allow-Headers"), "");
  const auto problem = client.ask(post("/mine", "{}", std::string(kOrigin)));
  EXPECT_EQ(problem.header("Access-Control-Allow-Origin"), "https://app.example.com")
      << "a page may read why it was refused";
}

}  // namespace
}  // namespace mesh::http
