#include "common/base/edit_distance.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

TEST(EditDistance, CountsWhatIsPutInTakenOutAndChanged) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("users", "users"), 0u);
  EXPECT_EQ(edit_distance("user", "users"), 1u);
  EXPECT_EQ(edit_distance("usres", "users"), 2u) << "two letters that changed places are two";
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace mesh
