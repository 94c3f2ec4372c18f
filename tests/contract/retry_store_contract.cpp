#include "tests/contract/retry_store_contract.h"

#include <gmock/gmock.h>

namespace mesh::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ParkedEvent parked(std::string topic, int partition, std::int64_t offset) {
  const Timestamp taken{std::chrono::milliseconds(1'767'225'600'123)};
  return {{{std::move(topic), partition, offset},
           taken,
           "acme/1",
           R"({"id":1})",
           {{"ce_id", "e1"}, {"ce_type", "user.created"}, {"x-own", ""}}},
          2,
          taken + Duration{500},
          "unavailable",
          "connection refused",
          {{taken, std::chrono::microseconds{1'200}, "timeout", "no answer \"at all\""},
           {taken + Duration{9}, std::chrono::microseconds{7}, "unavailable", "refused"}}};
}

const Parker kSearch{"search", "one"}, kAnalytics{"analytics", "one"};

const std::set<TopicPartition> kAll{{"t", 0},  {"t", 1}, {"a", 2},
                                    {"a", 10}, {"b", 0}, {"user.events", 3}};

std::vector<std::string> positions(const Result<std::vector<ParkedEvent>>& events) {
  std::vector<std::string> out;
  for (const ParkedEvent& event : events.value()) out.push_back(to_string(event.record.position));
  return out;
}

}  // namespace

TEST_P(RetryStoreContract, AParkedEventIsLoadedWhole) {
  ParkedEvent event = parked("user.events", 3, 17);
  ASSERT_TRUE(succeeds(store_->retries().park(kSearch, std::span(&event, 1))));
  store_->reopen();
  auto loaded = store_->retries().take(kSearch, kAll);
  ASSERT_TRUE(succeeds(loaded));
  ASSERT_EQ(loaded->size(), 1u);
  const ParkedEvent& read = loaded->front();
  EXPECT_EQ(read.record.position, event.record.position);
  EXPECT_EQ(read.record.time, event.record.time);
  EXPECT_EQ(read.record.key, event.record.key);
  EXPECT_EQ(read.record.value, event.record.value);
  EXPECT_EQ(read.record.headers, event.record.headers);
  EXPECT_EQ(read.attempts, 2);
  EXPECT_EQ(read.next_attempt, event.next_attempt);
  EXPECT_EQ(read.cause_class, "unavailable");
  EXPECT_EQ(read.cause, "connection refused");
  EXPECT_EQ(read.history, event.history);
}

TEST_P(RetryStoreContract, OneIsFoundByItsPosition) {
  ParkedEvent event = parked("user.events", 3, 17);
  ASSERT_TRUE(succeeds(store_->retries().park(kSearch, std::span(&event, 1))));
  const auto found = store_->retries().find("search", event.record.position);
  ASSERT_TRUE(succeeds(found));
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->record.headers, event.record.headers);
  EXPECT_EQ((*found)->history, event.history);
  EXPECT_FALSE(store_->retries().find("search", {"user.events", 3, 18})->has_value());
  EXPECT_FALSE(store_->retries().find("other", event.record.position)->has_value());
}

TEST_P(RetryStoreContract, WhatIsParkedIsKnownByPositionAndKey) {
  std::vector<ParkedEvent> events = {parked("user.events", 3, 17), parked("user.events", 0, 4)};
  events[1].record.key = "globex/2";
  ASSERT_TRUE(succeeds(store_->retries().park(kSearch, events)));
  const auto keys = [&](const char* pipeline) {
    std::vector<std::string> all;
    const auto found = store_->retries().parked_keys(pipeline).value();
    for (const auto& [position, key] : found) all.push_back(to_string(position) + " " + key);
    return all;
  };
  EXPECT_THAT(keys("search"), ElementsAre("user.events/0@4 globex/2", "user.events/3@17 acme/1"));
  EXPECT_THAT(keys("other"), IsEmpty());
  const Position done{"user.events", 0, 4};
  ASSERT_TRUE(succeeds(store_->retries().remove(kSearch, std::span(&done, 1))));
  EXPECT_THAT(keys("search"), ElementsAre("user.events/3@17 acme/1"));
}

TEST_P(RetryStoreContract, ATombstoneIsNotAnEmptyValue) {
  std::vector<ParkedEvent> events = {parked("t", 0, 1), parked("t", 0, 2)};
  events[0].record.value = std::nullopt;
  events[1].record.value = "";
  ASSERT_TRUE(store_->retries().park(kSearch, events));
  auto loaded = store_->retries().take(kSearch, kAll);
  ASSERT_TRUE(succeeds(loaded));
  EXPECT_FALSE((*loaded)[0].record.value.has_value());
  EXPECT_EQ((*loaded)[1].record.value, "");
}

