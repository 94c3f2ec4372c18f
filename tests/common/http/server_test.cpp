#include "common/http/server.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/common/http/server_fixture.h"

namespace mesh::http {
namespace {

TEST_F(ServerTest, AConnectionServesOneRequestAfterAnother) {
  start();
  auto client = connect();
  for (int i = 0; i < 3; ++i) {
    const auto reply = client.ask(get("/echo"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.header("Connection"), "");
    EXPECT_EQ(reply.header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(reply.header("Cache-Control"), "no-store");
    EXPECT_EQ(reply.header("Date"), "Thu, 01 Jan 2026 00:00:00 GMT");
  }
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrderThoughAnsweredLater) {
  start({kept("/kept"), echo("GET", "/echo")});
  auto client = connect();
  client.send(post("/kept", "1") + get("/echo?n=2") + post("/kept", "3"));
  take_responder()(Response::text(200, "first"));
  EXPECT_EQ(client.read().body, "first");
  EXPECT_EQ(client.read().json()["query"]["n"], "2");
  take_responder()(Response::text(200, "third"));
  EXPECT_EQ(client.read().body, "third");
}

TEST_F(ServerTest, ManyPipelinedRequestsAreAllAnswered) {
  start();
  auto client = connect();
  std::string all;
  for (int i = 0; i < 300; ++i) all += get("/echo?n=" + std::to_string(i));
  client.send(all);
  for (int i = 0; i < 300; ++i) ASSERT_EQ(client.read().json()["query"]["n"], std::to_string(i));
}

TEST_F(ServerTest, HalfSentRequestsDoNotBlockOthers) {
  start();
  std::vector<RawClient> half;
  for (int i = 0; i < 200; ++i) {
    half.push_back(connect());
    half.back().send(i % 2 == 0 ? "GET /ec"
                                : "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nx");
  }
  auto client = connect();
  EXPECT_EQ(client.ask(get("/echo")).status, 200);
  half[0].send("ho HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(half[0].read().status, 200);
}

TEST_F(ServerTest, ARequestIsReadByteByByte) {
  start({echo("POST", "/echo", Body::event)});
  auto client = connect();
  for (const char c : post("/echo", "hello")) client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.read().json()["body"], "hello");
}

TEST_F(ServerTest, TheHandlerSeesDecodedPathQueryHeadersAndBody) {
  start({echo("POST", "/r/{name}", Body::json)});
  auto client = connect();
  const auto seen = client
                        .ask(post("/r/Dr.%20Jane%2FSmith?q=a+b%26c&e=", "{}",
                                  "Content-Type: application/json\r\nCe-Subject: a%20%41\r\n"))
                        .json();
  EXPECT_EQ(seen["path"], "/r/Dr. Jane/Smith");
  EXPECT_EQ(seen["params"]["name"], "Dr. Jane/Smith");
  EXPECT_EQ(seen["query"]["q"], "a b&c");
  EXPECT_EQ(seen["query"]["e"], "");
  EXPECT_EQ(seen["body"], "{}");
  EXPECT_EQ(seen["headers"]["ce-subject"], "a%20%41") << "header values are not decoded here";
}

TEST_F(ServerTest, OddButHarmlessHeadersAreNoReasonToRefuse) {
  start();
  auto client = connect();
  EXPECT_EQ(client.ask(get("/echo", "Accept: json,,\r\nRange: lines=1-2\r\n")).status, 200);
  EXPECT_EQ(client.ask(get("/echo", "Range: bytes=9-1\r\nAccept: a/b; q=.2, */*; q=.2\r\n")).status,
            200);
  EXPECT_EQ(client
                .ask(get("/echo",
                         "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                         "Sec-WebSocket-Version: 13\r\n"))
                .status,
            200);
}

TEST_F(ServerTest, ChunkedBodiesAndTheirSuccessorsAreRead) {
  start({echo("POST", "/echo", Body::event)});
  auto client = connect();
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.send("5\r\nhello\r\n");
  client.send("6\r\n world\r\n0\r\n\r\n" + post("/echo", "next"));
  EXPECT_EQ(client.read().json()["body"], "hello world");
  EXPECT_EQ(client.read().json()["body"], "next");
}

TEST_F(ServerTest, ExpectContinueIsAnsweredBeforeTheBody) {
  start({echo("POST", "/echo", Body::event)});
  auto client = connect();
  client.send(
      "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read().status, 100);
  EXPECT_EQ(client.ask("hello").json()["body"], "hello");
}

TEST_F(ServerTest, HeadHasTheHeadersOfGetWithoutItsBody) {
  start();
  auto client = connect();
  client.send("HEAD /echo HTTP/1.1\r\nHost: t\r\n\r\n" + get("/echo"));
  const auto head = client.read(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_NE(head.header("Content-Length"), "0");
  EXPECT_EQ(client.read().json()["method"], "GET");
}

TEST_F(ServerTest, ARefusedHeadHasNoBody) {
  start();
  for (const auto* request : {"HEAD / HTTP/2.0\r\nHost: t\r\n\r\n",
                              "HEAD /a b HTTP/1.1\r\nHost: t\r\n\r\n", "HEAD / HTTP/1.1\r\n\r\n"}) {
    auto client = connect();
    client.send(request);
    EXPECT_GE(client.read(true).status, 400) << request;
    EXPECT_TRUE(client.closed_by_server()) << request;
  }
}

TEST_F(ServerTest, AProblemNamesAPathAlsoWhereTheTargetHasNone) {
  start();
  auto client = connect();
  EXPECT_EQ(client.ask("GET ?a=1 HTTP/1.1\r\nHost: t\r\n\r\n").json()["instance"], "/");
}

TEST_F(ServerTest, OptionsNamesTheMethodsOfThePath) {
  start({echo("GET", "/users/{id}"), echo("DELETE", "/users/{id}")});
  auto client = connect();
  const auto reply = client.ask("OPTIONS /users/1 HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.header("Allow"), "DELETE, GET, HEAD, OPTIONS");
  EXPECT_EQ(client.ask("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n").status, 204);
  EXPECT_EQ(client.ask("OPTIONS /nowhere HTTP/1.1\r\nHost: t\r\n\r\n").status, 404);
}

TEST_F(ServerTest, UnknownPathsAndMethodsAreProblemsAndKeepTheConnection) {
  start();
  auto client = connect();
  const auto missing = client.ask(get("/no%20where?x=1", "X-Request-Id: my id\r\n"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(missing.json()["instance"], "/no%20where");
  EXPECT_EQ(missing.json()["request_id"], "my id");
  const auto method = client.ask(post("/echo", ""));
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.header("Allow"), "GET, HEAD, OPTIONS");
}

TEST_F(ServerTest, BodiesAreCheckedAgainstTheRoute) {
  start({echo("POST", "/json", Body::json), echo("POST", "/none")});
  auto client = connect();
  EXPECT_EQ(client.ask(post("/json", "{}", "Content-Type: text/plain\r\n")).status, 415);
  EXPECT_EQ(client.ask(post("/json", "{}", "")).status, 415);
  EXPECT_EQ(client.ask(post("/json", "{}", "Content-Type: a/ld+json; v=1\r\n")).status, 200);
  EXPECT_EQ(client.ask("POST /json HTTP/1.1\r\nHost: t\r\n\r\n").status, 200)
      << "no length is no body";
  EXPECT_EQ(client.ask(post("/none", "x")).status, 400);
  EXPECT_EQ(client.ask(post("/none", "")).status, 200);
}

TEST_F(ServerTest, BrokenTargetsAre400) {
  start();
  auto client = connect();
  for (const auto* target : {"/echo?q=%zz", "/echo?q=%ff", "/echo?%c0%a0=1", "/%zz", "/a%00b",
                             "/echo?q=%00", "/echo?q=\xff"}) {
    EXPECT_EQ(client.ask(get(target)).status, 400) << target;
  }
  EXPECT_EQ(client.ask(get("/echo?tenant=a&x=1&tenant=b")).status, 400);
  EXPECT_EQ(client.ask(get("/echo?tenant=a&tenant=a")).status, 200);
  EXPECT_EQ(client.ask(get("/echo?q=na\xc3\xafve")).json()["query"]["q"], "na\xc3\xafve");
}

TEST_F(ServerTest, DeferredAnswersComeFromOtherThreads) {
  start({kept("/kept")});
  std::vector<RawClient> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(connect());
    clients.back().send(post("/kept", std::to_string(i)));
  }
  std::vector<Responder> group;
  for (int i = 0; i < 50; ++i) group.push_back(take_responder());
  std::thread committer([&] {
    for (const auto& respond : group) respond(Response::text(202, "done"));
  });
  for (auto& client : clients) EXPECT_EQ(client.read().status, 202);
  committer.join();
}

TEST_F(ServerTest, ADroppedResponderIs500) {
  Route route = echo("GET", "/drop");
  route.handler = [](std::shared_ptr<const Request>, Responder) {};
  start({route});
  auto client = connect();
  const auto reply = client.ask(get("/drop"));
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.json()["instance"], "/drop");
  EXPECT_EQ(client.ask(get("/fence")).status, 200) << "the connection lives on";
}

TEST_F(ServerTest, AnExceptionOfAHandlerIs500AndStaysInside) {
  Route route = echo("GET", "/throw");
  route.handler = [](std::shared_ptr<const Request>, Responder) {
    throw std::runtime_error("secret");
  };
  start({route});
  auto client = connect();
  const auto reply = client.ask(get("/throw"));
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.body.find("secret"), std::string::npos);
}

TEST_F(ServerTest, ABlockedRouteDoesNotHoldUpOthers) {
  std::promise<void> release;
  Route route = echo("GET", "/slow");
  route.pool = Pool::quick;
  route.handler = [&, released = release.get_future().share()](std::shared_ptr<const Request>,
                                                               Responder respond) {
    released.wait();
    respond(Response::text(200, "slow"));
  };
  start({route, echo("GET", "/echo")});
  auto slow = connect();
  slow.send(get("/slow"));
  auto quick = connect();
  EXPECT_EQ(quick.ask(get("/echo")).status, 200);
  release.set_value();
  EXPECT_EQ(slow.read().body, "slow");
}

TEST_F(ServerTest, ALargeAnswerReachesASlowReader) {
  const std::string large(8 << 20, 'x');
  Route route = echo("GET", "/large");
  route.handler = [&](std::shared_ptr<const Request>, Responder respond) {
    respond(Response::text(200, large));
  };
  start({route});
  RawClient client(server->addresses()[0], 4096);
  client.send(get("/large"));
  sync();  // the server goes on while the socket is full
  EXPECT_EQ(client.read().body.size(), large.size());
  EXPECT_EQ(client.ask(get("/fence")).status, 200);
}

TEST_F(ServerTest, Http10IsAnsweredAndClosed) {
  start();
  auto client = connect();
  const auto reply = client.ask("GET /echo HTTP/1.0\r\n\r\n");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(ServerTest, AClientThatOnlyStopsSendingStillGetsItsAnswer) {
  start({kept("/kept")});
  auto client = connect();
  client.send(post("/kept", "x"));
  client.finish_sending();
  take_responder()(Response::text(200, "late"));
  EXPECT_EQ(client.read().body, "late");
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(ServerTest, AnAnswerToAClientThatLeftGoesNowhere) {
  start({kept("/kept")});
  {
    auto client = connect();
    client.send(post("/kept", "x"));
    sync();
  }
  const auto respond = take_responder();
  sync();
  respond(Response::no_content());
  sync();
}

TEST_F(ServerTest, RefusedRequestsEndTheConnection) {
  start();
  for (const auto* request :
       {"GET / HTTP/1.1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /echo HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET /echo HTTP/1.1\nHost: t\n\n", "BREW / HTTP/1.1\r\nHost: t\r\n\r\n"}) {
    auto client = connect();
    const auto reply = client.ask(request);
    EXPECT_GE(reply.status, 400) << request;
    EXPECT_EQ(reply.header("Connection"), "close");
    EXPECT_EQ(reply.json()["status"], reply.status);
    EXPECT_FALSE(reply.json()["request_id"].get<std::string>().empty());
    EXPECT_TRUE(reply.json().contains("instance"));
    EXPECT_TRUE(client.closed_by_server()) << "what follows is not another request";
  }
  EXPECT_TRUE(exposes("mesh_http_rejected_total{reason=\"malformed\"} 4"));
}

TEST_F(ServerTest, SeveralListenersShareTheServer) {
  server = std::make_unique<Server>(options, hooks, clock, metrics);
  ASSERT_TRUE(server->start({{"127.0.0.1:0", {"users"}, {echo("GET", "/a")}},
                             {"127.0.0.1:0", {"admin"}, {echo("GET", "/b")}}}));
  ASSERT_EQ(server->addresses().size(), 2u);
  RawClient first(server->addresses()[0]);
  RawClient second(server->addresses()[1]);
  EXPECT_EQ(first.ask(get("/a")).status, 200);
  EXPECT_EQ(first.ask(get("/b")).status, 404);
  EXPECT_EQ(second.ask(get("/b")).status, 200);
}

TEST_F(ServerTest, AnAddressInUseIsUnavailableAndNamed) {
  start();
  const auto address = server->addresses()[0];
  Server other(options, hooks, clock, metrics);
  const auto started = other.start({{"127.0.0.1:0", {"a"}, {}}, {address, {"b"}, {}}});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::unavailable);
  EXPECT_NE(started.error().message.find(address), std::string::npos);
  for (const auto* bad : {"127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ":-1"}) {
    Server third(options, hooks, clock, metrics);
    const auto refused = third.start({{bad, {"a"}, {}}});
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid) << bad;
  }
}

TEST_F(ServerTest, OverlappingRoutesStopTheStart) {
  server = std::make_unique<Server>(options, hooks, clock, metrics);
  const auto started =
      server->start({{"127.0.0.1:0", {"a"}, {echo("GET", "/a/{x}"), echo("GET", "/a/{y}")}}});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::internal);
}

TEST_F(ServerTest, ARequestThatWaitedWithoutAThreadGoesOnOnAWorker) {
  options.blocking_workers = 1;
  start({kept("/kept")});
  auto client = connect();
  client.send(post("/kept", "x"));
  auto respond = take_responder();
  std::promise<std::thread::id> ran;
  ASSERT_TRUE(respond.on_worker([&] {
    ran.set_value(std::this_thread::get_id());
    respond(Response::text(200, "went on"));
  }));
  EXPECT_EQ(client.read().body, "went on");
  EXPECT_NE(ran.get_future().get(), std::this_thread::get_id());

  client.send(post("/kept", "x"));
  respond = take_responder();
  ASSERT_TRUE(respond.on_worker([] { throw std::runtime_error("broken"); }));
  EXPECT_EQ(client.read().status, 500);
}

}  // namespace
}  // namespace mesh::http
