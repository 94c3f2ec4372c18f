// A SqliteLog in a temporary folder, with a clock that stands still.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/engines/sqlite/log/sqlite_log.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/manual_clock.h"
#include "tests/support/read_all.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {

class LogFixture : public testing::Test {
 protected:
  static constexpr auto kTopic = "analytics.events";

  LogFixture() {
    options_.upkeep_interval = Duration(0);
    options_.min_compaction_lag = Duration(0);
    options_.dirty_ratio = 0;
  }
  void open() {
    auto opened = sqlite::SqliteLog::open(dir_.path(), options_, clock_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    log_ = std::move(*opened);
  }
  void reopen() {
    log_.reset();
    open();
  }
  void make_topic(TopicSpec spec) {
    const auto made = log_->ensure_topic(spec);
    ASSERT_TRUE(made) << made.error().to_string();
  }
  // Opens, with one topic of one partition.
  void open_with_topic(TopicKind kind = TopicKind::activity, int partitions = 1) {
    open();
    make_topic({kTopic, kind, partitions, {}, {}});
  }
  static Record record(const std::string& key, std::optional<std::string> value) {
    return Record{kTopic, key, std::move(value), {{"ce_type", "t"}}};
  }
  Result<std::vector<Position>> append(const std::string& key, std::optional<std::string> value) {
    return append_and_wait(*log_, {record(key, std::move(value))});
  }
  std::vector<std::string> values(int partition = 0) {
    std::vector<std::string> found;
    auto records = test::read_all(*log_, {kTopic, partition}, 0, {100'000, 1 << 30});
    EXPECT_TRUE(records) << records.error().to_string();
    for (const auto& r : records.value_or(std::vector<StoredRecord>{})) {
      found.push_back(r.value.value_or("(none)"));
    }
    return found;
  }
  TopicInfo info() {
    auto topics = log_->topics();
    for (const auto& t : *topics) {
      if (t.spec.name == kTopic) return t;
    }
    return {};
  }
  std::string file() const { return dir_.file("log.db"); }

  TempDir dir_;
  ManualClock clock_;
  sqlite::LogOptions options_;
  std::unique_ptr<sqlite::SqliteLog> log_;
};

}  // namespace mesh::test
