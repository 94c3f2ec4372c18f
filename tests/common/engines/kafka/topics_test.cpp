// Topics on a real broker: how they are made, and what is said of those that somebody else made.
#include "tests/common/engines/kafka/broker_fixture.h"
#include "tests/common/engines/kafka/operator.h"

namespace mesh::kafka {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

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

TEST_F(KafkaTopics, SettingsThatDifferAreNamedWithWhatTheyMean) {
  const Operator admin(options().brokers.front());
  admin.make_topic(prefix_ + "a", 1,
                   {{"message.timestamp.type", "LogAppendTime"},
                    {"max.message.bytes", "1000"},
                    {"retention.ms", "60000"},
                    {"min.insync.replicas", "2"}});
  const auto log = open(options());
  ASSERT_TRUE(log->ensure_topic({"a", TopicKind::activity, 1, Duration(3'600'000), {}}));
  EXPECT_THAT(log->differences(),
              UnorderedElementsAre(HasSubstr("has retention.ms=60000, not 3600000: what is older"),
                                   HasSubstr("has max.message.bytes=1000, not "),
                                   HasSubstr("min.insync.replicas=2 and 1 replicas: it takes no")));
  admin.make_topic(prefix_ + "e", 1,
                   {{"message.timestamp.type", "LogAppendTime"},
                    {"max.message.bytes", "10000000"},
                    {"min.compaction.lag.ms", "60000"},
                    {"cleanup.policy", "compact,delete"}});
  const auto other = open(options());
  ASSERT_TRUE(other->ensure_topic({"e", TopicKind::entity, 1, {}, {}}));
  EXPECT_THAT(other->differences(), ElementsAre(HasSubstr("entities that nobody changed")))
      << "larger records do no harm";
}

// An operator may allow all but that.
TEST_F(KafkaTopics, ATopicWhoseSettingsAreRefusedIsListedAsItWasAskedFor) {
  const test::KafkaServer server(std::map<std::string, std::string>{
      {"authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"},
      {"allow.everyone.if.no.acl.found", "true"}});
  auto own = options();
  own.brokers = {server.address()};
  const auto log = open(own);
  make_topic(*log, "open", 1, TopicKind::entity);
  make_topic(*log, "hidden", 2, TopicKind::entity);
  Operator(server.address()).hide_settings(prefix_ + "hidden");
  EXPECT_TRUE(test::eventually([&] {
    EXPECT_TRUE(log->ensure_topic({"hidden", TopicKind::entity, 2, {}, {}}));
    return !log->differences().empty();
  }));
  EXPECT_THAT(log->differences(), ElementsAre(HasSubstr("cannot be looked at: ")));
  const auto topics = log->topics();
  ASSERT_TRUE(topics) << topics.error().to_string();
  ASSERT_EQ(topics->size(), 2u);
  EXPECT_EQ((*topics)[0].spec.name, "hidden");
  EXPECT_EQ((*topics)[0].spec.kind, TopicKind::entity);
  EXPECT_EQ((*topics)[0].spec.partitions, 2);
}

TEST_F(KafkaTopics, WithoutAPrefixWhatIsOfAnotherFormIsSomebodyElses) {
  const auto theirs = open(options());
  make_topic(*theirs, "t");
  ASSERT_TRUE(theirs->ensure_group("g", {"t"}));
  auto bare = options();
  const auto name = "n" + std::exchange(bare.prefix, "").substr(0, 8);
  bare.groups = {name};
  const auto one = open(bare), two = open(bare);
  make_topic(*one, name + ".events");
  make_topic(*one, name);
  ASSERT_TRUE(one->ensure_group(name + "-1", {name + ".events"}));
  ASSERT_TRUE(one->ensure_group("x" + name, {name + ".events"}));
  const auto topics = [](KafkaLog& log) {
    std::vector<std::string> names;
    const auto all = log.topics().value();
    for (const auto& topic : all) names.push_back(topic.spec.name);
    return names;
  };
  const auto groups = [](KafkaLog& log) {
    std::vector<std::string> names;
    const auto all = log.groups().value();
    for (const auto& group : all) names.push_back(group.name);
    return names;
  };
  EXPECT_THAT(topics(*one), UnorderedElementsAre(name, name + ".events"));
  EXPECT_THAT(groups(*one), UnorderedElementsAre(name + "-1", "x" + name));
  EXPECT_THAT(topics(*two), ElementsAre(name + ".events")) << "who did not ask for the other";
  EXPECT_THAT(groups(*two), ElementsAre(name + "-1"));
  EXPECT_THAT(topics(*theirs), ElementsAre("t"));
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
