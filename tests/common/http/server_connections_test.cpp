// Who has a connection, who gets the next one, and how all of them end when the server stops.
#include <gtest/gtest.h>

#include <thread>

#include "common/http/server.h"
#include "tests/common/http/server_fixture.h"
#include "tests/support/eventually.h"

namespace mesh::http {
namespace {

using std::chrono::milliseconds;
using test::eventually;

class ServerConnectionsTest : public ServerTest {
 protected:
  static Route probe() {
    Route route = echo("GET", "/livez");
    route.probe = true;
    return route;
  }
  // Holds a connection for as long as its request is not answered.
  RawClient busy() {
    auto client = connect();
    client.send(post("/kept", "x"));
    held_.push_back(take_responder());
    return client;
  }
  // Stops in the background once every loop knows of it.
  void stop_beside(Duration drain) {
    stopping_ = std::thread([this, drain] { server->stop(drain); });
    clock.await_waiters(1);
  }
  // Once nobody can connect any more the loop drains, by the clock as it was then.
  void await_drain() {
    EXPECT_TRUE(eventually([&] {
      try {
        RawClient{server->addresses()[0]};
        return false;
      } catch (const std::runtime_error&) {
        return true;
      }
    }));
  }
  void join() {
    if (stopping_.joinable()) stopping_.join();
  }
  ~ServerConnectionsTest() override { join(); }

  std::vector<Responder> held_;

