// Kafka's own Java console clients, and a JavaScript one, read what the mesh writes and write what
// it reads.
#include <filesystem>
#include <fstream>

#include "common/base/json.h"
#include "tests/common/engines/kafka/broker_fixture.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace mesh::kafka {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr const char* kTopic = "user.events";
constexpr const char* kValue = R"({"id":7,"email":"zoë@acme.dev","name":"Zoë","tenantId":"acme"})";

Record of_ours() {
  const Event event{.id = "01a1fdb4-9f17-7000-999a-1156d3cbde21",
                    .type = "user.created",
                    .source = "/mesh/users",
                    .time = Timestamp(Duration(1'795'000'000'000)),
                    .tenant = *TenantId::parse("acme"),
                    .subject = "7",
                    .sequence = 3,
                    .data = kValue,
                    .extensions = {}};
  return to_record(event);
}

struct KafkaClients : KafkaBroker {
  // A topic with one event of ours, and the removal of a key.
  std::unique_ptr<KafkaLog> log_with_ours() const {
    auto log = open(options());
    make_topic(*log, kTopic, 1, TopicKind::entity);
    EXPECT_TRUE(test::append_and_wait(*log, {of_ours(), {kTopic, "acme/8", {}, {}}}));
    return log;
  }
  std::string broker() const { return options().brokers.front(); }
  std::string wire_topic() const { return prefix_ + kTopic; }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(dir_.file(name)) << text;
    return dir_.file(name);
  }
  // That they are there as theirs, behind `from`: one with headers, and one without.
  void expect_theirs(KafkaLog& log, std::int64_t from) const {
    const auto records = test::read_all(log, {kTopic, 0}, from).value();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0].key, "acme/9");
    EXPECT_EQ(records[0].value, kValue);
    EXPECT_THAT(records[0].headers,
                ElementsAre(Pair("ce_id", "9"), Pair("ce_type", "user.updated"),
                            Pair("ce_source", "/crm"), Pair("ce_specversion", "1.0")));
    EXPECT_EQ(records[1].key, "acme/7");
    EXPECT_EQ(from_record(records[1])->type, "user.created");
    EXPECT_EQ(from_record(records[1])->tenant.str(), "acme");
  }

  const test::TempDir dir_;
};

struct KafkaJava : KafkaClients {
  void SetUp() override {
    KafkaClients::SetUp();
    if (IsSkipped()) return;
    for (const auto& file : std::filesystem::directory_iterator(test::kafka_libs())) {
      const auto name = file.path().filename().string();
      if (name.starts_with("kafka-tools-") && !name.starts_with("kafka-tools-api")) return;
    }
    GTEST_SKIP() << "no console clients of Kafka here; ./scripts/bootstrap --kafka fetches them";
  }
  std::string java(const std::string& main, const std::string& rest) const {
    return "java -XX:TieredStopAtLevel=1 -cp '" + test::kafka_libs() + "/*' " + main +
           " --bootstrap-server " + broker() + " --topic " + wire_topic() + " " + rest + " 2>>" +
           dir_.file("log");
  }

  std::string console_producer(const std::string& rest) const {
    // Kafka 4 has moved it.
    return java("org.apache.kafka.tools.ConsoleProducer", rest) + " || " +
           java("kafka.tools.ConsoleProducer", rest);
  }
};

TEST_F(KafkaJava, TheConsoleConsumerReadsWhatWeWrote) {
  const auto log = log_with_ours();
  std::string headers;
  for (const auto& [name, value] : of_ours().headers) {
    headers += (headers.empty() ? "" : ",") + name + ":" + value;
  }
  EXPECT_EQ(output_of(java("org.apache.kafka.tools.consumer.ConsoleConsumer",
                           "--from-beginning --max-messages 2 --timeout-ms 60000 "
                           "--property print.key=true --property print.headers=true")),
            headers + "\tacme/7\t" + kValue + "\nNO_HEADERS\tacme/8\tnull\n");
}

TEST_F(KafkaJava, WeReadWhatTheConsoleProducerWrote) {
  const auto log = log_with_ours();
  output_of(console_producer(
      "--property parse.key=true --property parse.headers=true < " +
      file("first", "ce_id:9,ce_type:user.updated,ce_source:/crm,ce_specversion:1.0\tacme/9\t" +
                        std::string(kValue) + "\n")));
  output_of(console_producer("--property parse.key=true < " +
                             file("second", "acme/7\t" + std::string(kValue) + "\n")));
  expect_theirs(*log, 2);
}

struct KafkaJavaScript : KafkaClients {
  void SetUp() override {
    KafkaClients::SetUp();
    if (IsSkipped()) return;
    if (!std::filesystem::exists(MESH_KAFKAJS "/installed") ||
        test::program_in_path("node").empty()) {
      GTEST_SKIP() << "no kafkajs here; tests/peers/kafkajs/install " MESH_KAFKAJS " fetches it";
    }
  }
  std::string client(const std::string& what, const std::string& rest) const {
    return "NODE_PATH=" MESH_KAFKAJS "/node_modules node " MESH_SOURCE_DIR
           "/tests/peers/kafkajs/client.js " +
           what + " " + broker() + " " + wire_topic() + " " + rest;
  }
};

TEST_F(KafkaJavaScript, KafkajsReadsWhatWeWrote) {
  const auto log = log_with_ours();
  Json headers = Json::object();
  for (const auto& [name, value] : of_ours().headers) headers[name] = value;
  const auto output = output_of(client("read", "2"));
  const auto end = output.find('\n');
  EXPECT_EQ(Json::parse(output.substr(0, end)),
            (Json{{"key", "acme/7"}, {"value", kValue}, {"headers", headers}}));
  EXPECT_EQ(Json::parse(output.substr(end)),
            (Json{{"key", "acme/8"}, {"value", nullptr}, {"headers", Json::object()}}));
}

TEST_F(KafkaJavaScript, WeReadWhatKafkajsWrote) {
  const auto log = log_with_ours();
  const Json first{{"key", "acme/9"},
                   {"value", kValue},
                   {"headers",
                    {{"ce_id", "9"},
                     {"ce_type", "user.updated"},
                     {"ce_source", "/crm"},
                     {"ce_specversion", "1.0"}}}};
  const Json second{{"key", "acme/7"}, {"value", kValue}};
  output_of(client("write", "< " + file("lines", first.dump() + "\n" + second.dump() + "\n")));
  expect_theirs(*log, 2);
}

}  // namespace
}  // namespace mesh::kafka
