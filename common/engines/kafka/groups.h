// The consumer groups of the mesh on Kafka, without being a member of one.
#pragma once

#include <map>
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

 private:
  using Committed = std::map<TopicPartition, std::int64_t>;

  Result<std::vector<std::string>> names();
  Result<std::vector<GroupInfo>> describe(const std::vector<std::string>& groups);
  Result<Committed> committed(const std::string& group);
  Status set(const std::string& group, const Committed& offsets);

  Cluster& cluster_;
};

}  // namespace mesh::kafka
