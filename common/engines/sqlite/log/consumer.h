// A member of a consumer group of the embedded log.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/engines/sqlite/log/log_impl.h"

namespace mesh::sqlite {

class SqliteConsumer final : public LogConsumer {
 public:
  // `reads`: the partitions of its topics, all of them known to the group.
  SqliteConsumer(SqliteLogImpl& log, std::string group_name, std::shared_ptr<Group> group,
                 std::string name, const std::vector<Partition*>& reads);
  ~SqliteConsumer() override;

  // Joins the group; once, before all else.
  Status open();

  Result<std::vector<StoredRecord>> poll(const ReadLimits& limits, Duration timeout) override;
  Status commit(const std::map<TopicPartition, std::int64_t>& next) override;
  Assignment changes() override;
  void keep_alive() override;
  std::map<TopicPartition, std::int64_t> position() const override;
  void wake() override;

 private:
  // A partition that it has.
  struct Slot {
    Partition* partition;
    GroupOffset* offset;     // the group's
    std::int64_t position;   // the next poll reads from here
    std::int64_t epoch = 0;  // of the seek that the position stems from
    std::int64_t term = 0;   // since which it has the partition
    bool told = false;       // by changes()
  };
  class Attendance;

  Slot* find(const TopicPartition& name);
  Result<bool> follow();  // whether its partitions changed
  void let_go();
  void take_on();
  Status gather(const ReadLimits& limits, std::vector<StoredRecord>& out);

  SqliteLogImpl& log_;
  const std::string group_name_;
  const std::shared_ptr<Group> group_;
  Member member_;
  std::vector<Slot> slots_;
  std::int64_t version_ = 0;  // of the group, that the slots follow
  Assignment changes_;        // not yet told
  // Sought or in other hands since changes(): what was polled of them before is void.
  std::set<TopicPartition> begun_anew_;
  std::size_t first_slot_ = 0;  // where the next poll begins, so that no partition starves another
};

}  // namespace mesh::sqlite
