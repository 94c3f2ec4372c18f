#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <optional>

#include "common/http/exchange.h"
#include "common/http/server.h"
#include "tests/common/http/server_fixture.h"

namespace mesh::http {
namespace {

using std::chrono::milliseconds;

// One blocking worker, held by GET /held until release(); GET /counted blocks too and counts.
class HeldWorkerTest : public ServerTest {
 protected:
  HeldWorkerTest() { options.blocking_workers = 1; }
  ~HeldWorkerTest() override {
    if (!released_.try_wait()) release();
    server.reset();
  }

  void hold() {
    Route held = echo("GET", "/held");
    held.pool = Pool::quick;
    held.handler = [this](std::shared_ptr<const Request>, Responder respond) {
      holds_.count_down();
      released_.wait();
      respond(Response::text(200, "held"));
    };
    Route counted = held;
    counted.pattern = "/counted";
    counted.handler = [this](std::shared_ptr<const Request>, Responder respond) {
      ++runs;
      respond(Response::text(200, "counted"));
    };
    start({held, counted});
    holder.emplace(connect());
    holder->send(get("/held"));
    holds_.wait();
  }
  void release() { released_.count_down(); }

  std::atomic<int> runs{0};
  std::optional<RawClient> holder;

 private:
  std::latch holds_{1};
  std::latch released_{1};
};

TEST_F(HeldWorkerTest, ARequestThatTimedOutInTheQueueIsNeverRun) {
  hold();
  auto late = connect();
  late.send(get("/counted"));
  sync();
  clock.advance(options.answer_timeout);
  EXPECT_EQ(late.read().status, 503);
  EXPECT_EQ(holder->read().status, 503);
  auto next = connect();
  next.send(get("/counted"));
  sync();
  EXPECT_EQ(runs, 0);
  release();
  EXPECT_EQ(next.read().body, "counted");
  EXPECT_EQ(runs, 1);
}

TEST_F(HeldWorkerTest, WhatTimedOutTakesNoRoomInTheQueue) {
  options.max_queued = 1;
  hold();
  auto late = connect();
  late.send(get("/counted"));
  sync();
  clock.advance(options.answer_timeout);
  EXPECT_EQ(late.read().status, 503);
  auto next = connect();
  next.send(get("/counted"));
  sync();
  release();
  EXPECT_EQ(next.read().body, "counted");
}

TEST_F(HeldWorkerTest, ARequestIsNotRunAfterItsClientLeft) {
  hold();
  auto leaving = connect();
  leaving.send(get("/counted"));
  sync();
  leaving.leave();
  sync();
  auto next = connect();
  next.send(get("/counted"));
  release();
  EXPECT_EQ(holder->read().body, "held");
  EXPECT_EQ(next.read().body, "counted");
  EXPECT_EQ(runs, 1) << "the one queue is served in order";
}

TEST_F(HeldWorkerTest, RequestsBeyondTheQueueAreTurnedAway) {
  options.max_queued = 4;  // two for those of one tenant, or of none
  hold();
  auto first = connect();
  first.send(get("/counted"));
  auto second = connect();
  second.send(get("/counted"));
  sync();
  auto third = connect();
  const auto reply = third.ask(get("/counted"));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.header("Retry-After"), "1");
  EXPECT_EQ(third.ask(get("/fence")).status, 200) << "the connection stays open";
  release();
  EXPECT_EQ(first.read().status, 200);
  EXPECT_EQ(second.read().status, 200);
  EXPECT_EQ(third.ask(get("/counted")).status, 200);
  EXPECT_EQ(runs, 3);
}

TEST_F(ServerTest, HeadsHaveABound) {
  options.max_header_bytes = 512;
  options.max_headers = 5;
  start();
  auto long_head = connect();
  const auto reply = long_head.ask(get("/echo", "X-A: " + std::string(600, 'a') + "\r\n"));
  EXPECT_EQ(reply.status, 431);
  EXPECT_TRUE(long_head.closed_by_server());
  auto many = connect();
  EXPECT_EQ(many.ask(get("/echo", "A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n")).status, 431);
}

TEST_F(ServerTest, ATooLargeBodyIsRefusedBeforeItIsRead) {
  options.max_body_bytes = 100;
  options.max_bulk_body_bytes = 1000;
  start({echo("POST", "/small", Body::event), echo("POST", "/bulk", Body::bulk)});
  const auto head = [](std::string_view path, int length) {
    return "POST " + std::string(path) + " HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n" +
           "Content-Length: " + std::to_string(length) + "\r\n\r\n";
  };
  auto small = connect();
  EXPECT_EQ(small.ask(head("/small", 101)).status, 413);
  EXPECT_TRUE(small.closed_by_server());
  auto bulk = connect();
  EXPECT_EQ(bulk.ask(head("/bulk", 1000)).status, 100);
  EXPECT_EQ(bulk.ask(std::string(1000, 'x')).json()["body"].get<std::string>().size(), 1000u);
  EXPECT_EQ(bulk.ask(head("/bulk", 1001)).status, 413);
  auto chunked = connect();
  EXPECT_EQ(
      chunked.ask("POST /small HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n")
          .status,
      413);
}

TEST_F(ServerTest, AllBodiesTogetherHaveABound) {
  options.max_buffered_bytes = 1500;
  start({kept("/kept")});
  auto first = connect();
  first.send(post("/kept", std::string(1000, 'x')));
  sync();
  auto second = connect();
  const auto reply = second.ask(post("/kept", std::string(1000, 'x')));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.header("Retry-After"), "1");
  take_responder()(Response::no_content());
  EXPECT_EQ(first.read().status, 204);
  auto third = connect();
  third.send(post("/kept", std::string(1000, 'x')));
  take_responder()(Response::no_content());
  EXPECT_EQ(third.read().status, 204);
}

