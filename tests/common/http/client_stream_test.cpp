// The client's side of streams of events.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "common/http/client.h"
#include "tests/common/http/server_fixture.h"
#include "tests/support/raw_listener.h"

namespace mesh::http {
namespace {

class ClientStreamTest : public ServerTest {
 protected:
  ClientRequest request(std::string_view path) const {
    ClientRequest asked;
    asked.url = "http://" + server->addresses().at(0) + std::string(path);
    return asked;
  }
  StreamReading reading() {
    return {.on_event = [this](const ReadEvent& event) {
      events.push_back(event);
      return true;
    }};
  }
  // Sends three events and ends, or goes on.
  Route three(bool ends) {
    Route route = echo("GET", "/watch");
    route.handler = [this, ends](std::shared_ptr<const Request> asked, Responder respond) {
      last_event_id = std::string(asked->header("Last-Event-ID").value_or("none"));
      accept = std::string(asked->header("Accept").value_or(""));
      auto stream = respond.stream();
      for (const auto* id : {"1", "2", "3"}) stream->send({.data = "d", .event = "e", .id = id});
      if (!ends) kept_stream = std::move(stream);
    };
    return route;
  }

  std::vector<ReadEvent> events;
  std::string last_event_id, accept;
  std::shared_ptr<EventStream> kept_stream;
};

TEST_F(ClientStreamTest, ReadsAStreamToItsEnd) {
  start({three(true)});
  const auto end = Client().stream(request("/watch"), reading());
  ASSERT_TRUE(end) << end.error().to_string();
  EXPECT_TRUE(end->streamed);
  EXPECT_FALSE(end->stopped);
  EXPECT_EQ(end->response.status, 200);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[1].type, "e");
  EXPECT_EQ(events[1].data, "d");
  EXPECT_EQ(end->last_event_id, "3");
  EXPECT_EQ(accept, "text/event-stream");
  EXPECT_EQ(last_event_id, "none");
}

TEST_F(ClientStreamTest, GoesOnWhereOneEnded) {
  start({three(true)});
  auto again = reading();
  again.last_event_id = "41";
  ASSERT_TRUE(Client().stream(request("/watch"), again));
  EXPECT_EQ(last_event_id, "41");
}

TEST_F(ClientStreamTest, EndsWhenNoMoreIsWanted) {
  start({three(false)});
  auto first_only = reading();
  first_only.on_event = [this](const ReadEvent& event) {
    events.push_back(event);
    return false;
  };
  const auto end = Client().stream(request("/watch"), first_only);
  ASSERT_TRUE(end) << end.error().to_string();
  EXPECT_TRUE(end->stopped);
  EXPECT_EQ(events.size(), 1u);
  EXPECT_EQ(end->last_event_id, "1");
}

TEST_F(ClientStreamTest, StopsWhileNothingComes) {
  start({three(false)});
  std::atomic<bool> stop{false};
  auto stoppable = reading();
  stoppable.on_event = [this, &stop](const ReadEvent& event) {
    events.push_back(event);
    if (events.size() == 3) stop = true;
    return true;
  };
  stoppable.stop = [&stop] { return stop.load(); };
  const auto end = Client().stream(request("/watch"), stoppable);
  ASSERT_TRUE(end) << end.error().to_string();
  EXPECT_TRUE(end->stopped);
  EXPECT_EQ(events.size(), 3u);
}

TEST_F(ClientStreamTest, AServerThatStopsSaysWhenToComeAgain) {
  start({three(false)});
  std::thread stopping;
  auto stops = reading();
  stops.on_event = [&](const ReadEvent& event) {
    events.push_back(event);
    if (events.size() == 3) stopping = std::thread([this] { server->stop(Duration{0}); });
    return true;
  };
  const auto end = Client().stream(request("/watch"), stops);
  stopping.join();
  ASSERT_TRUE(end) << end.error().to_string();
  EXPECT_FALSE(end->stopped);
  EXPECT_EQ(end->retry, Duration{3'000});
  EXPECT_EQ(end->last_event_id, "3");
}

TEST_F(ClientStreamTest, WhatIsNoStreamIsGivenBackWhole) {
  start();
  const auto end = Client().stream(request("/nowhere"), reading());
  ASSERT_TRUE(end) << end.error().to_string();
  EXPECT_FALSE(end->streamed);
  EXPECT_EQ(end->response.status, 404);
  EXPECT_EQ(Json::parse(end->response.body)["status"], 404);
  EXPECT_TRUE(events.empty());
}

TEST_F(ClientStreamTest, NobodyThereIsUnavailable) {
  start();
  const auto there = request("/watch");
  server->stop(Duration{0});
  const auto end = Client().stream(there, reading());
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::unavailable);
}

TEST_F(ClientStreamTest, ASilentOneIsATimeout) {
  start({three(false)});
  auto impatient = reading();
  impatient.idle_timeout = Duration{1};  // the server's clock stands still: no comment comes
  const auto end = Client().stream(request("/watch"), impatient);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::timeout);
}

TEST_F(ClientStreamTest, AnEventThatIsTooLargeIsRefused) {
  start({three(true)});
  auto small = reading();
  small.max_event_bytes = 4;
  const auto end = Client().stream(request("/watch"), small);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::too_large);
}

TEST_F(ClientStreamTest, AStreamThatIsCutOffIsUnavailable) {
  const test::RawListener listener;
  std::thread other([&] {
    const int fd = ::accept(listener.fd(), nullptr, nullptr);
    char ignored[1024];
    (void)!::read(fd, ignored, sizeof ignored);
    const std::string_view half =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        "9\r\ndata: a\n\n\r\n";
    (void)!::write(fd, half.data(), half.size());
    ::close(fd);
  });
  ClientRequest asked;
  asked.url = listener.url() + "/watch";
  const auto end = Client().stream(asked, reading());
  other.join();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(events.size(), 1u) << "what was read before has been given";
}

}  // namespace
}  // namespace mesh::http
