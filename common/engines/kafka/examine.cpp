#include "common/engines/kafka/examine.h"

namespace mesh::kafka {
namespace {

constexpr const char* kProtocol = "inter.broker.protocol.version";

// Of the configuration of a broker, whichever has the controller's part.
Result<std::string> protocol(Cluster& cluster) {
  auto event = MESH_TRY(cluster.ask(
      RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, "look at its brokers",
      [&](rd_kafka_t* handle, const rd_kafka_AdminOptions_t* how, rd_kafka_queue_t* queue) {
        const int broker =
            rd_kafka_controllerid(handle, milliseconds(cluster.options().request_timeout));
        const ConfigResource resource(
            rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, std::to_string(broker).c_str()));
        rd_kafka_ConfigResource_t* list[] = {resource.get()};
        rd_kafka_DescribeConfigs(handle, list, 1, how, queue);
      }));
  std::size_t count = 0, entries = 0;
  const auto** found = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  if (count != 1) return std::string();
  const auto code = rd_kafka_ConfigResource_error(found[0]);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(error_of(code, "look at its brokers"));
  const auto** config = rd_kafka_ConfigResource_configs(found[0], &entries);
  for (std::size_t i = 0; i < entries; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(config[i]);
    if (value != nullptr && rd_kafka_ConfigEntry_name(config[i]) == std::string_view(kProtocol))
      return std::string(value);
  }
  return std::string();
}

ServerFinding version(Cluster& cluster) {
  const auto told = protocol(cluster);
  if (!told) {
    return unseen("version", told.error(), "let the user of kafka.username describe the cluster");
  }
  if (told->empty()) return {"version", true, "the brokers do not tell it", ""};
  return {"version", true, "speaks the protocol of Kafka " + *told + ", supported", ""};
}

// A topic that is asked for and not made.
Status make_nothing(Cluster& cluster) {
  char text[256] = "";
  const NewTopic topic(rd_kafka_NewTopic_new(cluster.wire_name("mesh.examined").c_str(), 1,
                                             cluster.options().replication, text, sizeof(text)));
  if (!topic) return fail(ErrorKind::invalid, "a topic cannot be asked for", text);
  const std::string doing = "make topics";
  auto event = MESH_TRY(cluster.ask(
      RD_KAFKA_ADMIN_OP_CREATETOPICS, doing,
      [&](rd_kafka_t* handle, const rd_kafka_AdminOptions_t*, rd_kafka_queue_t* queue) {
        const AdminOptions how(rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_CREATETOPICS));
        (void)rd_kafka_AdminOptions_set_request_timeout(
            how.get(), milliseconds(cluster.options().request_timeout), text, sizeof(text));
        (void)rd_kafka_AdminOptions_set_validate_only(how.get(), 1, text, sizeof(text));
        rd_kafka_NewTopic_t* list[] = {topic.get()};
        rd_kafka_CreateTopics(handle, list, 1, how.get(), queue);
      }));
  std::size_t count = 0;
  const auto** made =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  if (count != 1) return {};
  const auto code = rd_kafka_topic_result_error(made[0]);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
    return {};
  const char* detail = rd_kafka_topic_result_error_string(made[0]);
  return fail(error_of(code, doing, detail == nullptr ? "" : detail));
}

ServerFinding permissions(Cluster& cluster) {
  if (!cluster.options().create_topics) {
    return {"permissions", true, "kafka.create_topics is off: an operator makes the topics", ""};
  }
  const auto made = make_nothing(cluster);
  if (made) return {"permissions", true, "topics can be made", ""};
  return unseen("permissions", made.error(),
                "let the user of kafka.username create topics with the prefix of kafka.prefix, in "
                "kafka.replication replicas, or set kafka.create_topics: false and make them");
}

ServerFinding settings(const Topics& topics) {
  std::string all;
  for (const auto& difference : topics.differences()) all += (all.empty() ? "" : "; ") + difference;
  if (all.empty()) return {"settings", true, "topics are as they are asked for", ""};
  return {"settings", false, all, "alter the topics with Kafka's own tools"};
}

}  // namespace

std::vector<ServerFinding> examine(Cluster& cluster, Topics& topics) {
  return {version(cluster), permissions(cluster), settings(topics)};
}

}  // namespace mesh::kafka
