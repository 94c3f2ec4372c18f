#include "common/http/event_queue.h"

#include <gtest/gtest.h>

namespace mesh::http {
namespace {

class EventQueueTest : public ::testing::Test {
 protected:
  void begin(EventQueue& queue) {
    queue.begin({[this] { ++woken; }, Reservation(buffers), "127.0.0.1:1", "acme", &dropped});
  }

  Metrics metrics;
  Counter& dropped = metrics.counter("dropped", "");
  std::shared_ptr<Buffers> buffers = std::make_shared<Buffers>(1 << 20, 10);
  int woken = 0;
};

TEST_F(EventQueueTest, AnEventIsItsFieldsInLines) {
  EXPECT_EQ(format_event({.data = "hello"}), "data: hello\n\n");
  EXPECT_EQ(format_event({.data = "{}", .event = "hit", .id = "7"}),
            "id: 7\nevent: hit\ndata: {}\n\n");
  EXPECT_EQ(format_event({.data = ""}), "data: \n\n") << "without the field it would be none";
  EXPECT_EQ(format_retry(Duration{3'000}), "retry: 3000\n\n");
}

TEST_F(EventQueueTest, NoTextBreaksOutOfItsField) {
  EXPECT_EQ(format_event({.data = "a\nb\rc\r\nd\n"}),
            "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
  EXPECT_EQ(format_event({.data = "x", .event = "a\ndata: forged", .id = "b\rc"}), "data: x\n\n");
  EXPECT_EQ(format_event({.data = "x", .id = std::string("a\0b", 3)}), "data: x\n\n");
}

TEST_F(EventQueueTest, WhatIsSentBeforeItBeginsWaits) {
  EventQueue queue({});
  EXPECT_TRUE(queue.send({.data = "1"}));
  begin(queue);
  EXPECT_EQ(woken, 0) << "take follows anyway";
  const auto taken = queue.take();
  EXPECT_EQ(taken.bytes, "data: 1\n\n");
  EXPECT_EQ(taken.events, 1u);
  EXPECT_FALSE(taken.last);
}

TEST_F(EventQueueTest, WakesOnceUntilItIsTaken) {
  EventQueue queue({});
  begin(queue);
  queue.take();
  queue.send({.data = "1"});
  queue.send({.data = "2"});
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(queue.take().events, 2u);
  queue.send({.data = "3"});
  EXPECT_EQ(woken, 2);
}

TEST_F(EventQueueTest, WhatDoesNotFitIsDroppedWholeAndToldInItsPlace) {
  EventQueue queue({.max_buffered_bytes = 100});
  begin(queue);
  const std::string large(60, 'x');
  EXPECT_TRUE(queue.send({.data = large}));
  EXPECT_TRUE(queue.send({.data = large})) << "the writer is not told to stop";
  EXPECT_TRUE(queue.send({.data = large}));
  EXPECT_EQ(queue.counts().dropped, 2u);
  EXPECT_EQ(queue.take().bytes, "data: " + large + "\n\nevent: lost\ndata: {\"dropped\":2}\n\n");
  EXPECT_NE(metrics.expose().find("dropped 2"), std::string::npos) << metrics.expose();
}

TEST_F(EventQueueTest, AGapIsToldBeforeWhatFollowsIt) {
  EventQueue queue({.max_buffered_bytes = 100});
  begin(queue);
  queue.send({.data = "1"});
  queue.send({.data = std::string(200, 'x')});
  queue.send({.data = "3"});
  EXPECT_EQ(queue.take().bytes, "data: 1\n\nevent: lost\ndata: {\"dropped\":1}\n\ndata: 3\n\n");
}

TEST_F(EventQueueTest, WhatIsBeingSentStillCounts) {
  EventQueue queue({.max_buffered_bytes = 100});
  begin(queue);
  queue.send({.data = std::string(60, 'x')});
  queue.take();
  queue.send({.data = std::string(60, 'x')});
  EXPECT_EQ(queue.counts().dropped, 1u);
  queue.sent();
  queue.send({.data = "x"});
  EXPECT_EQ(queue.counts().dropped, 1u);
}

TEST_F(EventQueueTest, ItsMemoryIsThatOfAnswersThatWaitAndGivenBackOnceSent) {
  EventQueue queue({});
  begin(queue);
  queue.send({.data = std::string(20'000, 'x')});
  EXPECT_GE(buffers->held(), 20'000u);
  queue.take();
  EXPECT_GE(buffers->held(), 20'000u) << "it is held until it is sent";
  queue.sent();
  EXPECT_EQ(buffers->held(), 0u);
}

TEST_F(EventQueueTest, WhereAllTogetherHoldTooMuchItDrops) {
  buffers = std::make_shared<Buffers>(30'000, 10);
  EventQueue queue({});
  begin(queue);
  queue.send({.data = std::string(29'000, 'x')});
  EXPECT_EQ(queue.counts().dropped, 1u) << "a tenant takes at most half";
}

TEST_F(EventQueueTest, BehindItsEndNothingIsTaken) {
  EventQueue queue({});
  begin(queue);
  queue.take();
  queue.send({.data = "1"});
  queue.close();
  EXPECT_FALSE(queue.send({.data = "2"}));
  const auto taken = queue.take();
  EXPECT_EQ(taken.bytes, "data: 1\n\n") << "what was sent before comes before the end";
  EXPECT_TRUE(taken.last);
}

TEST_F(EventQueueTest, OnceOverItTakesAndHoldsNothing) {
  EventQueue queue({});
  begin(queue);
  queue.send({.data = std::string(20'000, 'x')});
  queue.end();
  queue.end();
  EXPECT_EQ(buffers->held(), 0u);
  EXPECT_FALSE(queue.send({.data = "2"}));
  EXPECT_EQ(woken, 1);
}

TEST_F(EventQueueTest, AStreamThatGoesEnds) {
  const auto queue = std::make_shared<EventQueue>(StreamOptions{});
  { const EventStream stream(queue); }
  EXPECT_TRUE(queue->take().last);
}

}  // namespace
}  // namespace mesh::http
