// What the index of events does about other processes, and about a server that fails.
#include "common/engines/qdrant/event_index.h"

#include "tests/common/engines/qdrant/qdrant_fixture.h"
#include "tests/support/manual_clock.h"

namespace mesh::qdrant {
namespace {

constexpr const char* kType = "order.placed";

class QdrantEventsTest : public QdrantTest {
 protected:
  std::unique_ptr<QdrantEvents> open_events() {
    auto chosen = options();
    chosen.max_retries = 0;  // whose pauses would wait for the clock
    return open_event_index(std::move(chosen), epochs, clock).value();
  }
  static int make(EventIndex& index, const std::string& embedder = kEmbedder) {
    const auto made = index.create(kType, {2, embedder});
    EXPECT_TRUE(made) << made.error().to_string();
    return made ? made->info.number : 0;
  }
  static Status apply(EventIndex& index) {
    const EventDocument document{.tenant = tenant("acme"),
                                 .type = kType,
                                 .event_id = "e1",
                                 .subject = "",
                                 .position = {"order.events", 0, 1},
                                 .time = {},
                                 .title = "",
                                 .fields = {},
                                 .terms = terms_of("chair"),
                                 .vectors = {{kEmbedder, {1, 0}}}};
    return index.apply({&document, 1});
  }
  std::size_t written(const std::string& collection) const {
    return server.asked("PUT", "/" + collection + "/points").size();
  }

  ManualClock clock;
};

TEST_F(QdrantEventsTest, AnotherProcessWritesToANewGenerationOnceItIsSettled) {
  const auto here = open_events(), there = open_events();
  make(*here);
  ASSERT_TRUE(apply(*there));
  EXPECT_EQ(written("events-order.placed-1"), 1u);
  make(*here);
  ASSERT_TRUE(apply(*there));
  EXPECT_EQ(written("events-order.placed-2"), 0u) << "it may go by what it read before";
  clock.advance(QdrantEvents::kSettle);
  ASSERT_TRUE(apply(*there));
  EXPECT_EQ(written("events-order.placed-2"), 1u);
}

TEST_F(QdrantEventsTest, NoWriteGoesByAnOldViewWhileTheStoreIsAway) {
  const auto index = open_events();
  make(*index);
  ASSERT_TRUE(apply(*index));
  clock.advance(QdrantEvents::kSettle);
  epochs.fail_next(1);
  EXPECT_EQ(apply(*index).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(written("events-order.placed-1"), 1u);
  EXPECT_TRUE(apply(*index));
}

TEST_F(QdrantEventsTest, AGenerationOfAnotherEmbedderThatAnotherMadeIsAConflict) {
  const auto here = open_events(), there = open_events();
  make(*here);
  ASSERT_TRUE(apply(*there));
  make(*here, "other");
  clock.advance(QdrantEvents::kSettle);
  EXPECT_EQ(apply(*there).error().kind, ErrorKind::conflict);
  EXPECT_EQ(written("events-order.placed-1"), 1u);
}

TEST_F(QdrantEventsTest, WhatTwoProcessesMakeHasNumbersOfItsOwn) {
  const auto here = open_events(), there = open_events();
  EXPECT_EQ(make(*here), 1);
  EXPECT_EQ(make(*there), 2);
  EXPECT_EQ(make(*here), 3);
  ASSERT_TRUE(there->serve(kType, 3));
  EXPECT_EQ(server.alias(), "events-order.placed-3");
  EXPECT_EQ(here->drop(kType, 3).error().kind, ErrorKind::conflict);
  ASSERT_TRUE(here->drop(kType, 1));
  EXPECT_EQ(there->generations()->size(), 2u);
}

// "order.placed-1" is a type as well, and so is no alias of one.
TEST_F(QdrantEventsTest, ATypeThatEndsInANumberIsNoGenerationOfAnother) {
  const auto index = open_events();
  make(*index);
  ASSERT_TRUE(index->create("order.placed-1", {2, kEmbedder}));
  ASSERT_TRUE(index->serve("order.placed-1", 1));
  make(*index);
  EXPECT_EQ(server.collections(),
            (std::vector<std::string>{"events-order.placed-1", "events-order.placed-1-1",
                                      "events-order.placed-2"}));
}

TEST_F(QdrantEventsTest, ACollectionThatIsLostIsTold) {
  const auto index = open_events();
  make(*index);
  ASSERT_TRUE(index->serve(kType, 1));
  server.lose("events-order.placed-1");
  const auto applied = apply(*index);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::unavailable);
  EXPECT_NE(applied.error().message.find("mesh index rebuild-events order.placed"),
            std::string::npos);
}

TEST_F(QdrantEventsTest, AServerThatFailsIsUnavailable) {
  const auto index = open_events();
  make(*index);
  server.always("PUT", "/points", {.status = 500});
  EXPECT_EQ(apply(*index).error().kind, ErrorKind::unavailable);
}

TEST_F(QdrantEventsTest, ATypeThatNoCollectionCanBeCalledAfterIsInvalid) {
  const auto index = open_events();
  EXPECT_EQ(index->create("order/placed", {2, kEmbedder}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(index->create(std::string(300, 'a'), {2, kEmbedder}).error().kind, ErrorKind::invalid);
  EXPECT_TRUE(index->generations()->empty());
}

}  // namespace
}  // namespace mesh::qdrant
