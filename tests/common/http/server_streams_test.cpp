// Answers that go on: streams of events over real sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <thread>

#include "common/http/event_stream.h"
#include "common/http/event_stream_reader.h"
#include "tests/common/http/server_fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/eventually.h"
#include "tests/support/tls_client.h"

namespace mesh::http {
namespace {

using test::eventually;
using testing::HasSubstr;

class ServerStreamsTest : public ServerTest {
 protected:
  // Before what the handler uses goes.
  ~ServerStreamsTest() override {
    if (server != nullptr) server->stop(Duration{0});
  }
  // A stream that the test writes; see take_stream.
  Route streaming(Access access = Access::open) {
    Route route = echo("GET", "/watch", Body::none, access);
    route.handler = [this](std::shared_ptr<const Request> request, Responder respond) {
      auto stream = respond.stream(stream_options);
      respond.when_gone([this] { ++gone; });
      std::lock_guard lock(streams_mutex_);
      last_event_id = std::string(request->header("Last-Event-ID").value_or(""));
      streams_.push_back(std::move(stream));
      streams_came_.notify_all();
    };
    return route;
  }
  std::shared_ptr<EventStream> take_stream() {
    std::unique_lock lock(streams_mutex_);
    streams_came_.wait(lock, [&] { return !streams_.empty(); });
    auto first = std::move(streams_.front());
    streams_.erase(streams_.begin());
    return first;
  }
  void start_streams(Access access = Access::open) {
    start({streaming(access), echo("GET", "/x")});
  }
  // Of a client that has the head of its stream.
  RawClient open(std::string_view headers = "") {
    auto client = connect();
    client.send(get("/watch", headers));
    head = client.read_until("\r\n\r\n");
    return client;
  }
  static std::string chunk(std::string_view bytes) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    return size + std::string(bytes) + "\r\n";
  }
  // What is in the chunks, up to the empty one.
  static std::string unchunked(std::string_view body) {
    std::string bytes;
    while (true) {
      const auto size = std::stoul(std::string(body.substr(0, body.find('\r'))), nullptr, 16);
      if (size == 0) return bytes;
      body.remove_prefix(body.find('\n') + 1);
      bytes += body.substr(0, size);
      body.remove_prefix(size + 2);
    }
  }
  static std::string data(const std::string& text) { return chunk("data: " + text + "\n\n"); }

  StreamOptions stream_options;
  std::atomic<int> gone{0};
  std::string head, last_event_id;

