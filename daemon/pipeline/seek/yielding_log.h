// The log as pipelines see it whose groups may be moved: its members let go of a group while that
// is asked for, and come back behind it.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/ports/event_log.h"
#include "common/ports/lease_store.h"

namespace mesh::pipeline {

// Whoever holds this lease asks all members, in whatever process, to be out of the group. It ends
// by itself where its holder dies, so that no group is left alone for ever.
std::string seek_lease(const std::string& group);

// Which groups are asked for. Any thread; asks the store once a second at most, whoever asks.
class SoughtGroups {
 public:
  SoughtGroups(LeaseStore& leases, Clock& clock) : leases_(leases), clock_(clock) {}
  // As of the last look; where the store cannot be asked, as of the one before.
  bool contains(const std::string& group);

 private:
  LeaseStore& leases_;
  Clock& clock_;
  std::mutex mutex_;
  SteadyTime next_look_{};       // this and the next guarded by mutex_
  std::set<std::string> names_;  // of leases
};

// Consumers that it opens leave their group while it is asked for: to whoever reads with them that
// is the loss of all partitions, and a gain later. Where the log moves groups that have members, it
// is the log itself.
class YieldingLogAdmin final : public LogAdmin {
 public:
  // What is given outlives it, and it its consumers.
  YieldingLogAdmin(LogAdmin& admin, LeaseStore& leases, Clock& clock)
      : admin_(admin), clock_(clock), sought_(leases, clock) {}

  Result<std::unique_ptr<LogConsumer>> open_consumer(const std::string& group,
                                                     const std::vector<std::string>& topics,
                                                     const std::string& member) override;

  Status ensure_topic(const TopicSpec& spec) override { return admin_.ensure_topic(spec); }
  Result<std::vector<TopicInfo>> topics() override { return admin_.topics(); }
  Status ensure_group(const std::string& group, const std::vector<std::string>& topics) override {
    return admin_.ensure_group(group, topics);
  }
  Result<std::vector<GroupInfo>> groups() override { return admin_.groups(); }
  bool seeks_active_groups() const override { return admin_.seeks_active_groups(); }
  Status seek_group(const std::string& group,
                    const std::map<TopicPartition, std::int64_t>& offsets) override {
    return admin_.seek_group(group, offsets);
  }
  Status delete_group(const std::string& group) override { return admin_.delete_group(group); }
  bool erases_records() const override { return admin_.erases_records(); }
  Result<std::int64_t> erase(const TopicPartition& partition,
                             std::span<const std::int64_t> offsets) override {
    return admin_.erase(partition, offsets);
  }

 private:
  LogAdmin& admin_;
  Clock& clock_;
  SoughtGroups sought_;
};

}  // namespace mesh::pipeline