 private:
  std::thread stopping_;
};

TEST_F(ServerConnectionsTest, OneThatSaysNothingEndsAfterTheHeaderTimeout) {
  start();
  auto client = connect();
  sync();
  clock.advance(options.header_timeout);
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_FALSE(client.was_reset());
}

TEST_F(ServerConnectionsTest, OneThatWasServedMayBeIdleForLonger) {
  start();
  auto client = connect();
  EXPECT_EQ(client.ask(get("/echo")).status, 200);
  clock.advance(options.header_timeout);
  EXPECT_EQ(client.ask(get("/echo")).status, 200);
}

TEST_F(ServerConnectionsTest, BeyondTheCapTheLongestIdleOneMakesRoom) {
  options.max_connections = 2;
  start();
  auto first = connect();
  EXPECT_EQ(first.ask(get("/echo")).status, 200);
  clock.advance(milliseconds(10));
  auto second = connect();
  EXPECT_EQ(second.ask(get("/echo")).status, 200);
  clock.advance(milliseconds(10));
  auto third = connect();
  EXPECT_EQ(third.ask(get("/echo")).status, 200);
  EXPECT_TRUE(first.closed_by_server());
  EXPECT_FALSE(first.was_reset());
  EXPECT_EQ(second.ask(get("/echo")).status, 200) << "it was idle for less long";
  EXPECT_TRUE(exposes("mesh_http_connections 2"));
}

TEST_F(ServerConnectionsTest, OneThatHasSaidNothingMakesRoomToo) {
  options.max_connections = 1;
  start();
  auto silent = connect();
  EXPECT_EQ(connect().ask(get("/echo")).status, 200);
  EXPECT_TRUE(silent.closed_by_server());
}

TEST_F(ServerConnectionsTest, BeyondTheCapOneIsToldSoWhereNoneIsIdle) {
  options.max_connections = 2;
  start({kept("/kept"), echo("GET", "/echo")});
  auto first = busy(), second = busy();
  auto third = connect();
  const auto reply = third.ask(get("/echo"));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_FALSE(reply.header("Retry-After").empty());
  EXPECT_FALSE(reply.json()["request_id"].get<std::string>().empty());
  EXPECT_TRUE(third.closed_by_server());
  EXPECT_FALSE(third.was_reset());
  EXPECT_TRUE(exposes("mesh_http_rejected_total{reason=\"connections\"} 1"));
  held_[0](Response::no_content());
  EXPECT_EQ(first.read().status, 204) << "who is in stays in";
}

TEST_F(ServerConnectionsTest, AProbeIsAnsweredBeyondTheCap) {
  options.max_connections = 1;
  start({kept("/kept"), probe()});
  auto client = busy();
  auto prober = connect();
  const auto reply = prober.ask(get("/livez"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Connection"), "close") << "it has no place to keep";
  EXPECT_TRUE(prober.closed_by_server());
}

TEST_F(ServerConnectionsTest, SilentOnesBeyondTheCapKeepNoProbeOut) {
  options.max_connections = 1;
  start({kept("/kept"), probe()});
  auto client = busy();
  std::vector<RawClient> silent;
  for (int i = 0; i < 400; ++i) silent.push_back(connect());
  EXPECT_EQ(connect().ask(get("/livez")).status, 200);
}

TEST_F(ServerConnectionsTest, OperatorsHaveConnectionsOfTheirOwn) {
  options.max_connections = 1;
  options.max_operator_connections = 1;
  server = std::make_unique<Server>(options, hooks, clock, metrics);
  ASSERT_TRUE(server->start({{"127.0.0.1:0", {"users"}, {kept("/kept"), echo("GET", "/fence")}},
                             {"127.0.0.1:0", {"admin"}, {echo("GET", "/echo")}, true}}));
  auto client = busy();
  auto operator_client = RawClient(server->addresses()[1]);
  EXPECT_EQ(operator_client.ask(get("/echo")).status, 200);
  EXPECT_EQ(connect().ask(get("/fence")).status, 503) << "an idle operator's is not taken for it";
  EXPECT_EQ(operator_client.ask(get("/echo")).status, 200);
}

TEST_F(ServerConnectionsTest, WhoKeepsAnAnswerIsToldWhenItsClientLeaves) {
  start({kept("/kept")});
  std::atomic<int> gone = 0;
  {
    auto client = connect();
    client.send(post("/kept", "x"));
    held_.push_back(take_responder());
    held_[0].when_gone([&] { ++gone; });
    sync();
    EXPECT_EQ(gone, 0);
  }
  EXPECT_TRUE(eventually([&] { return gone == 1; }));
}

TEST_F(ServerConnectionsTest, WhoKeepsAnAnswerIsToldAtOnceOfAClientThatHasLeft) {
  start({kept("/kept")});
  auto client = connect();
  client.send(post("/kept", "x"));
  client.finish_sending();
  held_.push_back(take_responder());
  sync();
  std::atomic<int> gone = 0;
  held_[0].when_gone([&] { ++gone; });
  EXPECT_TRUE(eventually([&] { return gone == 1; }));
  held_[0](Response::text(200, "it may still read"));
  EXPECT_EQ(client.read().body, "it may still read");
}

TEST_F(ServerConnectionsTest, AnAnnouncedStopServesAndEndsConnectionsWithTheirAnswers) {
  start();
  auto client = connect();
  EXPECT_EQ(client.ask(get("/echo")).header("Connection"), "");
  server->announce_stop();
  server->announce_stop();
  client.send(get("/echo") + get("/echo"));
  const auto reply = client.read();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_FALSE(client.was_reset());
  EXPECT_EQ(connect().ask(get("/echo")).status, 200) << "new ones are served";
}

TEST_F(ServerConnectionsTest, StopClosesIdleOnesAndRefusesNewOnes) {
  start();
  auto client = connect();
  EXPECT_EQ(client.ask(get("/echo")).status, 200);
  const auto address = server->addresses()[0];
  stop_beside(milliseconds(1000));
  await_drain();
  clock.advance(milliseconds(100));
  EXPECT_TRUE(client.closed_by_server());
  client.send(get("/echo"));  // as if it had been on its way
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_FALSE(client.was_reset());
  client.finish_sending();
  join();  // without the clock moving: nothing is under way any more
  EXPECT_THROW(RawClient{address}, std::runtime_error);
}

TEST_F(ServerConnectionsTest, StopDoesNotWaitLongForAClientThatDoesNotHeed) {
  start();
  auto client = connect();
  EXPECT_EQ(client.ask(get("/echo")).status, 200);
  stop_beside(milliseconds(60'000));
  await_drain();
  clock.advance(milliseconds(100));
  EXPECT_TRUE(client.closed_by_server());
  clock.advance(milliseconds(100));
  join();
}

TEST_F(ServerConnectionsTest, ARequestOnAConnectionThatWasIdleAtTheStopIsAnswered) {
  start();
  std::vector<RawClient> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(connect());
    EXPECT_EQ(clients.back().ask(get("/echo")).status, 200);
  }
  stop_beside(milliseconds(1000));
  await_drain();
  for (auto& client : clients) {
    const auto reply = client.ask(get("/echo"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.header("Connection"), "close");
    client.finish_sending();
  }
  join();
}

TEST_F(ServerConnectionsTest, WhoConnectedBeforeTheStopIsAnswered) {
  start();
  std::vector<RawClient> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(connect());
  stop_beside(milliseconds(1000));
  for (auto& client : clients) {
    const auto reply = client.ask(get("/echo"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.header("Connection"), "close");
    EXPECT_TRUE(client.closed_by_server());
    EXPECT_FALSE(client.was_reset());
    client.finish_sending();
  }
  join();
}

TEST_F(ServerConnectionsTest, StopLetsRequestsUnderWayFinish) {
  start({kept("/kept")});
  auto client = busy();
  stop_beside(milliseconds(60'000));
  held_[0](Response::text(200, "done"));
  const auto reply = client.read();
  EXPECT_EQ(reply.body, "done");
  EXPECT_EQ(reply.header("Connection"), "close");
  client.finish_sending();
  join();
}

TEST_F(ServerConnectionsTest, WhatIsNotDoneWithinTheDrainTimeIsRefused) {
  start({kept("/kept")});
  auto client = busy();
  auto half = connect();
  half.send("GET /kept HTTP/1.1\r\n");
  sync();
  stop_beside(milliseconds(5'000));
  clock.advance(milliseconds(5'000));
  join();
  for (auto* one : {&client, &half}) {
    EXPECT_EQ(one->read().status, 503);
    EXPECT_TRUE(one->closed_by_server());
  }
  held_[0](Response::text(200, "late"));  // harmless
}

TEST_F(ServerConnectionsTest, StopMayBeCalledTwiceAndBeforeStart) {
  Server never(options, hooks, clock, metrics);
  never.stop(milliseconds(0));
  start();
  std::thread other([&] { server->stop(milliseconds(0)); });
  server->stop(milliseconds(0));
  other.join();
  server->stop(milliseconds(0));
}

}  // namespace
}  // namespace mesh::http
