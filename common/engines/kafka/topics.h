// The topics of the mesh on Kafka: made, compared with what is asked for, listed.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "common/engines/kafka/cluster.h"
#include "common/engines/kafka/topic_settings.h"
#include "common/ports/event_log.h"

namespace mesh::kafka {

// Any thread.
class Topics {
 public:
  explicit Topics(Cluster& cluster) : cluster_(cluster) {}

  // As LogAdmin::ensure_topic; whether it made one.
  Result<bool> ensure(const TopicSpec& spec);
  // As LogImport::begin and ::finish. Settings that somebody gave the topic, and that are none of
  // ours, stay.
  Status begin_import(const std::vector<TopicSpec>& specs);
  Status finish_import(const TopicSpec& spec);
  Result<std::vector<TopicInfo>> list();
  std::vector<std::string> differences() const;
  // Compares again what was asked for, once in a while: an operator may have altered it.
  void look_again();

 private:
  Error missing(const TopicSpec& spec) const;
  Status check_names(const std::vector<TopicSpec>& specs) const;
  Status make(const TopicSpec& spec, const Settings& config);
  Status compare(const TopicSpec& spec, const TopicShape& shape, const Result<TopicConfig>& config);
  void tell(const std::string& topic, std::vector<std::string> found);
  Status await_leaders(const std::string& topic);
  TopicSpec spec_of(const std::string& topic, const TopicShape& shape,
                    const Result<TopicConfig>& config) const;

  Cluster& cluster_;
  TopicSettings settings_{cluster_};
  mutable std::mutex mutex_;
  std::map<std::string, TopicSpec> asked_;  // this and the following guarded by mutex_
  std::map<std::string, std::vector<std::string>> differences_;  // by topic
  SteadyTime look_again_{};
};

}  // namespace mesh::kafka
