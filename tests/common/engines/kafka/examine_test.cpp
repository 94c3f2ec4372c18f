// What an operator is told of real brokers.
#include "tests/common/engines/kafka/broker_fixture.h"
#include "tests/support/findings.h"

namespace mesh::kafka {
namespace {

using test::finding_about;
using testing::HasSubstr;

struct KafkaExamine : KafkaBroker {
  std::vector<ServerFinding> examine(const KafkaOptions& options) {
    const auto log = open(options);
    EXPECT_TRUE(test::eventually([&] { return !log->trouble(); }));
    return log->examine();
  }
};

TEST_F(KafkaExamine, ABrokerInOrderIsFoundSo) {
  const auto all = examine(options());
  for (const char* what : {"version", "permissions", "settings"}) {
    EXPECT_TRUE(finding_about(all, what).ok) << finding_about(all, what).detail;
  }
  EXPECT_TRUE(open(options())->topics()->empty()) << "none is made to see whether one could be";
}

TEST_F(KafkaExamine, TopicsThatCouldNotBeMadeAreTold) {
  auto replicated = options();
  replicated.replication = 3;
  const auto found = finding_about(examine(replicated), "permissions");
  EXPECT_FALSE(found.ok);
  EXPECT_THAT(found.advice, HasSubstr("kafka.replication"));
}

TEST_F(KafkaExamine, WhereAnOperatorMakesTopicsNoneIsAskedFor) {
  auto careful = options();
  careful.create_topics = false;
  careful.replication = 3;
  EXPECT_TRUE(finding_about(examine(careful), "permissions").ok);
}

}  // namespace
}  // namespace mesh::kafka
