// TLS of the server: what it serves, whom it refuses, and that all else is as without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "common/http/client.h"
#include "common/http/server.h"
#include "tests/common/http/server_fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tls_client.h"

namespace mesh::http {
namespace {

using std::chrono::hours;
using test::Certificate;
using test::eventually;
using test::TlsClient;
using test::TlsClientOptions;
using testing::HasSubstr;

class TlsTest : public ServerTest {
 protected:
  TlsTest() {
    tls_.certificate = {"cert_file", server_.pem()};
    tls_.key = {"key_file", server_.key_pem()};
    tls_.client_ca = {"client_ca_file", clients_.pem()};
  }
  // Answers the URIs of the client's certificate.
  static Route holder() {
    Route route = echo("GET", "/holder");
    route.handler = [](std::shared_ptr<const Request> request, Responder respond) {
      respond(Response::json(
          200, request->certificate ? Json(request->certificate->uris) : Json(nullptr)));
    };
    return route;
  }
  static Route large() {
    Route route = echo("GET", "/large");
    route.handler = [](std::shared_ptr<const Request>, Responder respond) {
      respond(Response::text(200, std::string(5'000'000, 'x')));
    };
    return route;
  }
  void start_tls() {
    auto made = TlsContext::make(tls_);
    ASSERT_TRUE(made) << made.error().to_string();
    options.tls = *made;
    RouteTable routes{echo("GET", "/echo"), echo("POST", "/echo", Body::bulk), holder(), large(),
                      kept("/kept")};
    RouteTable own{echo("GET", "/echo"), holder()};
    server = std::make_unique<Server>(options, hooks, clock, metrics);
    const auto started = server->start({{"127.0.0.1:0", {"users"}, std::move(routes)},
                                        {"127.0.0.1:0", {"admin"}, std::move(own), true}});
    ASSERT_TRUE(started) << started.error().to_string();
  }
  TlsClientOptions trusting() const { return {.ca = authority_.pem()}; }
  TlsClientOptions with(const Certificate& certificate) const {
    return {.ca = authority_.pem(), .certificate = certificate.pem(), .key = certificate.key_pem()};
  }
  TlsClient tls(TlsClientOptions with, std::size_t listener = 0) {
    return TlsClient(server->addresses().at(listener), std::move(with));
  }
  // With a chain: of an authority in between.
  TlsClientOptions through_another() const {
    const auto between =
        Certificate::make({.common_name = "between", .authority = true}, &clients_);
    auto made = with(between.client("spiffe://mesh.test/acme/ada"));
    made.certificate += between.pem();
    return made;
  }
  // What GET /holder answers; why none came otherwise.
  std::string holder_of(TlsClientOptions with, std::size_t listener = 0) {
    auto client = tls(std::move(with), listener);
    // In TLS 1.3 the client is through before the server has judged its certificate.
    if (!client.shake_hands() || !client.send(get("/holder"))) return client.failure();
    const auto answer = client.read();
    return answer.status == 200 ? answer.body : client.failure();
  }
  // When this returns, the server has seen what was sent before on any connection.
  void sync_tls() {
    auto client = tls(trusting());
    ASSERT_TRUE(client.shake_hands()) << client.failure();
    ASSERT_EQ(client.ask(get("/echo", "Connection: close\r\n")).status, 200);
  }
  bool refused(std::string_view reason, int times = 1) {
    return exposes("mesh_http_rejected_total{reason=\"" + std::string(reason) + "\"} " +
                   std::to_string(times));
  }

