#include "common/domain/catalogue.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

TEST(Catalogue, EveryTypeLivesInAKnownTopicAndHasASchemaThatReads) {
  for (const auto& type : event_types()) {
    const auto known = std::any_of(topics().begin(), topics().end(),
                                   [&](const TopicDef& topic) { return topic.name == type.topic; });
    EXPECT_TRUE(known) << type.type;
    EXPECT_TRUE(parse_json(type.schema)) << type.type;
    EXPECT_EQ(find_event_type(type.type), &type);
    EXPECT_TRUE(type.topic.starts_with(type.type.substr(0, type.type.find('.')))) << type.type;
  }
  EXPECT_EQ(find_event_type("user.renamed"), nullptr);
}

TEST(Catalogue, OnlyUsersAndTenantsAreEntities) {
  for (const auto& topic : topics()) {
    const bool entity = topic.name == "user.events" || topic.name == "tenant.events";
    EXPECT_EQ(topic.kind == TopicKind::entity, entity) << topic.name;
  }
}

TEST(Catalogue, ClientsPublishAnalyticsAndChemicalAlone) {
  for (const auto& type : event_types()) {
    const bool client = type.type == "analytics.recorded" || type.type == "chemical.recorded";
    EXPECT_EQ(type.publishable, client) << type.type;
  }
}

TEST(Catalogue, DeadLetterTopicsAreNamedAfterTheirs) {
  EXPECT_EQ(dead_letter_topic("user.events"), "user.events.dlq");
  EXPECT_TRUE(is_dead_letter_topic("user.events.dlq"));
  EXPECT_FALSE(is_dead_letter_topic("user.events"));
}

TEST(Catalogue, TopicsOfTheMeshAreKnownByTheirForm) {
  for (const auto& topic : topics()) EXPECT_TRUE(is_topic_name(topic.name)) << topic.name;
  EXPECT_TRUE(is_topic_name("order_2.events"));
  EXPECT_TRUE(is_topic_name(dead_letter_topic("order_2.events")));
  for (const char* name : {"", ".events", ".events.dlq", "events", "orders", "orders.dlq",
                           "a.b.events", "Order.events", "order.events.dlq.dlq"}) {
    EXPECT_FALSE(is_topic_name(name)) << name;
  }
}

TEST(Catalogue, SubjectComesFromTheTypesField) {
  EXPECT_EQ(subject_of(*find_event_type("user.created"), {{"id", 123}}), "123");
  EXPECT_EQ(subject_of(*find_event_type("analytics.recorded"), {{"user_id", "u1"}}), "u1");
  EXPECT_EQ(subject_of(*find_event_type("tenant.created"), {{"id", "acme"}}), "");
  EXPECT_EQ(subject_of(*find_event_type("chemical.recorded"), Json::object()), "");
  EXPECT_EQ(subject_of(*find_event_type("chemical.recorded"), Json("text")), "");
}

TEST(UnknownType, GoesToTheTopicOfItsEntity) {
  EXPECT_EQ(topic_of_unknown_type("order.created").value(), "order.events");
  EXPECT_EQ(topic_of_unknown_type("order_2.line.item-added").value(), "order_2.events");
  EXPECT_EQ(topic_of_unknown_type("analytics.viewed").value(), "analytics.events");
}

TEST(UnknownType, MayNotEnterTopicsThatOnlyTheMeshWrites) {
  // A stranger's "user.x" would stand in for the user of that key once the topic is compacted.
  for (const char* type : {"user.x", "tenant.x", "billing.x", "task.x"}) {
    ASSERT_FALSE(topic_of_unknown_type(type)) << type;
    EXPECT_EQ(topic_of_unknown_type(type).error().kind, ErrorKind::invalid);
  }
}

TEST(UnknownType, RefusesNamesOfAnotherForm) {
  for (const std::string& type :
       {std::string(), std::string("order"), std::string(".created"), std::string("order."),
        std::string("order..created"), std::string("Order.created"), std::string("order created.x"),
        std::string("order/x.created"), std::string("örder.x"), "a." + std::string(199, 'b')}) {
    EXPECT_FALSE(topic_of_unknown_type(type)) << type;
  }
  EXPECT_TRUE(topic_of_unknown_type("a." + std::string(198, 'b')));
}

}  // namespace
}  // namespace mesh
