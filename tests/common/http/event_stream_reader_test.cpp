#include "common/http/event_stream_reader.h"

#include <gtest/gtest.h>

#include <vector>

#include "common/http/event_queue.h"

namespace mesh::http {
namespace {

class EventStreamReaderTest : public ::testing::Test {
 protected:
  // "type|data|id" of each event.
  std::vector<std::string> read(std::string_view text, std::size_t part = SIZE_MAX) {
    std::vector<std::string> events;
    EventStreamReader reader([&](const ReadEvent& event) {
      events.push_back(event.type + "|" + event.data + "|" + event.id);
      return true;
    });
    for (; !text.empty(); text.remove_prefix(std::min(part, text.size()))) {
      EXPECT_TRUE(reader.feed(text.substr(0, part)));
    }
    last_id = reader.last_id();
    retry = reader.retry();
    return events;
  }
  using Events = std::vector<std::string>;

  std::string last_id;
  std::optional<Duration> retry;
};

TEST_F(EventStreamReaderTest, ReadsTypeDataAndId) {
  EXPECT_EQ(read("event: hit\ndata: {}\nid: 7\n\n"), Events{"hit|{}|7"});
  EXPECT_EQ(last_id, "7");
}

TEST_F(EventStreamReaderTest, HowItIsCutMakesNoDifference) {
  const std::string text =
      "\xEF\xBB\xBF: hello\r\ndata: a\r\ndata:b\r\rdata\n\nid: 1\nevent: x\ndata:  c\r\n\r\n";
  const auto whole = read(text);
  EXPECT_EQ(whole, (Events{"message|a\nb|", "message||", "x| c|1"}));
  for (std::size_t part = 1; part < text.size(); ++part) EXPECT_EQ(read(text, part), whole) << part;
}

TEST_F(EventStreamReaderTest, AnIdHoldsUntilAnotherComes) {
  EXPECT_EQ(read("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n"),
            (Events{"message|a|1", "message|b|1", "message|c|"}));
  read(std::string_view("id: 1\n\nid: a\0b\ndata: x\n\n", 25));
  EXPECT_EQ(last_id, "1") << "one with a NUL is none";
}

TEST_F(EventStreamReaderTest, AnEventThatTheStreamEndsInIsNone) {
  EXPECT_EQ(read("data: a\n\nid: 2\ndata: b\n"), Events{"message|a|"});
  EXPECT_EQ(last_id, "") << "and its id is not to be gone on from";
}

TEST_F(EventStreamReaderTest, WithoutDataThereIsNoEvent) {
  EXPECT_EQ(read(":\n\nevent: x\n\nunknown: y\n\ndata: a\n\n"), Events{"message|a|"});
}

TEST_F(EventStreamReaderTest, RetryIsDigitsAlone) {
  read("retry: 3000\n\n");
  EXPECT_EQ(retry, Duration{3'000});
  read("retry: -1\nretry: 1.5\nretry:\n\n");
  EXPECT_EQ(retry, std::nullopt);
  read("retry: 99999999999999999999999\n\n");
  EXPECT_EQ(retry, std::chrono::hours(24));
}

TEST_F(EventStreamReaderTest, WhatIsTooLargeIsRefusedWhereverItGrows) {
  for (const std::string text : {"data: 0123456789\ndata: 0123456789\n", "012345678901234567890"}) {
    EventStreamReader reader([](const ReadEvent&) { return true; }, 20);
    const auto fed = reader.feed(text);
    ASSERT_FALSE(fed) << text;
    EXPECT_EQ(fed.error().kind, ErrorKind::too_large);
  }
}

TEST_F(EventStreamReaderTest, NoMoreIsGivenThanWanted) {
  int events = 0;
  EventStreamReader reader([&](const ReadEvent&) { return ++events < 2; });
  const auto fed = reader.feed("data: 1\n\ndata: 2\n\ndata: 3\n\n");
  ASSERT_TRUE(fed);
  EXPECT_FALSE(*fed);
  EXPECT_EQ(events, 2);
}

TEST_F(EventStreamReaderTest, ReadsWhatTheServerWrites) {
  EXPECT_EQ(read(format_event({.data = "a\r\nb\rc", .event = "e", .id = "i"})),
            Events{"e|a\nb\nc|i"});
  EXPECT_EQ(read(format_event({.data = " a"})), Events{"message| a|"});
  EXPECT_EQ(read(format_event({.data = ""})), Events{"message||"});
}

}  // namespace
}  // namespace mesh::http