TEST_F(ServerTest, ALargeBodyArrivesWhole) {
  options.max_bulk_body_bytes = 8 << 20;
  start({echo("POST", "/bulk", Body::bulk)});
  auto client = connect();
  const std::string body(4 << 20, 'b');
  const auto reply = client.ask(post("/bulk", body));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json()["body"], body);
}

TEST_F(ServerTest, AHeadThatTakesTooLongIs408) {
  start();
  auto client = connect();
  client.send("GET /echo HTTP/1.1\r\n");
  sync();
  clock.advance(options.header_timeout - milliseconds(1));
  client.send("Host: t\r\n");  // more bytes give no more time
  sync();
  clock.advance(milliseconds(1));
  EXPECT_EQ(client.read().status, 408);
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(ServerTest, ABodyThatStopsComingIs408) {
  start({echo("POST", "/echo", Body::event)});
  auto client = connect();
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 99999\r\n\r\na");
  sync();
  clock.advance(options.body_timeout - milliseconds(1));
  client.send(std::string(16 << 10, 'b'));  // progress gives new time
  sync();
  clock.advance(milliseconds(1));
  sync();
  clock.advance(options.body_timeout - milliseconds(2));
  client.send("c");  // one byte is no progress
  sync();
  clock.advance(milliseconds(1));
  EXPECT_EQ(client.read().status, 408);
}

TEST(Exchange, AnAbandonedRequestGivesItsBodyBack) {
  Exchange exchange;
  exchange.request.body = std::string(100'000, 'x');
  EXPECT_TRUE(exchange.abandon());
  EXPECT_LT(exchange.request.body.capacity(), 1000u);
}

class LargeAnswerTest : public ServerTest {
 protected:
  // More than the sockets' buffers take.
  static Route large() {
    Route route = echo("GET", "/large");
    route.handler = [](std::shared_ptr<const Request>, Responder respond) {
      respond(Response::text(200, std::string(32 << 20, 'x')));
    };
    return route;
  }
};

TEST_F(LargeAnswerTest, AnswersThatWaitForTheirReadersHaveABoundTogether) {
  options.max_buffered_bytes = 48 << 20;
  start({large()});
  RawClient first(server->addresses()[0], 4096);
  first.send(get("/large"));
  sync();
  RawClient second(server->addresses()[0], 4096);
  second.send(get("/large"));
  sync();
  EXPECT_EQ(second.read().status, 0) << "the answer is cut off";
  EXPECT_EQ(first.read().body.size(), 32u << 20);
}

TEST_F(ServerTest, AnIdleConnectionIsClosedInSilence) {
  start();
  auto client = connect();
  EXPECT_EQ(client.ask(get("/echo")).status, 200);
  sync();
  clock.advance(options.idle_timeout);
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(ServerTest, AnAnswerThatTakesTooLongIs503AndTheLateOneIsDropped) {
  start({kept("/kept")});
  auto client = connect();
  client.send(post("/kept", "x"));
  const auto respond = take_responder();
  sync();
  clock.advance(options.answer_timeout);
  const auto reply = client.read();
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.json()["instance"], "/kept");
  respond(Response::text(200, "late"));
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(LargeAnswerTest, AClientThatDoesNotReadIsClosed) {
  start({large()});
  RawClient client(server->addresses()[0], 4096);
  client.send(get("/large"));
  sync();
  clock.advance(options.write_timeout);
  sync();
  sync();  // the round of the first has looked at the clock
  EXPECT_EQ(client.read().status, 0) << "the answer is cut off";
}

TEST_F(ServerTest, AResponderOutlivesItsServer) {
  start({kept("/kept")});
  auto client = connect();
  client.send(post("/kept", std::string(100, 'x')));
  std::optional<Responder> respond = take_responder();
  server.reset();
  (*respond)(Response::no_content());
  respond.reset();
}

}  // namespace
}  // namespace mesh::http
