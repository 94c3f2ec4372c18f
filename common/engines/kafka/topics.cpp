#include "common/engines/kafka/topics.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/telemetry/log.h"

namespace mesh::kafka {
namespace {

constexpr Duration kMinCompactionLag{60'000};

using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, FreeWith<rd_kafka_NewTopic_destroy>>;
using Resource =
    std::unique_ptr<rd_kafka_ConfigResource_t, FreeWith<rd_kafka_ConfigResource_destroy>>;

Settings config_of(const TopicSpec& spec, const KafkaOptions& options) {
  Settings config{{"message.timestamp.type", "LogAppendTime"},
                  {"max.message.bytes", std::to_string(options.max_record_bytes + (64 << 10))}};
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

// So that records keep their times, and stay.
Settings config_for_import(const KafkaOptions& options) {
  return {{"message.timestamp.type", "CreateTime"},
          {"max.message.bytes", std::to_string(options.max_record_bytes + (64 << 10))},
          {"cleanup.policy", "delete"},
          {"retention.ms", "-1"},
          {"retention.bytes", "-1"}};
}

TopicKind kind_of(const std::string& cleanup_policy) {
  return cleanup_policy.find("compact") == std::string::npos ? TopicKind::activity
                                                             : TopicKind::entity;
}

std::string value_of(const std::map<std::string, std::string>& config, const char* name) {
  const auto it = config.find(name);
  return it == config.end() ? std::string() : it->second;
}

TopicSpec spec_of(const std::string& name, const TopicShape& shape,
                  const std::map<std::string, std::string>& config) {
  TopicSpec spec{name, kind_of(value_of(config, "cleanup.policy")), shape.partitions, {}, {}};
  if (spec.kind == TopicKind::entity) return spec;
  const auto age = parse_int(value_of(config, "retention.ms"));
  if (age && *age >= 0) spec.max_age = Duration(*age);
  const auto bytes = parse_int(value_of(config, "retention.bytes"));
  if (bytes && *bytes >= 0) spec.max_bytes = static_cast<std::uint64_t>(*bytes * shape.partitions);
  return spec;
}

}  // namespace

Result<bool> Topics::ensure(const TopicSpec& spec) {
  if (spec.name.empty() || spec.partitions < 1) {
    return fail(ErrorKind::invalid,
                "topic '" + spec.name + "': it needs a name, and at least one partition");
  }
  MESH_TRY(cluster_.refresh());
  auto shapes = cluster_.shapes();
  bool made = false;
  if (!shapes.contains(spec.name)) {
    if (!cluster_.options().create_topics) {
      const std::string told = "topic '" + cluster_.wire_name(spec.name) +
                               "' does not exist on the Kafka brokers, and kafka.create_topics is "
                               "off: make it with " +
                               std::to_string(spec.partitions) + " partitions";
      std::lock_guard lock(mutex_);
      differences_[spec.name] = {told};
      return fail(ErrorKind::not_found, told);
    }
    MESH_TRY(make(spec, config_of(spec, cluster_.options())));
    MESH_TRY(await_leaders(spec.name));
    made = true;
    shapes = cluster_.shapes();
  }
  // Also of one that another process has made meanwhile.
  MESH_TRY(compare(spec, shapes.at(spec.name)));
  return made;
}

Status Topics::begin_import(const TopicSpec& spec) {
  const Settings config = config_for_import(cluster_.options());
  MESH_TRY(cluster_.refresh());
  const auto shapes = cluster_.shapes();
  const auto shape = shapes.find(spec.name);
  if (shape == shapes.end()) {
    MESH_TRY(make(spec, config));
    return await_leaders(spec.name);
  }
  if (shape->second.partitions == spec.partitions) return alter(spec, config);
  return fail(ErrorKind::conflict, "topic '" + cluster_.wire_name(spec.name) + "' has " +
                                       std::to_string(shape->second.partitions) +
                                       " partitions on the Kafka brokers, not " +
                                       std::to_string(spec.partitions) +
                                       ": delete it, or choose another kafka.prefix");
}

Status Topics::finish_import(const TopicSpec& spec) {
  Settings config = config_of(spec, cluster_.options());
  if (spec.kind == TopicKind::entity) {
    config.emplace_back("retention.ms", "-1");
    config.emplace_back("retention.bytes", "-1");
  }
  return alter(spec, config);
}

Status Topics::alter(const TopicSpec& spec, const Settings& config) {
  // What is not named would go back to the brokers' defaults.
  auto all = MESH_TRY(describe({spec.name}, Entries::of_topic))[spec.name];
  for (const auto& [name, value] : config) all[name] = value;
  Resource resource(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, cluster_.wire_name(spec.name).c_str()));
  for (const auto& [name, value] : all) {
    (void)rd_kafka_ConfigResource_set_config(resource.get(), name.c_str(), value.c_str());
  }
  const std::string doing = "alter topic '" + spec.name + "'";
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
  return await_settings(spec.name, config);
}

// The controller has answered; a broker goes by it a little later.
Status Topics::await_settings(const std::string& topic, const Settings& config) {
  const auto until = cluster_.deadline();
  for (;;) {
    const auto now = MESH_TRY(describe({topic}))[topic];
    const bool all = std::ranges::all_of(config, [&](const auto& entry) {
      return value_of(now, entry.first.c_str()) == entry.second;
    });
    if (all) return {};
    if (cluster_.clock().steady() >= until) {
      return fail(error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, "alter topic '" + topic + "'"));
    }
    cluster_.pause(Duration(20));
  }
}

Status Topics::make(const TopicSpec& spec, const Settings& config) {
  const auto& options = cluster_.options();
  const auto wire_name = cluster_.wire_name(spec.name);
  char text[256] = "";
  NewTopic topic(rd_kafka_NewTopic_new(wire_name.c_str(), spec.partitions, options.replication,
                                       text, sizeof(text)));
  if (!topic) return fail(ErrorKind::invalid, "topic '" + spec.name + "' cannot be made", text);
  for (const auto& [name, value] : config) {
    (void)rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
  }
  const std::string doing = "make topic '" + spec.name + "'";
  auto event = MESH_TRY(cluster_.ask(
      RD_KAFKA_ADMIN_OP_CREATETOPICS, doing,
      [&](rd_kafka_t* handle, const rd_kafka_AdminOptions_t* how, rd_kafka_queue_t* queue) {
        rd_kafka_NewTopic_t* list[] = {topic.get()};
        rd_kafka_CreateTopics(handle, list, 1, how, queue);
      }));
  std::size_t count = 0;
  const auto* result = rd_kafka_event_CreateTopics_result(event.get());
  const auto** made = rd_kafka_CreateTopics_result_topics(result, &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = rd_kafka_topic_result_error(made[i]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      continue;
    }
    const char* detail = rd_kafka_topic_result_error_string(made[i]);
    auto error = error_of(code, doing, detail == nullptr ? "" : detail);
    if (code == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR) {
      error.message = "the Kafka log cannot make topic '" + spec.name +
                      "' with kafka.replication " + std::to_string(options.replication) +
                      ": there are fewer brokers";
    }
    return fail(std::move(error));
  }
  log::info("made a Kafka topic", {{"topic", wire_name},
                                   {"partitions", spec.partitions},
                                   {"replication", options.replication}});
  return {};
}

Status Topics::await_leaders(const std::string& topic) {
  const auto until = cluster_.deadline();
  for (;;) {
    MESH_TRY(cluster_.refresh());
    const auto shapes = cluster_.shapes();
    const auto it = shapes.find(topic);
    if (it != shapes.end() && it->second.led) return {};
    if (cluster_.clock().steady() >= until) {
      return fail(error_of(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, "use topic '" + topic + "'"));
    }
    cluster_.pause(Duration(20));
  }
}

Status Topics::compare(const TopicSpec& spec, const TopicShape& shape) {
  std::vector<std::string> found;
  const std::string topic = "topic '" + cluster_.wire_name(spec.name) + "' ";
  if (shape.partitions != spec.partitions) {
    found.push_back(topic + "has " + std::to_string(shape.partitions) + " partitions, not " +
                    std::to_string(spec.partitions) + ": it keeps them");
  }
  if (shape.replication < cluster_.options().replication) {
    found.push_back(topic + "has " + std::to_string(shape.replication) + " replicas, not " +
                    std::to_string(cluster_.options().replication) + " (kafka.replication)");
  }
  auto configs = describe({spec.name});
  Status kind;
  if (!configs) {
    found.push_back(topic + "cannot be looked at: " + configs.error().message);
  } else {
    const auto& config = (*configs)[spec.name];
    const auto policy = value_of(config, "cleanup.policy");
    if (kind_of(policy) != spec.kind) {
      const std::string told =
          topic + "has cleanup.policy=" + policy + ", but holds " +
          (spec.kind == TopicKind::entity ? "entities: compact" : "activities: delete") +
          " is needed; set it with Kafka's own tools";
      found.push_back(told);
      kind = fail(ErrorKind::conflict, told);
    }
    const auto stamp = value_of(config, "message.timestamp.type");
    if (stamp != "LogAppendTime") {
      found.push_back(
          topic + "has message.timestamp.type=" + stamp +
          ", not LogAppendTime: reading from a time is as good as its producers' clocks");
    }
  }
  std::lock_guard lock(mutex_);
  if (found.empty()) {
    differences_.erase(spec.name);
  } else {
    differences_[spec.name] = std::move(found);
  }
  return kind;
}

std::vector<std::string> Topics::differences() const {
  std::vector<std::string> all;
  std::lock_guard lock(mutex_);
  for (const auto& [topic, found] : differences_) all.insert(all.end(), found.begin(), found.end());
  return all;
}

Result<std::map<std::string, Topics::Config>> Topics::describe(
    const std::vector<std::string>& topics, Entries which) {
  std::map<std::string, Config> all;
  if (topics.empty()) return all;
  std::vector<Resource> resources;
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
    const auto code = rd_kafka_ConfigResource_error(found[i]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(error_of(code, "look at its topics"));
    const auto name = cluster_.plain_name(rd_kafka_ConfigResource_name(found[i]));
    if (!name) continue;
    std::size_t entries = 0;
    const auto** config = rd_kafka_ConfigResource_configs(found[i], &entries);
    for (std::size_t k = 0; k < entries; ++k) {
      const bool own =
          rd_kafka_ConfigEntry_source(config[k]) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG;
      if (which == Entries::of_topic && !own) continue;
      const char* value = rd_kafka_ConfigEntry_value(config[k]);
      all[*name][rd_kafka_ConfigEntry_name(config[k])] = value == nullptr ? "" : value;
    }
  }
  return all;
}

Result<std::vector<TopicInfo>> Topics::list() {
  MESH_TRY(cluster_.refresh());
  const auto shapes = cluster_.shapes();
  std::vector<std::string> names;
  std::vector<TopicPartition> partitions;
  for (const auto& [name, shape] : shapes) {
    names.push_back(name);
    for (int i = 0; i < shape.partitions; ++i) partitions.push_back({name, i});
  }
  auto configs = MESH_TRY(describe(names));
  const auto starts = MESH_TRY(cluster_.offsets(partitions, RD_KAFKA_OFFSET_BEGINNING));
  const auto ends = MESH_TRY(cluster_.offsets(partitions, RD_KAFKA_OFFSET_END));
  std::vector<TopicInfo> infos;
  for (const auto& [name, shape] : shapes) {
    TopicInfo info;
    info.spec = spec_of(name, shape, configs[name]);
    for (int i = 0; i < shape.partitions; ++i) {
      const Watermarks marks{starts.at({name, i}).value_or(0), ends.at({name, i}).value_or(0)};
      info.records +=
          static_cast<std::uint64_t>(std::max<std::int64_t>(0, marks.end - marks.start));
      info.partitions.push_back(marks);
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

}  // namespace mesh::kafka