  const Certificate authority_ = Certificate::authority();
  const Certificate server_ = authority_.server();
  const Certificate clients_ = Certificate::authority("clients");
  TlsOptions tls_;
};

TEST_F(TlsTest, ServesHttpInBothVersionsThatItSpeaks) {
  start_tls();
  for (const bool only_1_2 : {false, true}) {
    auto with = trusting();
    with.only_1_2 = only_1_2;
    auto client = tls(with);
    ASSERT_TRUE(client.shake_hands()) << client.failure();
    EXPECT_EQ(client.version(), only_1_2 ? "TLSv1.2" : "TLSv1.3");
    EXPECT_EQ(client.protocol(), "http/1.1");
    EXPECT_EQ(client.ask(get("/echo?a=1")).json()["query"]["a"], "1");
    EXPECT_EQ(client.ask(post("/echo", "body")).json()["body"], "body");
  }
}

TEST_F(TlsTest, OlderVersionsAndOtherProtocolsAreRefused) {
  tls_.only_1_3 = true;
  start_tls();
  auto old = trusting();
  old.only_1_2 = true;
  auto client = tls(old);
  EXPECT_FALSE(client.shake_hands());
  EXPECT_THAT(client.failure(), HasSubstr("protocol version"));
  auto other = trusting();
  other.protocol = "h2";
  auto second = tls(other);
  EXPECT_FALSE(second.shake_hands());
  EXPECT_THAT(second.failure(), HasSubstr("no application protocol"));
  EXPECT_TRUE(eventually([&] { return refused("tls_handshake", 2); })) << metrics.expose();
}

TEST_F(TlsTest, BodiesAndAnswersOfMegabytesArriveWhole) {
  options.max_buffered_bytes = 1 << 30;
  start_tls();
  auto client = tls(trusting());
  ASSERT_TRUE(client.shake_hands());
  const std::string body(3'000'000, 'b');
  EXPECT_EQ(client.ask(post("/echo", body)).json()["body"], body);
  // The server has to wait for room again and again: nothing is read meanwhile.
  client.send(get("/large") + get("/echo"));
  sync_tls();
  EXPECT_EQ(client.read().body.size(), 5'000'000u);
  EXPECT_EQ(client.read().status, 200);
}

TEST_F(TlsTest, ThereIsAWordBeforeABodyThatWaitsForOne) {
  start_tls();
  auto client = tls(trusting());
  ASSERT_TRUE(client.shake_hands());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read().status, 100);
  EXPECT_EQ(client.ask("hi").json()["body"], "hi");
}

// What is read from OpenSSL's own buffer tells nothing of the socket.
TEST_F(TlsTest, WhatComesWhileBufferedRequestsWaitIsReadToo) {
  start_tls();
  auto client = tls(trusting());
  ASSERT_TRUE(client.shake_hands());
  const auto first = client.seal(post("/kept", "x"));
  ASSERT_TRUE(client.send_sealed(first + client.seal(get("/echo?n=2"))));
  const auto respond = take_responder();
  ASSERT_TRUE(client.send(get("/echo?n=3")));
  sync_tls();
  respond(Response::json(200, {}));
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.read().json()["query"]["n"], "2");
  const auto last = client.read();
  ASSERT_EQ(last.status, 200) << client.failure();
  EXPECT_EQ(last.json()["query"]["n"], "3");
}

TEST_F(TlsTest, NewKeysMayBeTakenButNotWithoutEnd) {
  start_tls();
  auto client = tls(trusting());
  ASSERT_TRUE(client.shake_hands());
  for (int i = 0; i < 4; ++i) {
    const auto keys = client.seal_key_updates(10);
    ASSERT_TRUE(client.send_sealed(keys + client.seal(get("/echo"))));
    ASSERT_EQ(client.read().status, 200) << client.failure();
  }
  // Nothing but new keys is work that never comes to a request.
  const auto keys = client.seal_key_updates(3000);
  client.send_sealed(keys + client.seal(get("/echo")));
  EXPECT_EQ(client.read().status, 0);
  sync_tls();
  EXPECT_TRUE(eventually([&] { return exposes("mesh_http_connections 0"); }));
}

TEST_F(TlsTest, AHandshakeThatStopsHoldsNobodyUpAndEndsAfterTheHeaderTimeout) {
  start_tls();
  auto slow = connect();
  slow.send("\x16\x03\x01");
  sync_tls();  // served beside it, by the one loop
  clock.advance(options.header_timeout);
  EXPECT_TRUE(slow.closed_by_server());
}

TEST_F(TlsTest, WhoSendsTheBeginningOfARecordIsIdleAndMakesRoom) {
  options.max_connections = 1;
  start_tls();
  auto idle = tls(trusting());
  ASSERT_TRUE(idle.shake_hands());
  EXPECT_EQ(idle.ask(get("/echo")).status, 200);
  ASSERT_EQ(::send(idle.fd(), "\x17\x03\x03", 3, MSG_NOSIGNAL), 3);
  sync_tls();
  EXPECT_EQ(idle.ending(), "close_notify");
}

