#include "common/engines/kafka/topics.h"

#include <algorithm>
#include <iterator>

#include "common/base/strings.h"
#include "common/telemetry/log.h"

namespace mesh::kafka {
namespace {

constexpr Duration kLookAgain{60'000};
TopicKind kind_of(const std::string& cleanup_policy) {
  return cleanup_policy.find("compact") == std::string::npos ? TopicKind::activity
                                                             : TopicKind::entity;
}

// Brokers would refuse it only when it is made.
bool is_kafka_name(const std::string& name) {
  constexpr std::size_t kMost = 249;
  return !name.empty() && name.size() <= kMost && name != "." && name != ".." &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
             std::string::npos;
}

}  // namespace

Result<bool> Topics::ensure(const TopicSpec& spec) {
  if (spec.name.empty() || spec.partitions < 1) {
    return fail(ErrorKind::invalid,
                "topic '" + spec.name + "': it needs a name, and at least one partition");
  }
  cluster_.adopt(spec.name);
  MESH_TRY(cluster_.refresh());
  auto shapes = cluster_.shapes();
  bool made = false;
  if (!shapes.contains(spec.name)) {
    if (!cluster_.options().create_topics) {
      auto error = missing(spec);
      std::lock_guard lock(mutex_);
      differences_[spec.name] = {error.message};
      return fail(std::move(error));
    }
    MESH_TRY(make(spec, settings_of(spec, cluster_.options())));
    MESH_TRY(await_leaders(spec.name));
    made = true;
    shapes = cluster_.shapes();
  }
  auto configs = settings_.describe({spec.name});
  // Also of one that another process has made meanwhile.
  MESH_TRY(compare(spec, shapes.at(spec.name),
                   configs ? configs->at(spec.name) : fail(configs.error())));
  return made;
}

Error Topics::missing(const TopicSpec& spec) const {
  Error error;
  error.kind = ErrorKind::not_found;
  error.message = "topic '" + cluster_.wire_name(spec.name) +
                  "' does not exist on the Kafka brokers, and kafka.create_topics is off: make it "
                  "with " +
                  std::to_string(spec.partitions) + " partitions";
  return error;
}

Status Topics::check_names(const std::vector<TopicSpec>& specs) const {
  std::string refused;
  for (const TopicSpec& spec : specs) {
    const std::string name = cluster_.wire_name(spec.name);
    if (is_kafka_name(name)) continue;
    refused += (refused.empty() ? "" : ", ") + ("'" + name + "' (" + std::to_string(name.size())) +
               " characters)";
  }
  if (refused.empty()) return {};
  return fail(ErrorKind::unprocessable,
              "Kafka has no topics of these names, which may have 249 characters of letters, "
              "digits, '.', '_' and '-': " +
                  refused + "; a shorter kafka.prefix may help");
}

Status Topics::begin_import(const std::vector<TopicSpec>& specs) {
  MESH_TRY(check_names(specs));
  const Settings config = settings_for_import(cluster_.options());
  MESH_TRY(cluster_.refresh());
  const auto shapes = cluster_.shapes();
  for (const TopicSpec& spec : specs) {
    const auto shape = shapes.find(spec.name);
    if (shape == shapes.end()) {
      if (!cluster_.options().create_topics) return fail(missing(spec));
      MESH_TRY(make(spec, config));
      MESH_TRY(await_leaders(spec.name));
      continue;
    }
    if (shape->second.partitions != spec.partitions) {
      return fail(ErrorKind::conflict, "topic '" + cluster_.wire_name(spec.name) + "' has " +
                                           std::to_string(shape->second.partitions) +
                                           " partitions on the Kafka brokers, not " +
                                           std::to_string(spec.partitions) +
                                           ": delete it, or choose another kafka.prefix");
    }
    MESH_TRY(settings_.alter(spec.name, config));
  }
  return {};
}

Status Topics::finish_import(const TopicSpec& spec) {
  Settings config = settings_of(spec, cluster_.options());
  if (spec.kind == TopicKind::entity) {
    config.emplace_back("retention.ms", "-1");
    config.emplace_back("retention.bytes", "-1");
  }
  return settings_.alter(spec.name, config);
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

Status Topics::compare(const TopicSpec& spec, const TopicShape& shape,
                       const Result<TopicConfig>& config) {
  std::vector<std::string> found;
  Status kind;
  // With what it has got: partitions and replicas that differ are one difference, not several.
  auto options = cluster_.options();
  auto wanted = spec;
  wanted.partitions = shape.partitions;
  if (shape.partitions != spec.partitions) {
    found.push_back("has " + std::to_string(shape.partitions) + " partitions, not " +
                    std::to_string(spec.partitions) + ": it keeps them");
  }
  if (shape.replication < options.replication) {
    found.push_back("has " + std::to_string(shape.replication) + " replicas, not " +
                    std::to_string(options.replication) + " (kafka.replication)");
  }
  options.replication = shape.replication;
  if (!config) {
    found.push_back("cannot be looked at: " + config.error().message);
  } else {
    const auto policy = value_of(*config, "cleanup.policy");
    if (kind_of(policy) != spec.kind) {
      found.push_back(
          "has cleanup.policy=" + policy + ", but holds " +
          (spec.kind == TopicKind::entity ? "entities: compact" : "activities: delete") +
          " is needed; set it with Kafka's own tools");
      kind = fail(ErrorKind::conflict,
                  "topic '" + cluster_.wire_name(spec.name) + "' " + found.back());
    } else if (spec.kind == TopicKind::entity && policy != "compact") {
      found.push_back("has cleanup.policy=" + policy +
                      ", not compact: entities that nobody changed for its retention are lost");
    }
    const auto in_sync = parse_int(value_of(*config, "min.insync.replicas"));
    if (in_sync && *in_sync > shape.replication) {
      found.push_back("has min.insync.replicas=" + std::to_string(*in_sync) + " and " +
                      std::to_string(shape.replication) + " replicas: it takes no writes");
    }
    std::ranges::move(settings_that_differ(settings_of(wanted, options), *config),
                      std::back_inserter(found));
  }
  std::lock_guard lock(mutex_);
  asked_.insert_or_assign(spec.name, spec);
  tell(spec.name, std::move(found));
  return kind;
}

// Under mutex_.
void Topics::tell(const std::string& topic, std::vector<std::string> found) {
  for (auto& difference : found) {
    difference.insert(0, "topic '" + cluster_.wire_name(topic) + "' ");
  }
  if (found.empty()) {
    differences_.erase(topic);
  } else {
    differences_[topic] = std::move(found);
  }
}

void Topics::look_again() {
  std::map<std::string, TopicSpec> asked;
  std::vector<std::string> names;
  {
    std::lock_guard lock(mutex_);
    const auto now = cluster_.clock().steady();
    if (now < look_again_) return;
    look_again_ = now + kLookAgain;
    asked = asked_;
  }
  const auto shapes = cluster_.shapes();
  for (const auto& [name, spec] : asked) {
    if (shapes.contains(name)) {
      names.push_back(name);
      continue;
    }
    std::lock_guard lock(mutex_);
    tell(name, {"is gone from the Kafka brokers: make it, or start this process anew"});
  }
  const auto configs = settings_.describe(names);
  if (!configs) return;  // as it was
  for (const auto& [name, config] : *configs) {
    (void)compare(asked.at(name), shapes.at(name), config);
  }
}

std::vector<std::string> Topics::differences() const {
  std::vector<std::string> all;
  std::lock_guard lock(mutex_);
  for (const auto& [topic, found] : differences_) all.insert(all.end(), found.begin(), found.end());
  return all;
}

// Where its settings are refused, as it was asked for.
TopicSpec Topics::spec_of(const std::string& topic, const TopicShape& shape,
                          const Result<TopicConfig>& config) const {
  TopicSpec spec{topic, TopicKind::activity, shape.partitions, {}, {}};
  if (!config) {
    std::lock_guard lock(mutex_);
    const auto asked = asked_.find(topic);
    if (asked != asked_.end()) spec = asked->second;
    spec.partitions = shape.partitions;
    return spec;
  }
  spec.kind = kind_of(value_of(*config, "cleanup.policy"));
  if (spec.kind == TopicKind::entity) return spec;
  const auto age = parse_int(value_of(*config, "retention.ms"));
  if (age && *age >= 0) spec.max_age = Duration(*age);
  const auto bytes = parse_int(value_of(*config, "retention.bytes"));
  if (bytes && *bytes >= 0) spec.max_bytes = static_cast<std::uint64_t>(*bytes * shape.partitions);
  return spec;
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
  const auto configs = MESH_TRY(settings_.describe(names));
  const auto starts = MESH_TRY(cluster_.offsets(partitions, RD_KAFKA_OFFSET_BEGINNING));
  const auto ends = MESH_TRY(cluster_.offsets(partitions, RD_KAFKA_OFFSET_END));
  std::vector<TopicInfo> infos;
  for (const auto& [name, shape] : shapes) {
    TopicInfo info;
    info.spec = spec_of(name, shape, configs.at(name));
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
