// The consumer groups of the mesh on Kafka, without being a member of one.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/engines/kafka/cluster.h"
#include "common/ports/event_log.h"

namespace mesh::kafka {

// As LogAdmin, each. Any thread.
class Groups {
 public:
  explicit Groups(Cluster& cluster) : cluster_(cluster) {}

  Status ensure(const std::string& group, const std::vector<std::string>& topics);
  Result<std::vector<GroupInfo>> list();
  Status seek(const std::string& group, const std::map<TopicPartition, std::int64_t>& offsets);
  Status remove(const std::string& group);
  // Lets go of what nobody has used for a while.
  void tidy();

 private:
  using Committed = std::map<TopicPartition, std::int64_t>;
  // librdkafka 2.0.2 has a request for the offsets of any group, ListConsumerGroupOffsets, which
  // ends the process where the coordinator answers an error (it is loading, say). What a consumer
  // asks for its own group is sound: so each group that is looked at has one, which never joins.
  struct Looker {
    Handle handle;
    std::atomic<SteadyTime> used;
  };

  Result<std::vector<std::string>> names();
  bool is_own(const std::string& group) const;
  Result<std::vector<GroupInfo>> describe(const std::vector<std::string>& groups);
  Result<Committed> committed(const std::string& group);
  Result<std::shared_ptr<Looker>> looker_of(const std::string& group);
  Status set(const std::string& group, const Committed& offsets);

  Cluster& cluster_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Looker>> lookers_;  // this and the next guarded by mutex_
  std::set<std::string> ensured_;
};

}  // namespace mesh::kafka
