// Records are Kafka's own: what others write we read, and the other way round.
#include <fstream>

#include "tests/common/engines/kafka/broker_fixture.h"
#include "tests/support/temp_dir.h"

namespace mesh::kafka {
namespace {

using testing::ElementsAre;
using testing::Pair;

struct KafkaKcat : KafkaBroker {
  void SetUp() override {
    KafkaBroker::SetUp();
    if (IsSkipped()) return;
    if (std::system("command -v kcat >/dev/null") != 0) {
      GTEST_SKIP() << "no kcat here; ./scripts/bootstrap --kafka installs it";
    }
  }
  std::string kcat(const std::string& arguments) const {
    return output_of("kcat -q -b " + options().brokers.front() + " " + arguments);
  }
};

TEST_F(KafkaKcat, OthersReadWhatWeWrote) {
  const auto log = open(options());
  make_topic(*log, "t");
  ASSERT_TRUE(test::append_and_wait(
      *log, {{"t", "acme/1", R"({"id":1})", {{"ce_id", "7"}, {"ce_type", "user.created"}}},
             {"t", "acme/2", {}, {}},
             {"t", "", "no key", {}}}));
  // %S and %K are sizes, of which -1 is that there is none.
  EXPECT_EQ(kcat("-C -t " + prefix_ + "t -o beginning -e -f '%k(%K) %h %s(%S)\\n'"),
            "acme/1(6) ce_id=7,ce_type=user.created {\"id\":1}(8)\n"
            "acme/2(6)  (-1)\n"
            "(-1)  no key(6)\n");
}

TEST_F(KafkaKcat, WeReadWhatOthersWrote) {
  const auto log = open(options());
  make_topic(*log, "t");
  const test::TempDir dir;
  std::ofstream(dir.file("lines")) << "acme/1:{\"tenantId\":\"acme\"}\n";
  kcat("-P -t " + prefix_ + "t -p 0 -K : -H ce_id=7 -l " + dir.file("lines"));
  std::ofstream(dir.file("more")) << "only a value\n";
  kcat("-P -t " + prefix_ + "t -p 0 -z gzip -l " + dir.file("more"));
  const auto records = test::read_all(*log, {"t", 0}, 0).value();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].key, "acme/1");
  EXPECT_EQ(records[0].value, "{\"tenantId\":\"acme\"}");
  EXPECT_THAT(records[0].headers, ElementsAre(Pair("ce_id", "7")));
  EXPECT_EQ(records[1].key, "");
  EXPECT_EQ(records[1].value, "only a value");
  EXPECT_GE(records[1].time, records[0].time);
}

}  // namespace
}  // namespace mesh::kafka
