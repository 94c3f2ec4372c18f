// A real broker that dies, stands still and comes back.
#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "tests/common/engines/kafka/broker_fixture.h"

namespace mesh::kafka {
namespace {

using testing::SizeIs;

struct KafkaOutage : KafkaBroker {
  // Its own, since it dies.
  KafkaOptions own_options(const test::KafkaServer& server) const {
    auto own = options();
    own.brokers = {server.address()};
    return own;
  }
  static std::vector<std::string> take(LogConsumer& consumer, std::size_t count) {
    std::vector<std::string> found;
    EXPECT_TRUE(test::eventually([&] {
      const auto polled = consumer.poll({}, Duration(500));
      if (polled) {
        for (const auto& one : *polled) found.push_back(*one.value);
      }
      return found.size() >= count;
    }));
    return found;
  }
};

TEST_F(KafkaOutage, KilledUnderLoadABrokerLosesNothingThatWasAcknowledged) {
  test::KafkaServer server;
  const auto log = open(own_options(server));
  make_topic(*log, "t", 3);
  std::atomic<bool> enough = false;
  std::atomic<int> acknowledged = 0;
  std::mutex mutex;
  std::map<Position, std::string> kept;  // guarded by mutex
  std::vector<std::thread> writers;
  for (int w = 0; w < 3; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; !enough; ++i) {
        const auto value = std::to_string(w) + "-" + std::to_string(i);
        const auto done = test::append_and_wait(*log, {{"t", "tenant" + value, value, {}}});
        if (!done) {
          EXPECT_TRUE(done.error().retryable()) << done.error().to_string();
          continue;
        }
        std::lock_guard lock(mutex);
        EXPECT_TRUE(kept.emplace(done->front(), value).second) << "a position twice";
        ++acknowledged;
      }
    });
  }
  const auto some_more = [&] {
    const int before = acknowledged;
    EXPECT_TRUE(test::eventually([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      return acknowledged > before + 100;
    }));
  };
  for (int kill = 0; kill < 2; ++kill) {
    some_more();
    server.kill();
    server.start();
  }
  some_more();
  enough = true;
  for (auto& writer : writers) writer.join();
  std::map<Position, std::string> there;
  for (int i = 0; i < 3; ++i) {
    for (std::int64_t next = 0;;) {
      const auto read = log->read({"t", i}, next, {});
      ASSERT_TRUE(read) << read.error().to_string();
      for (const auto& one : read->records) there.emplace(one.position, *one.value);
      next = read->next;
      if (read->at_end) break;
    }
  }
  std::set<std::string> values;
  for (const auto& [position, value] : there) {
    EXPECT_TRUE(values.insert(value).second)
        << value << " twice, though the producer is idempotent";
  }
  for (const auto& [position, value] : kept) EXPECT_EQ(there[position], value);
}

TEST_F(KafkaOutage, AMemberGoesOnWhereItWasAfterTheBrokerCameBack) {
  test::KafkaServer server;
  const auto log = open(own_options(server));
  make_topic(*log, "t");
  ASSERT_TRUE(test::append_and_wait(*log, {{"t", "k", "1", {}}, {"t", "k", "2", {}}}));
  auto member = log->open_consumer("g", {"t"}, "m").value();
  EXPECT_THAT(take(*member, 2), SizeIs(2));
  (void)member->changes();
  EXPECT_THAT(take(*member, 2), SizeIs(2));
  ASSERT_TRUE(member->commit({{{"t", 0}, 1}}));
  server.kill();
  const auto polled = member->poll({}, Duration(10));
  EXPECT_TRUE(!polled || polled->empty());
  server.start();
  // At first it may not be known yet that the broker is back.
  ASSERT_TRUE(test::eventually([&] {
    return test::append_and_wait(*log, {{"t", "k", "3", {}}}).has_value();
  }));
  std::set<std::string> seen;
  // The broker may have taken the member for gone; then it begins anew at what it has committed.
  EXPECT_TRUE(test::eventually([&] {
    const auto more = member->poll({}, Duration(500));
    (void)member->changes();
    if (more) {
      for (const auto& one : *more) seen.insert(*one.value);
    }
    const auto position = member->position();
    const auto at = position.find({"t", 0});
    return at != position.end() && at->second == 3 && member->commit(position).has_value();
  }));
  EXPECT_TRUE(seen.contains("3"));
  member.reset();
  auto next = log->open_consumer("g", {"t"}, "m").value();
  EXPECT_EQ(next->position().at({"t", 0}), 3);
}

