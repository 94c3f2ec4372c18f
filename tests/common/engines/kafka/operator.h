// What an operator does with Kafka's own tools, past the mesh. Names are those of the brokers.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "common/engines/kafka/client.h"

namespace mesh::kafka {

class Operator {
 public:
  explicit Operator(const std::string& broker) {
    KafkaOptions options;
    options.brokers = {broker};
    handle_ = std::move(*make_handle(options, RD_KAFKA_PRODUCER, {}));
  }

  void make_topic(const std::string& name, int replication, const Settings& config) const {
    char text[256];
    rd_kafka_NewTopic_t* topic =
        rd_kafka_NewTopic_new(name.c_str(), 1, replication, text, sizeof(text));
    for (const auto& [key, value] : config) {
      rd_kafka_NewTopic_set_config(topic, key.c_str(), value.c_str());
    }
    const auto event = ask([&](rd_kafka_queue_t* queue) {
      rd_kafka_CreateTopics(handle_.get(), &topic, 1, nullptr, queue);
    });
    std::size_t count = 0;
    const auto** made = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event.get()), &count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(rd_kafka_topic_result_error(made[i]), RD_KAFKA_RESP_ERR_NO_ERROR) << name;
    }
    rd_kafka_NewTopic_destroy(topic);
  }

  // Everybody may do everything with the topic but look at its settings.
  void hide_settings(const std::string& topic) const {
    allow(topic, RD_KAFKA_ACL_OPERATION_ALL, RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW);
    allow(topic, RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS, RD_KAFKA_ACL_PERMISSION_TYPE_DENY);
  }

 private:
  void allow(const std::string& topic, rd_kafka_AclOperation_t operation,
             rd_kafka_AclPermissionType_t permission) const {
    char text[256];
    rd_kafka_AclBinding_t* rule = rd_kafka_AclBinding_new(
        RD_KAFKA_RESOURCE_TOPIC, topic.c_str(), RD_KAFKA_RESOURCE_PATTERN_LITERAL, "User:*", "*",
        operation, permission, text, sizeof(text));
    const auto event = ask([&](rd_kafka_queue_t* queue) {
      rd_kafka_CreateAcls(handle_.get(), &rule, 1, nullptr, queue);
    });
    std::size_t count = 0;
    const auto** made =
        rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event.get()), &count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(rd_kafka_acl_result_error(made[i]), nullptr) << topic;
    }
    rd_kafka_AclBinding_destroy(rule);
  }

  EventHandle ask(const std::function<void(rd_kafka_queue_t*)>& request) const {
    const QueueHandle queue(rd_kafka_queue_new(handle_.get()));
    request(queue.get());
    EventHandle event(rd_kafka_queue_poll(queue.get(), 60'000));
    EXPECT_TRUE(event && rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR_NO_ERROR);
    return event;
  }

  Handle handle_;
};

}  // namespace mesh::kafka
