// A member of a consumer group of the embedded log.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/engines/sqlite/log/log_impl.h"

namespace mesh::sqlite {

class SqliteConsumer final : public LogConsumer {
 public:
  struct Slot {
    Partition* partition;
    GroupOffset* offset;    // the group's
    std::int64_t position;  // the next poll reads from here
    std::int64_t epoch;     // of the seek that the position stems from
  };
  SqliteConsumer(SqliteLogImpl& log, std::string name, std::shared_ptr<Group> group,
                 std::vector<Slot> slots);
  ~SqliteConsumer() override;

  Result<std::vector<StoredRecord>> poll(const ReadLimits& limits, Duration timeout) override;
  Status commit(const std::map<TopicPartition, std::int64_t>& next) override;
  Status seek(const TopicPartition& partition, std::int64_t offset) override;
  std::map<TopicPartition, std::int64_t> moved() override;
  std::map<TopicPartition, std::int64_t> position() const override;
  void wake() override;
  Waiter& waiter() { return waiter_; }

 private:
  Slot* find(const TopicPartition& name);
  void follow_seeks();
  Status gather(const ReadLimits& limits, std::vector<StoredRecord>& out);

  SqliteLogImpl& log_;
  const std::string name_;
  const std::shared_ptr<Group> group_;
  std::vector<Slot> slots_;
  std::map<TopicPartition, std::int64_t> moved_;  // by seeks, and not yet told
  std::size_t first_slot_ = 0;  // where the next poll begins, so that no partition starves another
  Waiter waiter_;
};

}  // namespace mesh::sqlite