TEST_F(TlsTest, WhoSpeaksHttpIsToldToSpeakTls) {
  start_tls();
  auto client = connect();
  const auto answer = client.ask(get("/echo"));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("https://"));
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_TRUE(refused("plain_http"));
}

TEST_F(TlsTest, WhatIsNeitherIsClosed) {
  start_tls();
  auto client = connect();
  client.send(std::string(64, '\x01'));
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_TRUE(eventually([&] { return refused("tls_handshake"); }));
  // Health checks of load balancers connect and leave; that is no failure.
  connect().close();
  sync_tls();
  EXPECT_FALSE(refused("tls_handshake", 2));
}

TEST_F(TlsTest, AnAnswerThatIsTheLastEndsInOrder) {
  start_tls();
  auto client = tls(trusting());
  ASSERT_TRUE(client.shake_hands());
  EXPECT_EQ(client.ask(get("/echo", "Connection: close\r\n")).status, 200);
  EXPECT_EQ(client.ending(), "close_notify");
}

TEST_F(TlsTest, AStopAnswersWhatIsUnderWayAndEndsIdleOnesInOrder) {
  start_tls();
  auto idle = tls(trusting()), busy = tls(trusting());
  ASSERT_TRUE(idle.shake_hands() && busy.shake_hands());
  EXPECT_EQ(idle.ask(get("/echo")).status, 200);
  busy.send(post("/kept", "x"));
  const auto respond = take_responder();
  std::thread stopping([&] { server->stop(hours(1)); });
  clock.await_waiters(1);
  respond(Response::json(200, {}));
  const auto answer = busy.read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.closes);
  // The linger of a draining server is by the clock.
  EXPECT_TRUE(eventually([&] {
    clock.advance(Duration(100));
    return exposes("mesh_http_connections 0");
  }));
  EXPECT_EQ(busy.ending(), "close_notify");
  EXPECT_EQ(idle.ending(), "close_notify");
  busy.close();
  idle.close();
  stopping.join();
}

TEST_F(TlsTest, ASessionIsResumedByItsTicket) {
  start_tls();
  for (const bool only_1_2 : {false, true}) {
    auto with = trusting();
    with.only_1_2 = only_1_2;
    auto first = tls(with);
    ASSERT_TRUE(first.shake_hands());
    EXPECT_EQ(first.ask(get("/echo")).status, 200);
    EXPECT_FALSE(first.resumed());
    with.resume = first.session();
    auto second = tls(with);
    ASSERT_TRUE(second.shake_hands()) << second.failure();
    EXPECT_TRUE(second.resumed()) << second.version();
    EXPECT_EQ(second.ask(get("/echo")).status, 200);
  }
}

TEST_F(TlsTest, AChangedCertificateIsThatOfNewConnections) {
  start_tls();
  auto old = tls(trusting());
  ASSERT_TRUE(old.shake_hands());
  EXPECT_EQ(old.ask(get("/echo")).status, 200);
  const auto other = Certificate::authority("another CA");
  const auto renewed = other.server();
  tls_.certificate.text = renewed.pem();
  tls_.key.text = renewed.key_pem();
  server->change_tls(*TlsContext::make(tls_));
  EXPECT_EQ(old.ask(get("/echo")).status, 200);
  auto mistrusting = tls(trusting());
  EXPECT_FALSE(mistrusting.shake_hands());
  auto trusts_new = tls({.ca = other.pem(), .resume = old.session()});
  ASSERT_TRUE(trusts_new.shake_hands()) << trusts_new.failure();
  EXPECT_FALSE(trusts_new.resumed()) << "a ticket of the old keys";
  EXPECT_EQ(trusts_new.ask(get("/echo")).status, 200);
}

