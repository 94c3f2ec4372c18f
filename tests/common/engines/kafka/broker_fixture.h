// Tests over a real broker.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/engines/kafka/kafka_log.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/eventually.h"
#include "tests/support/kafka_server.h"
#include "tests/support/read_all.h"

namespace mesh::kafka {

struct KafkaBroker : testing::Test {
  void SetUp() override {
    if (!test::KafkaServer::installed()) GTEST_SKIP() << test::KafkaServer::kMissing;
  }
  KafkaOptions options() const {
    KafkaOptions options;
    options.brokers = {test::KafkaServer::shared().address()};
    options.prefix = prefix_;
    options.request_timeout = Duration(20'000);
    options.append_timeout = Duration(60'000);
    options.turn_timeout = Duration(60'000);
    options.heartbeat = Duration(50);
    return options;
  }
  static std::unique_ptr<KafkaLog> open(const KafkaOptions& options) {
    auto log = KafkaLog::open(options, system_clock());
    EXPECT_TRUE(log) << log.error().to_string();
    return std::move(*log);
  }
  static void make_topic(KafkaLog& log, const std::string& name, int partitions = 1,
                         TopicKind kind = TopicKind::activity) {
    const auto made = log.ensure_topic({name, kind, partitions, {}, {}});
    ASSERT_TRUE(made) << made.error().to_string();
  }
  // What the command writes to its standard output; it has to end well.
  static std::string output_of(const std::string& command) {
    FILE* pipe = popen(command.c_str(), "r");
    std::string output;
    char buffer[4096];
    while (const auto got = fread(buffer, 1, sizeof(buffer), pipe)) output.append(buffer, got);
    EXPECT_EQ(pclose(pipe), 0) << command;
    return output;
  }

  const std::string prefix_ = random_hex(4) + ".";
};

}  // namespace mesh::kafka