TEST_P(RetryStoreContract, BytesOfAnyKindAreKept) {
  ParkedEvent event = parked("t", 0, 1);
  event.record.value = std::string("\0\xff\x80 long", 8) + std::string(100'000, 'x');
  event.record.key = std::string("\0k", 2);
  ASSERT_TRUE(store_->retries().park(kSearch, std::span(&event, 1)));
  const auto loaded = store_->retries().take(kSearch, kAll).value().at(0);
  EXPECT_EQ(loaded.record.value, event.record.value);
  EXPECT_EQ(loaded.record.key, event.record.key);
}

TEST_P(RetryStoreContract, ParkingAPositionAgainReplacesIt) {
  ParkedEvent event = parked("t", 0, 1);
  ASSERT_TRUE(store_->retries().park(kSearch, std::span(&event, 1)));
  event.attempts = 3;
  ASSERT_TRUE(store_->retries().park(kSearch, std::span(&event, 1)));
  auto loaded = store_->retries().take(kSearch, kAll);
  ASSERT_EQ(loaded->size(), 1u);
  EXPECT_EQ(loaded->front().attempts, 3);
}

TEST_P(RetryStoreContract, LoadsInTheOrderOfPositions) {
  const std::vector<ParkedEvent> events = {parked("b", 0, 1), parked("a", 10, 1),
                                           parked("a", 2, 100), parked("a", 2, 99)};
  ASSERT_TRUE(store_->retries().park(kSearch, events));
  EXPECT_THAT(positions(store_->retries().take(kSearch, kAll)),
              ElementsAre("a/2@99", "a/2@100", "a/10@1", "b/0@1"));
}

TEST_P(RetryStoreContract, RemovesWhatIsNamedOnly) {
  const std::vector<ParkedEvent> events = {parked("t", 0, 1), parked("t", 0, 2), parked("t", 1, 1)};
  ASSERT_TRUE(store_->retries().park(kSearch, events));
  const std::vector<Position> gone = {{"t", 0, 1}, {"t", 1, 1}, {"t", 9, 9}};
  ASSERT_TRUE(succeeds(store_->retries().remove(kSearch, gone)));
  EXPECT_THAT(positions(store_->retries().take(kSearch, kAll)), ElementsAre("t/0@2"));
}

// Of two members of a pipeline's group each goes on with its own partitions.
TEST_P(RetryStoreContract, PartitionsAreApart) {
  const std::vector<ParkedEvent> events = {parked("t", 0, 1), parked("t", 1, 2), parked("t", 10, 3),
                                           parked("a", 0, 4)};
  ASSERT_TRUE(store_->retries().park(kSearch, events));
  EXPECT_THAT(positions(store_->retries().take(kSearch, {{"t", 1}})), ElementsAre("t/1@2"));
  EXPECT_THAT(positions(store_->retries().take(kSearch, {{"t", 10}, {"a", 0}})),
              ElementsAre("a/0@4", "t/10@3"));
  EXPECT_THAT(positions(store_->retries().take(kSearch, {{"t", 2}})), IsEmpty());
  EXPECT_THAT(positions(store_->retries().take(kSearch, {})), IsEmpty());
}

TEST_P(RetryStoreContract, PipelinesAreApart) {
  ParkedEvent event = parked("t", 0, 1);
  ASSERT_TRUE(store_->retries().park(kSearch, std::span(&event, 1)));
  EXPECT_THAT(positions(store_->retries().take(kAnalytics, kAll)), IsEmpty());
  ASSERT_TRUE(store_->retries().remove(kAnalytics, std::span(&event.record.position, 1)));
  EXPECT_THAT(positions(store_->retries().take(kSearch, kAll)), ElementsAre("t/0@1"));
}

// Who lost a partition and has not noticed: what it parks nobody would look at.
TEST_P(RetryStoreContract, WhatAnotherHasTakenIsAConflictToChange) {
  const Parker late{"search", "late"}, other{"search", "other"};
  std::vector<ParkedEvent> events = {parked("t", 0, 1), parked("t", 1, 2)};
  const std::vector<Position> first{events[0].record.position};
  ASSERT_TRUE(succeeds(store_->retries().take(late, {{"t", 0}, {"t", 1}})));
  ASSERT_TRUE(succeeds(store_->retries().park(late, std::span(events).first(1))));
  EXPECT_THAT(positions(store_->retries().take(other, {{"t", 0}})), ElementsAre("t/0@1"));

  EXPECT_EQ(store_->retries().park(late, std::span(events).first(1)).error().kind,
            ErrorKind::conflict);
  EXPECT_EQ(store_->retries().park(late, events).error().kind, ErrorKind::conflict);
  EXPECT_EQ(store_->retries().remove(late, first).error().kind, ErrorKind::conflict);
  EXPECT_EQ(store_->retries().parked_keys("search")->size(), 1u) << "all or none";
  EXPECT_TRUE(succeeds(store_->retries().park(late, std::span(events).last(1)))) << "it is its own";
  EXPECT_TRUE(succeeds(store_->retries().remove(other, first)));

  EXPECT_THAT(positions(store_->retries().take(late, {{"t", 0}})), IsEmpty());
  EXPECT_EQ(store_->retries().park(other, std::span(events).first(1)).error().kind,
            ErrorKind::conflict);
  EXPECT_TRUE(succeeds(store_->retries().park(late, events)));
}

TEST_P(RetryStoreContract, TakenOfOnePipelineIsNotTakenOfAnother) {
  const ParkedEvent event = parked("t", 0, 1);
  ASSERT_TRUE(succeeds(store_->retries().take({"search", "other"}, {{"t", 0}})));
  EXPECT_TRUE(succeeds(store_->retries().park(kAnalytics, std::span(&event, 1))));
}

TEST_P(RetryStoreContract, NothingToDoIsFine) {
  EXPECT_TRUE(succeeds(store_->retries().park(kSearch, {})));
  EXPECT_TRUE(succeeds(store_->retries().remove(kSearch, {})));
}

}  // namespace mesh::test