TEST_F(TlsTest, AGoodCertificateOfAClientIsKnownToTheHandler) {
  tls_.client_auth = ClientAuth::optional;
  start_tls();
  const auto uri = "spiffe://mesh.test/acme/ada";
  EXPECT_EQ(holder_of(with(clients_.client(uri))), std::string("[\"") + uri + "\"]");
  EXPECT_EQ(holder_of(trusting()), "null");
  auto old = with(clients_.client(uri));
  old.only_1_2 = true;
  EXPECT_EQ(holder_of(old), std::string("[\"") + uri + "\"]");
}

// A certificate whose authority was withdrawn was an identity for as long as its connection stood.
TEST_F(TlsTest, AnOpenConnectionIsNobodysOnceItsAuthorityIsWithdrawn) {
  tls_.client_auth = ClientAuth::optional;
  const auto others = Certificate::authority("other clients");
  struct Case {
    std::string authorities;
    ClientAuth auth;
  };
  for (const auto& after :
       {Case{others.pem(), ClientAuth::optional}, Case{others.pem(), ClientAuth::require},
        Case{clients_.pem(), ClientAuth::none}}) {
    start_tls();
    auto holder = tls(with(clients_.client("spiffe://mesh.test/acme/ada")));
    auto nobody = tls(trusting());
    ASSERT_TRUE(holder.shake_hands() && nobody.shake_hands());
    ASSERT_THAT(holder.ask(get("/holder")).body, HasSubstr("ada"));
    ASSERT_EQ(nobody.ask(get("/holder")).body, "null");
    auto changed = tls_;
    changed.client_ca.text = after.authorities;
    changed.client_auth = after.auth;
    server->change_tls(*TlsContext::make(changed));
    const auto refusal = holder.ask(get("/holder"));
    EXPECT_EQ(refusal.status, 401);
    EXPECT_TRUE(refusal.closes);
    EXPECT_EQ(nobody.ask(get("/holder")).status, after.auth == ClientAuth::require ? 401 : 200);
  }
}

TEST_F(TlsTest, AnOpenConnectionGoesOnWhereItsAuthorityStays) {
  tls_.client_auth = ClientAuth::optional;
  start_tls();
  auto through = through_another();
  auto holder = tls(through);
  ASSERT_TRUE(holder.shake_hands());
  ASSERT_THAT(holder.ask(get("/holder")).body, HasSubstr("ada"));
  tls_.client_ca.text += Certificate::authority("other clients").pem();
  tls_.client_auth = ClientAuth::require;
  server->change_tls(*TlsContext::make(tls_));
  EXPECT_THAT(holder.ask(get("/holder")).body, HasSubstr("ada"));
}

// A ticket holds no chain, so that a reload which changes nothing must not ask for one.
TEST_F(TlsTest, AResumedSessionOutlivesAReloadOfTheSame) {
  tls_.client_auth = ClientAuth::require;
  start_tls();
  auto through = through_another();
  auto first = tls(through);
  ASSERT_TRUE(first.shake_hands());
  ASSERT_EQ(first.ask(get("/holder")).status, 200);
  through.resume = first.session();
  auto second = tls(through);
  ASSERT_TRUE(second.shake_hands());
  ASSERT_TRUE(second.resumed());
  ASSERT_EQ(second.ask(get("/holder")).status, 200);
  server->change_tls(*TlsContext::make(tls_));
  EXPECT_THAT(second.ask(get("/holder")).body, HasSubstr("ada"));
}

TEST_F(TlsTest, ABadOneFailsTheHandshakeEvenWhereNoneIsNeeded) {
  for (const auto auth : {ClientAuth::optional, ClientAuth::require}) {
    tls_.client_auth = auth;
    start_tls();
    const auto stranger = Certificate::authority("clients");  // the same name, another key
    EXPECT_THAT(holder_of(with(stranger.client("spiffe://x/acme/ada"))), HasSubstr("alert"));
    const auto self_signed = Certificate::make({.names = {"URI:spiffe://x/acme/ada"}});
    EXPECT_THAT(holder_of(with(self_signed)), HasSubstr("alert"));
    const auto expired = clients_.client("spiffe://x/acme/ada", -std::chrono::minutes(1));
    EXPECT_THAT(holder_of(with(expired)), HasSubstr("certificate expired"));
    const auto early = Certificate::make(
        {.names = {"URI:spiffe://x/acme/ada"}, .from = hours(1), .until = hours(2)}, &clients_);
    EXPECT_THAT(holder_of(with(early)), HasSubstr("alert"));
  }
}

