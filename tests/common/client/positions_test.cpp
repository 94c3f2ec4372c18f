#include "common/client/positions.h"

namespace mesh::client {
namespace {

TEST(Positions, AreWrittenAsPartitionColonOffset) {
  EXPECT_EQ(format_positions({{0, 17}, {1, 4}}), "0:17,1:4");
  EXPECT_EQ(format_positions({}), "");
}

TEST(Positions, ReadBackWhatWasWritten) {
  const Positions positions{{0, 0}, {7, 9'000'000'000}};
  EXPECT_EQ(*parse_positions(format_positions(positions)), positions);
  EXPECT_EQ(*parse_positions(""), Positions{});
}

TEST(Positions, RefuseWhatIsNoPosition) {
  for (const char* text :
       {"0", "0:", ":1", "a:1", "0:-1", "-1:0", "0:1,", "0:1;1:2", "4294967296:0"}) {
    EXPECT_FALSE(parse_positions(text)) << text;
  }
}

}  // namespace
}  // namespace mesh::client
