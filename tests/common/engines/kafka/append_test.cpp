// What an append is told when brokers fail, over librdkafka's mock of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "common/engines/kafka/kafka_log.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/eventually.h"
#include "tests/support/kafka_mock.h"
#include "tests/support/read_all.h"

namespace mesh::kafka {
namespace {

using test::append_and_wait;
using test::KafkaMock;
using testing::HasSubstr;
using testing::SizeIs;
using Answer = Result<std::vector<Position>>;

struct KafkaAppend : testing::Test {
  KafkaAppend() { mock_.make_topic("t", 2); }

  KafkaOptions options() const {
    KafkaOptions options;
    options.brokers = {mock_.address()};
    options.request_timeout = Duration(20'000);
    options.append_timeout = Duration(60'000);
    return options;
  }
  std::unique_ptr<KafkaLog> open(const KafkaOptions& options) const {
    auto log = KafkaLog::open(options, system_clock());
    EXPECT_TRUE(log) << log.error().to_string();
    return std::move(*log);
  }
  static Record record(const std::string& value) { return {"t", "acme/1", value, {}}; }
  // Its producer has its id, and its topic is known.
  static void warm(EventLog& log) { ASSERT_TRUE(append_and_wait(log, {record("warm")})); }
  static std::future<Answer> append(EventLog& log, Record record) {
    auto promise = std::make_shared<std::promise<Answer>>();
    log.append({std::move(record)}, [promise](Answer answer) { promise->set_value(answer); });
    return promise->get_future();
  }
  static std::size_t there(EventLog& log) {
    std::size_t count = 0;
    for (int i = 0; i < 2; ++i) count += test::read_all(log, {"t", i}, 0)->size();
    return count;
  }

  KafkaMock mock_;
};

TEST_F(KafkaAppend, WhatABrokerRefusesForAMomentIsSentAgainAndIsThereOnce) {
  const auto log = open(options());
  warm(*log);
  mock_.answer(KafkaMock::kProduce,
               {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS});
  const auto done = append_and_wait(*log, {record("1")});
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->front().offset, 1);
  EXPECT_EQ(there(*log), 2u);
}

TEST_F(KafkaAppend, WhatABrokerRefusesForGoodIsNotThereAndToldSo) {
  const auto log = open(options());
  warm(*log);
  mock_.answer(KafkaMock::kProduce, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  EXPECT_EQ(append_and_wait(*log, {record("1")}).error().kind, ErrorKind::too_large);
  mock_.answer(KafkaMock::kProduce, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  const auto refused = append_and_wait(*log, {record("1")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable)
      << "the operator's to mend, not the client's";
  EXPECT_THAT(refused.error().message, HasSubstr("access rules"));
  EXPECT_EQ(there(*log), 1u);
}

// Those of several wait for their turn on a thread of its own, single ones need not.
TEST_F(KafkaAppend, WhatOneCallerAppendsKeepsItsOrder) {
  const auto log = open(options());
  warm(*log);
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 100; ++i) {
    auto several = std::make_shared<std::promise<Answer>>();
    answers.push_back(several->get_future());
    log->append({record("a"), record("b")},
                [several](Answer answer) { several->set_value(answer); });
    answers.push_back(append(*log, record("c")));
  }
  std::int64_t last = -1;
  for (auto& future : answers) {
    const Answer answer = future.get();
    ASSERT_TRUE(answer) << answer.error().to_string();
    for (const Position& position : *answer) {
      EXPECT_GT(position.offset, last);
      last = position.offset;
    }
  }
}

TEST_F(KafkaAppend, ARecordBeyondTheBoundIsRefusedBeforeItIsSent) {
  auto small = options();
  small.max_record_bytes = 1'000;
  const auto log = open(small);
  const auto refused = append_and_wait(*log, {record(std::string(1'001, 'x'))});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::too_large);
  EXPECT_THAT(refused.error().message, HasSubstr("1000"));
}

// Whoever is told `unavailable` may believe that it never comes.
TEST_F(KafkaAppend, WithoutABrokerNothingWasSentAndItIsUnavailable) {
  auto hasty = options();
  hasty.append_timeout = Duration(4'000);  // the first one takes a second and more
  const auto log = open(hasty);
  warm(*log);
  mock_.down();
  const auto failed = append_and_wait(*log, {record("1")});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::unavailable) << failed.error().to_string();
  mock_.up();
  EXPECT_EQ(there(*log), 1u);
}

// Publishers waited for the time-out of each append, which is longer than they wait for an answer.
TEST_F(KafkaAppend, WhereNoBrokerHasAnsweredForAWhileItIsRefusedAtOnceUntilOneDoes) {
  auto hasty = options();
  hasty.request_timeout = Duration(1'000);
  const auto log = open(hasty);
  warm(*log);
  mock_.down();
  ASSERT_TRUE(test::eventually([&] { return log->trouble().has_value(); }));
  auto refused = append(*log, record("1"));
  ASSERT_EQ(refused.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  const auto error = refused.get().error();
  EXPECT_EQ(error.kind, ErrorKind::unavailable);
  EXPECT_THAT(error.message, HasSubstr("kafka.brokers"));
  EXPECT_EQ(log->read({"never seen", 0}, 0, {}).error().kind, ErrorKind::unavailable);
  mock_.up();
  EXPECT_TRUE(test::eventually([&] { return append_and_wait(*log, {record("2")}).has_value(); }));
  EXPECT_EQ(there(*log), 2u);
}

TEST_F(KafkaAppend, WhatWasSentAndNotAnsweredIsUncertain) {
  auto hasty = options();
  hasty.append_timeout = Duration(4'000);
  hasty.request_timeout = Duration(1'000);
  const auto log = open(hasty);
  warm(*log);
  mock_.answer_late(10'000);
  const auto failed = append_and_wait(*log, {record("1")});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::uncertain) << failed.error().to_string();
  mock_.answer_late(0);
}

// Its answer says no more than that it cannot tell: the next leader may have the record.
TEST_F(KafkaAppend, WhatALeaderGotThatSteppedDownIsUncertain) {
  auto hasty = options();
  hasty.append_timeout = Duration(3'000);
  const auto log = open(hasty);
  warm(*log);
  mock_.answer(KafkaMock::kProduce,
               std::vector<rd_kafka_resp_err_t>(1'000, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION));
  const auto failed = append_and_wait(*log, {record("1")});
  mock_.forget_answers(KafkaMock::kProduce);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::uncertain) << failed.error().to_string();
}

TEST_F(KafkaAppend, OfSeveralRecordsOneThatFailsMakesTheAppendUncertain) {
  const auto log = open(options());
  warm(*log);
  Record other{"t", "acme/2", "2", {}};
  ASSERT_NE(append_and_wait(*log, {other})->front().partition,
            append_and_wait(*log, {record("1")})->front().partition);
  // Each partition is a request of its own; one of them is refused.
  mock_.answer(KafkaMock::kProduce, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  const auto failed = append_and_wait(*log, {record("3"), other});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::uncertain);
  EXPECT_EQ(there(*log), 4u);
}

// A producer that had a fatal error takes nothing more for ever.
TEST_F(KafkaAppend, AfterAFatalErrorAnotherProducerGoesOn) {
  const auto log = open(options());
  warm(*log);
  mock_.answer(KafkaMock::kProduce, {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
  const auto failed = append_and_wait(*log, {record("1")});
  ASSERT_FALSE(failed) << "only an idempotent producer takes that for fatal";
  EXPECT_TRUE(failed.error().retryable()) << failed.error().to_string();
  const auto done = append_and_wait(*log, {record("2")});
  ASSERT_TRUE(done) << done.error().to_string();
}

TEST_F(KafkaAppend, ATenantsFloodIsRefusedAtOnceAndLeavesRoomForOthers) {
  auto tight = options();
  tight.max_in_flight_bytes = 1;  // one append at a time
  tight.max_pending_bytes = 64 << 10;
  tight.turn_timeout = Duration(60'000);
  const auto log = open(tight);
  warm(*log);
  mock_.answer_late(3'600'000);
  std::vector<std::future<Answer>> flood;
  std::size_t refused = 0;
  for (int i = 0; i < 200; ++i) {
    flood.push_back(append(*log, record(std::string(1'000, 'x'))));
    if (flood.back().wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
      ++refused;
      EXPECT_EQ(flood.back().get().error().kind, ErrorKind::unavailable);
    }
  }
  EXPECT_GT(refused, 100u);
  EXPECT_LT(refused, 190u);
  auto other = append(*log, {"t", "other/1", std::string(1'000, 'x'), {}});
  EXPECT_EQ(other.wait_for(std::chrono::seconds(0)), std::future_status::timeout) << "it waits";
  mock_.answer_late(0);
}

TEST_F(KafkaAppend, WhatHasNotHadItsTurnInTimeIsUnavailable) {
  auto tight = options();
  tight.max_in_flight_bytes = 1;
  tight.turn_timeout = Duration(300);
  const auto log = open(tight);
  warm(*log);
  mock_.answer_late(3'600'000);
  auto sent = append(*log, record("1")), waits = append(*log, record("2"));
  EXPECT_EQ(waits.get().error().kind, ErrorKind::unavailable);
  mock_.answer_late(0);
}

TEST_F(KafkaAppend, AClosedLogAnswersWhatItWasGivenAndRefusesMore) {
  auto hasty = options();
  hasty.append_timeout = Duration(3'000);
  const auto log = open(hasty);
  warm(*log);
  mock_.down();
  auto waits = append(*log, record("1"));
  log->close();
  EXPECT_EQ(waits.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  EXPECT_EQ(append_and_wait(*log, {record("2")}).error().kind, ErrorKind::unavailable);
  log->close();
  mock_.up();
}

}  // namespace
}  // namespace mesh::kafka
