#include "common/engines/kafka/topic_settings.h"

#include <algorithm>

#include "common/base/strings.h"

namespace mesh::kafka {
namespace {

constexpr Duration kMinCompactionLag{60'000};
// Of a topic with several: one alone may die with what it has acknowledged.
constexpr int kMinInSync = 2;

// What a topic has in the place of a setting that it would be made with.
struct Differs {
  const char* name;
  bool more_is_fine;
  const char* means;
};
constexpr Differs kDiffers[] = {
    {"message.timestamp.type", false, "reading from a time is as good as its producers' clocks"},
    {"max.message.bytes", true, "larger records are refused"},
    {"min.insync.replicas", true, "what a replica alone has acknowledged may be lost with it"},
    {"min.compaction.lag.ms", true, "a state may be gone before it was read"},
    {"retention.ms", false, "what is older goes, read or not"},
    {"retention.bytes", false, "what is beyond it in a partition goes, read or not"},
};

}  // namespace

Settings settings_of(const TopicSpec& spec, const KafkaOptions& options) {
  Settings config{{"message.timestamp.type", "LogAppendTime"},
                  {"max.message.bytes", std::to_string(options.max_record_bytes + (64 << 10))}};
  if (options.replication >= kMinInSync) {
    config.emplace_back("min.insync.replicas", std::to_string(kMinInSync));
  }
  if (spec.kind == TopicKind::entity) {
    config.emplace_back("cleanup.policy", "compact");
    config.emplace_back("min.compaction.lag.ms", std::to_string(kMinCompactionLag.count()));
    return config;
  }
  config.emplace_back("cleanup.policy", "delete");
  config.emplace_back("retention.ms",
                      spec.max_age ? std::to_string(spec.max_age->count()) : std::string("-1"));
  // Kafka's is per partition.
  config.emplace_back("retention.bytes",
                      spec.max_bytes
                          ? std::to_string(std::max<std::uint64_t>(
                                1, *spec.max_bytes / static_cast<unsigned>(spec.partitions)))
                          : std::string("-1"));
  return config;
}

Settings settings_for_import(const KafkaOptions& options) {
  return {{"message.timestamp.type", "CreateTime"},
          {"max.message.bytes", std::to_string(options.max_record_bytes + (64 << 10))},
          {"cleanup.policy", "delete"},
          {"retention.ms", "-1"},
          {"retention.bytes", "-1"}};
}

std::string value_of(const TopicConfig& config, const char* name) {
  const auto it = config.find(name);
  return it == config.end() ? std::string() : it->second;
}

std::vector<std::string> settings_that_differ(const Settings& wanted, const TopicConfig& config) {
  std::vector<std::string> found;
  for (const auto& [name, value] : wanted) {
    const auto differs = std::ranges::find(kDiffers, name, &Differs::name);
    const auto actual = config.find(name);
    if (differs == std::end(kDiffers) || actual == config.end() || actual->second == value) {
      continue;
    }
    const auto wants = parse_int(value), has = parse_int(actual->second);
    if (differs->more_is_fine && wants && has && *has >= *wants) continue;
    found.push_back("has " + name + "=" + actual->second + ", not " + value + ": " +
                    differs->means);
  }
  return found;
}

Status TopicSettings::alter(const std::string& topic, const Settings& settings) {
  // What is not named would go back to the brokers' defaults.
  auto all = MESH_TRY(of_topic(topic, Entries::of_topic));
  for (const auto& [name, value] : settings) all[name] = value;
  ConfigResource resource(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, cluster_.wire_name(topic).c_str()));
  for (const auto& [name, value] : all) {
    (void)rd_kafka_ConfigResource_set_config(resource.get(), name.c_str(), value.c_str());
  }
  const std::string doing = "alter topic '" + topic + "'";
  auto event = MESH_TRY(cluster_.ask(
      RD_KAFKA_ADMIN_OP_ALTERCONFIGS, doing,
      [&](rd_kafka_t* handle, const rd_kafka_AdminOptions_t* how, rd_kafka_queue_t* queue) {
        rd_kafka_ConfigResource_t* list[] = {resource.get()};
        rd_kafka_AlterConfigs(handle, list, 1, how, queue);
      }));
  std::size_t count = 0;
  const auto* result = rd_kafka_event_AlterConfigs_result(event.get());
  const auto** altered = rd_kafka_AlterConfigs_result_resources(result, &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = rd_kafka_ConfigResource_error(altered[i]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const char* detail = rd_kafka_ConfigResource_error_string(altered[i]);
    return fail(error_of(code, doing, detail == nullptr ? "" : detail));
  }
  return await(topic, settings);
}

// The controller has answered; a broker goes by it a little later.
Status TopicSettings::await(const std::string& topic, const Settings& settings) {
  const auto until = cluster_.deadline();
  for (;;) {
    const auto now = MESH_TRY(of_topic(topic, Entries::all));
    const bool all = std::ranges::all_of(settings, [&](const auto& entry) {
      return value_of(now, entry.first.c_str()) == entry.second;
    });
    if (all) return {};
    if (cluster_.clock().steady() >= until) {
      return fail(error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, "alter topic '" + topic + "'"));
    }
    cluster_.pause(Duration(20));
  }
}

// Asked again for a while where a broker does not know a topic yet that was just made.
Result<TopicConfigs> TopicSettings::describe(const std::vector<std::string>& topics,
                                             Entries which) {
  const auto until = cluster_.deadline();
  for (;;) {
    auto all = MESH_TRY(describe_once(topics, which));
    const bool waits = std::ranges::any_of(all, [](const auto& one) {
      return !one.second && one.second.error().kind == ErrorKind::not_found;
    });
    if (!waits || cluster_.clock().steady() >= until) return all;
    cluster_.pause(Duration(50));
  }
}

Result<TopicConfig> TopicSettings::of_topic(const std::string& topic, Entries which) {
  auto all = MESH_TRY(describe({topic}, which));
  const auto it = all.find(topic);
  if (it != all.end()) return std::move(it->second);
  return fail(error_of(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "look at a topic's settings"));
}

Result<TopicConfigs> TopicSettings::describe_once(const std::vector<std::string>& topics,
                                                  Entries which) {
  TopicConfigs all;
  if (topics.empty()) return all;
  std::vector<ConfigResource> resources;
  std::vector<rd_kafka_ConfigResource_t*> raw;
  for (const auto& topic : topics) {
    resources.emplace_back(
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, cluster_.wire_name(topic).c_str()));
    raw.push_back(resources.back().get());
  }
  auto event = MESH_TRY(cluster_.ask(
      RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, "look at its topics",
      [&](rd_kafka_t* handle, const rd_kafka_AdminOptions_t* how, rd_kafka_queue_t* queue) {
        rd_kafka_DescribeConfigs(handle, raw.data(), raw.size(), how, queue);
      }));
  std::size_t count = 0;
  const auto* result = rd_kafka_event_DescribeConfigs_result(event.get());
  const auto** found = rd_kafka_DescribeConfigs_result_resources(result, &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto name = cluster_.plain_name(rd_kafka_ConfigResource_name(found[i]));
    if (!name) continue;
    const auto code = rd_kafka_ConfigResource_error(found[i]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      all.insert_or_assign(*name, fail(error_of(code, "look at a topic's settings")));
      continue;
    }
    TopicConfig config;
    std::size_t count_of_entries = 0;
    const auto** entries = rd_kafka_ConfigResource_configs(found[i], &count_of_entries);
    for (std::size_t k = 0; k < count_of_entries; ++k) {
      const bool own =
          rd_kafka_ConfigEntry_source(entries[k]) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG;
      if (which == Entries::of_topic && !own) continue;
      const char* value = rd_kafka_ConfigEntry_value(entries[k]);
      config[rd_kafka_ConfigEntry_name(entries[k])] = value == nullptr ? "" : value;
    }
    all.insert_or_assign(*name, std::move(config));
  }
  return all;
}

}  // namespace mesh::kafka
