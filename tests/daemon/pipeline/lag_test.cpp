#include "daemon/pipeline/lag.h"

#include <gtest/gtest.h>

namespace mesh::pipeline {
namespace {

// Ten records in each partition, of which `away` and later ones cannot be read.
class LogInParts final : public EventLog {
 public:
  void append(std::vector<Record>, AppendDone done) override {
    done(fail(ErrorKind::unsupported, "nothing is appended here"));
  }
  Result<ReadResult> read(const TopicPartition& partition, std::int64_t from,
                          const ReadLimits&) override {
    ReadResult read{{}, from + 1, false};
    read.records.push_back({});
    read.records.front().position = {partition.topic, partition.partition, from};
    read.records.front().time = Timestamp(Duration{1'000 - partition.partition});
    return read;
  }
  bool reads_again_cheaply() const override { return false; }
  Result<Watermarks> watermarks(const TopicPartition& partition) override {
    ++asked;
    if (partition.partition >= away) return fail(ErrorKind::unavailable, "no broker answers");
    return Watermarks{2, 10};
  }
  Result<std::int64_t> offset_at(const TopicPartition&, Timestamp) override { return 0; }
  std::unique_ptr<Watch> watch(const std::map<TopicPartition, std::int64_t>&, Told) override {
    return nullptr;
  }

  int away = 8;
  int asked = 0;
};

const std::map<TopicPartition, std::int64_t> kNext{{{"t", 0}, 0}, {{"t", 1}, 7}, {{"t", 2}, 10}};

TEST(Lag, CountsWhatIsThereAndKnowsTheOldest) {
  LogInParts log;
  EXPECT_EQ(records_from(log, kNext).value(), 8 + 3);
  EXPECT_EQ(oldest_from(log, kNext).value(), Timestamp(Duration{999}));
}

// With a broker that stood still each partition took a time-out: a pipeline looked at its lag for a
// minute, and a stop waited for it.
TEST(Lag, OnePartitionThatCannotBeReadEndsTheLook) {
  LogInParts log;
  log.away = 1;
  EXPECT_EQ(records_from(log, kNext).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(log.asked, 2);
  log.asked = 0;
  EXPECT_FALSE(oldest_from(log, kNext));
  EXPECT_EQ(log.asked, 2);
}

}  // namespace
}  // namespace mesh::pipeline
