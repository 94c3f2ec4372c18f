// Three brokers, each record on all of them, killed one after the other under load.
#include <atomic>
#include <set>
#include <thread>

#include "tests/common/engines/kafka/broker_fixture.h"
#include "tests/common/engines/kafka/operator.h"

namespace mesh::kafka {
namespace {

constexpr int kBrokers = 3;
constexpr int kPartitions = 6;
constexpr int kWriters = 8;

// What the writers were told.
struct Told {
  std::mutex mutex;
  std::map<Position, std::string> kept;  // acknowledged there
  std::map<std::string, int> uncertain;  // how often, by value
  std::atomic<int> acknowledged = 0;
};

// What the members of the group took and committed.
struct Seen {
  std::mutex mutex;
  std::set<std::string> values;
};

// One value after the other under one key; each again until it is acknowledged.
void write(EventLog& log, int number, const std::atomic<bool>& enough, Told& told) {
  const std::string key = "tenant" + std::to_string(number) + "/1";
  for (int i = 0; !enough;) {
    const auto value = std::to_string(number) + "-" + std::to_string(i);
    const auto done = test::append_and_wait(log, {{"t", key, value, {}}});
    std::lock_guard lock(told.mutex);
    if (done) {
      EXPECT_TRUE(told.kept.emplace(done->front(), value).second) << "a position twice";
      ++told.acknowledged;
      ++i;
    } else {
      EXPECT_TRUE(done.error().retryable()) << done.error().to_string();
      if (done.error().kind == ErrorKind::uncertain) ++told.uncertain[value];
    }
  }
}

// As a pipeline does: commits behind what it has taken, and forgets what has changed hands.
void consume(LogConsumer& member, const std::atomic<bool>& enough, Seen& seen) {
  std::map<TopicPartition, std::set<std::string>> taken;
  while (!enough) {
    const auto polled = member.poll({}, Duration(200));
    const auto changes = member.changes();
    for (const auto& [partition, next] : changes.gained) taken.erase(partition);
    for (const auto& partition : changes.lost) taken.erase(partition);
    if (!polled) {
      EXPECT_TRUE(polled.error().retryable()) << polled.error().to_string();
      continue;
    }
    for (const auto& record : *polled) {
      const TopicPartition partition{record.position.topic, record.position.partition};
      if (!changes.gained.contains(partition)) taken[partition].insert(*record.value);
    }
    if (taken.empty() || !member.commit(member.position())) continue;
    std::lock_guard lock(seen.mutex);
    for (auto& [partition, values] : taken) seen.values.merge(values);
    taken.clear();
  }
}

struct KafkaCluster : KafkaBroker {
  static std::unique_ptr<test::KafkaCluster> start() {
    // A broker that is gone is noticed by the others after 9 s otherwise.
    return std::make_unique<test::KafkaCluster>(
        kBrokers, test::KafkaCluster::Options{{{"broker.session.timeout.ms", "3000"},
                                               {"broker.heartbeat.interval.ms", "500"}}});
  }
  KafkaOptions options_of(const test::KafkaCluster& cluster) const {
    auto options = KafkaBroker::options();
    options.brokers.clear();
    for (int i = 0; i < kBrokers; ++i) options.brokers.push_back(cluster.address(i));
    options.replication = kBrokers;
    options.turn_timeout = KafkaOptions().turn_timeout;
    options.append_timeout = KafkaOptions().append_timeout;
    return options;
  }
  // What the group has not committed yet, in words; empty where it has committed all.
  static std::string behind(KafkaLog& log) {
    const auto groups = log.groups();
    if (!groups) return groups.error().to_string();
    if (groups->empty()) return "there is no group";
    for (const auto& [partition, committed] : groups->front().committed) {
      const auto marks = log.watermarks(partition);
      if (!marks) return marks.error().to_string();
      if (marks->end == committed) continue;
      return std::to_string(committed) + " of " + std::to_string(marks->end) + " in partition " +
             std::to_string(partition.partition);
    }
    return {};
  }
  static std::vector<StoredRecord> all_of(EventLog& log) {
    std::vector<StoredRecord> all;
    for (int i = 0; i < kPartitions; ++i) {
      for (std::int64_t next = 0;;) {
        const auto read = log.read({"t", i}, next, {});
        if (!read) {
          ADD_FAILURE() << read.error().to_string();
          return all;
        }
        all.insert(all.end(), read->records.begin(), read->records.end());
        next = read->next;
        if (read->at_end) break;
      }
    }
    return all;
  }
};

TEST_F(KafkaCluster, BrokersKilledUnderLoadLoseNothingAndTheGroupGoesOn) {
  const auto cluster = start();
  const auto log = open(options_of(*cluster));
  make_topic(*log, "t", kPartitions);
  ASSERT_THAT(log->differences(), testing::IsEmpty());
  Operator(cluster->address(0)).make_topic(prefix_ + "weak", 2, {});
  make_topic(*log, "weak");
  EXPECT_THAT(log->differences(), testing::Contains(testing::HasSubstr("min.insync.replicas=1")));
  std::vector<std::unique_ptr<LogConsumer>> members;
  for (const char* name : {"m1", "m2"}) {
    auto member = log->open_consumer("g", {"t"}, name);
    ASSERT_TRUE(member) << member.error().to_string();
    members.push_back(std::move(*member));
  }

  Told told;
  Seen seen;
  std::atomic<bool> written = false, read = false;
  std::vector<std::thread> writers, readers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] { write(*log, w, written, told); });
  }
  for (auto& member : members) {
    readers.emplace_back([&] { consume(*member, read, seen); });
  }
  const auto some_more = [&](const std::string& when) {
    const int before = told.acknowledged;
    EXPECT_TRUE(test::eventually([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the brokers need the processor
      return told.acknowledged > before + 100;
    })) << when;
  };
  some_more("at first");
  for (int i = 0; i < kBrokers; ++i) {
    cluster->kill(i);
    some_more("without broker " + std::to_string(i));
    cluster->start(i);
    some_more("with broker " + std::to_string(i) + " again");
  }
  written = true;
  for (auto& writer : writers) writer.join();

  std::map<Position, std::string> there;
  std::map<std::string, int> times;   // each value is there
  std::map<std::string, int> newest;  // number by key
  for (const auto& record : all_of(*log)) {
    EXPECT_TRUE(there.emplace(record.position, *record.value).second) << "read twice";
    if (++times[*record.value] > 1) continue;
    const int number = std::stoi(record.value->substr(record.value->find('-') + 1));
    EXPECT_EQ(number, newest[record.key]++) << "out of order: " << *record.value;
  }
  for (const auto& [position, value] : told.kept) EXPECT_EQ(there[position], value);
  // librdkafka takes another epoch where it gives a record up, and sends what was under way to
  // other partitions again (its issue 4953): at most that, whenever leaders change.
  int again = 0;
  int uncertain = 0;
  for (const auto& [value, count] : times) {
    uncertain += told.uncertain[value];
    again += std::max(0, count - 1 - told.uncertain[value]);
  }
  EXPECT_LE(again, 2 * kBrokers * kWriters);

  std::string left;
  EXPECT_TRUE(test::eventually([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    left = behind(*log);
    return left.empty();
  })) << left;
  read = true;
  for (auto& reader : readers) reader.join();
  for (const auto& [position, value] : told.kept) EXPECT_TRUE(seen.values.contains(value)) << value;
  RecordProperty("acknowledged", told.acknowledged);
  RecordProperty("uncertain", uncertain);
  RecordProperty("again", again);
}

}  // namespace
}  // namespace mesh::kafka
