#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/engines/kafka/kafka_log.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/eventually.h"
#include "tests/support/kafka_mock.h"

namespace mesh::kafka {
namespace {

using testing::HasSubstr;
using testing::Not;

Error refusal(const KafkaOptions& options) {
  auto log = KafkaLog::open(options, system_clock());
  EXPECT_FALSE(log);
  return log ? Error{} : log.error();
}

TEST(KafkaOptionsTest, WhatIsWrongIsNamedByItsKey) {
  KafkaOptions options;
  EXPECT_THAT(refusal(options).message, HasSubstr("kafka.brokers"));
  options.brokers = {"127.0.0.1:9"};
  options.security = "tls";
  EXPECT_THAT(refusal(options).message, HasSubstr("kafka.security is 'tls'"));
  options.security = "sasl_ssl";
  options.sasl_mechanism = "gssapi";
  EXPECT_THAT(refusal(options).message, HasSubstr("kafka.sasl is 'gssapi'"));
  options.sasl_mechanism = "plain";
  EXPECT_THAT(refusal(options).message, HasSubstr("kafka.username"));
  options.username = options.password = "x";
  options.cert_file = "/no/such/file";
  EXPECT_THAT(refusal(options).message, HasSubstr("one is missing"));
  options.key_file = "/no/such/file";
  EXPECT_THAT(refusal(options).cause, HasSubstr("/no/such/file"));
}

// Before a broker is asked, and not after the first topics are filled.
TEST(KafkaOptionsTest, NamesThatKafkaDoesNotHaveAreRefusedAllAtOnce) {
  KafkaOptions options;
  options.brokers = {"127.0.0.1:1"};  // nobody listens there
  options.prefix = std::string(100, 'p');
  const auto log = KafkaLog::open(options, system_clock()).value();
  const auto topic = [](const std::string& name) {
    return TopicSpec{name, TopicKind::activity, 1, {}, {}};
  };
  const std::string longest(149, 'a'), longer(150, 'b');
  const auto refused = log->begin({topic(longest), topic(longer), topic("a/b"), topic("a.b_c-d")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unprocessable);
  EXPECT_THAT(refused.error().message, HasSubstr(longer + "' (250 characters), "));
  EXPECT_THAT(refused.error().message, HasSubstr("a/b'"));
  EXPECT_THAT(refused.error().message, Not(HasSubstr(longest + "'")));
  EXPECT_THAT(refused.error().message, Not(HasSubstr("a.b_c-d")));
}

TEST(KafkaOptionsTest, WithoutABrokerItOpensAndSaysSo) {
  KafkaOptions options;
  options.brokers = {"127.0.0.1:1"};  // nobody listens there
  options.request_timeout = Duration(1'000);
  options.append_timeout = Duration(1'100);
  options.turn_timeout = Duration(100);
  auto log = KafkaLog::open(options, system_clock()).value();
  EXPECT_TRUE(log->trouble());
  EXPECT_EQ(log->topics().error().kind, ErrorKind::unavailable);
  EXPECT_EQ(log->groups().error().kind, ErrorKind::unavailable);
  EXPECT_EQ(log->read({"t", 0}, 0, {}).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(log->ensure_topic({"t", TopicKind::activity, 1, {}, {}}).error().kind,
            ErrorKind::unavailable);
  EXPECT_EQ(log->open_consumer("g", {"t"}, "m").error().kind, ErrorKind::unavailable);
  EXPECT_EQ(test::append_and_wait(*log, {{"t", "k", "v", {}}}).error().kind,
            ErrorKind::unavailable);
  EXPECT_THAT(log->trouble()->message, HasSubstr("kafka.brokers"));
  EXPECT_THAT(log->trouble()->cause, HasSubstr("127.0.0.1:1"));
}

TEST(KafkaOptionsTest, TroubleIsOverWhenABrokerAnswers) {
  test::KafkaMock mock;
  KafkaOptions options;
  options.brokers = {mock.address()};
  options.request_timeout = Duration(1'000);
  mock.down();
  auto log = KafkaLog::open(options, system_clock()).value();
  EXPECT_TRUE(log->trouble());
  mock.up();
  EXPECT_TRUE(test::eventually([&] { return !log->trouble(); }));
  mock.down();
  EXPECT_TRUE(test::eventually([&] { return log->trouble().has_value(); }));
}

TEST(KafkaOptionsTest, WhatHasAnotherPrefixDoesNotExist) {
  test::KafkaMock mock;
  mock.make_topic("mine.t", 1);
  mock.make_topic("theirs.t", 1);
  KafkaOptions options;
  options.brokers = {mock.address()};
  options.request_timeout = Duration(20'000);
  options.prefix = "mine.";
  auto log = KafkaLog::open(options, system_clock()).value();
  EXPECT_TRUE(log->watermarks({"t", 0}));
  EXPECT_EQ(log->watermarks({"theirs.t", 0}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(log->watermarks({"mine.t", 0}).error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace mesh::kafka
