#include "daemon/migration/sums.h"

#include <gtest/gtest.h>

namespace mesh::migration {
namespace {

Sums of(std::initializer_list<std::pair<const char*, const char*>> items) {
  Sums sums;
  for (const auto& [tenant, item] : items) sums.add(tenant, item);
  return sums;
}

TEST(Sums, TheSameItemsAreEqualWhateverTheirOrder) {
  const auto one = of({{"acme", "a"}, {"acme", "b"}, {"globex", "a"}});
  EXPECT_EQ(one.compare(of({{"globex", "a"}, {"acme", "b"}, {"acme", "a"}})), "equal");
  EXPECT_EQ(one.count(), 3);
  EXPECT_EQ(one.tenants(), 2u);
}

TEST(Sums, TenantsWhosePartDiffersAreNamed) {
  const auto one = of({{"acme", "a"}, {"globex", "a"}, {"", "x"}});
  EXPECT_EQ(one.compare(of({{"acme", "b"}, {"globex", "a"}, {"", "x"}})), "differs: acme");
  EXPECT_EQ(one.compare(of({{"acme", "a"}, {"globex", "a"}})), "differs: (no tenant)");
  EXPECT_EQ(of({{"acme", "a"}}).compare(one), "differs: (no tenant) globex");
  EXPECT_EQ(of({{"acme", "a"}, {"acme", "a"}}).compare(of({{"acme", "a"}})), "differs: acme");
}

TEST(Sums, OfManyThatDifferSomeAreNamed) {
  Sums sums;
  for (const char* tenant : {"a", "b", "c", "d", "e", "f"}) sums.add(tenant, "x");
  EXPECT_EQ(sums.compare({}), "differs: a b c d e …");
}

TEST(Sums, TheyOutliveARestart) {
  const auto one = of({{"acme", "a"}, {"", "b"}});
  EXPECT_EQ(one.compare(Sums::from_json(one.to_json())), "equal");
}

TEST(Sums, PartsOfAnItemDoNotRunTogether) {
  std::string one, other;
  put(one, "ab"), put(one, "c");
  put(other, "a"), put(other, "bc");
  EXPECT_NE(one, other);
}

}  // namespace
}  // namespace mesh::migration
