#include "daemon/overview/letter_count.h"

#include <gtest/gtest.h>

#include "daemon/pipeline/dead_letters/letter.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/manual_clock.h"

namespace mesh::overview {
namespace {

constexpr const char* kTopic = "order.events.dlq";

class LetterCountTest : public ::testing::Test {
 protected:
  LetterCountTest() {
    log.ensure("order.events", TopicKind::activity);
    log.ensure(kTopic, TopicKind::activity);
  }
  StoredRecord die(const std::string& key) {
    const auto at = log.append_now({kTopic, key, "{}", {}});
    return {at, clock.now(), key, "{}", {}};
  }
  void settle(const StoredRecord& letter) { log.append_now(pipeline::marker_of(letter, 2)); }
  std::optional<std::int64_t> open(LetterCount& of) {
    EXPECT_TRUE(of.update(log.topics().value(), clock.now()));
    return of.open();
  }
  std::optional<std::int64_t> open() { return open(count); }

  ManualClock clock;
  test::FakeEventLog log{clock};
  LetterCount count{log};
};

TEST_F(LetterCountTest, CountsWhatIsNotSettled) {
  EXPECT_EQ(open(), 0);
  const auto first = die("a");
  die("b");
  die("c");
  EXPECT_EQ(open(), 3);
  settle(first);
  EXPECT_EQ(open(), 2) << "neither the letter nor its marker";
  settle(first);
  EXPECT_EQ(open(), 2) << "a marker that was written twice settles one letter";
}

TEST_F(LetterCountTest, AProcessThatStartsLaterCountsTheSame) {
  const auto first = die("a");
  die("b");
  settle(first);
  LetterCount later(log);
  EXPECT_EQ(open(later), 1);
}

TEST_F(LetterCountTest, WhatDidNotGrowIsNotRead) {
  die("a");
  EXPECT_EQ(open(), 1);
  const auto before = log.reads();
  EXPECT_EQ(open(), 1);
  EXPECT_EQ(log.reads(), before);
}

TEST_F(LetterCountTest, WhatWasErasedIsCountedAnew) {
  const auto gone = die("a");
  die("b");
  EXPECT_EQ(open(), 2);
  log.drop(gone.position);
  EXPECT_EQ(open(), 1);
  EXPECT_EQ(count.letters(clock.now()).front().last_hour, 2) << "both came, and once";
}

TEST_F(LetterCountTest, SaysHowManyCameWithinTheLastHour) {
  die("a");
  clock.advance(std::chrono::minutes(45));
  die("b");
  EXPECT_EQ(open(), 2);
  EXPECT_EQ(count.letters(clock.now()).front().last_hour, 2);
  clock.advance(std::chrono::minutes(30));
  const auto letters = count.letters(clock.now());
  ASSERT_EQ(letters.size(), 1u) << "of topics of dead letters alone";
  EXPECT_EQ(letters.front().topic, kTopic);
  EXPECT_EQ(letters.front().open, 2);
  EXPECT_EQ(letters.front().last_hour, 1);
}

TEST_F(LetterCountTest, ATopicThatCannotBeReadIsNotCounted) {
  die("a");
  log.fail_reads(1);
  EXPECT_FALSE(count.update(log.topics().value(), clock.now()));
  EXPECT_EQ(count.open(), std::nullopt) << "rather than too few";
  EXPECT_EQ(open(), 1);
}

TEST_F(LetterCountTest, ATopicThatIsGoneCountsNoMore) {
  die("a");
  EXPECT_EQ(open(), 1);
  EXPECT_TRUE(count.update({}, clock.now()));
  EXPECT_EQ(count.open(), 0);
}

}  // namespace
}  // namespace mesh::overview
