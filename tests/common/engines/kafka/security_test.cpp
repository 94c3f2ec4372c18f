// TLS and passwords, on a real broker that asks for both.
#include <cstdlib>

#include "tests/common/engines/kafka/broker_fixture.h"
#include "tests/support/temp_dir.h"

namespace mesh::kafka {
namespace {

using testing::HasSubstr;

struct KafkaSecurity : KafkaBroker {
  void SetUp() override {
    KafkaBroker::SetUp();
    if (IsSkipped()) return;
    make_certificate("broker");
    make_certificate("stranger");
    ASSERT_EQ(std::system(("cat " + dir_.file("broker.key") + " " + dir_.file("broker.crt") +
                           " > " + dir_.file("broker.pem"))
                              .c_str()),
              0);
    const std::string modules = "org.apache.kafka.common.security.";
    server_ = std::make_unique<test::KafkaServer>(
        std::map<std::string, std::string>{
            {"sasl.enabled.mechanisms", "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN"},
            {"sasl.mechanism.inter.broker.protocol", "PLAIN"},
            {"listener.name.clients.plain.sasl.jaas.config",
             modules + "plain.PlainLoginModule required username=\"admin\" password=\"x\""
                       " user_admin=\"x\" user_mesh=\"plain-secret\";"},
            {"listener.name.clients.scram-sha-256.sasl.jaas.config",
             modules + "scram.ScramLoginModule required;"},
            {"listener.name.clients.scram-sha-512.sasl.jaas.config",
             modules + "scram.ScramLoginModule required;"},
            {"ssl.keystore.type", "PEM"},
            {"ssl.keystore.location", dir_.file("broker.pem")},
            {"ssl.truststore.type", "PEM"},
            {"ssl.truststore.location", dir_.file("broker.crt")}},
        "SASL_SSL",
        std::vector<std::string>{"--add-scram", "SCRAM-SHA-256=[name=mesh,password=secret-256]",
                                 "--add-scram", "SCRAM-SHA-512=[name=mesh,password=secret-512]"});
  }
  void make_certificate(const std::string& name) const {
    const std::string command =
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 "
        "-addext subjectAltName=IP:127.0.0.1,DNS:127.0.0.1 -keyout " +
        dir_.file(name + ".key") + " -out " + dir_.file(name + ".crt") + " 2>/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  KafkaOptions secure(const std::string& mechanism, const std::string& password) const {
    auto secure = options();
    secure.brokers = {server_->address()};
    secure.security = "sasl_ssl";
    secure.sasl_mechanism = mechanism;
    secure.username = "mesh";
    secure.password = password;
    secure.ca_file = dir_.file("broker.crt");
    return secure;
  }

  const test::TempDir dir_;
  std::unique_ptr<test::KafkaServer> server_;
};

TEST_F(KafkaSecurity, WhoProvesItselfIsServedAndNobodyElseIs) {
  const std::vector<std::pair<std::string, std::string>> known{
      {"plain", "plain-secret"}, {"scram-sha-256", "secret-256"}, {"scram-sha-512", "secret-512"}};
  for (const auto& [mechanism, password] : known) {
    SCOPED_TRACE(mechanism);
    const auto log = open(secure(mechanism, password));
    make_topic(*log, mechanism);
    EXPECT_TRUE(test::append_and_wait(*log, {{mechanism, "k", "v", {}}}));
    EXPECT_EQ(test::read_all(*log, {mechanism, 0}, 0)->size(), 1u);
    auto member = log->open_consumer("g-" + mechanism, {mechanism}, "m");
    ASSERT_TRUE(member) << member.error().to_string();
  }
  auto guessing = secure("scram-sha-256", "guessed");
  guessing.request_timeout = Duration(2'000);
  const auto wrong = open(guessing);
  EXPECT_TRUE(test::eventually([&] {
    return wrong->trouble() && wrong->trouble()->message.find("kafka.sasl") != std::string::npos;
  })) << wrong->trouble()->to_string();
  auto mistrusting = secure("scram-sha-256", "secret-256");
  mistrusting.request_timeout = Duration(2'000);
  mistrusting.ca_file = dir_.file("stranger.crt");
  const auto strangers = open(mistrusting);
  EXPECT_TRUE(test::eventually([&] {
    return strangers->trouble() &&
           strangers->trouble()->cause.find("ertificate") != std::string::npos;
  })) << strangers->trouble()->to_string();
}

}  // namespace
}  // namespace mesh::kafka
