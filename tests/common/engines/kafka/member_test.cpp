// What only a member of a group on Kafka can do wrong.
#include "tests/common/engines/kafka/broker_fixture.h"

namespace mesh::kafka {
namespace {

using KafkaMember = KafkaBroker;

TEST_F(KafkaMember, WhoLeftBySilenceBeginsAnewAtWhatWasCommitted) {
  auto impatient = options();
  impatient.max_pause = Duration(100);
  const auto log = open(impatient);
  make_topic(*log, "t");
  std::vector<Record> records;
  for (const char* v : {"0", "1", "2"}) {
    records.push_back({"t", "k", v + std::string(1'000, 'x'), {}});
  }
  ASSERT_TRUE(test::append_and_wait(*log, records));
  const auto member = log->open_consumer("g", {"t"}, "m").value();
  const auto first = [&] {
    std::string found;
    EXPECT_TRUE(test::eventually([&] {
      const auto polled = member->poll({10, 1'500}, Duration(5'000));
      if (polled && !polled->empty()) found = polled->front().value->substr(0, 1);
      return !found.empty();
    }));
    return found;
  };
  EXPECT_EQ(first(), "0");
  // It is silent for longer than it may be, and leaves.
  ASSERT_TRUE(test::eventually([&] {
    const auto groups = log->groups();
    return groups && !groups->empty() && !groups->front().active;
  }));
  EXPECT_EQ(first(), "0") << "nothing was committed";
}

}  // namespace
}  // namespace mesh::kafka
