#include "tests/contract/member_store_contract.h"

#include <gmock/gmock.h>

namespace mesh::test {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_P(MemberStoreContract, AMemberIsReadBackWhole) {
  const Timestamp since = clock_.now();
  const Member member{"host-1f", {"admin", "relay"}, {"admin :1"}, "1.2", since, {"analytics"}};
  clock_.advance(Duration{70});
  ASSERT_TRUE(members_->heartbeat(member, kTtl));
  const auto all = members_->list().value();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].member.id, "host-1f");
  EXPECT_THAT(all[0].member.roles, ElementsAre("admin", "relay"));
  EXPECT_THAT(all[0].member.addresses, ElementsAre("admin :1"));
  EXPECT_EQ(all[0].member.version, "1.2");
  EXPECT_EQ(all[0].member.since, since);
  EXPECT_THAT(all[0].member.feeds, ElementsAre("analytics"));
  EXPECT_EQ(all[0].seen, since + Duration{70});
}

TEST_P(MemberStoreContract, ItIsThereForItsTimeAndNoLonger) {
  beat("b");
  clock_.advance(Duration{1});
  beat("a");
  EXPECT_THAT(ids(), ElementsAre("a", "b"));
  clock_.advance(kTtl - Duration{1});
  EXPECT_THAT(ids(), ElementsAre("a"));
  clock_.advance(Duration{1});
  EXPECT_THAT(ids(), IsEmpty());
}

TEST_P(MemberStoreContract, AHeartbeatKeepsItAndTellsWhatIsNew) {
  beat("a", {"analytics"});
  clock_.advance(kTtl - Duration{1});
  beat("a", {"chemical"});
  clock_.advance(kTtl - Duration{1});
  ASSERT_THAT(ids(), ElementsAre("a"));
  EXPECT_THAT(members_->list()->at(0).member.feeds, ElementsAre("chemical"));
}

TEST_P(MemberStoreContract, OneThatLeftIsGoneAtOnceAndMayComeBack) {
  beat("a");
  beat("b");
  ASSERT_TRUE(members_->leave("a"));
  EXPECT_TRUE(members_->leave("a")) << "the second time there is nothing to do";
  EXPECT_THAT(ids(), ElementsAre("b"));
  beat("a");
  EXPECT_THAT(ids(), ElementsAre("a", "b"));
}

}  // namespace mesh::test