// What waits for ever holds up a rebalance, and the end of the process.
TEST_F(KafkaOutage, WithoutABrokerACommitAndTheEndOfAMemberTakeNoLongerThanASession) {
  test::KafkaServer server;
  const auto patient = open(own_options(server));
  make_topic(*patient, "t");
  ASSERT_TRUE(test::append_and_wait(*patient, {{"t", "k", "1", {}}}));
  auto hasty = own_options(server);
  hasty.request_timeout = Duration(2'000);
  hasty.session = Duration(6'000);
  const auto log = open(hasty);
  auto member = log->open_consumer("g", {"t"}, "m").value();
  EXPECT_THAT(take(*member, 1), SizeIs(1));
  server.kill();
  const auto before = std::chrono::steady_clock::now();
  const auto failed = member->commit({{{"t", 0}, 1}});
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().retryable() || failed.error().kind == ErrorKind::conflict)
      << failed.error().to_string();
  member.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(60));
}

TEST_F(KafkaOutage, ABrokerThatStandsStillHoldsNobodyBeyondTheTimeOut) {
  test::KafkaServer server;
  auto hasty = own_options(server);
  const auto patient = open(hasty);
  make_topic(*patient, "t");
  ASSERT_TRUE(test::append_and_wait(*patient, {{"t", "k", "1", {}}}));
  hasty.request_timeout = Duration(1'000);
  hasty.append_timeout = Duration(2'000);
  const auto log = open(hasty);
  ASSERT_TRUE(test::append_and_wait(*log, {{"t", "k", "2", {}}}));
  server.pause();
  EXPECT_EQ(test::append_and_wait(*log, {{"t", "k", "3", {}}}).error().kind, ErrorKind::uncertain)
      << "it may have come to the broker";
  EXPECT_EQ(log->read({"t", 0}, 0, {}).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(log->watermarks({"t", 0}).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(log->groups().error().kind, ErrorKind::unavailable);
  server.resume();
  EXPECT_TRUE(test::eventually([&] { return log->read({"t", 0}, 0, {}).has_value(); }));
}

// librdkafka would wait for the brokers without a limit, and a stop for it.
TEST_F(KafkaOutage, ACommitWithoutBrokersIsToldInTimeAndHoldsUpNobody) {
  test::KafkaServer server;
  auto own = own_options(server);
  own.request_timeout = Duration(1'000);
  const auto log = open(own);
  make_topic(*log, "t", 1);
  ASSERT_TRUE(test::append_and_wait(*log, {{"t", "k", "v", {}}}));
  std::unique_ptr<LogConsumer> consumer;
  ASSERT_TRUE(test::eventually([&] {
    auto opened = log->open_consumer("g", {"t"}, "m");
    if (opened) consumer = std::move(*opened);
    return consumer != nullptr;
  }));
  take(*consumer, 1);
  server.kill();
  const auto commit = [&] { return consumer->commit({{{"t", 0}, 1}}); };
  auto told = std::async(std::launch::async, commit);
  EXPECT_EQ(told.wait_for(std::chrono::minutes(1)), std::future_status::ready);
  if (told.wait_for(std::chrono::seconds(0)) != std::future_status::ready) server.start();
  const Status refused = told.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable) << refused.error().to_string();
  // Nor does it hold up the end of its member.
  auto ended = std::async(std::launch::async, [&] { consumer.reset(); });
  EXPECT_EQ(ended.wait_for(std::chrono::minutes(1)), std::future_status::ready);
}

}  // namespace
}  // namespace mesh::kafka
