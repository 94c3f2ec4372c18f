#include "tests/contract/log_import_contract.h"

#include <gmock/gmock.h>

namespace mesh::test {
namespace {

using testing::ElementsAre;

constexpr Timestamp kThen{Duration(1'600'000'000'123)};  // long ago

StoredRecord stored(const std::string& topic, int partition, Duration later, std::string value) {
  return {{topic, partition, 99}, kThen + later, "acme/1", std::move(value), {{"ce_id", "e"}}};
}

}  // namespace

TEST_P(LogImportContract, RecordsKeepPartitionOrderTimeAndAllThatIsInThem) {
  const auto topic = named("user.events");
  ASSERT_TRUE(import().begin({{topic, TopicKind::entity, 2, {}, {}}}));
  StoredRecord odd = stored(topic, 1, Duration(2), "");
  odd.key.clear();
  odd.value.reset();
  odd.headers = {{"x", ""}, {"x", std::string("\0\xff", 2)}};
  ASSERT_TRUE(import().import(
      {stored(topic, 1, Duration(0), "first"), odd, stored(topic, 0, Duration(1), "other")}));
  ASSERT_TRUE(import().import({stored(topic, 1, Duration(2), "last")}));

  const auto read = log().read({topic, 1}, 0, {}).value().records;
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(read[0].position, (Position{topic, 1, 0}));
  EXPECT_EQ(read[0].time, kThen);
  EXPECT_EQ(read[0].key, "acme/1");
  EXPECT_EQ(read[0].headers, (Headers{{"ce_id", "e"}}));
  EXPECT_EQ(read[1].time, kThen + Duration(2));
  EXPECT_EQ(read[1].key, "");
  EXPECT_FALSE(read[1].value);
  EXPECT_EQ(read[1].headers, odd.headers);
  EXPECT_EQ(read[2].value, "last");
  EXPECT_THAT(values(topic, 0), ElementsAre("other"));
  EXPECT_EQ(log().watermarks({topic, 1}).value().end, 3);
}

TEST_P(LogImportContract, WhatIsAppendedAfterTheEndHasTheLogsTime) {
  const auto topic = named("a.events");
  ASSERT_TRUE(import().begin({{topic, TopicKind::activity, 1, {}, {}}}));
  ASSERT_TRUE(import().import({stored(topic, 0, Duration(0), "old")}));
  ASSERT_TRUE(import().finish({topic, TopicKind::activity, 1, {}, {}}));
  const auto before = host().now();
  append({record("a.events", "acme/1", "new")});
  EXPECT_EQ(log().offset_at({topic, 0}, kThen).value(), 0);
  EXPECT_EQ(log().offset_at({topic, 0}, kThen + Duration(1)).value(), 1);
  EXPECT_GE(log().read({topic, 0}, 1, {}).value().records.at(0).time, before - Duration(1'000));
}

TEST_P(LogImportContract, ATopicGetsItsSettingsAtTheEnd) {
  const auto topic = named("a.events");
  const TopicSpec wanted{topic, TopicKind::activity, 3, Duration(3'600'000), {}};
  const auto spec_of = [&] {
    const auto all = admin().topics().value();
    for (const auto& info : all) {
      if (info.spec.name == topic) return info.spec;
    }
    return TopicSpec{};
  };
  ASSERT_TRUE(import().begin({wanted}));
  EXPECT_EQ(spec_of().partitions, 3);
  EXPECT_FALSE(spec_of().max_age);
  ASSERT_TRUE(import().finish(wanted));
  EXPECT_EQ(spec_of().max_age, wanted.max_age);
  // An entity topic, too: it was no compacted one meanwhile where the engine says so.
  const auto entities = named("user.events");
  ASSERT_TRUE(import().begin({{entities, TopicKind::entity, 1, {}, {}}}));
  ASSERT_TRUE(import().finish({entities, TopicKind::entity, 1, {}, {}}));
  ASSERT_TRUE(admin().ensure_topic({entities, TopicKind::entity, 1, {}, {}}));
}

TEST_P(LogImportContract, ATopicOfOtherPartitionsIsRefused) {
  const auto topic = make_topic("a.events", 2);
  const auto refused = import().begin({{topic, TopicKind::activity, 3, {}, {}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("2 partitions"));
  // One that is there as wanted is taken, also in the middle of an import.
  ASSERT_TRUE(import().begin({{topic, TopicKind::activity, 2, {}, {}}}));
  ASSERT_TRUE(import().import({stored(topic, 0, Duration(0), "one")}));
  ASSERT_TRUE(import().begin({{topic, TopicKind::activity, 2, {}, {}}}));
  ASSERT_TRUE(import().import({stored(topic, 0, Duration(0), "two")}));
  EXPECT_THAT(values(topic, 0), ElementsAre("one", "two"));
}

}  // namespace mesh::test
