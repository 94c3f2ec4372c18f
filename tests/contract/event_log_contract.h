// What every EventLog with its LogAdmin and LogConsumers must do. An engine instantiates the suite:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, EventLogContract, testing::Values(&make_sqlite_log_host));
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/ports/event_log.h"
#include "common/ports/log_import.h"

namespace mesh::test {

// An engine on storage of its own. Topic and group names of the suite begin with prefix(), so that
// hosts may share one broker.
class EventLogHost {
 public:
  virtual ~EventLogHost() = default;
  virtual EventLog& log() = 0;
  virtual LogAdmin& admin() = 0;
  virtual LogImport& import() = 0;
  virtual void reopen() = 0;  // closes the engine and opens another one on the same storage
  virtual std::string prefix() { return ""; }
  virtual Timestamp now() = 0;       // of the clock that the log stamps records with
  virtual void let_time_pass() = 0;  // until now() has risen
  // Until a member of a group that shows no sign of life may be taken for gone; the half of it.
  virtual void let_session_pass() = 0;
  virtual void let_half_session_pass() = 0;
  // What engines do differently where the port leaves it to them.
  virtual bool alters_topics() { return true; }  // ensure_topic changes the retention of old ones
  virtual bool tells_bytes() { return true; }    // TopicInfo::bytes
  // A member that shows no sign of life leaves by itself, though no other polls.
  virtual bool silent_members_leave() { return false; }
  // How long a poll waits so that a member that has just come may get a record.
  virtual Duration turn() { return Duration(1); }
  // Records that members come and go over: enough for many changes of hands.
  virtual std::size_t turmoil() { return 2'000; }
  // Until all groups have shared out their partitions among the members that are there.
  virtual void settle() {}
};
using MakeEventLogHost = std::unique_ptr<EventLogHost> (*)();

class EventLogContract : public testing::TestWithParam<MakeEventLogHost> {
 protected:
  static constexpr Duration kLong{30'000};  // for waits that end by notification
  static constexpr Duration kShort{50};     // for waits that must time out

  void SetUp() override;
  void reopen() { host_->reopen(); }
  EventLog& log() { return host_->log(); }
  LogAdmin& admin() { return host_->admin(); }
  EventLogHost& host() { return *host_; }
  std::string named(const std::string& name) { return host_->prefix() + name; }

  // A topic of the suite; the name to use.
  std::string make_topic(const std::string& name, int partitions = 1,
                         TopicKind kind = TopicKind::activity);
  Record record(const std::string& topic, const std::string& key, const std::string& value);
  std::vector<Position> append(std::vector<Record> records);
  Position append(const std::string& topic, const std::string& key, const std::string& value);
  std::vector<std::string> values(const std::string& topic, int partition = 0,
                                  std::int64_t from = 0);
  std::unique_ptr<LogConsumer> consumer(const std::string& group,
                                        const std::vector<std::string>& topics,
                                        const std::string& member = "m");
  std::map<TopicPartition, std::int64_t> committed(const std::string& group);
  std::vector<std::string> members(const std::string& group);
  // Until members that show no sign of life may be taken for gone, but not `kept`.
  void let_session_pass_but_for(LogConsumer& kept);
  // Polls until `count` records came (or a poll timed out); their values.
  std::vector<std::string> take(LogConsumer& consumer, std::size_t count);

 private:
  std::unique_ptr<EventLogHost> host_;
};

}  // namespace mesh::test
