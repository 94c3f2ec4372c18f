#include "common/domain/server_finding.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

TEST(ServerFinding, ANewerVersionIsTakenForGood) {
  for (const char* version : {"1.16", "1.16.0", "1.19.2-dev", "2.0.1"}) {
    EXPECT_TRUE(version_finding(version, {1, 16}).ok) << version;
  }
  EXPECT_TRUE(version_finding("13.4 (Debian 13.4-1)", {13, 0}).ok);
}

TEST(ServerFinding, AnOlderVersionSaysWhichToTake) {
  const auto found = version_finding("1.15.5", {1, 16});
  EXPECT_FALSE(found.ok);
  EXPECT_EQ(found.detail, "1.15.5 is not supported");
  EXPECT_EQ(found.advice, "take 1.16 or newer");
  EXPECT_FALSE(version_finding("12.22", {13, 0}).ok);
  for (const char* none : {"", "nightly"}) EXPECT_FALSE(version_finding(none, {13, 0}).ok) << none;
}

TEST(ServerFinding, ClocksThatDifferByMoreThanASecondAreAFault) {
  const Timestamp asked{Duration{100'000}}, answered{Duration{100'400}};
  const auto at = [&](std::int64_t theirs, std::int64_t step = 0) {
    return clock_finding(Timestamp{Duration{theirs}}, Duration{step}, asked, answered);
  };
  EXPECT_TRUE(at(100'200).ok);
  EXPECT_TRUE(at(101'400).ok) << "read as the answer left";
  EXPECT_EQ(at(103'000).detail, "2.6 s ahead of meshd's");
  EXPECT_TRUE(at(99'000).ok) << "read as the question came";
  EXPECT_EQ(at(98'000).detail, "2.0 s behind meshd's");
  EXPECT_TRUE(at(98'000, 1'000).ok) << "it may have been almost 99";
  EXPECT_NE(at(98'000).advice, "");
}

}  // namespace
}  // namespace mesh
