// What is configured of topics on the brokers: asked for, compared, altered.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/engines/kafka/cluster.h"
#include "common/ports/event_log.h"

namespace mesh::kafka {

using TopicConfig = std::map<std::string, std::string>;
using TopicConfigs = std::map<std::string, Result<TopicConfig>>;  // an error where it is refused

// Empty where there is none of that name.
std::string value_of(const TopicConfig& config, const char* name);

// What a topic is made with; and while it is filled with another log's records, so that these keep
// their times, and stay.
Settings settings_of(const TopicSpec& spec, const KafkaOptions& options);
Settings settings_for_import(const KafkaOptions& options);

// How a topic's differ from those wanted, where that matters: "has …, not …: what it means".
std::vector<std::string> settings_that_differ(const Settings& wanted, const TopicConfig& config);

// Any thread.
class TopicSettings {
 public:
  explicit TopicSettings(Cluster& cluster) : cluster_(cluster) {}

  // Of all that the brokers know.
  Result<TopicConfigs> describe(const std::vector<std::string>& topics) {
    return describe(topics, Entries::all);
  }
  // Those that are not named stay. Blocks until brokers go by them.
  Status alter(const std::string& topic, const Settings& settings);

 private:
  enum class Entries { all, of_topic };  // of_topic: without the brokers' defaults
  Result<TopicConfigs> describe(const std::vector<std::string>& topics, Entries which);
  Result<TopicConfigs> describe_once(const std::vector<std::string>& topics, Entries which);
  Result<TopicConfig> of_topic(const std::string& topic, Entries which);
  Status await(const std::string& topic, const Settings& settings);

  Cluster& cluster_;
};

}  // namespace mesh::kafka