 private:
  std::mutex streams_mutex_;
  std::condition_variable streams_came_;
  std::vector<std::shared_ptr<EventStream>> streams_;  // guarded by streams_mutex_
};

TEST_F(ServerStreamsTest, EventsComeAsTheyAreSent) {
  start_streams();
  auto client = open("Last-Event-ID: 41\r\n");
  EXPECT_THAT(head, HasSubstr("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Type: text/event-stream\r\n"));
  EXPECT_THAT(head, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(head, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head, HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  const auto stream = take_stream();
  EXPECT_EQ(last_event_id, "41");
  EXPECT_TRUE(stream->send({.data = "one"}));
  EXPECT_EQ(client.read_until("\n\n\r\n"), data("one"));
  EXPECT_TRUE(stream->send({.data = "two", .event = "hit", .id = "42"}));
  EXPECT_EQ(client.read_until("\n\n\r\n"), chunk("id: 42\nevent: hit\ndata: two\n\n"));
  EXPECT_TRUE(exposes("mesh_http_event_streams 1"));
  stream->close();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_FALSE(stream->send({.data = "three"}));
  EXPECT_EQ(gone, 0) << "the handler has ended it";
  EXPECT_TRUE(eventually([&] { return exposes("mesh_http_event_streams 0"); }));
  EXPECT_TRUE(exposes("mesh_http_stream_events_total{outcome=\"sent\"} 2"));
  EXPECT_TRUE(
      exposes("mesh_http_requests_total{listener=\"users\",method=\"GET\",route=\"/watch\","
              "status=\"200\"} 1"));
}

TEST_F(ServerStreamsTest, WhatAHandlerSendsAtOnceComesFirst) {
  Route route = echo("GET", "/watch");
  std::shared_ptr<EventStream> kept;
  route.handler = [&](std::shared_ptr<const Request>, Responder respond) {
    kept = respond.stream();
    kept->send({.data = "1"});
    kept->send({.data = "2"});
    respond(Response::text(200, "a second answer"));
  };
  start({route});
  auto client = open();
  EXPECT_EQ(client.read_until("2\n\n\r\n"), chunk("data: 1\n\ndata: 2\n\n"));
  server->stop(Duration{0});
}

TEST_F(ServerStreamsTest, AStreamThatTheHandlerLetsGoOfEnds) {
  start_streams();
  auto client = open();
  take_stream().reset();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(ServerStreamsTest, OfHttp10ItEndsWithTheConnection) {
  start_streams();
  auto client = connect();
  client.send("GET /watch HTTP/1.0\r\n\r\n");
  head = client.read_until("\r\n\r\n");
  EXPECT_EQ(head.find("Transfer-Encoding"), std::string::npos);
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  const auto stream = take_stream();
  stream->send({.data = "one"});
  EXPECT_EQ(client.read_until("\n\n"), "data: one\n\n");
  stream->close();
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(ServerStreamsTest, ToHeadItIsTheHeadAlone) {
  start_streams();
  auto client = connect();
  client.send("HEAD /watch HTTP/1.1\r\nHost: t\r\n\r\n");
  head = client.read_until("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Type: text/event-stream\r\n"));
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_FALSE(take_stream()->send({.data = "one"}));
  EXPECT_EQ(gone, 1);
  EXPECT_TRUE(exposes("mesh_http_event_streams 0"));
}

TEST_F(ServerStreamsTest, AQuietOneSendsACommentNowAndThen) {
  start_streams();
  auto client = open();
  const auto stream = take_stream();
  sync();
  clock.advance(options.stream_keep_alive);
  EXPECT_EQ(client.read_until("\r\n:\n\n\r\n"), chunk(":\n\n"));
  sync();
  clock.advance(options.stream_keep_alive / 2);
  sync();  // a round of the loop goes by the time at which it began
  stream->send({.data = "one"});
  EXPECT_EQ(client.read_until("\n\n\r\n"), data("one"));
  sync();
  clock.advance(options.stream_keep_alive / 2);
  sync();
  stream->send({.data = "two"});
  EXPECT_EQ(client.read_until("\n\n\r\n"), data("two")) << "its time began anew with the event";
}

TEST_F(ServerStreamsTest, AClientThatLeavesIsTold) {
  start_streams();
  auto polite = open();
  const auto first = take_stream();
  polite.close();
  EXPECT_TRUE(eventually([&] { return gone == 1; }));
  auto rude = open();
  const auto second = take_stream();
  rude.leave();
  EXPECT_TRUE(eventually([&] { return gone == 2; }));
  EXPECT_TRUE(eventually([&] { return exposes("mesh_http_event_streams 0"); }));
  EXPECT_FALSE(first->send({.data = "one"}));
  EXPECT_FALSE(second->send({.data = "one"}));
}

TEST_F(ServerStreamsTest, ASlowReaderHoldsNobodyUpAndHearsWhatItMissedWhereItDid) {
  start_streams();
  RawClient client(server->addresses().at(0), 4096);
  client.send(get("/watch"));
  client.read_until("\r\n\r\n");
  const auto stream = take_stream();
  // Never waits, whether the loop or the reader is slow.
  std::int64_t sent = 0;
  while (stream->dropped() < 10) {
    ++sent;
    ASSERT_TRUE(stream->send({.data = std::string(10'000, 'x'), .id = std::to_string(sent)}));
  }
  const auto dropped = stream->dropped();
  stream->close();
  std::int64_t last = 0, lost = 0;
  EventStreamReader reader([&](const ReadEvent& event) {
    if (event.type == kLostEvent) {
      lost += Json::parse(event.data)["dropped"].get<std::int64_t>();
      last += Json::parse(event.data)["dropped"].get<std::int64_t>();
    } else {
      EXPECT_EQ(event.id, std::to_string(++last)) << "a gap is told where it is";
    }
    return true;
  });
  ASSERT_TRUE(reader.feed(unchunked(client.read_until("\r\n0\r\n\r\n"))));
  EXPECT_EQ(last, sent);
  EXPECT_EQ(lost, static_cast<std::int64_t>(dropped));
  EXPECT_TRUE(
      exposes("mesh_http_stream_events_total{outcome=\"dropped\"} " + std::to_string(dropped)));
  sync();
  EXPECT_EQ(server->buffered_bytes(), 0u) << "what was sent is held no more";
}

TEST_F(ServerStreamsTest, AReaderThatTakesNothingEndsAfterTheWriteTimeout) {
  start_streams();
  RawClient client(server->addresses().at(0), 4096);
  client.send(get("/watch"));
  client.read_until("\r\n\r\n");
  const auto stream = take_stream();
  // The loop has done what it can before the next: one that is dropped found the socket full.
  while (stream->dropped() == 0) {
    stream->send({.data = std::string(60'000, 'x')});
    sync();
  }
  EXPECT_GT(server->buffered_bytes(), 0u);
  clock.advance(options.write_timeout);
  EXPECT_TRUE(eventually([&] { return gone == 1; }));
  EXPECT_FALSE(stream->send({.data = "one"}));
}

TEST_F(ServerStreamsTest, WhatIsPipelinedBehindAStreamIsNotServed) {
  start_streams();
  auto client = connect();
  client.send(get("/watch") + get("/x"));
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("text/event-stream"));
  take_stream()->close();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_FALSE(client.was_reset());
}

TEST_F(ServerStreamsTest, ATenantHasABoundAndAnotherIsFree) {
  options.max_tenant_streams = 2;
  hooks.authenticate = [](const Request& request, const Route&) -> Result<Principal> {
    const auto tenant = TenantId::parse(request.header("Authorization").value_or(""));
    return Principal{Principal::Kind::tenant_user, *tenant, "ada"};
  };
  start_streams(Access::tenant);
  auto first = open("Authorization: acme\r\n"), second = open("Authorization: acme\r\n");
  const auto streams = {take_stream(), take_stream()};
  auto third = connect();
  const auto refused = third.ask(get("/watch", "Authorization: acme\r\n"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("Retry-After"), "10");
  EXPECT_THAT(refused.json()["detail"], HasSubstr("http.max_streams_per_tenant is 2"));
  EXPECT_FALSE(take_stream()->send({.data = "one"}));
  EXPECT_EQ(gone, 1) << "the handler hears that there is no stream";
  EXPECT_EQ(third.ask(get("/x")).status, 200) << "the connection goes on";
  auto other = open("Authorization: globex\r\n");
  EXPECT_THAT(head, HasSubstr("200 OK"));
  first.close();
  EXPECT_TRUE(eventually([&] { return gone == 2; }));
  auto fourth = open("Authorization: acme\r\n");
  EXPECT_THAT(head, HasSubstr("200 OK"));
}

TEST_F(ServerStreamsTest, AListenerHasABound) {
  options.max_streams = 1;
  start_streams();
  auto first = open();
  const auto stream = take_stream();
  const auto refused = connect().ask(get("/watch"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "10");
  EXPECT_TRUE(exposes("mesh_http_rejected_total{reason=\"streams\"} 1"));
}

TEST_F(ServerStreamsTest, AStopEndsThemAndSaysWhenToComeAgain) {
  stream_options.retry = Duration{1'500};
  start_streams();
  auto client = open();
  const auto stream = take_stream();
  stream->send({.data = "one"});
  // Without the clock moving: no stream holds a stop up, only its client's end is waited for.
  std::thread stopping([this] { server->stop(std::chrono::hours(1)); });
  EXPECT_EQ(client.read_until("0\r\n\r\n"), data("one") + chunk("retry: 1500\n\n") + "0\r\n\r\n");
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_FALSE(client.was_reset());
  client.close();
  stopping.join();
  EXPECT_EQ(gone, 1);
  EXPECT_FALSE(stream->send({.data = "two"}));
}

TEST_F(ServerStreamsTest, AnOldOneEndsWithItsNextCommentAndSaysWhenToComeAgain) {
  stream_options.retry = Duration{1'500};
  options.max_stream_age = options.stream_keep_alive * 3 / 2;
  start_streams();
  auto client = open();
  const auto stream = take_stream();
  sync();
  clock.advance(options.stream_keep_alive);
  EXPECT_EQ(client.read_until("\r\n:\n\n\r\n"), chunk(":\n\n"));
  sync();
  clock.advance(options.stream_keep_alive);
  EXPECT_EQ(client.read_until("0\r\n\r\n"), chunk("retry: 1500\n\n") + "0\r\n\r\n");
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_TRUE(eventually([&] { return gone == 1; })) << "the handler forgets it";
  EXPECT_FALSE(stream->send({.data = "one"}));
}

TEST_F(ServerStreamsTest, AnOldOneEndsBehindItsNextEvent) {
  options.max_stream_age = options.stream_keep_alive / 2;
  start_streams();
  auto client = open();
  const auto stream = take_stream();
  sync();
  clock.advance(options.max_stream_age);
  stream->send({.data = "one"});
  EXPECT_EQ(client.read_until("0\r\n\r\n"), data("one") + chunk("retry: 3000\n\n") + "0\r\n\r\n");
}

TEST_F(ServerStreamsTest, AThousandIdleOnesCostLittle) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 2'200) GTEST_SKIP() << "too few file descriptors for two ends of each";
  start_streams();
  std::vector<RawClient> clients;
  std::vector<std::shared_ptr<EventStream>> streams;
  for (int i = 0; i < 1'000; ++i) {
    clients.push_back(open());
    streams.push_back(take_stream());
  }
  EXPECT_TRUE(exposes("mesh_http_event_streams 1000"));
  EXPECT_EQ(server->buffered_bytes(), 0u);
  for (auto& stream : streams) stream->send({.data = "all"});
  for (auto& client : clients) ASSERT_EQ(client.read_until("\n\n\r\n"), data("all"));
  clients.clear();
  EXPECT_TRUE(eventually([&] { return gone == 1'000; }));
}

TEST_F(ServerStreamsTest, WritersOnManyThreadsLoseNothingThatFits) {
  start_streams();
  auto client = open();
  const auto stream = take_stream();
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&] {
      for (int i = 0; i < 100; ++i) stream->send({.data = "x"});
    });
  }
  for (auto& writer : writers) writer.join();
  stream->close();
  const auto all = client.read_until("\r\n0\r\n\r\n");
  int events = 0;
  for (auto at = all.find("data: x"); at != std::string::npos; at = all.find("data: x", at + 1)) {
    ++events;
  }
  EXPECT_EQ(events, 400);
}

TEST_F(ServerStreamsTest, OverTlsItIsTheSame) {
  const auto authority = test::Certificate::authority();
  const auto certificate = authority.server();
  TlsOptions tls;
  tls.certificate = {"cert_file", certificate.pem()};
  tls.key = {"key_file", certificate.key_pem()};
  auto made = TlsContext::make(tls);
  ASSERT_TRUE(made) << made.error().to_string();
  options.tls = *made;
  server = std::make_unique<Server>(options, hooks, clock, metrics);
  ASSERT_TRUE(server->start({{"127.0.0.1:0", {"users"}, {streaming()}}}));
  test::TlsClient client(server->addresses().at(0), {.ca = authority.pem()});
  ASSERT_TRUE(client.shake_hands()) << client.failure();
  ASSERT_TRUE(client.send(get("/watch")));
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("text/event-stream"));
  const auto stream = take_stream();
  stream->send({.data = std::string(40'000, 'x')});
  EXPECT_THAT(client.read_until("x\n\n\r\n"), HasSubstr("data: xxx"));
  stream->close();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_EQ(client.ending(), "close_notify");
  test::TlsClient second(server->addresses().at(0), {.ca = authority.pem()});
  ASSERT_TRUE(second.shake_hands()) << second.failure();
  ASSERT_TRUE(second.send(get("/watch")));
  const auto left = take_stream();
  second.close();
  EXPECT_TRUE(eventually([&] { return gone == 1; }));
}

}  // namespace
}  // namespace mesh::http
