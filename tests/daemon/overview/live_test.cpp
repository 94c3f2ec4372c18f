#include "daemon/overview/live.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/stream_watcher.h"

namespace mesh::overview {
namespace {

using test::Watcher;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Live, EachSampleGoesToAllAndANewOneBeginsWithTheNewest) {
  Live live("a1");
  live.send_sample("1");
  Watcher first, second;
  EXPECT_NE(live.add(first.stream(), ""), 0u);
  live.send_sample("2");
  live.add(second.stream(), "");
  EXPECT_EQ(live.size(), 2u);
  live.send_sample("3");
  EXPECT_THAT(first.data("sample"), ElementsAre("1", "2", "3"));
  EXPECT_THAT(second.data("sample"), ElementsAre("2", "3"));
  EXPECT_EQ(second.last_id, "a1-3");
}

TEST(Live, WhoComesAgainGetsWhatItMissed) {
  Live live("a1");
  for (const char* sample : {"1", "2", "3", "4"}) live.send_sample(sample);
  Watcher watcher;
  live.add(watcher.stream(), "a1-2");
  EXPECT_THAT(watcher.data("sample"), ElementsAre("3", "4"));
  Watcher current;
  live.add(current.stream(), "a1-4");
  EXPECT_THAT(current.data("sample"), IsEmpty());
}

TEST(Live, WhatIsNotKeptAnyMoreIsToldAsLost) {
  Live live("a1");
  for (std::size_t i = 1; i <= Live::kKept + 5; ++i) live.send_sample(std::to_string(i));
  Watcher watcher;
  live.add(watcher.stream(), "a1-2");
  const auto events = watcher.read();
  ASSERT_EQ(events.size(), Live::kKept + 1);
  EXPECT_EQ(events[0].type, http::kLostEvent);
  EXPECT_EQ(Json::parse(events[0].data), (Json{{"dropped", 3}}));
  EXPECT_EQ(events[1].data, "6");
}

TEST(Live, LargeSamplesAreKeptForLessLong) {
  Live live("a1");
  const std::string large(Live::kKeptBytes / 2, 'x');
  for (int i = 0; i < 4; ++i) live.send_sample(large);
  Watcher watcher(Live::kStreamBytes);
  live.add(watcher.stream(), "a1-1");
  EXPECT_EQ(watcher.data("sample").size(), 2u);
  EXPECT_EQ(watcher.queue->counts().dropped, 0u) << "a stream takes all that is kept";
}

TEST(Live, AnIdOfAnotherRunSaysNothing) {
  Live live("a1");
  live.send_sample("1");
  live.send_sample("2");
  for (const char* seen :
       {"b2-1", "a1-", "a1-x", "a1-3", "a1-99999999999999999999", "a", "a1--1"}) {
    Watcher watcher;
    live.add(watcher.stream(), seen);
    EXPECT_THAT(watcher.data("sample"), ElementsAre("2")) << seen;
  }
}

TEST(Live, AttentionIsToldAtOnceAndWhereItChanged) {
  Live live("a1");
  live.send_attention("[]");
  Watcher watcher;
  live.add(watcher.stream(), "");
  live.send_attention("[]");
  EXPECT_THAT(watcher.data("attention"), ElementsAre("[]"));
  live.send_attention("[1]");
  EXPECT_THAT(watcher.data("attention"), ElementsAre("[1]"));
}

TEST(Live, StreamsThatAreOverAreForgotten) {
  Live live("a1");
  Watcher gone, stays, late;
  live.add(gone.stream(), "");
  const auto id = live.add(stays.stream(), "");
  gone.queue->end();
  live.send_sample("1");
  EXPECT_EQ(live.size(), 1u);
  late.queue->end();
  EXPECT_EQ(live.add(late.stream(), ""), 0u) << "over before it began, as where no place was left";
  EXPECT_EQ(live.size(), 1u);
  live.remove(id);
  live.remove(id);
  EXPECT_EQ(live.size(), 0u);
}

TEST(Live, CloseEndsAll) {
  Live live("a1");
  Watcher watcher;
  live.add(watcher.stream(), "");
  live.close();
  live.close();
  watcher.read();
  EXPECT_TRUE(watcher.ended);
  EXPECT_EQ(live.size(), 0u);
}

}  // namespace
}  // namespace mesh::overview
