// Topics on a real broker: how they are made, and what is said of those that somebody else made.
#include "tests/common/engines/kafka/broker_fixture.h"

namespace mesh::kafka {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using KafkaTopics = KafkaBroker;

TEST_F(KafkaTopics, ATopicIsMadeAsItIsAskedForAndDiffersInNothing) {
  const auto log = open(options());
  ASSERT_TRUE(log->ensure_topic({"a", TopicKind::activity, 4, Duration(3'600'000), 4'000'000}));
  ASSERT_TRUE(log->ensure_topic({"e", TopicKind::entity, 2, {}, {}}));
  EXPECT_THAT(log->differences(), IsEmpty());
  const auto topics = log->topics().value();
  ASSERT_EQ(topics.size(), 2u) << "those of other prefixes are nobody's";
  EXPECT_EQ(topics[0].spec.name, "a");
  EXPECT_EQ(topics[0].spec.partitions, 4);
  EXPECT_EQ(topics[0].spec.max_age, Duration(3'600'000));
  EXPECT_EQ(topics[0].spec.max_bytes, 4'000'000u);
  EXPECT_EQ(topics[1].spec.kind, TopicKind::entity);
  EXPECT_EQ(topics[1].spec.max_age, std::nullopt);
}

TEST_F(KafkaTopics, WhatDiffersIsNamedAndUsedAsItIs) {
  const auto log = open(options());
  make_topic(*log, "t", 2);
  ASSERT_TRUE(log->ensure_topic({"t", TopicKind::activity, 8, {}, {}}));
  EXPECT_THAT(log->differences(),
              ElementsAre("topic '" + prefix_ + "t' has 2 partitions, not 8: it keeps them"));
  auto replicated = options();
  replicated.replication = 3;
  const auto strict = open(replicated);
  ASSERT_TRUE(strict->ensure_topic({"t", TopicKind::activity, 2, {}, {}}));
  EXPECT_THAT(strict->differences(), ElementsAre(HasSubstr("kafka.replication")));
  const auto refused = strict->ensure_topic({"new", TopicKind::activity, 2, {}, {}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("kafka.replication 3"));
}

TEST_F(KafkaTopics, WithoutLeaveToMakeTopicsAMissingOneIsNamed) {
  const auto log = open(options());
  make_topic(*log, "there", 1);
  auto careful = options();
  careful.create_topics = false;
  const auto other = open(careful);
  EXPECT_TRUE(other->ensure_topic({"there", TopicKind::activity, 1, {}, {}}));
  const auto missing = other->ensure_topic({"missing", TopicKind::activity, 3, {}, {}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("make it with 3 partitions"));
  EXPECT_THAT(other->differences(), Contains(HasSubstr(prefix_ + "missing")));
}

TEST_F(KafkaTopics, AnotherProcessesTopicIsSeenWithoutBeingMade) {
  const auto one = open(options()), two = open(options());
  make_topic(*one, "t");
  ASSERT_TRUE(test::append_and_wait(*one, {{"t", "k", "v", {}}}));
  EXPECT_EQ(test::read_all(*two, {"t", 0}, 0)->size(), 1u);
  EXPECT_TRUE(test::append_and_wait(*two, {{"t", "k", "v", {}}}));
}

TEST_F(KafkaTopics, ARecordAsLargeAsTheBoundGoesThrough) {
  const auto log = open(options());
  make_topic(*log, "t");
  const std::string large(options().max_record_bytes - 1, 'x');
  const auto done = test::append_and_wait(*log, {{"t", "k", large, {}}});
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(test::read_all(*log, {"t", 0}, 0)->front().value, large);
}

}  // namespace
}  // namespace mesh::kafka
