// The topics of the mesh on Kafka: made, compared with what is asked for, listed.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "common/engines/kafka/cluster.h"
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
  Status begin_import(const TopicSpec& spec);
  Status finish_import(const TopicSpec& spec);
  Result<std::vector<TopicInfo>> list();
  std::vector<std::string> differences() const;
  // Compares again what was asked for, once in a while: an operator may have altered it.
  void look_again();

 private:
  using Config = std::map<std::string, std::string>;
  using Configs = std::map<std::string, Result<Config>>;  // an error where it is refused

  enum class Entries { all, of_topic };  // of_topic: without the brokers' defaults
  Result<Configs> describe(const std::vector<std::string>& topics, Entries which = Entries::all);
  Result<Configs> describe_once(const std::vector<std::string>& topics, Entries which);
  Result<Config> settings_of(const std::string& topic, Entries which);
  Status make(const TopicSpec& spec, const Settings& config);
  Status alter(const TopicSpec& spec, const Settings& config);
  Status await_settings(const std::string& topic, const Settings& config);
  Status compare(const TopicSpec& spec, const TopicShape& shape, const Result<Config>& config);
  void tell(const std::string& topic, std::vector<std::string> found);
  Status await_leaders(const std::string& topic);
  TopicSpec spec_of(const std::string& topic, const TopicShape& shape,
                    const Result<Config>& config) const;

  Cluster& cluster_;
  mutable std::mutex mutex_;
  std::map<std::string, TopicSpec> asked_;  // this and the following guarded by mutex_
  std::map<std::string, std::vector<std::string>> differences_;  // by topic
  SteadyTime look_again_{};
};

}  // namespace mesh::kafka