TEST_F(TlsTest, AChainLongerThanAnyoneNeedsIsNotGathered) {
  tls_.client_auth = ClientAuth::optional;
  start_tls();
  test::CertificateRequest large{.names = {"URI:spiffe://x/acme/ada"}};
  for (int i = 0; i < 400; ++i) large.names.push_back("URI:spiffe://x/" + std::string(60, 'x'));
  EXPECT_THAT(holder_of(with(Certificate::make(large, &clients_))), HasSubstr("alert"));
  EXPECT_TRUE(eventually([&] { return refused("tls_handshake"); }));
}

TEST_F(TlsTest, WhereOneIsRequiredNobodyElseIsHeard) {
  tls_.client_auth = ClientAuth::require;
  start_tls();
  EXPECT_THAT(holder_of(trusting()), HasSubstr("certificate required"));
  auto old = trusting();
  old.only_1_2 = true;
  EXPECT_THAT(holder_of(old), HasSubstr("handshake failure"));
  EXPECT_EQ(holder_of(with(clients_.client("spiffe://x/a/b"))), "[\"spiffe://x/a/b\"]");
}

TEST_F(TlsTest, OperatorsMayBeAskedForMoreAndNoSessionLeadsAroundIt) {
  tls_.operators_client_auth = ClientAuth::require;
  start_tls();
  EXPECT_EQ(holder_of(trusting(), 0), "null");
  EXPECT_THAT(holder_of(trusting(), 1), HasSubstr("certificate required"));
  for (const bool only_1_2 : {false, true}) {
    auto with = trusting();
    with.only_1_2 = only_1_2;
    auto first = tls(with, 0);
    ASSERT_TRUE(first.shake_hands());
    EXPECT_EQ(first.ask(get("/echo")).status, 200);
    with.resume = first.session();
    EXPECT_THAT(holder_of(with, 1), HasSubstr("alert")) << "resumed without a certificate";
  }
}

TEST_F(TlsTest, AResumedSessionHasItsCertificateStill) {
  tls_.client_auth = ClientAuth::require;
  start_tls();
  auto known = with(clients_.client("spiffe://x/a/b"));
  auto first = tls(known);
  ASSERT_TRUE(first.shake_hands());
  EXPECT_EQ(first.ask(get("/holder")).body, "[\"spiffe://x/a/b\"]");
  known.resume = first.session();
  auto second = tls(known);
  ASSERT_TRUE(second.shake_hands());
  EXPECT_TRUE(second.resumed());
  EXPECT_EQ(second.ask(get("/holder")).body, "[\"spiffe://x/a/b\"]");
}

TEST_F(TlsTest, WhatIsNoPairIsRefusedWithTheNameOfTheFile) {
  const auto why = [&] {
    const auto made = TlsContext::make(tls_);
    return made ? "made" : made.error().message;
  };
  EXPECT_EQ(why(), "made");
  tls_.key.text = authority_.key_pem();
  EXPECT_EQ(why(), "key_file is not the key of the first certificate of cert_file");
  tls_.key.text = server_.encrypted_key_pem("phrase");
  EXPECT_THAT(why(), HasSubstr("key_file holds a key with a pass phrase"));
  tls_.key.text = server_.pem();
  EXPECT_THAT(why(), HasSubstr("key_file holds no PEM private key"));
  tls_.certificate.text = "nonsense";
  EXPECT_THAT(why(), HasSubstr("cert_file holds no PEM certificate"));
  auto cut = server_.pem();
  cut.erase(cut.size() / 2, 8);
  tls_.certificate.text = cut;
  EXPECT_THAT(why(), HasSubstr("cert_file holds a certificate that cannot be read"));
  tls_.certificate.text = server_.pem();
  tls_.key.text = server_.key_pem();
  tls_.client_auth = ClientAuth::optional;
  tls_.client_ca.text = "nonsense";
  EXPECT_THAT(why(), HasSubstr("client_ca_file holds no PEM certificate"));
}

}  // namespace
}  // namespace mesh::http
